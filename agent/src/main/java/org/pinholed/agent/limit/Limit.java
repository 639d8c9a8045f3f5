package org.pinholed.agent.limit;

import org.pinholed.helper.ExplainedWord;

/** The limits of which somebody may meet the end; their words are keys of {@code limits}. */
public enum Limit implements ExplainedWord {
  /** In all. */
  EXPECTATIONS("expectations that wait, in all"),
  /** Of one parent. */
  EXPECTATIONS_PER_PARENT("expectations that wait, of one parent"),
  /** Of one owner. */
  EXPECTATIONS_PER_OWNER("expectations of one owner that no child came to"),
  /** Of all parents of one client. */
  EXPECTATIONS_PER_SOURCE("expectations that wait, of one client address (IPv6: /64)"),
  /** In all. */
  PARENTS("parents that are read, in all"),
  /** Of one client. */
  PARENTS_PER_SOURCE("parents that are read, of one client address (IPv6: /64)"),
  /** From the SYN+ACK to the first byte. */
  HALF_OPEN("connections without a byte yet, in all");

  private final String explanation;

  Limit(String explanation) {
    this.explanation = explanation;
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
