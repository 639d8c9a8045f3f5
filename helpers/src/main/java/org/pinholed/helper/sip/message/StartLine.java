package org.pinholed.helper.sip.message;

import org.pinholed.helper.ByteCursor;

/**
 * The first line of a message (RFC 3261 sections 7.1 and 7.2), with one space between its parts and
 * no other white space. A flyweight: not thread-safe, re-used by {@link #read}.
 */
final class StartLine {
  private static final String VERSION = "sip/2.0";
  private static final int DELETE = 127;
  private static final int DIGITS = 3;
  private static final int STATUS_MIN = 100;
  private static final int STATUS_MAX = 699;

  private final Span method = new Span();
  private final UriView uri = new UriView();
  private int status;

  /**
   * Reads a line.
   *
   * @param bytes where it is
   * @param from index of its first byte
   * @param to index of its line end
   * @return false if it is no start line
   */
  boolean read(ByteCursor bytes, int from, int to) {
    method.setAbsent();
    uri.clear();
    status = 0;
    return isVersion(bytes, from, to)
        ? readStatus(bytes, from + VERSION.length(), to)
        : readRequest(bytes, from, to);
  }

  private boolean readRequest(ByteCursor bytes, int from, int to) {
    int at = from;
    while (at < to && isOfToken(bytes.u8At(at))) {
      at++;
    }
    int uriTo = to - VERSION.length() - 1;
    if (at == from || at >= uriTo || bytes.u8At(at) != ' ' || bytes.u8At(uriTo) != ' ') {
      return false;
    }
    method.set(bytes, from, at);
    return isVersion(bytes, uriTo + 1, to) && uri.read(bytes, at + 1, uriTo);
  }

  // A reason may be missing, and the space before it with it: nobody reads that differently.
  private boolean readStatus(ByteCursor bytes, int from, int to) {
    int digitsTo = from + 1 + DIGITS;
    if (digitsTo > to || bytes.u8At(from) != ' ') {
      return false;
    }
    int number = 0;
    for (int at = from + 1; at < digitsTo; at++) {
      int digit = bytes.u8At(at) - '0';
      if (digit < 0 || digit > 9) {
        return false;
      }
      number = number * 10 + digit;
    }
    status = number;
    return number >= STATUS_MIN
        && number <= STATUS_MAX
        && (digitsTo == to || bytes.u8At(digitsTo) == ' ');
  }

  /**
   * Whether a line is meant to be a start line: an answer begins with the version; a request ends
   * with it, and has something like a URI before it. Where messages begin is found by this, so that
   * a line that is wrong in its details ends no stream.
   *
   * @param bytes where it is
   * @param from index of its first byte
   * @param to index of its line end
   * @return true if it is meant to be one
   */
  static boolean isMeant(ByteCursor bytes, int from, int to) {
    if (isVersion(bytes, from, to)) {
      int behind = from + VERSION.length();
      return behind < to && isBlank(bytes.u8At(behind));
    }
    int last = to;
    while (last > from && isBlank(bytes.u8At(last - 1))) {
      last--;
    }
    int version = last - VERSION.length();
    return version > from
        && isBlank(bytes.u8At(version - 1))
        && isVersion(bytes, version, last)
        && namesScheme(bytes, from, version);
  }

  // Whether a word is followed by another one that begins with letters and a colon.
  private static boolean namesScheme(ByteCursor bytes, int from, int to) {
    int at = from;
    while (at < to && isOfToken(bytes.u8At(at))) {
      at++;
    }
    while (at < to && isBlank(bytes.u8At(at))) {
      at++;
    }
    if (at < to && bytes.u8At(at) == '<') {
      at++;
    }
    int scheme = at;
    while (at < to && UriView.isOfScheme(bytes.u8At(at), at == scheme)) {
      at++;
    }
    return at > scheme && bytes.u8At(at) == ':';
  }

  private static boolean isBlank(int octet) {
    return octet == ' ' || octet == '\t';
  }

  /** Whether the version stands at an index, in capital letters or not. */
  static boolean isVersion(ByteCursor bytes, int from, int to) {
    if (to - from < VERSION.length()) {
      return false;
    }
    for (int at = 0; at < VERSION.length(); at++) {
      int octet = bytes.u8At(from + at);
      if ((octet >= 'A' && octet <= 'Z' ? octet | 0x20 : octet) != VERSION.charAt(at)) {
        return false;
      }
    }
    return true;
  }

  /** Whether a character may stand in a method (RFC 3261 section 25.1, token). */
  static boolean isOfToken(int octet) {
    return octet > ' ' && octet < DELETE && "\"(),/:;<=>?@[\\]{}".indexOf(octet) < 0;
  }

  boolean isRequest() {
    return status == 0;
  }

  int status() {
    return status;
  }

  Span method() {
    return method;
  }

  UriView uri() {
    return uri;
  }
}
