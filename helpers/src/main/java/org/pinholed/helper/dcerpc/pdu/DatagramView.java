package org.pinholed.helper.dcerpc.pdu;

import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.dcerpc.words.DceRpcReason;

/**
 * One datagram of version 4 (C706 12.5): a header of 80 bytes, and a fragment of a call, all of it
 * for most. Not thread-safe; re-used by {@link #wrap}.
 */
public final class DatagramView {
  /** Length of the header. */
  public static final int HEADER_BYTES = 80;

  private static final int VERSION = 4;
  private static final int FLAG_LAST = 0x02;
  private static final int FLAG_FRAGMENT = 0x04;
  private static final int FLAG_MAYBE = 0x10;
  private static final int LEVEL_PRIVACY = 6;

  private ByteCursor bytes = new ByteCursor();
  private int start;
  private int end;
  private boolean littleEndian;

  /** Makes a view of nothing. */
  public DatagramView() {}

  /**
   * Whether a datagram says that it is one of version 4.
   *
   * @param datagram the payload
   * @return false also if it is empty
   */
  public static boolean isOne(ByteCursor datagram) {
    return datagram.remaining() > 0 && (datagram.u8At(datagram.position()) & 0x0f) == VERSION;
  }

  /**
   * Reads the header.
   *
   * @param datagram the payload, whole
   * @return why it cannot be read; null if all is well
   */
  public @Nullable DceRpcReason wrap(ByteCursor datagram) {
    bytes = datagram;
    start = datagram.position();
    end = datagram.limit();
    if (datagram.remaining() < HEADER_BYTES) {
      return DceRpcReason.BROKEN_DATAGRAM;
    }
    int order = u8(4) >> 4;
    littleEndian = order == 1;
    return order > 1 || HEADER_BYTES + stubLength() > datagram.remaining()
        ? DceRpcReason.BROKEN_DATAGRAM
        : null;
  }

  /**
   * Its type.
   *
   * @return the type
   */
  public PduType type() {
    return PduType.of(u8(1));
  }

  /**
   * Whether it is one fragment of several.
   *
   * @return false if it is a whole call
   */
  public boolean isFragment() {
    return (u8(2) & FLAG_FRAGMENT) != 0;
  }

  /**
   * Whether it is the last fragment.
   *
   * @return the flag
   */
  public boolean isLast() {
    return (u8(2) & FLAG_LAST) != 0;
  }

  /**
   * Whether nobody waits for a reply.
   *
   * @return the flag
   */
  public boolean isMaybe() {
    return (u8(2) & FLAG_MAYBE) != 0;
  }

  /**
   * The order of the numbers in it.
   *
   * @return as its data representation says
   */
  public ByteOrder order() {
    return littleEndian ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN;
  }

  /**
   * The first half of the UUID of its interface.
   *
   * @return as it is written
   */
  public long interfaceHigh() {
    return uuidHigh(24);
  }

  /**
   * The other half.
   *
   * @return as it is written
   */
  public long interfaceLow() {
    return uuidLow(24);
  }

  /**
   * The major version of its interface.
   *
   * @return 0..65535
   */
  public int majorVersion() {
    return (int) (u32(60) & 0xffff);
  }

  /**
   * The first half of the UUID of its activity: of whoever makes one call after the other.
   *
   * @return as it is written
   */
  public long activityHigh() {
    return uuidHigh(40);
  }

  /**
   * The other half.
   *
   * @return as it is written
   */
  public long activityLow() {
    return uuidLow(40);
  }

  /**
   * Which call of its activity it is.
   *
   * @return any number
   */
  public int sequence() {
    return (int) u32(64);
  }

  /**
   * The number of the operation.
   *
   * @return 0..65535
   */
  public int opnum() {
    return u16(68);
  }

  /**
   * Which fragment of its call it is.
   *
   * @return 0..65535
   */
  public int fragmentNumber() {
    return u16(76);
  }

  /**
   * How long its part of the stub is.
   *
   * @return in bytes, 0 or more
   */
  public int stubLength() {
    return u16(74);
  }

  /**
   * Whether it carries an authentication verifier.
   *
   * @return false where nothing is signed or encrypted
   */
  public boolean isSigned() {
    return u8(78) != 0;
  }

  /**
   * How it is protected. The verifier is behind the body, aligned to 8 (C706 13.3).
   *
   * @return the level, 6 if the body is encrypted or the verifier does not say; 0 without one
   */
  public int authLevel() {
    if (!isSigned()) {
      return 0;
    }
    int behind = HEADER_BYTES + stubLength();
    int at = behind + (-behind & 7);
    return start + at < end ? u8(at) : LEVEL_PRIVACY;
  }

  /**
   * Index of the first byte of its stub.
   *
   * @return an index of the buffer under the datagram
   */
  public int stubIndex() {
    return start + HEADER_BYTES;
  }

  /**
   * What it stands in.
   *
   * @return the bytes
   */
  public ByteCursor bytes() {
    return bytes;
  }

  private int u8(int at) {
    return bytes.u8At(start + at);
  }

  private int u16(int at) {
    return littleEndian ? u8(at + 1) << 8 | u8(at) : u8(at) << 8 | u8(at + 1);
  }

  private long u32(int at) {
    return littleEndian ? (long) u16(at + 2) << 16 | u16(at) : (long) u16(at) << 16 | u16(at + 2);
  }

  private long uuidHigh(int at) {
    return u32(at) << 32 | (long) u16(at + 4) << 16 | u16(at + 6);
  }

  private long uuidLow(int at) {
    long low = 0;
    for (int place = at + 8; place < at + 16; place++) {
      low = low << 8 | u8(place);
    }
    return low;
  }
}
