package org.pinholed.agent.doctor;

/**
 * A packet of the child of a pinhole, as a firewall would meet it: TCP, a server port from 1024
 * upwards, and a conntrack mark of which the agent's bits are known.
 *
 * @param family 4 or 6
 * @param isNew the first packet; otherwise one of the established connection
 * @param knownBits the bits of the mark that are known
 * @param markValue their values; 0 elsewhere
 */
record ChildPacket(int family, boolean isNew, int knownBits, int markValue) {
  /** Lowest port that pinholes are opened for. */
  private static final long PORT_MIN = 1024;

  ChildPacket withMark(int value) {
    return new ChildPacket(family, isNew, -1, value);
  }

  String state() {
    return isNew ? "new" : "established";
  }

  // Whether {@code (mark & mask) == value}.
  Truth markEquals(int mask, int value) {
    if ((value & ~mask) != 0 || ((value ^ markValue) & mask & knownBits) != 0) {
      return Truth.NO;
    }
    return (mask & ~knownBits) == 0 ? Truth.YES : Truth.MAYBE;
  }

  // Whether {@code low <= (mark & mask) <= high}, all unsigned.
  Truth markWithin(int mask, long low, long high) {
    long least = Integer.toUnsignedLong(markValue & mask);
    long most = Integer.toUnsignedLong((markValue | ~knownBits) & mask);
    if (least >= low && most <= high) {
      return Truth.YES;
    }
    return most < low || least > high ? Truth.NO : Truth.MAYBE;
  }

  // Whether the server's port is within a range.
  static Truth portWithin(long low, long high) {
    if (low <= PORT_MIN && high >= 65535) {
      return Truth.YES;
    }
    return high < PORT_MIN ? Truth.NO : Truth.MAYBE;
  }
}
