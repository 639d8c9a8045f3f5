package org.pinholed.helper;

/**
 * The one form in which a number outside its range is refused: {@code field: value (expected:
 * range)}.
 */
public final class Ranges {
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
}
