package org.pinholed.helper.sip.message;

import org.pinholed.helper.sip.words.SipHeader;
import org.pinholed.helper.text.LineView;

/** Where a message describes a session: its body, or one part of it. The span is the SDP. */
final class SdpPart extends Span {
  SdpPart() {}

  /**
   * Looks for SDP.
   *
   * @param message whose head and body are known
   * @param line the view that the message begins its lines with
   * @return false if nobody can tell where it is
   */
  boolean find(SipMessage message, LineView line) {
    set(message.cursor(), message.bodyEnd(), message.bodyEnd());
    if (!message.begin(SipHeader.CONTENT_TYPE)) {
      return true;
    }
    if (MediaType.read(line) == MediaType.SDP) {
      set(message.cursor(), message.bodyStart(), message.bodyEnd());
    }
    return true;
  }
}
