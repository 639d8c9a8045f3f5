package org.pinholed.helper.sip;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.DatagramHelper;
import org.pinholed.helper.Direction;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.sip.message.SipMessage;
import org.pinholed.helper.sip.words.SipReason;

/**
 * SIP over UDP: each datagram is a message, a keep-alive, or something else that is none of SIP's,
 * such as STUN, and passes without a word. Not thread-safe; owned by its flow.
 */
final class SipDatagrams implements DatagramHelper {
  private static final String VERSION = "sip1u";

  private final SipDialogue dialogue;
  private final ThreadLocal<SipViews> views;

  SipDatagrams(SipDialogue dialogue, ThreadLocal<SipViews> views) {
    this.dialogue = dialogue;
    this.views = views;
  }

  @Override
  public String stateWord() {
    return dialogue.stateWord();
  }

  @Override
  public String snapshot() {
    return VERSION + ' ' + dialogue.snapshot();
  }

  @Override
  public boolean restore(String snapshot) {
    return snapshot.startsWith(VERSION + ' ')
        && dialogue.restore(snapshot.substring(VERSION.length() + 1));
  }

  @Override
  public void onDatagram(Direction direction, ByteCursor datagram, long nowNs, OutcomeSink out) {
    int limit = datagram.limit();
    int from = SipMessage.start(datagram, datagram.position(), limit);
    if (from == SipMessage.NO_LINE) {
      if (SipMessage.isDoubtful(datagram, datagram.position(), limit)) {
        out.report(SipReason.START_LINE, datagram.streamOffsetOf(datagram.position()));
      }
      return;
    }
    SipViews view = views.get();
    @Nullable SipReason reason = view.message.readDatagram(datagram, from, limit);
    if (reason != null) {
      out.report(reason, datagram.streamOffsetOf(from));
      return;
    }
    dialogue.onMessage(direction, view, datagram.streamOffsetOf(from), false, nowNs, out);
  }
}
