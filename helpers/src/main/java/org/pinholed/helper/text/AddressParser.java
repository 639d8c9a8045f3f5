package org.pinholed.helper.text;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;

/**
 * Reads address literals (RFC 4291 section 2.2, dotted decimal) without ever asking a name server.
 * No zone ids, no short forms of IPv4, no leading zeros in decimal numbers (some read them as
 * octal).
 */
public final class AddressParser {
  /** Length of an IPv4 address in bytes. */
  public static final int IPV4_BYTES = 4;

  /** Length of an IPv6 address in bytes. */
  public static final int IPV6_BYTES = 16;

  /** Not an address. */
  public static final int NONE = -1;

  private static final int HEX_DIGITS_MAX = 4;
  private static final int OCTET_MAX = 255;

  private AddressParser() {}

  /**
   * Parses an IPv4 address such as {@code 132.235.1.2}.
   *
   * @param line at its first character; behind its last one afterwards, or where it went wrong
   * @param address takes the bytes from index 0
   * @return {@link #IPV4_BYTES} or {@link #NONE}
   */
  public static int parseIpv4(LineView line, byte[] address) {
    return octets(line, address, 0, IPV4_BYTES) ? IPV4_BYTES : NONE;
  }

  /**
   * Parses an IPv6 address such as {@code 1080::8:800:200C:417A}. One that is an IPv4 address in
   * disguise ({@code ::ffff:192.0.2.1}) gives the IPv4 address, which is what the connection will
   * have.
   *
   * @param line at its first character; behind its last one afterwards, or where it went wrong
   * @param address takes the bytes from index 0; 16 bytes are used in any case
   * @return {@link #IPV6_BYTES}, {@link #IPV4_BYTES} or {@link #NONE}
   */
  public static int parseIpv6(LineView line, byte[] address) {
    int length = 0;
    int gap = -1;
    if (line.current() == ':') {
      line.advance();
      if (line.current() != ':') {
        return NONE;
      }
      line.advance();
      gap = 0;
    }
    boolean more = gap < 0 || isHex(line.current());
    while (more) {
      if (length == IPV6_BYTES) {
        return NONE;
      }
      int group = 0;
      int decimal = 0; // the same digits, should a dot follow
      int digits = 0;
      boolean leadingZero = line.current() == '0';
      while (isHex(line.current())) {
        if (++digits > HEX_DIGITS_MAX) {
          return NONE;
        }
        int digit = hexDigit(line.current());
        group = (group << 4) | digit;
        decimal = digit > 9 ? OCTET_MAX + 1 : Math.min(decimal * 10 + digit, OCTET_MAX + 1);
        line.advance();
      }
      if (digits == 0) {
        return NONE;
      }
      if (line.current() == '.') {
        if (decimal > OCTET_MAX
            || (leadingZero && digits > 1)
            || length > IPV6_BYTES - IPV4_BYTES) {
          return NONE;
        }
        address[length++] = (byte) decimal;
        line.advance();
        if (!octets(line, address, length, IPV4_BYTES - 1)) {
          return NONE;
        }
        length += IPV4_BYTES - 1;
        break;
      }
      address[length++] = (byte) (group >> 8);
      address[length++] = (byte) group;
      if (line.current() != ':') {
        break;
      }
      line.advance();
      if (line.current() == ':') {
        if (gap >= 0) {
          return NONE;
        }
        line.advance();
        gap = length;
        more = isHex(line.current());
      }
    }
    if (gap < 0) {
      return length == IPV6_BYTES ? unmapped(address) : NONE;
    }
    if (length == IPV6_BYTES) {
      return NONE;
    }
    int behind = length - gap;
    System.arraycopy(address, gap, address, IPV6_BYTES - behind, behind);
    Arrays.fill(address, gap, IPV6_BYTES - behind, (byte) 0);
    return unmapped(address);
  }

  /**
   * Makes an address of its bytes.
   *
   * @param address the bytes from index 0
   * @param length {@link #IPV4_BYTES} or {@link #IPV6_BYTES}
   * @return the address
   */
  public static InetAddress toAddress(byte[] address, int length) {
    try {
      return InetAddress.getByAddress(Arrays.copyOf(address, length));
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException("address length: " + length + " (expected: 4 or 16)", e);
    }
  }

  private static int unmapped(byte[] address) {
    for (int at = 0; at < 10; at++) {
      if (address[at] != 0) {
        return IPV6_BYTES;
      }
    }
    if (address[10] != -1 || address[11] != -1) {
      return IPV6_BYTES;
    }
    System.arraycopy(address, IPV6_BYTES - IPV4_BYTES, address, 0, IPV4_BYTES);
    return IPV4_BYTES;
  }

  private static boolean octets(LineView line, byte[] address, int offset, int count) {
    for (int octet = 0; octet < count; octet++) {
      if (octet > 0) {
        if (line.current() != '.') {
          return false;
        }
        line.advance();
      }
      boolean leadingZero = line.current() == '0';
      int value = 0;
      int digits = 0;
      while (line.atDigit()) {
        value = value * 10 + line.current() - '0';
        if (value > OCTET_MAX || (++digits > 1 && leadingZero)) {
          return false;
        }
        line.advance();
      }
      if (digits == 0) {
        return false;
      }
      address[offset + octet] = (byte) value;
    }
    return true;
  }

  // Only for what isHex says yes to: setting bit 5 makes the letters lower case.
  private static int hexDigit(int character) {
    return character <= '9' ? character - '0' : (character | 0x20) - 'a' + 10;
  }

  static boolean isHex(int character) {
    return (character >= '0' && character <= '9')
        || (character >= 'a' && character <= 'f')
        || (character >= 'A' && character <= 'F');
  }
}
