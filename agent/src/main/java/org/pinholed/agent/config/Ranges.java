package org.pinholed.agent.config;

/** The one form in which a number outside its range is refused. */
final class Ranges {
  private Ranges() {}

  static void require(String field, long value, long min, long max) {
    if (value < min || value > max) {
      throw new IllegalArgumentException(
          field + ": " + value + " (expected: " + min + ".." + max + ")");
    }
  }
}
