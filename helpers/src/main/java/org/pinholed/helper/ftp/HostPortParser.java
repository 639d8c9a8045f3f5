package org.pinholed.helper.ftp;

import org.pinholed.helper.text.LineView;

/** Reads the six-number host-port of PORT and of the 227 reply, without allocating. */
final class HostPortParser {
  /** No six numbers with commas between them. */
  static final long MISSING_FIELDS = -1;

  /** Six numbers, one of them above 255. */
  static final long OCTET_OUT_OF_RANGE = -2;

  private static final int FIELDS = 6;
  private static final int OCTET_MAX = 255;
  private static final int TOO_LARGE = OCTET_MAX + 1;
  private static final int DIGITS_MAX = 3;

  private HostPortParser() {}

  /**
   * Parses the argument of PORT, {@code h1,h2,h3,h4,p1,p2} (RFC 959 section 4.1.2), for example
   * {@code 132,235,1,2,24,131}. Nothing but spaces may stand before and behind it.
   *
   * @param line at the first byte of the argument; at the end of the line afterwards, if all is
   *     well; its span is the six numbers
   * @return the IPv4 address in bits 47..16 and the port, 0 included, in bits 15..0; or {@link
   *     #MISSING_FIELDS} or {@link #OCTET_OUT_OF_RANGE}
   */
  static long parseArgument(LineView line) {
    line.skipSpaces();
    long hostPort = numbers(line);
    line.skipSpaces();
    return line.current() == LineView.END ? hostPort : MISSING_FIELDS;
  }

  /**
   * Finds the host-port in the text of a 227 reply. RFC 959 does not say how the text is to be, and
   * RFC 1123 section 4.1.2.6 wants clients to look for the digits: {@code 227 Entering Passive Mode
   * (h1,h2,h3,h4,p1,p2)}, the same without parentheses, {@code 227 =h1,h2,h3,h4,p1,p2}, ... Here
   * the first six numbers with commas between them count, as for curl and Python's ftplib.
   *
   * @param line behind the reply code
   * @return as {@link #parseArgument}
   */
  static long find(LineView line) {
    while (line.current() != LineView.END) {
      if (line.atDigit()) {
        long hostPort = numbers(line);
        if (skipComma(line) && line.atDigit()) {
          skipNumbers(line); // a seventh: nobody knows which six the peer takes
        } else if (hostPort != MISSING_FIELDS) {
          return hostPort;
        }
      } else {
        line.advance();
      }
    }
    return MISSING_FIELDS;
  }

  private static long numbers(LineView line) {
    long value = 0;
    boolean inRange = true;
    line.beginSpan();
    for (int field = 1; field <= FIELDS; field++) {
      if (!line.atDigit()) {
        return MISSING_FIELDS;
      }
      int octet = octet(line);
      inRange &= octet <= OCTET_MAX; // the kernel let 257 spill into its neighbour until 2026
      value = (value << 8) | (octet & OCTET_MAX);
      if (field < FIELDS && !skipComma(line)) {
        return MISSING_FIELDS;
      }
    }
    line.endSpan();
    return inRange ? value : OCTET_OUT_OF_RANGE;
  }

  private static void skipNumbers(LineView line) {
    do {
      octet(line);
    } while (skipComma(line) && line.atDigit());
  }

  private static int octet(LineView line) {
    int value = 0;
    int digits = 0;
    while (line.atDigit()) {
      digits++;
      value = Math.min(value * 10 + line.current() - '0', TOO_LARGE);
      line.advance();
    }
    return digits > DIGITS_MAX ? TOO_LARGE : value;
  }

  // Goes over one comma and the spaces behind it, which some servers send.
  private static boolean skipComma(LineView line) {
    if (!line.accept(',')) {
      return false;
    }
    line.skipSpaces();
    return true;
  }
}
