package org.pinholed.agent.config;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Reads and writes durations as configuration and commands spell them: {@code 30s}, {@code 2m}. */
public final class DurationParser {
  /** The word for "as long as the parent lives". */
  public static final String PARENT = "parent";

  /** What is accepted, for messages. */
  static final String EXPECTED = "(expected: 1s..1h such as 30s, 1500ms, 2m or 1h; or parent)";

  private static final int MAX_DIGITS = 9;

  private DurationParser() {}

  /**
   * Parses a timeout: a whole number and one of {@code ms}, {@code s}, {@code m}, {@code h}, or the
   * word {@code parent}.
   *
   * @param text what was written
   * @return 1 s to 1 h, or null for as long as the parent lives
   * @throws IllegalArgumentException for anything else, in the form {@code timeout: value
   *     (expected: range)}
   */
  public static @Nullable Duration parseTimeout(String text) {
    if (text.equals(PARENT)) {
      return null;
    }
    Duration duration = parse(text);
    if (duration == null
        || duration.compareTo(HelperEntry.TIMEOUT_MIN) < 0
        || duration.compareTo(HelperEntry.TIMEOUT_MAX) > 0) {
      throw new IllegalArgumentException("timeout: " + ConfigNode.shown(text) + " " + EXPECTED);
    }
    return duration;
  }

  /**
   * Writes a timeout in the shortest form that {@link #parseTimeout} reads back.
   *
   * @param timeout a timeout, or null for as long as the parent lives
   * @return for example {@code 30s} or {@code parent}
   */
  public static String formatTimeout(@Nullable Duration timeout) {
    if (timeout == null) {
      return PARENT;
    }
    long millis = timeout.toMillis();
    if (millis % 1000 != 0) {
      return millis + "ms";
    }
    long seconds = millis / 1000;
    if (seconds == 0 || seconds % 60 != 0) {
      return seconds + "s";
    }
    return seconds % 3600 == 0 ? seconds / 3600 + "h" : seconds / 60 + "m";
  }

  private static @Nullable Duration parse(String text) {
    int digits = 0;
    long number = 0;
    while (digits < text.length() && text.charAt(digits) >= '0' && text.charAt(digits) <= '9') {
      if (digits == MAX_DIGITS) {
        return null;
      }
      number = number * 10 + (text.charAt(digits) - '0');
      digits++;
    }
    if (digits == 0) {
      return null;
    }
    return switch (text.substring(digits)) {
      case "ms" -> Duration.ofMillis(number);
      case "s" -> Duration.ofSeconds(number);
      case "m" -> Duration.ofMinutes(number);
      case "h" -> Duration.ofHours(number);
      default -> null;
    };
  }
}
