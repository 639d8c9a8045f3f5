package org.pinholed.agent.operate.doctor;

import java.util.Locale;
import org.pinholed.helper.Transport;

/**
 * A packet as a firewall would meet it, of which not everything is known.
 *
 * @param family 4 or 6
 * @param transport over which protocol it comes
 * @param state how far the connection tracking is with it
 * @param destination the destination ports that it may have
 * @param source the source ports that it may have
 * @param flags its TCP flags (RFC 9293); -1 if they are not known
 * @param mark the conntrack mark
 * @param packetMark the packet's own mark
 * @param translated whether its destination may have been translated
 */
record ImaginedPacket(
    int family,
    Transport transport,
    State state,
    Ports destination,
    Ports source,
    int flags,
    Mark mark,
    Mark packetMark,
    boolean translated) {
  /** Lowest port that pinholes are opened for. */
  static final int CHILD_PORT_MIN = 1024;

  static final int PORT_MAX = 65535;

  /**
   * Ports of which a packet may have any.
   *
   * @param low the lowest
   * @param high the highest
   */
  record Ports(int low, int high) {
    static final Ports ANY = new Ports(0, PORT_MAX);
    static final Ports OF_CLIENTS = new Ports(CHILD_PORT_MIN, PORT_MAX);
  }

  /**
   * A mark of which not every bit is known.
   *
   * @param known the bits that are
   * @param value their values; 0 elsewhere
   */
  record Mark(int known, int value) {
    static final Mark ZERO = new Mark(-1, 0);
    static final Mark UNKNOWN = new Mark(0, 0);

    static Mark of(int known, int value) {
      return new Mark(known, value & known);
    }

    /** What is known if it may be this one and may be another one. */
    Mark inCommonWith(Mark other) {
      return of(known & other.known & ~(value ^ other.value), value);
    }

    // Whether {@code (mark & mask) == wanted}.
    Truth equal(int mask, int wanted) {
      if ((wanted & ~mask) != 0 || ((wanted ^ value) & mask & known) != 0) {
        return Truth.NO;
      }
      return (mask & ~known) == 0 ? Truth.YES : Truth.MAYBE;
    }
  }

  /** How far the connection tracking is with a packet. */
  enum State {
    /** Before the connection tracking: there is no state and no mark that a rule could ask for. */
    UNSEEN("invalid"),
    /** The first packet of a connection. */
    NEW("new"),
    /** The first packet of a connection that another one announced to the kernel. */
    RELATED("related"),
    /** A later one. */
    ESTABLISHED("established"),
    /** A rule keeps it from the connection tracking; it has no mark either. */
    UNTRACKED("untracked");

    private final String word;

    State(String word) {
      this.word = word;
    }

    String word() {
      return word;
    }
  }

  /**
   * The child of a pinhole over TCP: a server port from 1024 upwards, and the agent's bits of the
   * mark.
   */
  static ImaginedPacket child(int family, State state, int knownBits, int markValue) {
    // a later packet may be an answer, which has the ports the other way round
    int lowest = state == State.ESTABLISHED ? 0 : CHILD_PORT_MIN;
    int flags = state == State.ESTABLISHED ? -1 : SYN;
    return new ImaginedPacket(
        family,
        Transport.TCP,
        state,
        new Ports(lowest, PORT_MAX),
        Ports.ANY,
        flags,
        Mark.of(knownBits, markValue),
        Mark.ZERO,
        true);
  }

  /** The first packet of a control connection, or of a flow of datagrams. */
  static ImaginedPacket control(int family, Transport transport, int port) {
    return new ImaginedPacket(
        family,
        transport,
        State.NEW,
        new Ports(port, port),
        Ports.OF_CLIENTS,
        SYN,
        Mark.ZERO,
        Mark.ZERO,
        false);
  }

  /**
   * The first answer to it. Which mark the flow has by then is the operator's, but for these bits,
   * which are not set.
   */
  static ImaginedPacket answer(int family, Transport transport, int port, int unsetBits) {
    return new ImaginedPacket(
        family,
        transport,
        State.ESTABLISHED,
        Ports.OF_CLIENTS,
        new Ports(port, port),
        SYN | ACK,
        Mark.of(unsetBits, 0),
        Mark.ZERO,
        true);
  }

  /** Whether rules can ask for its state and its mark. */
  boolean isTracked() {
    return state == State.NEW || state == State.RELATED || state == State.ESTABLISHED;
  }

  ImaginedPacket withState(State newState) {
    return new ImaginedPacket(
        family, transport, newState, destination, source, flags, mark, packetMark, translated);
  }

  ImaginedPacket withMark(Mark newMark) {
    return new ImaginedPacket(
        family, transport, state, destination, source, flags, newMark, packetMark, translated);
  }

  ImaginedPacket withPacketMark(Mark newMark) {
    return new ImaginedPacket(
        family, transport, state, destination, source, flags, mark, newMark, translated);
  }

  ImaginedPacket withPorts(int low, int high) {
    return new ImaginedPacket(
        family,
        transport,
        state,
        new Ports(low, high),
        source,
        flags,
        mark,
        packetMark,
        translated);
  }

  /** As it goes on behind a rule that may translate its destination, to any port. */
  ImaginedPacket withTranslation() {
    return new ImaginedPacket(
        family, transport, state, new Ports(1, PORT_MAX), source, flags, mark, packetMark, true);
  }

  /** The conntrack mark from the packet's mark, for all such packets or for some. */
  ImaginedPacket withMarkFromPacket(boolean sure) {
    return withMark(sure ? packetMark : packetMark.inCommonWith(mark));
  }

  /** The packet's mark from the conntrack mark, for all such packets or for some. */
  ImaginedPacket withPacketMarkFromMark(boolean sure) {
    return withPacketMark(sure ? mark : mark.inCommonWith(packetMark));
  }

  // Whether {@code (mark & mask) == value}.
  Truth markEquals(int mask, int value) {
    return isTracked() ? mark.equal(mask, value) : Truth.NO;
  }

  // Whether {@code (mark of the packet itself & mask) == value}.
  Truth packetMarkEquals(int mask, int value) {
    return packetMark.equal(mask, value);
  }

  // Whether {@code low <= (mark & mask) <= high}, all unsigned.
  Truth markWithin(int mask, long low, long high) {
    if (!isTracked()) {
      return Truth.NO;
    }
    long least = Integer.toUnsignedLong(mark.value() & mask);
    long most = Integer.toUnsignedLong((mark.value() | ~mark.known()) & mask);
    return within(least, most, low, high);
  }

  // Whether the destination port is within a range.
  Truth portWithin(long low, long high) {
    return within(destination.low(), destination.high(), low, high);
  }

  // Whether the source port is within a range.
  Truth sourceWithin(long low, long high) {
    return within(source.low(), source.high(), low, high);
  }

  private static Truth within(long least, long most, long low, long high) {
    if (low <= least && high >= most) {
      return Truth.YES;
    }
    return high < least || low > most ? Truth.NO : Truth.MAYBE;
  }

  /**
   * Whether it is of a transport protocol.
   *
   * @param name its name or number, as rules have it
   */
  Truth isOf(Object name) {
    String text = name.toString();
    return Truth.of(
        text.equals(transport.name().toLowerCase(Locale.ROOT))
            || text.equals(Integer.toString(transport.protocolNumber())));
  }

  /** Whether {@code (flags & mask) == value}: the first packet has SYN alone. */
  Truth flagsEqual(int mask, int value) {
    if (transport != Transport.TCP) {
      return Truth.NO;
    }
    return flags < 0 ? Truth.MAYBE : Truth.of((flags & mask) == value);
  }

  private static final int SYN = 0x02;
  private static final int ACK = 0x10;
}
