package org.pinholed.agent.time;

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/** Times of day as they are shown everywhere. */
public final class Utc {
  private static final DateTimeFormatter FORM =
      DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSSSSS'Z'", Locale.ROOT)
          .withZone(ZoneOffset.UTC);

  private Utc() {}

  /**
   * A time as ISO 8601 text.
   *
   * @param epochMicros microseconds since 1970, also negative
   * @return UTC, always with six digits of microseconds
   */
  public static String text(long epochMicros) {
    return FORM.format(
        Instant.ofEpochSecond(
            Math.floorDiv(epochMicros, 1_000_000L), Math.floorMod(epochMicros, 1_000_000L) * 1000));
  }
}
