package org.pinholed.helper.ftp;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Tells other protocols from FTP by how they begin.
 *
 * <p>The threat is a browser or mailer that somebody made connect to a port which is read as FTP,
 * and that carries {@code PORT} lines of his choice in a body (NAT slipstreaming, CVE-2022-2663).
 * It cannot choose its first line, so that is looked at; nothing behind it matters then.
 */
final class FirstLine {
  private static final int TLS_HANDSHAKE = 22;
  private static final int TLS_MAJOR_VERSION = 3;
  private static final int IAC = 255;
  private static final int DELETE = 127;
  private static final int FTP_VERB_LETTERS_MAX = 4;
  private static final int LETTERS_MAX = 8;

  private static final long[] HTTP_VERBS =
      packed("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PATCH", "PRI");
  private static final long[] MAIL_VERBS = packed("EHLO", "HELO", "LHLO");

  private FirstLine() {}

  /**
   * Looks at the first bytes of a line, which may go on.
   *
   * @param buffer where the line is
   * @param start index of its first byte
   * @param end index behind its last byte, above {@code start}
   * @param first whether it is the first line of its direction; later ones are only held against
   *     TLS, because their file names may be in any encoding
   * @return what it is, or null if it is text or nobody can tell yet
   */
  static @Nullable FtpReason binary(ByteBuffer buffer, int start, int end, boolean first) {
    int octet = Byte.toUnsignedInt(buffer.get(start));
    if (octet == TLS_HANDSHAKE) {
      if (end - start == 1) {
        return null;
      }
      if (buffer.get(start + 1) == TLS_MAJOR_VERSION) {
        return FtpReason.TLS_HELLO;
      }
    }
    return first && octet != IAC && isBinary(octet) ? FtpReason.BINARY : null;
  }

  /**
   * Looks at the first line of a client. FTP verbs have up to four letters.
   *
   * @param line at its first character
   * @return what it is, or null for a line that may be an FTP command
   */
  static @Nullable FtpReason foreign(LineView line) {
    long verb = 0;
    int letters = 0;
    while (FtpWord.isLetter(line.current()) && letters < LETTERS_MAX) {
      verb = (verb << 8) | line.current();
      letters++;
      line.advance();
    }
    if (line.current() == ' ' && contains(HTTP_VERBS, verb)) {
      return FtpReason.HTTP;
    }
    if (line.current() != ' ' && line.current() != LineView.END && isBinary(line.current())) {
      return FtpReason.BINARY;
    }
    boolean isVerb =
        letters > 0
            && letters <= FTP_VERB_LETTERS_MAX
            && (line.current() == ' ' || line.current() == LineView.END)
            && !contains(MAIL_VERBS, verb);
    return isVerb ? null : FtpReason.NOT_FTP;
  }

  private static boolean isBinary(int octet) {
    return (octet < ' ' && octet != '\r' && octet != '\n' && octet != '\t') || octet >= DELETE;
  }

  private static boolean contains(long[] verbs, long verb) {
    for (long candidate : verbs) {
      if (candidate == verb) {
        return true;
      }
    }
    return false;
  }

  private static long[] packed(String... verbs) {
    long[] packed = new long[verbs.length];
    for (int at = 0; at < verbs.length; at++) {
      for (byte letter : verbs[at].getBytes(StandardCharsets.US_ASCII)) {
        packed[at] = (packed[at] << 8) | letter;
      }
    }
    return packed;
  }
}
