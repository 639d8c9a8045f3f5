package org.pinholed.helper.ftp;

import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.text.LineView;

/**
 * Tells other protocols from FTP by how the client begins.
 *
 * <p>The threat is a browser or mailer that somebody made connect to a port which is read as FTP,
 * and that carries {@code PORT} lines of his choice in a body (NAT slipstreaming, CVE-2022-2663).
 * He may choose a method with {@code fetch()}, a path, headers and the body, but not how a request
 * is made: its first line ends with a version, and header lines follow it. Clients of mail, news
 * and chat begin with verbs that FTP does not have.
 */
final class FirstLine {
  private static final int TLS_HANDSHAKE = 22;
  private static final int TLS_MAJOR_VERSION = 3;
  private static final int IAC = 255;
  private static final int DELETE = 127;
  private static final int LETTERS_MAX = 8;

  private static final long[] HTTP_VERBS =
      packed("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PATCH", "PRI");

  /** What stands before the number of a version, packed in lower case, and how many bytes of it. */
  private static final long[] VERSIONS = packed(" http/", " rtsp/", " icap/", " sip/");

  private static final long[] VERSION_MASKS = {-1L >>> 16, -1L >>> 16, -1L >>> 16, -1L >>> 24};

  private FirstLine() {}

  /**
   * Looks at the first bytes of a line, which may go on.
   *
   * @param bytes where the line is
   * @param start index of its first byte
   * @param end index behind its last byte, above {@code start}
   * @param first whether it is the first line of its direction; later ones are only held against
   *     TLS, because their file names may be in any encoding
   * @return what it is, or null if it is text or nobody can tell yet
   */
  static @Nullable FtpReason binary(ByteCursor bytes, int start, int end, boolean first) {
    int octet = bytes.u8At(start);
    if (octet == TLS_HANDSHAKE) {
      if (end - start == 1) {
        return null;
      }
      if (bytes.u8At(start + 1) == TLS_MAJOR_VERSION) {
        return FtpReason.TLS_HELLO;
      }
    }
    return first && octet != IAC && isBinary(octet) ? FtpReason.BINARY : null;
  }

  /**
   * Looks at the first line of a client that is not empty. It must begin with a verb of FTP. MODE
   * is one of NNTP as well, as in {@code MODE READER}, so its argument must be one of FTP.
   *
   * @param line at its first character; anywhere afterwards
   * @param complete false for the beginning of a line that is too long; no FTP client sends one
   * @return what it is, or null for a line that may be an FTP command
   */
  static @Nullable FtpReason foreign(LineView line, boolean complete) {
    FtpWord verb = FtpWord.readVerb(line);
    boolean isFtp = verb != FtpWord.OTHER && (verb != FtpWord.MODE || hasTransferMode(line));
    if (isFtp && complete) {
      return namesVersion(line) ? FtpReason.HTTP : null;
    }
    line.rewind();
    long letters = 0;
    for (int count = 0; FtpWord.isLetter(line.current()) && count < LETTERS_MAX; count++) {
      letters = (letters << 8) | line.current();
      line.advance();
    }
    if (line.current() == ' ' && contains(HTTP_VERBS, letters)) {
      return FtpReason.HTTP;
    }
    if (line.current() != LineView.END && isBinary(line.current())) {
      return FtpReason.BINARY;
    }
    return namesVersion(line) ? FtpReason.HTTP : FtpReason.NOT_FTP;
  }

  // Stream, block or compressed (RFC 959 section 3.4), or deflated.
  private static boolean hasTransferMode(LineView line) {
    line.skipSpaces();
    int mode = line.current() | 0x20;
    line.advance();
    line.skipSpaces();
    return line.current() == LineView.END
        && (mode == 's' || mode == 'b' || mode == 'c' || mode == 'z');
  }

  /**
   * Whether a line begins as a header line does, {@code Host: x}: with a token (RFC 9110 section
   * 5.6.2) and a colon right behind it. No FTP command does.
   *
   * @param line at its first character; anywhere afterwards
   */
  static boolean isHeader(LineView line) {
    int length = 0;
    while (isTokenCharacter(line.current())) {
      line.advance();
      length++;
    }
    return length > 0 && line.current() == ':';
  }

  private static boolean isTokenCharacter(int character) {
    return character > ' ' && character < DELETE && "\"(),/:;<=>?@[\\]{}".indexOf(character) < 0;
  }

  // Whether the name of a protocol with its version stands somewhere in the rest of the line.
  private static boolean namesVersion(LineView line) {
    long last = 0;
    while (line.current() != LineView.END) {
      int character = line.current() == '\t' ? ' ' : line.current() | 0x20;
      last = (last << 8) | character;
      for (int at = 0; at < VERSIONS.length; at++) {
        if ((last & VERSION_MASKS[at]) == VERSIONS[at]) {
          return true;
        }
      }
      line.advance();
    }
    return false;
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
