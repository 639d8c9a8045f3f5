package org.pinholed.agent.pinhole;

import org.pinholed.helper.ExplainedWord;
import org.pinholed.kernel.netlink.Errno;

/** Why no expectation of the kernel stands beside a pinhole. */
public enum NoExpectation implements ExplainedWord {
  /** A lease. */
  RANGE(true, "an expectation is for one port, and it is for a range"),

  /** Its parent or its child is translated, or nobody knows the parent any more. */
  TRANSLATED(true, "its parent or its child is translated, or its parent is not known any more"),

  /** {@code EOPNOTSUPP}. */
  NO_HELPER(
      true,
      "its parent has no helper that the expectation could belong to: it began before the agent, or"
          + " on the router itself"),

  /** {@code ENOENT}. */
  UNCONFIRMED(false, "the first packet of its parent has not left yet, or its parent is gone"),

  /** Counted here, since the kernel takes the oldest one away; {@code EMFILE}. */
  FULL(false, "its parent has 254, or the kernel's table is full (`nf_conntrack_expect_max`)"),

  /** {@code EBUSY}, {@code EALREADY} or {@code EEXIST}. */
  IN_THE_WAY(false, "something else expects the same connection"),

  /** Nobody has any since somebody began to translate addresses. */
  WITHDRAWN(
      true,
      "the agent opens without expectations since somebody began to translate addresses, which this"
          + " kernel cannot do beside them; `pinholectl status` has the reason"),

  /** Any other error. */
  REFUSED(false, "the kernel refused it; the log has what it said");

  private final boolean lasts;
  private final String explanation;

  NoExpectation(boolean lasts, String explanation) {
    this.lasts = lasts;
    this.explanation = explanation;
  }

  @Override
  public String explanation() {
    return explanation;
  }

  /**
   * Whether it stays so for as long as the pinhole stands.
   *
   * @return false for what may be otherwise when the pinhole is renewed
   */
  public boolean lasts() {
    return lasts;
  }

  /**
   * What the kernel's answer means.
   *
   * @param errno a positive number
   * @return never null
   */
  public static NoExpectation of(int errno) {
    return switch (errno) {
      case Errno.EOPNOTSUPP -> NO_HELPER;
      case Errno.ENOENT -> UNCONFIRMED;
      case Errno.EMFILE -> FULL;
      case Errno.EBUSY, Errno.EALREADY, Errno.EEXIST -> IN_THE_WAY;
      default -> REFUSED;
    };
  }
}
