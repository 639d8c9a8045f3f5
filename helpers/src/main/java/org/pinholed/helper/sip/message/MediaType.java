package org.pinholed.helper.sip.message;

import java.nio.charset.StandardCharsets;
import org.pinholed.helper.text.LineView;

/** What a body or a part of one is, as far as it matters here (RFC 3261 section 20.15). */
enum MediaType {
  /** Describes a session. */
  SDP,
  /** Parts, of which one may be SDP (RFC 5621). */
  MULTIPART,
  /** Anything else. */
  OTHER;

  private static final byte[] APPLICATION = "application".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] SUBTYPE_SDP = "sdp".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] ANY_MULTIPART = "multipart".getBytes(StandardCharsets.US_ASCII);

  /**
   * Reads a value of Content-Type.
   *
   * @param line behind the colon; behind type and subtype afterwards
   * @return the type
   */
  static MediaType read(LineView line) {
    line.skipSpaces();
    word(line);
    boolean isMultipart = line.spanIsWord(ANY_MULTIPART);
    boolean isApplication = line.spanIsWord(APPLICATION);
    line.skipSpaces();
    if (!line.accept('/')) {
      return OTHER;
    }
    line.skipSpaces();
    word(line);
    if (isMultipart) {
      return MULTIPART;
    }
    boolean isSdp = isApplication && line.spanIsWord(SUBTYPE_SDP) && line.current() != '/';
    return isSdp ? SDP : OTHER;
  }

  private static void word(LineView line) {
    line.beginSpan();
    while (line.current() > ' ' && line.current() != '/' && line.current() != ';') {
      line.advance();
    }
    line.endSpan();
  }
}
