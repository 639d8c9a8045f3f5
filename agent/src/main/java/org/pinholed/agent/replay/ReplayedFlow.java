package org.pinholed.agent.replay;

import org.jspecify.annotations.Nullable;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.conntrack.FlowTuple;

/**
 * One connection of a {@link MemoryConntrack}, with as much of the kernel's state machine of TCP
 * ({@code nf_conntrack_proto_tcp.c}) as matters to who reads control connections. Times are the
 * kernel's defaults.
 */
final class ReplayedFlow {
  private static final long SECOND_NS = 1_000_000_000L;
  private static final int TCP = 6;
  private static final int SYN_SENT = 1;
  private static final int CLOSE = 8;
  private static final long UDP_NS = 30 * SECOND_NS;
  private static final long UDP_STREAM_NS = 120 * SECOND_NS;

  /** By {@code enum tcp_conntrack}. */
  private static final long[] TCP_SECONDS = {0, 120, 60, 432_000, 120, 60, 30, 120, 10};

  private final TupleKey key;
  private final boolean fromUpper;
  private final int id;
  private final long beganNs;
  private @Nullable FlowTuple original;

  private int mark;
  private int tcpState;
  private boolean seenReply;
  private boolean confirmed;
  private boolean assured;
  private boolean wanted;
  private ConntrackEntry.TcpCloser closer = ConntrackEntry.TcpCloser.NOBODY;
  private long deadlineNs;
  private long lastNs;
  private boolean ignoredSyn;
  private int ignoredSynSequence;
  private final int[] acknowledged = new int[2];
  private final boolean[] hasAcknowledged = new boolean[2];

  /** What a packet is to its connection. */
  enum Step {
    /** It belongs to it. */
    VALID,
    /** It is ignored by conntrack, and passes. */
    INVALID,
    /** The connection is over, and this is the first packet of another one. */
    ANEW
  }

  ReplayedFlow(TupleKey key, boolean fromUpper, int id, long nowNs) {
    this.key = key;
    this.fromUpper = fromUpper;
    this.id = id;
    this.beganNs = nowNs;
  }

  TupleKey key() {
    return key;
  }

  int id() {
    return id;
  }

  int mark() {
    return mark;
  }

  void setMark(int newMark) {
    mark = newMark;
  }

  boolean isConfirmed() {
    return confirmed;
  }

  void confirm() {
    confirmed = true;
  }

  /** Its packets so far went nowhere: the next one is its first. */
  void beginAnew() {
    confirmed = false;
  }

  /** Whether it was said already that nothing let it in. */
  boolean isWanted() {
    return wanted;
  }

  void want() {
    wanted = true;
  }

  boolean isReply(boolean packetFromUpper) {
    return packetFromUpper != fromUpper;
  }

  int protocol() {
    return key.protocol();
  }

  int clientPort() {
    return key.port(fromUpper);
  }

  int serverPort() {
    return key.port(!fromUpper);
  }

  /** {@code ct state new}: nothing came back yet. */
  boolean isNew() {
    return !seenReply;
  }

  boolean isOver(long nowNs) {
    return deadlineNs - nowNs <= 0;
  }

  long lastNs() {
    return lastNs;
  }

  void keepUntil(long newDeadlineNs) {
    deadlineNs = newDeadlineNs;
  }

  /** Takes its first packet; false if that begins no connection. */
  boolean begin(PacketView packet, boolean reply, long nowNs) {
    if (!packet.isTcp()) {
      touch(nowNs, UDP_NS);
      return true;
    }
    if (packet.has(PacketView.RST)) {
      return false;
    }
    if (packet.has(PacketView.SYN | PacketView.ACK)) {
      // The capture began between the SYN and this: who answers was asked.
      seenReply = true;
      enter(ConntrackEntry.TCP_SYN_RECV, nowNs);
      noteAcknowledgement(packet, true);
      return true;
    }
    if (packet.has(PacketView.SYN)) {
      enter(SYN_SENT, nowNs);
      return true;
    }
    // nf_conntrack_tcp_loose
    seenReply = reply;
    enter(
        packet.has(PacketView.FIN) ? ConntrackEntry.TCP_FIN_WAIT : ConntrackEntry.TCP_ESTABLISHED,
        nowNs);
    noteAcknowledgement(packet, reply);
    return true;
  }

  /** Takes a later packet. */
  Step next(PacketView packet, boolean reply, long nowNs) {
    if (!packet.isTcp()) {
      if (reply) {
        assured = assured || nowNs - beganNs > 2 * SECOND_NS;
        seenReply = true;
      }
      touch(nowNs, seenReply && assured ? UDP_STREAM_NS : UDP_NS);
      return Step.VALID;
    }
    Step step = nextSegment(packet, reply, nowNs);
    if (step == Step.VALID) {
      lastNs = nowNs;
      noteAcknowledgement(packet, reply);
      seenReply |= reply;
    }
    return step;
  }

  private Step nextSegment(PacketView packet, boolean reply, long nowNs) {
    if (packet.has(PacketView.RST)) {
      int peer = reply ? 0 : 1;
      if (hasAcknowledged[peer] && packet.sequence() - acknowledged[peer] < 0) {
        return Step.INVALID; // td_maxack: it may be forged
      }
      if (tcpState == SYN_SENT && !reply) {
        return Step.INVALID;
      }
      enter(CLOSE, nowNs);
      return Step.VALID;
    }
    if (packet.has(PacketView.SYN)) {
      return packet.has(PacketView.ACK) ? synAck(packet, reply, nowNs) : syn(packet, reply, nowNs);
    }
    if (tcpState == SYN_SENT) {
      return Step.INVALID;
    }
    if (packet.has(PacketView.FIN)) {
      fin(reply, nowNs);
    } else {
      acknowledgement(packet, reply, nowNs);
    }
    return Step.VALID;
  }

  private Step syn(PacketView packet, boolean reply, long nowNs) {
    if (tcpState >= ConntrackEntry.TCP_TIME_WAIT) {
      return Step.ANEW;
    }
    if (tcpState == SYN_SENT && !reply) {
      enter(SYN_SENT, nowNs);
      return Step.VALID;
    }
    if (!reply) {
      ignoredSyn = true;
      ignoredSynSequence = packet.sequence();
    }
    return Step.INVALID;
  }

  private Step synAck(PacketView packet, boolean reply, long nowNs) {
    boolean answersIgnored =
        ignoredSyn && packet.acknowledgement() == ignoredSynSequence + 1 && reply;
    if (reply && (tcpState == SYN_SENT || answersIgnored)) {
      if (answersIgnored && tcpState != SYN_SENT) {
        closer = ConntrackEntry.TcpCloser.NOBODY;
        hasAcknowledged[0] = false;
        hasAcknowledged[1] = false;
      }
      ignoredSyn = false;
      enter(ConntrackEntry.TCP_SYN_RECV, nowNs);
      return Step.VALID;
    }
    return reply && tcpState == ConntrackEntry.TCP_SYN_RECV ? Step.VALID : Step.INVALID;
  }

  private void fin(boolean reply, long nowNs) {
    if (tcpState <= ConntrackEntry.TCP_ESTABLISHED) {
      closer = reply ? ConntrackEntry.TcpCloser.REPLY : ConntrackEntry.TcpCloser.ORIGINAL;
      enter(ConntrackEntry.TCP_FIN_WAIT, nowNs);
    } else if (tcpState <= ConntrackEntry.TCP_CLOSE_WAIT) {
      enter(ConntrackEntry.TCP_LAST_ACK, nowNs);
    }
  }

  private void acknowledgement(PacketView packet, boolean reply, long nowNs) {
    int next = tcpState;
    if (tcpState == ConntrackEntry.TCP_SYN_RECV && !reply) {
      next = ConntrackEntry.TCP_ESTABLISHED;
    } else if (packet.has(PacketView.ACK)) {
      if (tcpState == ConntrackEntry.TCP_FIN_WAIT) {
        next = ConntrackEntry.TCP_CLOSE_WAIT;
      } else if (tcpState == ConntrackEntry.TCP_LAST_ACK) {
        next = ConntrackEntry.TCP_TIME_WAIT;
      }
    }
    if (next < CLOSE) {
      enter(next, nowNs);
    }
  }

  private void noteAcknowledgement(PacketView packet, boolean reply) {
    if (packet.has(PacketView.ACK)) {
      int side = reply ? 1 : 0;
      if (!hasAcknowledged[side] || packet.acknowledgement() - acknowledged[side] > 0) {
        acknowledged[side] = packet.acknowledgement();
        hasAcknowledged[side] = true;
      }
    }
  }

  private void enter(int state, long nowNs) {
    tcpState = state;
    touch(nowNs, TCP_SECONDS[state] * SECOND_NS);
  }

  private void touch(long nowNs, long forNs) {
    lastNs = nowNs;
    deadlineNs = nowNs + forNs;
  }

  FlowTuple original() {
    FlowTuple known = original;
    if (known == null) {
      known =
          new FlowTuple(
              key.protocol(),
              key.address(fromUpper),
              clientPort(),
              key.address(!fromUpper),
              serverPort());
      original = known;
    }
    return known;
  }

  ConntrackIdentity identity() {
    return new ConntrackIdentity(id, original(), original().inverse(), 0);
  }

  ConntrackEntry entry(long nowNs) {
    int status =
        (seenReply ? ConntrackEntry.IPS_SEEN_REPLY : 0)
            | (confirmed ? ConntrackEntry.IPS_CONFIRMED : 0);
    return new ConntrackEntry(
        original(),
        original().inverse(),
        id,
        mark,
        status,
        Math.max(0, (deadlineNs - nowNs) / SECOND_NS),
        protocol() == TCP ? tcpState : -1,
        "",
        -1,
        -1,
        -1,
        -1,
        0,
        closer);
  }
}
