package org.pinholed.agent.replay.capture;

/**
 * What the times of one interface count ({@code if_tsresol} and {@code if_tsoffset} of pcapng).
 *
 * @param perSecond how many units a second has, a power of 10 or 2, at least 1; 0 if there are too
 *     many for a long
 * @param offsetSeconds what is added to each time
 */
record TimeUnits(long perSecond, long offsetSeconds) {
  /** What counts where nothing is said. */
  static final TimeUnits MICROS = new TimeUnits(1_000_000, 0);

  private static final long NANOS_PER_SECOND = 1_000_000_000L;
  private static final int MOST_DECIMALS = 18;
  private static final int MOST_BITS = 62;

  /**
   * Reads the value of {@code if_tsresol}.
   *
   * @param resolution the highest bit says whether the others are an exponent of 2 or of 10
   * @return the units
   */
  static TimeUnits of(int resolution) {
    int exponent = resolution & 0x7f;
    if ((resolution & 0x80) != 0) {
      return new TimeUnits(exponent > MOST_BITS ? 0 : 1L << exponent, 0);
    }
    long perSecond = exponent > MOST_DECIMALS ? 0 : 1;
    for (int i = 0; i < exponent && perSecond != 0; i++) {
      perSecond *= 10;
    }
    return new TimeUnits(perSecond, 0);
  }

  TimeUnits withOffset(long seconds) {
    return new TimeUnits(perSecond, seconds);
  }

  /**
   * Nanoseconds since 1970 of a time.
   *
   * @param units as it stands in the file, any 64 bits
   * @return wraps where a liar says a year that no capture was made in
   */
  long epochNs(long units) {
    if (perSecond == 0) {
      return offsetSeconds * NANOS_PER_SECOND; // less than a second in all
    }
    long seconds = Long.divideUnsigned(units, perSecond);
    long rest = Long.remainderUnsigned(units, perSecond);
    long nanos =
        perSecond <= NANOS_PER_SECOND
            ? rest * NANOS_PER_SECOND / perSecond
            : (long) ((double) rest / perSecond * NANOS_PER_SECOND);
    return (seconds + offsetSeconds) * NANOS_PER_SECOND + nanos;
  }
}
