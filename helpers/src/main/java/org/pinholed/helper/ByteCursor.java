package org.pinholed.helper;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Objects;

/**
 * A forward-only reader over one slice of packet bytes that never reads past its limit.
 *
 * <p>A read past the limit does not throw: it returns 0 and makes {@link #ok()} false for good, so
 * a parser reads all fields of a header and checks once. Numbers are in network order, whatever the
 * order of the buffer, until {@link #order} says otherwise.
 *
 * <p>Helpers read bytes through a cursor only. It can be extended for one reason: the tests of the
 * helpers give them one that counts. Not thread-safe; one per worker, re-used by {@link #wrap}.
 */
public class ByteCursor {
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  private ByteBuffer buffer = NOTHING;
  private int position;
  private int limit;
  private long streamOffset;
  private boolean littleEndian;
  private boolean ok = true;

  /** Makes a cursor over nothing; see {@link #wrap}. */
  public ByteCursor() {}

  /**
   * Begins a slice, in network order.
   *
   * @param source where the bytes are; its own position, limit and order are not used
   * @param offset index of the first byte
   * @param lengthBytes how many
   * @param firstStreamOffset offset of the first byte from the start of its stream; 0 for datagrams
   * @return this cursor
   */
  public final ByteCursor wrap(
      ByteBuffer source, int offset, int lengthBytes, long firstStreamOffset) {
    Objects.checkFromIndexSize(offset, lengthBytes, source.capacity());
    buffer = source;
    position = offset;
    limit = offset + lengthBytes;
    streamOffset = firstStreamOffset - offset;
    littleEndian = false;
    ok = true;
    return this;
  }

  /**
   * Begins a slice of what another cursor reads, in network order. Offsets count as there.
   *
   * @param other the other one
   * @param index index of the first byte in its buffer
   * @param lengthBytes how many
   * @return this cursor
   */
  public final ByteCursor wrap(ByteCursor other, int index, int lengthBytes) {
    return wrap(other.buffer, index, lengthBytes, other.streamOffsetOf(index));
  }

  /**
   * Makes a cursor of the same kind, for bytes that a helper keeps itself: where it is counted what
   * is read through this one, it is counted through that one, too.
   *
   * @return a cursor over nothing
   */
  public ByteCursor another() {
    return new ByteCursor();
  }

  /**
   * Says in which order the bytes of the numbers come that are read from now on. Protocols are told
   * it by a header, or have numbers of both orders in one message.
   *
   * @param order big-endian is network order
   * @return this cursor
   */
  public final ByteCursor order(ByteOrder order) {
    littleEndian = order == ByteOrder.LITTLE_ENDIAN;
    return this;
  }

  /**
   * Whether every read so far was inside the slice.
   *
   * @return false for good after a read past the limit
   */
  public final boolean ok() {
    return ok;
  }

  /**
   * The buffer under the slice. Helpers use {@link #u8At} instead.
   *
   * @return the buffer of {@link #wrap}
   */
  public final ByteBuffer buffer() {
    return buffer;
  }

  /**
   * Index of the next byte in {@link #buffer()}.
   *
   * @return an index
   */
  public final int position() {
    return position;
  }

  /**
   * Index behind the last byte in {@link #buffer()}.
   *
   * @return an index
   */
  public final int limit() {
    return limit;
  }

  /**
   * What is left.
   *
   * @return length in bytes
   */
  public final int remaining() {
    return limit - position;
  }

  /**
   * Offset of an index of the buffer from the start of the stream.
   *
   * @param index an index of {@link #buffer()} within the slice
   * @return bytes from the first byte of the stream
   */
  public final long streamOffsetOf(int index) {
    return streamOffset + index;
  }

  /**
   * A byte by its index; where the cursor stands does not matter and is not changed.
   *
   * @param index an index of {@link #buffer()} within the slice
   * @return 0..255
   */
  public int u8At(int index) {
    return Byte.toUnsignedInt(buffer.get(index));
  }

  /**
   * Reads one byte.
   *
   * @return 0..255
   */
  public final int u8() {
    return has(1) ? u8At(position++) : 0;
  }

  /**
   * Reads a number of two bytes.
   *
   * @return 0..65535
   */
  public final int u16() {
    return has(2) ? (int) number(2) : 0;
  }

  /**
   * Reads a number of four bytes.
   *
   * @return 0..2^32-1
   */
  public final long u32() {
    return has(4) ? number(4) : 0;
  }

  /**
   * Reads a number of eight bytes.
   *
   * @return all 64 bits: what is 2^63 or more is below zero, so a length or count must be compared
   *     by {@link Long#compareUnsigned}
   */
  public final long u64() {
    return has(8) ? number(8) : 0;
  }

  /**
   * Copies bytes and goes behind them.
   *
   * @param target where they go
   * @param offset index of {@code target} where the first one goes
   * @param lengthBytes how many, 0 or more; more than there are makes {@link #ok()} false, and none
   *     is copied
   */
  public void copyTo(byte[] target, int offset, int lengthBytes) {
    Objects.checkFromIndexSize(offset, lengthBytes, target.length);
    if (has(lengthBytes)) {
      buffer.get(position, target, offset, lengthBytes);
      position += lengthBytes;
    }
  }

  /**
   * Goes forward.
   *
   * @param lengthBytes how far, 0 or more; beyond the limit makes {@link #ok()} false
   */
  public final void skip(int lengthBytes) {
    if (lengthBytes < 0 || !has(lengthBytes)) {
      ok = false;
      position = limit;
      return;
    }
    position += lengthBytes;
  }

  // Reads a number that is there as a whole.
  private long number(int lengthBytes) {
    long value = 0;
    if (littleEndian) {
      for (int at = lengthBytes - 1; at >= 0; at--) {
        value = value << 8 | u8At(position + at);
      }
    } else {
      for (int at = 0; at < lengthBytes; at++) {
        value = value << 8 | u8At(position + at);
      }
    }
    position += lengthBytes;
    return value;
  }

  /**
   * Asked before each read: whether so much is left.
   *
   * @param lengthBytes how many bytes are to be read
   * @return false if there are less; then {@link #ok()} is false from now on
   */
  protected boolean has(int lengthBytes) {
    if (limit - position < lengthBytes) {
      ok = false;
      position = limit;
      return false;
    }
    return true;
  }
}
