package org.pinholed.helper.dcerpc.words;

import org.jspecify.annotations.Nullable;

/**
 * A UUID as it is written (C706 appendix A), whatever byte order it had on the wire.
 *
 * @param high time_low, time_mid and time_hi_and_version, the first of them in the highest bits
 * @param low clock_seq and node, the first byte of them in the highest bits
 */
public record Uuid(long high, long low) implements Comparable<Uuid> {
  /** How many characters a UUID has as text. */
  public static final int CHARACTERS = 36;

  private static final int LONG_DIGITS = 16;
  private static final int DIGIT_BITS = 4;

  /**
   * Reads a UUID.
   *
   * @param text {@code e1af8308-5d1f-11c9-91a4-08002b14a0fa}; capital letters are allowed, braces
   *     and leaving out zeros are not
   * @return the UUID, null if this is none
   */
  public static @Nullable Uuid parse(String text) {
    if (text.length() != CHARACTERS) {
      return null;
    }
    long high = 0;
    long low = 0;
    int digits = 0;
    for (int at = 0; at < CHARACTERS; at++) {
      char character = text.charAt(at);
      if (isHyphen(at)) {
        if (character != '-') {
          return null;
        }
        continue;
      }
      int digit = digit(character);
      if (digit < 0) {
        return null;
      }
      if (digits++ < LONG_DIGITS) {
        high = high << DIGIT_BITS | digit;
      } else {
        low = low << DIGIT_BITS | digit;
      }
    }
    return new Uuid(high, low);
  }

  /**
   * A UUID as text.
   *
   * @param high as {@link #high()}
   * @param low as {@link #low()}
   * @return 36 characters, lower case
   */
  public static String text(long high, long low) {
    StringBuilder text = new StringBuilder(CHARACTERS);
    int digits = 0;
    for (int at = 0; at < CHARACTERS; at++) {
      if (isHyphen(at)) {
        text.append('-');
        continue;
      }
      long half = digits < LONG_DIGITS ? high : low;
      int shift = (LONG_DIGITS - 1 - digits % LONG_DIGITS) * DIGIT_BITS;
      text.append(Character.forDigit((int) (half >>> shift) & 0xf, LONG_DIGITS));
      digits++;
    }
    return text.toString();
  }

  /**
   * An order of UUIDs, the same as that of {@link #compareTo}; no other order means anything.
   *
   * @param high the first half of one
   * @param low its second half
   * @param otherHigh the first half of another one
   * @param otherLow its second half
   * @return below zero, zero if they are the same, or above zero
   */
  static int compare(long high, long low, long otherHigh, long otherLow) {
    int order = Long.compare(high, otherHigh);
    return order != 0 ? order : Long.compare(low, otherLow);
  }

  @Override
  public int compareTo(Uuid other) {
    return compare(high, low, other.high, other.low);
  }

  @Override
  public String toString() {
    return text(high, low);
  }

  private static boolean isHyphen(int at) {
    return at == 8 || at == 13 || at == 18 || at == 23;
  }

  /** Character.digit would take the digits of all scripts. */
  private static int digit(char character) {
    if (character >= '0' && character <= '9') {
      return character - '0';
    }
    int letter = character | 0x20;
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
  }
}
