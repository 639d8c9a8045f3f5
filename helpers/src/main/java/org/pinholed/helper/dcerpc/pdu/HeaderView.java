package org.pinholed.helper.dcerpc.pdu;

import java.nio.ByteOrder;
import org.pinholed.helper.ByteCursor;

/**
 * The numbers of a header where it stands in its bytes, in the order that its data representation
 * says (C706 14.1). Places are counted from its first byte. Not thread-safe.
 */
abstract class HeaderView {
  private static final int ORDER_AT = 4;

  private ByteCursor bytes = new ByteCursor();
  private int start;
  private boolean littleEndian;

  /** Whether the byte order that a header says is one of the two that there are. */
  final boolean begin(ByteCursor source, int at) {
    bytes = source;
    start = at;
    int order = u8(ORDER_AT) >> 4;
    littleEndian = order == 1;
    return order <= 1;
  }

  /**
   * The order of the numbers in it.
   *
   * @return as its data representation says
   */
  public final ByteOrder order() {
    return littleEndian ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN;
  }

  /**
   * What it stands in.
   *
   * @return the bytes
   */
  public final ByteCursor bytes() {
    return bytes;
  }

  /**
   * Index of a place.
   *
   * @param at a place
   * @return index of the byte there in the buffer under it
   */
  public final int indexOf(int at) {
    return start + at;
  }

  /**
   * Where a place is in the stream, or in its datagram.
   *
   * @param at a place
   * @return bytes from the first one of the direction, or of the datagram
   */
  public final long streamOffsetOf(int at) {
    return bytes.streamOffsetOf(start + at);
  }

  final int u8(int at) {
    return bytes.u8At(start + at);
  }

  final int u16(int at) {
    return littleEndian ? u8(at + 1) << 8 | u8(at) : u8(at) << 8 | u8(at + 1);
  }

  final long u32(int at) {
    return littleEndian ? (long) u16(at + 2) << 16 | u16(at) : (long) u16(at) << 16 | u16(at + 2);
  }

  /** The first half of a UUID as it is written, the first digit in the highest bits. */
  final long uuidHigh(int at) {
    return u32(at) << 32 | (long) u16(at + 4) << 16 | u16(at + 6);
  }

  /** The other half of the UUID at a place: its last eight bytes, which have no order. */
  final long uuidLow(int at) {
    long low = 0;
    for (int place = at + 8; place < at + 16; place++) {
      low = low << 8 | u8(place);
    }
    return low;
  }
}
