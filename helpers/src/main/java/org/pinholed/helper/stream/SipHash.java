package org.pinholed.helper.stream;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * SipHash-2-4, a keyed 64-bit hash: whoever does not have the key can neither find two texts with
 * the same hash nor tell how a change of the text changes it (Aumasson and Bernstein, "SipHash: a
 * fast short-input PRF", 2012; the kernel has it as {@code lib/siphash.c}). No state, no
 * allocation.
 */
final class SipHash {
  private SipHash() {}

  /**
   * Hashes bytes.
   *
   * @param key0 first half of the key, its bytes read as a little-endian number
   * @param key1 second half of the key
   * @param buffer where the bytes are, in either byte order
   * @param offset index of the first byte
   * @param lengthBytes how many, 0 or more
   * @return the hash, its bytes read as a little-endian number
   */
  static long hash(long key0, long key1, ByteBuffer buffer, int offset, int lengthBytes) {
    boolean swap = buffer.order() == ByteOrder.BIG_ENDIAN;
    long v0 = key0 ^ 0x736f6d6570736575L;
    long v1 = key1 ^ 0x646f72616e646f6dL;
    long v2 = key0 ^ 0x6c7967656e657261L;
    long v3 = key1 ^ 0x7465646279746573L;
    int end = offset + lengthBytes;
    int wholeWordsEnd = offset + (lengthBytes & ~7);
    long word = (long) lengthBytes << 56;
    for (int at = wholeWordsEnd; at < end; at++) {
      word |= (buffer.get(at) & 0xffL) << (8 * (at - wholeWordsEnd));
    }
    int rounds = 2;
    for (int at = offset; rounds > 0; at += Long.BYTES) {
      // First the whole words, then the last one with the length, then four rounds without a word.
      long next = 0;
      if (at < wholeWordsEnd) {
        next = swap ? Long.reverseBytes(buffer.getLong(at)) : buffer.getLong(at);
      } else if (at == wholeWordsEnd) {
        next = word;
      } else {
        v2 ^= 0xff;
        rounds = 4;
      }
      v3 ^= next;
      for (int round = 0; round < rounds; round++) {
        v0 += v1;
        v1 = Long.rotateLeft(v1, 13) ^ v0;
        v0 = Long.rotateLeft(v0, 32);
        v2 += v3;
        v3 = Long.rotateLeft(v3, 16) ^ v2;
        v0 += v3;
        v3 = Long.rotateLeft(v3, 21) ^ v0;
        v2 += v1;
        v1 = Long.rotateLeft(v1, 17) ^ v2;
        v2 = Long.rotateLeft(v2, 32);
      }
      v0 ^= next;
      if (rounds == 4) {
        rounds = 0;
      }
    }
    return v0 ^ v1 ^ v2 ^ v3;
  }
}
