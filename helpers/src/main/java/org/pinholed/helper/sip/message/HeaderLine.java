package org.pinholed.helper.sip.message;

import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.sip.words.SipHeader;

/**
 * Tells the name of a header line from its value (RFC 3261 section 7.3.1): white space may stand
 * before the colon. A flyweight: not thread-safe, re-used by {@link #read}.
 */
final class HeaderLine {
  private static final int DELETE = 127;

  private SipHeader header = SipHeader.OTHER;
  private int behindColon;

  /**
   * Reads the name.
   *
   * @param bytes where the line is
   * @param from index of its first byte
   * @param to index of its line end
   * @return false if it has no name, or no colon behind it
   */
  boolean read(ByteCursor bytes, int from, int to) {
    int at = from;
    while (at < to && isOfName(bytes.u8At(at))) {
      at++;
    }
    int nameTo = at;
    while (at < to && isBlank(bytes.u8At(at))) {
      at++;
    }
    if (nameTo == from || at == to || bytes.u8At(at) != ':') {
      header = SipHeader.OTHER;
      behindColon = to;
      return false;
    }
    header = SipHeader.of(bytes, from, nameTo);
    behindColon = at + 1;
    return true;
  }

  SipHeader header() {
    return header;
  }

  int behindColon() {
    return behindColon;
  }

  private static boolean isBlank(int octet) {
    return octet == ' ' || octet == '\t';
  }

  private static boolean isOfName(int octet) {
    return octet > ' ' && octet < DELETE && octet != ':';
  }
}
