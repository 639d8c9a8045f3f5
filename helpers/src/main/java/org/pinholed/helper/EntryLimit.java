package org.pinholed.helper;

import org.jspecify.annotations.Nullable;

/** What can be limited for one entry of {@code helpers} alone; the words are keys of the entry. */
public enum EntryLimit implements ExplainedWord {
  /** Of all its parents and owners. */
  EXPECTATIONS(1 << 20, null, "expectations that wait, of one entry of helpers"),
  /** Takes the place of the limit that all entries have in common. */
  EXPECTATIONS_PER_PARENT(
      65535, null, "expectations that wait, of one parent, where its entry of helpers says so"),
  /** Of one client. */
  EXPECTATIONS_PER_SOURCE(
      1 << 20,
      EXPECTATIONS,
      "expectations that wait, of one entry of helpers and one client address (IPv6: /64)"),
  /** Of a flow, or of what outlives it. */
  EXPECTATIONS_PER_OWNER(65535, null, "expectations of one owner that no child came to"),
  /** Of the entry. */
  PARENTS(1 << 20, null, "parents that are read, of one entry of helpers"),
  /** Of one client. */
  PARENTS_PER_SOURCE(
      1 << 20,
      PARENTS,
      "parents that are read, of one entry of helpers and one client address (IPv6: /64)"),
  /** Owners that outlive flows: calls, registrations, services. */
  OWNERS(1 << 20, null, "owners that outlive flows, of one entry of helpers"),
  /** Of the client that announced the first of what they have. */
  OWNERS_PER_SOURCE(
      1 << 20,
      OWNERS,
      "owners that outlive flows, of one entry of helpers and one client address (IPv6: /64)");

  private final int most;
  private final @Nullable EntryLimit whole;
  private final String explanation;

  EntryLimit(int most, @Nullable EntryLimit whole, String explanation) {
    this.most = most;
    this.whole = whole;
    this.explanation = explanation;
  }

  /**
   * The highest value that it may be set to.
   *
   * @return 65535 or 1048576
   */
  public int most() {
    return most;
  }

  /** Of what it is the share of one client; null if it is none. */
  @Nullable EntryLimit whole() {
    return whole;
  }

  @Override
  public String explanation() {
    return explanation;
  }
}
