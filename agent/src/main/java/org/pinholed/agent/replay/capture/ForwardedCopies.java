package org.pinholed.agent.replay.capture;

import java.nio.ByteBuffer;

/**
 * Knows a forwarded packet again: a capture of all devices of a router ({@code tcpdump -i any}) has
 * each packet as it came and as it left, with one hop less to go. What a sender sends again comes
 * with as many hops as before, and is no copy. A packet that was translated is another one. Not
 * thread-safe.
 */
public final class ForwardedCopies {
  /** So many packets may lie between the two. */
  private static final int KEPT = 1024;

  /**
   * Of what is behind the IP header: the headers of TCP and UDP, whose checksum covers the rest.
   */
  private static final int COMPARED_BYTES = 64;

  private static final int IPV4_MIN_HEADER_BYTES = 20;
  private static final int IPV6_HEADER_BYTES = 40;
  private static final long MULTIPLIER = 0x9e3779b97f4a7c15L;

  private final long[] prints = new long[KEPT];
  private final int[] hops = new int[KEPT];
  private int next;

  /** Makes one that has seen nothing. */
  public ForwardedCopies() {}

  /**
   * Whether a packet of IP is one of the last ones, a hop later. It is remembered if not.
   *
   * @param bytes where it is
   * @param offset index of its IP header
   * @param lengthBytes how much was captured
   * @return false also for what is no IP packet at all
   */
  public boolean isCopy(ByteBuffer bytes, int offset, int lengthBytes) {
    int version = lengthBytes < 1 ? 0 : u8(bytes, offset) >> 4;
    int hopLimit;
    long print;
    if (version == 4 && lengthBytes >= IPV4_MIN_HEADER_BYTES) {
      hopLimit = u8(bytes, offset + 8);
      // Without DSCP, which a router may set, the hops, and the checksum over them.
      print = hash(bytes, offset + 2, offset + 8, version);
      print = hash(bytes, offset + 9, offset + 10, print);
      print = hash(bytes, offset + 12, behind(offset + 12, offset, lengthBytes), print);
    } else if (version == 6 && lengthBytes >= IPV6_HEADER_BYTES) {
      hopLimit = u8(bytes, offset + 7);
      print = hash(bytes, offset + 4, offset + 7, version);
      print =
          hash(bytes, offset + 8, behind(offset + IPV6_HEADER_BYTES, offset, lengthBytes), print);
    } else {
      return false;
    }
    for (int i = 0; i < KEPT; i++) {
      if (prints[i] == print && hops[i] == hopLimit + 1) {
        return true;
      }
    }
    prints[next] = print;
    hops[next] = hopLimit;
    next = (next + 1) % KEPT;
    return false;
  }

  private static int behind(int from, int offset, int lengthBytes) {
    return Math.min(offset + lengthBytes, from + COMPARED_BYTES);
  }

  private static long hash(ByteBuffer bytes, int from, int to, long before) {
    long hash = before;
    for (int i = from; i < to; i++) {
      hash = (hash ^ bytes.get(i)) * MULTIPLIER;
      hash ^= hash >>> 32;
    }
    return hash;
  }

  private static int u8(ByteBuffer bytes, int at) {
    return Byte.toUnsignedInt(bytes.get(at));
  }
}
