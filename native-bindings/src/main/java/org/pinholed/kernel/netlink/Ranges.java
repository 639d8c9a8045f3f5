package org.pinholed.kernel.netlink;

import java.time.Duration;

/**
 * The one form in which options outside their ranges are refused: {@code field: value (expected:
 * range)}.
 */
public final class Ranges {
  private static final Duration SHORTEST_WAIT = Duration.ofMillis(1);
  private static final Duration LONGEST_WAIT = Duration.ofHours(1);

  private Ranges() {}

  /**
   * Refuses what is outside a range.
   *
   * @param field name for the message
   * @param value the number
   * @param min the least that is allowed
   * @param max the most that is allowed
   * @throws IllegalArgumentException if it is less or more
   */
  public static void require(String field, long value, long min, long max) {
    if (value < min || value > max) {
      throw new IllegalArgumentException(
          field + ": " + value + " (expected: " + min + ".." + max + ")");
    }
  }

  /**
   * Refuses what is too little.
   *
   * @param field name for the message
   * @param value the number
   * @param min the least that is allowed
   * @throws IllegalArgumentException if it is less
   */
  public static void requireAtLeast(String field, long value, long min) {
    if (value < min) {
      throw new IllegalArgumentException(field + ": " + value + " (expected: " + min + "..)");
    }
  }

  /**
   * Refuses a time to wait for the kernel that is shorter than 1 ms or longer than 1 h.
   *
   * @param field name for the message
   * @param value the time
   * @throws IllegalArgumentException if it is shorter or longer
   */
  public static void requireWait(String field, Duration value) {
    if (value.compareTo(SHORTEST_WAIT) < 0 || value.compareTo(LONGEST_WAIT) > 0) {
      throw new IllegalArgumentException(field + ": " + value + " (expected: 1 ms..1 h)");
    }
  }
}
