package org.pinholed.kernel.conntrack;

/**
 * One connection of the kernel's table, as of the moment it was read.
 *
 * @param original the direction of the first packet
 * @param reply the direction of the answers; not the inverse of the original where addresses are
 *     translated
 * @param id {@code CTA_ID}, the number that {@code conntrack -o id} and nft's {@code ct id} show;
 *     not unique, see {@link #identity}
 * @param mark {@code ct mark}
 * @param status {@code IPS_*} bits (linux/netfilter/nf_conntrack_common.h)
 * @param timeoutSeconds until the entry is removed if no packet comes; -1 if not told
 * @param tcpState {@code enum tcp_conntrack}; -1 if it is not TCP or not told
 * @param helperName the kernel's helper on it, or an empty string
 * @param originalPackets packets in the original direction; -1 if accounting is off
 * @param originalBytes bytes in the original direction; -1 if accounting is off
 * @param replyPackets packets in the reply direction; -1 if accounting is off
 * @param replyBytes bytes in the reply direction; -1 if accounting is off
 * @param zone {@code ct zone} of both directions or of one, 0 if none was set
 * @param tcpCloser who sent the first FIN of a TCP connection, as far as it is told
 */
public record ConntrackEntry(
    FlowTuple original,
    FlowTuple reply,
    int id,
    int mark,
    int status,
    long timeoutSeconds,
    int tcpState,
    String helperName,
    long originalPackets,
    long originalBytes,
    long replyPackets,
    long replyBytes,
    int zone,
    TcpCloser tcpCloser) {
  private static final int IPPROTO_TCP = 6;

  /** Who sent the first FIN of a connection ({@code IP_CT_TCP_FLAG_CLOSE_INIT}). */
  public enum TcpCloser {
    /** Nobody yet, or it is not told: events of ends do not say it. */
    NOBODY,
    /** Who sent the first packet. */
    ORIGINAL,
    /** Who answered it. */
    REPLY
  }

  /** {@code TCP_CONNTRACK_SYN_RECV} of {@code nf_conntrack_tcp.h}: a SYN was answered. */
  public static final int TCP_SYN_RECV = 2;

  /** {@code TCP_CONNTRACK_ESTABLISHED}: open on both sides. */
  public static final int TCP_ESTABLISHED = 3;

  /** {@code TCP_CONNTRACK_FIN_WAIT}: a FIN was seen. */
  public static final int TCP_FIN_WAIT = 4;

  /** {@code TCP_CONNTRACK_CLOSE_WAIT}: and acknowledged. */
  public static final int TCP_CLOSE_WAIT = 5;

  /** {@code TCP_CONNTRACK_LAST_ACK}: two FINs were seen, perhaps twice the same. */
  public static final int TCP_LAST_ACK = 6;

  /** {@code TCP_CONNTRACK_TIME_WAIT}: and acknowledged. */
  public static final int TCP_TIME_WAIT = 7;

  /** {@code IPS_EXPECTED}: a child of a kernel expectation. */
  public static final int IPS_EXPECTED = 1;

  /** {@code IPS_SEEN_REPLY}: packets went both ways. */
  public static final int IPS_SEEN_REPLY = 2;

  /** {@code IPS_ASSURED}: not removed early when the table is full. */
  public static final int IPS_ASSURED = 4;

  /** {@code IPS_CONFIRMED}: its first packet has left this machine. */
  public static final int IPS_CONFIRMED = 8;

  /**
   * {@code IPS_NAT_CLASH}: two first datagrams with the same original tuple were translated in two
   * ways, and this is the one that came second; it is there for its answer only, for a second.
   */
  public static final int IPS_NAT_CLASH = 0x1000;

  /** {@code IPS_SRC_NAT}: answers go to another address or port than the first packet came from. */
  private static final int IPS_SRC_NAT = 0x10;

  /** {@code IPS_DST_NAT}: answers come from another one than it was sent to. */
  private static final int IPS_DST_NAT = 0x20;

  /** {@code IPS_NAT_MASK}: source or destination is translated. */
  public static final int IPS_NAT_MASK = 0x30;

  /**
   * A connection whose first packet has not left yet, so that the kernel's table does not have it.
   *
   * @param original the direction of that packet
   * @param reply the direction of the answers to it
   * @param id as {@code ct id} tells it
   * @param mark {@code ct mark}
   * @return an entry without {@link #IPS_CONFIRMED}; whether it is translated follows from the
   *     tuples, all else is not told
   */
  public static ConntrackEntry unconfirmed(FlowTuple original, FlowTuple reply, int id, int mark) {
    FlowTuple answered = reply.inverse();
    boolean source =
        !answered.source().equals(original.source())
            || answered.sourcePort() != original.sourcePort();
    boolean destination =
        !answered.destination().equals(original.destination())
            || answered.destinationPort() != original.destinationPort();
    int status = (source ? IPS_SRC_NAT : 0) | (destination ? IPS_DST_NAT : 0);
    return new ConntrackEntry(
        original, reply, id, mark, status, -1, -1, "", -1, -1, -1, -1, 0, TcpCloser.NOBODY);
  }

  /**
   * Whether a helper that is not ours, of the kernel or of a program behind it, works on the
   * connection.
   *
   * @return as {@link AssignedHelper} judges its name
   */
  public boolean hasForeignHelper() {
    return AssignedHelper.of(helperName) == AssignedHelper.FOREIGN;
  }

  /**
   * Whether the helper that carries the agent's expectations is on the connection.
   *
   * @return true if it is {@link AssignedHelper#OWN}
   */
  public boolean hasOwnHelper() {
    return AssignedHelper.of(helperName) == AssignedHelper.OWN;
  }

  /**
   * Whether at least one side of a TCP connection may still send: the states that begin with its
   * second FIN are not.
   *
   * @return false also before its SYN was answered
   */
  public boolean isTcpAlive() {
    return tcpState >= TCP_SYN_RECV && tcpState <= TCP_CLOSE_WAIT;
  }

  /**
   * Whether two FINs of a TCP connection were seen. The kernel does not look whether they came from
   * both sides: one that was sent twice because nobody acknowledged it counts as two, and the other
   * side may go on for long.
   *
   * @return false also if there was a RST
   */
  public boolean hasTwoFins() {
    return tcpState == TCP_LAST_ACK || tcpState == TCP_TIME_WAIT;
  }

  /**
   * Whether something may still come on it: a connection of another protocol than TCP has no end
   * but that of its entry.
   *
   * @return false only for TCP that is not {@linkplain #isTcpAlive alive}
   */
  public boolean isAlive() {
    return original.protocol() != IPPROTO_TCP || isTcpAlive();
  }

  /**
   * What tells it from all others.
   *
   * @return a new copy
   */
  public ConntrackIdentity identity() {
    return new ConntrackIdentity(id, original, reply, zone);
  }

  /**
   * Whether addresses or ports are translated.
   *
   * @return true if source or destination is
   */
  public boolean isTranslated() {
    return (status & IPS_NAT_MASK) != 0;
  }
}
