package org.pinholed.helper.text;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Durations as configuration and commands spell them: {@code 1500ms}, {@code 30s}, {@code 2m}. */
public final class Durations {
  private static final int DIGITS_MAX = 9;
  private static final int NUMBER_MAX = 999_999_999;

  private Durations() {}

  /**
   * Reads a duration.
   *
   * @param text a whole number of at most nine digits, and one of {@code ms}, {@code s}, {@code m}
   *     and {@code h}
   * @return null if the text is anything else
   */
  public static @Nullable Duration parse(String text) {
    int digits = 0;
    while (digits < text.length() && text.charAt(digits) >= '0' && text.charAt(digits) <= '9') {
      digits++;
    }
    long number = Decimals.parse(text.substring(0, digits), NUMBER_MAX);
    if (number < 0 || digits > DIGITS_MAX) {
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

  /**
   * Writes a duration in the shortest form that {@link #parse} reads back.
   *
   * @param duration of whole milliseconds, 0 or more
   * @return for example {@code 30s}
   */
  public static String format(Duration duration) {
    long millis = duration.toMillis();
    if (millis % 1000 != 0) {
      return millis + "ms";
    }
    long seconds = millis / 1000;
    if (seconds == 0 || seconds % 60 != 0) {
      return seconds + "s";
    }
    return seconds % 3600 == 0 ? seconds / 3600 + "h" : seconds / 60 + "m";
  }
}
