package org.pinholed.agent.operate.doctor;

import java.util.Locale;
import org.pinholed.helper.Transport;

/**
 * A packet as a firewall would meet it, of which not everything is known.
 *
 * @param family 4 or 6
 * @param transport over which protocol it comes
 * @param state how far the connection tracking is with it
 * @param portLow lowest destination port that it may have
 * @param portHigh highest destination port that it may have
 * @param sourceLow lowest source port that it may have
 * @param sourceHigh highest source port that it may have
 * @param flags its TCP flags (RFC 9293); -1 if they are not known
 * @param knownBits the bits of the conntrack mark that are known
 * @param markValue their values; 0 elsewhere
 * @param knownPacketBits the bits of the packet's own mark that are known
 * @param packetMarkValue their values; 0 elsewhere
 */
record ImaginedPacket(
    int family,
    Transport transport,
    State state,
    int portLow,
    int portHigh,
    int sourceLow,
    int sourceHigh,
    int flags,
    int knownBits,
    int markValue,
    int knownPacketBits,
    int packetMarkValue) {
  /** Lowest port that pinholes are opened for. */
  static final int CHILD_PORT_MIN = 1024;

  static final int PORT_MAX = 65535;

  /** How far the connection tracking is with a packet. */
  enum State {
    /** Before the connection tracking: there is no state and no mark that a rule could ask for. */
    UNSEEN("invalid"),
    /** The first packet of a connection. */
    NEW("new"),
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
        lowest,
        PORT_MAX,
        0,
        PORT_MAX,
        flags,
        knownBits,
        markValue,
        -1,
        0);
  }

  /** The first packet of a control connection, or of a flow of datagrams. */
  static ImaginedPacket control(int family, Transport transport, int port) {
    return new ImaginedPacket(
        family, transport, State.NEW, port, port, CHILD_PORT_MIN, PORT_MAX, SYN, -1, 0, -1, 0);
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
        CHILD_PORT_MIN,
        PORT_MAX,
        port,
        port,
        SYN | ACK,
        unsetBits,
        0,
        -1,
        0);
  }

  /** Whether rules can ask for its state and its mark. */
  boolean isTracked() {
    return state == State.NEW || state == State.ESTABLISHED;
  }

  ImaginedPacket withState(State newState) {
    return new ImaginedPacket(
        family,
        transport,
        newState,
        portLow,
        portHigh,
        sourceLow,
        sourceHigh,
        flags,
        knownBits,
        markValue,
        knownPacketBits,
        packetMarkValue);
  }

  ImaginedPacket withMark(int known, int value) {
    return new ImaginedPacket(
        family,
        transport,
        state,
        portLow,
        portHigh,
        sourceLow,
        sourceHigh,
        flags,
        known,
        value & known,
        knownPacketBits,
        packetMarkValue);
  }

  ImaginedPacket withPacketMark(int known, int value) {
    return new ImaginedPacket(
        family,
        transport,
        state,
        portLow,
        portHigh,
        sourceLow,
        sourceHigh,
        flags,
        knownBits,
        markValue,
        known,
        value & known);
  }

  ImaginedPacket withPorts(int low, int high) {
    return new ImaginedPacket(
        family,
        transport,
        state,
        low,
        high,
        sourceLow,
        sourceHigh,
        flags,
        knownBits,
        markValue,
        knownPacketBits,
        packetMarkValue);
  }

  /** The conntrack mark from the packet's mark, for all such packets or for some. */
  ImaginedPacket withMarkFromPacket(boolean sure) {
    int known =
        sure ? knownPacketBits : knownPacketBits & knownBits & ~(packetMarkValue ^ markValue);
    return withMark(known, packetMarkValue);
  }

  /** The packet's mark from the conntrack mark, for all such packets or for some. */
  ImaginedPacket withPacketMarkFromMark(boolean sure) {
    int known = sure ? knownBits : knownPacketBits & knownBits & ~(packetMarkValue ^ markValue);
    return withPacketMark(known, markValue);
  }

  // Whether {@code (mark & mask) == value}.
  Truth markEquals(int mask, int value) {
    if (!isTracked() || (value & ~mask) != 0 || ((value ^ markValue) & mask & knownBits) != 0) {
      return Truth.NO;
    }
    return (mask & ~knownBits) == 0 ? Truth.YES : Truth.MAYBE;
  }

  // Whether {@code (mark of the packet itself & mask) == value}.
  Truth packetMarkEquals(int mask, int value) {
    if ((value & ~mask) != 0 || ((value ^ packetMarkValue) & mask & knownPacketBits) != 0) {
      return Truth.NO;
    }
    return (mask & ~knownPacketBits) == 0 ? Truth.YES : Truth.MAYBE;
  }

  // Whether {@code low <= (mark & mask) <= high}, all unsigned.
  Truth markWithin(int mask, long low, long high) {
    if (!isTracked()) {
      return Truth.NO;
    }
    long least = Integer.toUnsignedLong(markValue & mask);
    long most = Integer.toUnsignedLong((markValue | ~knownBits) & mask);
    if (least >= low && most <= high) {
      return Truth.YES;
    }
    return most < low || least > high ? Truth.NO : Truth.MAYBE;
  }

  // Whether the destination port is within a range.
  Truth portWithin(long low, long high) {
    return within(portLow, portHigh, low, high);
  }

  // Whether the source port is within a range.
  Truth sourceWithin(long low, long high) {
    return within(sourceLow, sourceHigh, low, high);
  }

  private static Truth within(int least, int most, long low, long high) {
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
