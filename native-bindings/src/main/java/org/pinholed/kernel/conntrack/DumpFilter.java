package org.pinholed.kernel.conntrack;

/**
 * Which entries a dump is to tell.
 *
 * @param family {@code AF_INET} (2), {@code AF_INET6} (10), or 0 for both
 * @param mark what the masked mark must be
 * @param mask which bits of the mark count; 0 for entries of any mark
 */
public record DumpFilter(int family, int mark, int mask) {
  /** Every entry. */
  public static final DumpFilter ALL = new DumpFilter(0, 0, 0);

  /** Refuses other families. */
  public DumpFilter {
    if (family != 0
        && family != ConntrackMessages.AF_INET
        && family != ConntrackMessages.AF_INET6) {
      throw new IllegalArgumentException("family: " + family + " (expected: 0, 2 or 10)");
    }
  }
}
