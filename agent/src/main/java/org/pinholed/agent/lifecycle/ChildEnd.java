package org.pinholed.agent.lifecycle;

import org.pinholed.helper.Transport;
import org.pinholed.helper.Words;
import org.pinholed.kernel.conntrack.ConntrackEntry;

/** Why a child ended, as the last word of the kernel on its conntrack says. */
enum ChildEnd {
  /** Both sides closed it. */
  FINISHED("both sides closed it"),
  /** One side broke it off. */
  RESET("one side reset it"),
  /** It is TCP, and nobody answered its first packet. */
  UNANSWERED("nobody answered its first packet"),
  /** No packet came for as long as conntrack keeps such a connection. */
  TIMEOUT("no packet came for the time that conntrack waits for one"),
  /** The agent ended it with what had announced it. */
  CUT("the agent ended it, because what had announced it is over"),
  /** Somebody else deleted its conntrack. */
  REMOVED("its conntrack was deleted: by pinholectl clear, conntrack -D, or for want of room"),
  /** Its end was among the events that the kernel lost. */
  UNTOLD("it ended while events of the kernel were lost; what it carried is not known");

  /** {@code TCP_CONNTRACK_CLOSE} of {@code nf_conntrack_tcp.h}: a RST was seen. */
  private static final int TCP_CLOSE = 8;

  private final String explanation;

  ChildEnd(String explanation) {
    this.explanation = explanation;
  }

  /** The word in the log. */
  String word() {
    return Words.lowerCamel(name());
  }

  /** One sentence. */
  String explanation() {
    return explanation;
  }

  /**
   * Finds it out.
   *
   * @param last what the event of its end says. Since Linux 5.11 it has the TCP state; the time
   *     that was left is in it if there was any, so it is there only if the conntrack was deleted
   * @param isCut whether the agent has ended what came by this pinhole
   */
  static ChildEnd of(ConntrackEntry last, boolean isCut) {
    boolean isTcp = last.original().protocol() == Transport.TCP.protocolNumber();
    if (last.timeoutSeconds() > 0 && isCut) {
      return CUT;
    }
    // A connection that is over waits in the table, and a new one between the same ports pushes it
    // out: it did not end by that.
    if (isTcp && last.hasTwoFins()) {
      return FINISHED;
    }
    if (isTcp && last.tcpState() == TCP_CLOSE) {
      return RESET;
    }
    if (last.timeoutSeconds() > 0) {
      return REMOVED;
    }
    boolean answered = (last.status() & ConntrackEntry.IPS_SEEN_REPLY) != 0;
    return isTcp && !answered ? UNANSWERED : TIMEOUT;
  }
}
