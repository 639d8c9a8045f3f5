package org.pinholed.helper;

import java.nio.ByteBuffer;
import java.util.Objects;

/**
 * A forward-only reader over one slice of packet bytes that never reads past its limit.
 *
 * <p>A read past the limit does not throw: it returns 0 and makes {@link #ok()} false for good, so
 * a parser reads all fields of a header and checks once. Network byte order, whatever the order of
 * the buffer. Not thread-safe; one per worker, re-used by {@link #wrap}.
 */
public final class ByteCursor {
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  private ByteBuffer buffer = NOTHING;
  private int position;
  private int limit;
  private long streamOffset;
  private boolean ok = true;

  /**
   * Begins a slice.
   *
   * @param source where the bytes are; its own position, limit and order are not used
   * @param offset index of the first byte
   * @param lengthBytes how many
   * @param firstStreamOffset offset of the first byte from the start of its stream; 0 for datagrams
   * @return this cursor
   */
  public ByteCursor wrap(ByteBuffer source, int offset, int lengthBytes, long firstStreamOffset) {
    Objects.checkFromIndexSize(offset, lengthBytes, source.capacity());
    buffer = source;
    position = offset;
    limit = offset + lengthBytes;
    streamOffset = firstStreamOffset - offset;
    ok = true;
    return this;
  }

  /**
   * Whether every read so far was inside the slice.
   *
   * @return false for good after a read past the limit
   */
  public boolean ok() {
    return ok;
  }

  /**
   * The buffer under the slice.
   *
   * @return the buffer of {@link #wrap}
   */
  public ByteBuffer buffer() {
    return buffer;
  }

  /**
   * Index of the next byte in {@link #buffer()}.
   *
   * @return an index
   */
  public int position() {
    return position;
  }

  /**
   * Index behind the last byte in {@link #buffer()}.
   *
   * @return an index
   */
  public int limit() {
    return limit;
  }

  /**
   * What is left.
   *
   * @return length in bytes
   */
  public int remaining() {
    return limit - position;
  }

  /**
   * Offset of an index of the buffer from the start of the stream.
   *
   * @param index an index of {@link #buffer()} within the slice
   * @return bytes from the first byte of the stream
   */
  public long streamOffsetOf(int index) {
    return streamOffset + index;
  }

  /**
   * Reads one byte.
   *
   * @return 0..255
   */
  public int u8() {
    if (!has(1)) {
      return 0;
    }
    return Byte.toUnsignedInt(buffer.get(position++));
  }

  /**
   * Reads two bytes in network order.
   *
   * @return 0..65535
   */
  public int u16() {
    if (!has(2)) {
      return 0;
    }
    int value =
        Byte.toUnsignedInt(buffer.get(position)) << 8
            | Byte.toUnsignedInt(buffer.get(position + 1));
    position += 2;
    return value;
  }

  /**
   * Reads four bytes in network order.
   *
   * @return 0..2^32-1
   */
  public long u32() {
    if (!has(4)) {
      return 0;
    }
    return (long) u16() << 16 | u16();
  }

  /**
   * Goes forward.
   *
   * @param lengthBytes how far, 0 or more; beyond the limit makes {@link #ok()} false
   */
  public void skip(int lengthBytes) {
    if (lengthBytes < 0 || !has(lengthBytes)) {
      ok = false;
      position = limit;
      return;
    }
    position += lengthBytes;
  }

  private boolean has(int lengthBytes) {
    if (limit - position < lengthBytes) {
      ok = false;
      position = limit;
      return false;
    }
    return true;
  }
}
