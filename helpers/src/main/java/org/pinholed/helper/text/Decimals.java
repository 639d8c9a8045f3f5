package org.pinholed.helper.text;

/** Reads decimal numbers that cannot wrap around. */
public final class Decimals {
  /** There is no digit. */
  public static final long NONE = -1;

  /** The number is above what is allowed. */
  public static final long TOO_LARGE = -2;

  private Decimals() {}

  /**
   * Reads a number, with any number of zeros before it.
   *
   * @param line at its first digit; behind its last one afterwards, also of a number that is too
   *     large
   * @param max the largest one that is allowed, 0 to 2^59
   * @return 0..max, {@link #NONE} or {@link #TOO_LARGE}
   */
  public static long read(LineView line, long max) {
    if (!line.atDigit()) {
      return NONE;
    }
    long value = 0;
    while (line.atDigit()) {
      value = Math.min(value * 10 + line.current() - '0', max + 1);
      line.advance();
    }
    return value > max ? TOO_LARGE : value;
  }

  /**
   * Reads a text that is a number and nothing else.
   *
   * @param text any text
   * @param max the largest one that is allowed, 0 to 2^59
   * @return 0..max, {@link #NONE} or {@link #TOO_LARGE}
   */
  public static long parse(CharSequence text, long max) {
    long value = text.length() == 0 ? NONE : 0;
    for (int at = 0; at < text.length(); at++) {
      char digit = text.charAt(at);
      if (digit < '0' || digit > '9') {
        return NONE;
      }
      value = Math.min(value * 10 + digit - '0', max + 1);
    }
    return value > max ? TOO_LARGE : value;
  }
}
