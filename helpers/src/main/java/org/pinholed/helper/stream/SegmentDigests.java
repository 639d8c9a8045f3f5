package org.pinholed.helper.stream;

import java.nio.ByteBuffer;
import java.security.SecureRandom;

/**
 * Remembers the last eight segments that were read, as sequence number, length and a keyed 64-bit
 * digest ({@link SipHash}).
 *
 * <p>Digests and not bytes, because the bytes of a control channel hold passwords and those are
 * never kept. The price: only a copy that covers a remembered segment from its first to its last
 * byte is compared. That is what TCP sends when it repeats a segment, alone or merged with its
 * neighbours. A copy that begins or ends inside a segment is not compared there: it comes from
 * honest senders, too, when a segment was cut or a path's MTU became smaller, and its bytes are not
 * read again. The key is drawn at the start, so that nobody can choose two texts with one digest.
 * Not thread-safe; owned by its stream.
 */
final class SegmentDigests {
  private static final long KEY_0;
  private static final long KEY_1;
  private static final int SEGMENTS = 8;

  static {
    SecureRandom random = new SecureRandom();
    KEY_0 = random.nextLong();
    KEY_1 = random.nextLong();
  }

  // Sequence number in the upper half, length in the lower one.
  private final long[] segments = new long[SEGMENTS];
  private final long[] digests = new long[SEGMENTS];
  private int newest;

  // Remembers a segment in the place of the oldest one; an empty one matches nothing.
  void add(int sequence, ByteBuffer buffer, int offset, int lengthBytes) {
    newest = (newest + 1) % SEGMENTS;
    segments[newest] = (long) sequence << 32 | lengthBytes;
    digests[newest] = digest(buffer, offset, lengthBytes);
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
    for (int at = 0; at < SEGMENTS; at++) {
      int length = (int) segments[at];
      int first = (int) (segments[at] >>> 32);
      int from = first - sequence;
      if (length == 0 || from < 0 || from > lengthBytes - length) {
        continue;
      }
      if (next - (first + length) <= historyBytes
          && digests[at] != digest(buffer, offset + from, length)) {
        return true;
      }
    }
    return false;
  }

  private static long digest(ByteBuffer buffer, int offset, int lengthBytes) {
    return SipHash.hash(KEY_0, KEY_1, buffer, offset, lengthBytes);
  }
}
