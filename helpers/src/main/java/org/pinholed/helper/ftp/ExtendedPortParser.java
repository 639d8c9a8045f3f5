package org.pinholed.helper.ftp;

import org.pinholed.helper.text.AddressParser;
import org.pinholed.helper.text.Decimals;
import org.pinholed.helper.text.LineView;

/**
 * Reads the delimited host-port of EPRT and of the 229 reply (RFC 2428 sections 2 and 3): {@code
 * |1|132.235.1.2|6275|}, {@code |2|1080::8:800:200C:417A|5282|}, {@code |||6446|}.
 */
final class ExtendedPortParser {
  /** A field or a delimiter is missing, or something stands behind the last one. */
  static final long MISSING_FIELDS = -1;

  /** The family is neither 1 nor 2. */
  static final long WRONG_FAMILY = -2;

  /** The address is none, or none of its family. */
  static final long BAD_ADDRESS = -3;

  /** The port is above 65535. */
  static final long PORT_OUT_OF_RANGE = -4;

  private static final int PORT_MAX = 65535;

  private ExtendedPortParser() {}

  /**
   * Parses the argument of EPRT. Nothing but spaces may stand before and behind it. An IPv6 address
   * that is an IPv4 address in disguise is given as IPv4.
   *
   * @param line at the first byte of the argument
   * @param address takes the address; 16 bytes
   * @return the length of the address, 4 or 16, in bits 23..16 and the port, 0 included, in bits
   *     15..0; or one of the constants of this class
   */
  static long parseArgument(LineView line, byte[] address) {
    line.skipSpaces();
    long result = parseFields(line, address, false);
    line.skipSpaces();
    return result >= 0 && line.current() != LineView.END ? MISSING_FIELDS : result;
  }

  /**
   * Parses the fields with their delimiters.
   *
   * @param line at the first delimiter; behind the last one afterwards, or where it went wrong; its
   *     span is the fields with all delimiters
   * @param address takes the address; 16 bytes
   * @param mayBeEmpty whether family and address may be left out, as in 229
   * @return as {@link #parseArgument}; length 0 if the address is left out
   */
  static long parseFields(LineView line, byte[] address, boolean mayBeEmpty) {
    int delimiter = line.current();
    if (!isDelimiter(delimiter)) {
      return MISSING_FIELDS;
    }
    line.beginSpan();
    line.advance();
    int family = 0;
    if (line.current() != delimiter || !mayBeEmpty) {
      family = line.current() - '0';
      if (!line.atDigit()) {
        return MISSING_FIELDS;
      }
      line.advance();
      if (line.atDigit() || (family != 1 && family != 2)) {
        return WRONG_FAMILY;
      }
    }
    if (!line.accept(delimiter)) {
      return MISSING_FIELDS;
    }
    int length = 0;
    if (line.current() != delimiter) {
      length =
          family == 2
              ? AddressParser.parseIpv6(line, address)
              : AddressParser.parseIpv4(line, address);
      if (length == AddressParser.NONE) {
        return line.current() == LineView.END ? MISSING_FIELDS : BAD_ADDRESS;
      }
      if (line.current() != LineView.END && line.current() != delimiter) {
        return BAD_ADDRESS;
      }
    }
    if ((length == 0 && !mayBeEmpty) || !line.accept(delimiter)) {
      return MISSING_FIELDS;
    }
    long port = Decimals.read(line, PORT_MAX);
    if (port == Decimals.NONE || !line.accept(delimiter)) {
      return MISSING_FIELDS;
    }
    line.endSpan();
    return port == Decimals.TOO_LARGE ? PORT_OUT_OF_RANGE : (long) length << 16 | port;
  }

  // RFC 2428 allows 33..126; a character that occurs within the fields could not delimit them.
  private static boolean isDelimiter(int character) {
    return character > ' '
        && character < 127
        && character != '.'
        && character != ':'
        && !Character.isLetterOrDigit(character);
  }
}
