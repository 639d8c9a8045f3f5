package org.pinholed.helper.stream;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.SecureRandom;

/**
 * Remembers the last segments that were read, as sequence number, length and a keyed 32-bit digest.
 *
 * <p>Digests and not bytes, because the bytes of a control channel hold passwords and those are
 * never kept. The price: a retransmission is compared only where it covers a remembered segment
 * whole (sent again alike, or together with its neighbours); a retransmission cut inside a segment
 * is not. The key is drawn at start, so a peer cannot make two texts with one digest. Not
 * thread-safe; owned by its stream.
 */
final class SegmentDigests {
  private static final long KEY = new SecureRandom().nextLong();
  private static final long MULTIPLIER = 0x9E3779B97F4A7C15L;
  private static final int SEGMENTS = 8;
  private static final int FIELDS = 3;

  private final int[] ring = new int[SEGMENTS * FIELDS];
  private int newest;

  // Remembers a segment in the place of the oldest one; an empty one matches nothing.
  void add(int sequence, ByteBuffer buffer, int offset, int lengthBytes) {
    newest = (newest + FIELDS) % ring.length;
    ring[newest] = sequence;
    ring[newest + 1] = lengthBytes;
    ring[newest + 2] = digest(buffer, offset, lengthBytes);
  }

  /**
   * Compares bytes with what was read under the same sequence numbers.
   *
   * @param sequence of the first byte
   * @param buffer where the bytes are
   * @param offset index of the first byte
   * @param lengthBytes how many, all of them read before
   * @param next the sequence number behind the last byte that was read
   * @param historyBytes segments that end further back than this are forgotten
   * @return true if a remembered segment inside them had other bytes
   */
  boolean differ(
      int sequence, ByteBuffer buffer, int offset, int lengthBytes, int next, int historyBytes) {
    for (int at = 0; at < ring.length; at += FIELDS) {
      int length = ring[at + 1];
      int from = ring[at] - sequence;
      if (length == 0 || from < 0 || from > lengthBytes - length) {
        continue;
      }
      if (next - (ring[at] + length) <= historyBytes
          && ring[at + 2] != digest(buffer, offset + from, length)) {
        return true;
      }
    }
    return false;
  }

  private static int digest(ByteBuffer buffer, int offset, int lengthBytes) {
    boolean swap = buffer.order() == ByteOrder.LITTLE_ENDIAN;
    long hash = KEY;
    int at = offset;
    int end = offset + lengthBytes;
    for (; end - at >= Long.BYTES; at += Long.BYTES) {
      long word = buffer.getLong(at);
      hash = mix(hash ^ (swap ? Long.reverseBytes(word) : word));
    }
    for (; at < end; at++) {
      hash = mix(hash ^ buffer.get(at));
    }
    return (int) hash;
  }

  private static long mix(long hash) {
    long product = hash * MULTIPLIER;
    return product ^ (product >>> 32);
  }
}
