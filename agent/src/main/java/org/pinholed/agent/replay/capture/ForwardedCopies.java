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

  /** Of what is behind the IP header. */
  private static final int COMPARED_BYTES = 256;

  private static final int IPV4_MIN_HEADER_BYTES = 20;
  private static final int IPV6_HEADER_BYTES = 40;
  private static final int TCP = 6;
  private static final int UDP = 17;
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
    int headerBytes;
    int protocol;
    long print;
    if (version == 4 && lengthBytes >= IPV4_MIN_HEADER_BYTES) {
      hopLimit = u8(bytes, offset + 8);
      protocol = u8(bytes, offset + 9);
      headerBytes = Math.min(lengthBytes, 4 * (u8(bytes, offset) & 15));
      // Without DSCP, which a router may set, the hops, and the checksum over them.
      print = hash(bytes, offset + 2, offset + 8, protocol);
      print = hash(bytes, offset + 12, offset + headerBytes, print);
    } else if (version == 6 && lengthBytes >= IPV6_HEADER_BYTES) {
      hopLimit = u8(bytes, offset + 7);
      protocol = u8(bytes, offset + 6);
      headerBytes = IPV6_HEADER_BYTES;
      print = hash(bytes, offset + 4, offset + 6, protocol);
      print = hash(bytes, offset + 8, offset + headerBytes, print);
    } else {
      return false;
    }
    int at = offset + headerBytes;
    int end = Math.min(offset + lengthBytes, at + COMPARED_BYTES);
    // Between virtual machines the checksum is not there yet when a packet comes, and is when it
    // left a queue.
    int checksumAt = Math.min(end, at + checksumOffset(protocol));
    print = hash(bytes, at, checksumAt, print);
    print = hash(bytes, Math.min(end, checksumAt + 2), end, print);
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

  private static int checksumOffset(int protocol) {
    return switch (protocol) {
      case TCP -> 16;
      case UDP -> 6;
      default -> COMPARED_BYTES;
    };
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
