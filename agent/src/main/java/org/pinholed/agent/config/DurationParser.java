package org.pinholed.agent.config;

import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.text.Durations;

/** Reads and writes timeouts as configuration and commands spell them: a duration, or a word. */
public final class DurationParser {
  /** The word for "as long as the parent lives". */
  public static final String PARENT = "parent";

  /** What is accepted, for messages. */
  static final String EXPECTED = "(expected: 1s..1h such as 30s, 1500ms, 2m or 1h; or parent)";

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
    Duration duration = Durations.parse(text);
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
    return timeout == null ? PARENT : Durations.format(timeout);
  }
}
