package org.pinholed.helper.sip.message;

import org.pinholed.helper.sip.words.SipReason;
import org.pinholed.helper.text.Decimals;
import org.pinholed.helper.text.LineView;

/**
 * Reads the value of Content-Length. The threat is a number that one reader cuts off: the kernel's
 * helper took 2^32 + 32 for 32, so that the body of a text could pose as a message
 * (CVE-2026-23457).
 */
final class ContentLength {
  private ContentLength() {}

  /**
   * Reads the value.
   *
   * @param line behind the colon; its span is the digits afterwards
   * @return 0..65535, or a number below zero, see {@link #reason}
   */
  static long read(LineView line) {
    line.skipSpaces();
    line.beginSpan();
    long length = Decimals.read(line, SipMessage.LENGTH_MAX_BYTES);
    line.endSpan();
    line.skipSpaces();
    return line.current() == LineView.END ? length : Decimals.NONE;
  }

  /** Why there is no length. */
  static SipReason reason(long length) {
    return length == Decimals.TOO_LARGE
        ? SipReason.CONTENT_LENGTH_TOO_LARGE
        : SipReason.CONTENT_LENGTH_INVALID;
  }
}
