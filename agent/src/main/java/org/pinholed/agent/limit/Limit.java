package org.pinholed.agent.limit;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.EntryLimit;
import org.pinholed.helper.ExplainedWord;

/** The limits of which somebody may meet the end, each with its key in the configuration. */
public enum Limit implements ExplainedWord {
  /** In all. */
  EXPECTATIONS("expectations", "expectations that wait, in all"),
  /** Of one parent. */
  EXPECTATIONS_PER_PARENT("expectationsPerParent", "expectations that wait, of one parent"),
  /** Of one owner. */
  EXPECTATIONS_PER_OWNER(EntryLimit.EXPECTATIONS_PER_OWNER),
  /** Of all parents of one client. */
  EXPECTATIONS_PER_SOURCE(
      "expectationsPerSource", "expectations that wait, of one client address (IPv6: /64)"),
  /** In all. */
  PARENTS("parents", "parents that are read, in all"),
  /** Of one client. */
  PARENTS_PER_SOURCE(
      "parentsPerSource", "parents that are read, of one client address (IPv6: /64)"),
  /** From the SYN+ACK to the first byte. */
  HALF_OPEN("halfOpen", "connections without a byte yet, in all"),
  /** Of one entry. */
  HELPER_EXPECTATIONS(EntryLimit.EXPECTATIONS),
  /** Of one parent, as its entry or its protocol says. */
  HELPER_EXPECTATIONS_PER_PARENT(EntryLimit.EXPECTATIONS_PER_PARENT),
  /** Of one entry and client. */
  HELPER_EXPECTATIONS_PER_SOURCE(EntryLimit.EXPECTATIONS_PER_SOURCE),
  /** Of one entry. */
  HELPER_PARENTS(EntryLimit.PARENTS),
  /** Of one entry and client. */
  HELPER_PARENTS_PER_SOURCE(EntryLimit.PARENTS_PER_SOURCE),
  /** Of one entry. */
  OWNERS(EntryLimit.OWNERS),
  /** Of one entry and client. */
  OWNERS_PER_SOURCE(EntryLimit.OWNERS_PER_SOURCE);

  private final @Nullable EntryLimit ofEntry;
  private final String key;
  private final String explanation;

  Limit(String key, String explanation) {
    this.ofEntry = null;
    this.key = "limits." + key;
    this.explanation = explanation;
  }

  Limit(EntryLimit ofEntry) {
    this.ofEntry = ofEntry;
    this.key = "helpers[]." + ofEntry.word();
    this.explanation = ofEntry.explanation();
  }

  /**
   * Where it is set.
   *
   * @return section and key, for example {@code limits.parents} or {@code helpers[].owners}
   */
  public String key() {
    return key;
  }

  /** What it is called in an entry. */
  EntryLimit ofEntry() {
    if (ofEntry == null) {
      throw new IllegalStateException(key + " is no limit of an entry");
    }
    return ofEntry;
  }

  /**
   * What is limited.
   *
   * @return a noun phrase without a full stop
   */
  @Override
  public String explanation() {
    return explanation;
  }
}
