package org.pinholed.helper.sip.message;

import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.sip.words.SipReason;

/**
 * Looks at the line with which a message should begin, as far as it came, and says as early as can
 * be what is none: while nobody knows, segments of a translated flow are held.
 *
 * <p>The threat is a browser that somebody made connect to a port which is read as SIP, and that
 * carries messages of his choice in a body. He may choose the method with {@code fetch()}, a path,
 * headers and the body, but not that the first line ends with a version of HTTP. Not thread-safe;
 * one for each direction of a flow.
 */
final class FirstLine {
  private static final int TLS_HANDSHAKE = 22;
  private static final int TLS_MAJOR_VERSION = 3;
  private static final int TOKEN_MAX_BYTES = 64;
  private static final int LF = '\n';
  private static final int CR = '\r';

  private static final byte[][] HTTP_METHODS =
      words("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "TRACE", "PATCH", "PRI");

  private static final byte[] HTTP_VERSION = "HTTP/".getBytes(StandardCharsets.US_ASCII);

  /** How many bytes of the line were looked at. */
  private int lookedAtBytes;

  /** Whether the space behind the first word came. */
  private boolean isBehindWord;

  private @Nullable SipReason reason;

  /** What a line is. */
  enum Kind {
    /** It may become a start line. */
    UNDECIDED,
    /** A start line, or meant to be one. */
    START_LINE,
    /** Another one, see {@link #reason}. */
    OTHER
  }

  FirstLine() {}

  private static byte[][] words(String... words) {
    byte[][] bytes = new byte[words.length][];
    for (int at = 0; at < words.length; at++) {
      bytes[at] = words[at].getBytes(StandardCharsets.US_ASCII);
    }
    return bytes;
  }

  /** Forgets the line: the next one is looked at. */
  void forget() {
    lookedAtBytes = 0;
    isBehindWord = false;
  }

  /**
   * Looks at the bytes that came behind those that were looked at.
   *
   * @param bytes where the line is
   * @param from index of its first byte
   * @param limit index behind the last byte that came
   * @return what it is
   */
  Kind look(ByteCursor bytes, int from, int limit) {
    for (int at = from + lookedAtBytes; at < limit; at++) {
      int octet = bytes.u8At(at);
      if (octet == LF) {
        return decide(bytes, from, at > from && bytes.u8At(at - 1) == CR ? at - 1 : at);
      }
      if (!isBehindWord) {
        if (octet == ' ' && at > from) {
          isBehindWord = true;
          if (isHttpMethod(bytes, from, at)) {
            return is(SipReason.HTTP);
          }
        } else if (at == from && octet == TLS_HANDSHAKE) {
          return tls(bytes, at, limit);
        } else if (!StartLine.isOfToken(octet) && octet != '/' && octet != CR) {
          return is(SipReason.NOT_SIP);
        } else if (at - from == TOKEN_MAX_BYTES) {
          return is(SipReason.NOT_SIP);
        }
      } else if (octet < ' ' && octet != CR && octet != '\t') {
        return is(SipReason.NOT_SIP);
      }
    }
    lookedAtBytes = Math.max(0, limit - from);
    return Kind.UNDECIDED;
  }

  private Kind decide(ByteCursor bytes, int from, int to) {
    if (StartLine.isMeant(bytes, from, to)) {
      return Kind.START_LINE;
    }
    return is(namesHttp(bytes, from, to) ? SipReason.HTTP : SipReason.NOT_SIP);
  }

  private Kind tls(ByteCursor bytes, int at, int limit) {
    if (at + 1 == limit) {
      return Kind.UNDECIDED;
    }
    return is(bytes.u8At(at + 1) == TLS_MAJOR_VERSION ? SipReason.TLS_HELLO : SipReason.NOT_SIP);
  }

  private Kind is(SipReason what) {
    reason = what;
    return Kind.OTHER;
  }

  private static boolean isHttpMethod(ByteCursor bytes, int from, int to) {
    for (byte[] method : HTTP_METHODS) {
      if (method.length == to - from && stands(bytes, from, method)) {
        return true;
      }
    }
    return false;
  }

  // An answer begins with the version, a request ends with it, which begins with a space.
  private static boolean namesHttp(ByteCursor bytes, int from, int to) {
    if (to - from < HTTP_VERSION.length) {
      return false;
    }
    if (stands(bytes, from, HTTP_VERSION)) {
      return true;
    }
    int space = to - 1;
    while (space > from && bytes.u8At(space) != ' ') {
      space--;
    }
    return to - space > HTTP_VERSION.length && stands(bytes, space + 1, HTTP_VERSION);
  }

  private static boolean stands(ByteCursor bytes, int from, byte[] word) {
    for (int at = 0; at < word.length; at++) {
      if (bytes.u8At(from + at) != word[at]) {
        return false;
      }
    }
    return true;
  }

  /** What another line is: TLS_HELLO, HTTP or NOT_SIP; of the last one that was. */
  SipReason reason() {
    return reason == null ? SipReason.NOT_SIP : reason;
  }
}
