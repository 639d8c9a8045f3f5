package org.pinholed.helper.dcerpc.pdu;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.dcerpc.words.DceRpcReason;

/**
 * One datagram of version 4 (C706 12.5): a header of 80 bytes, and a fragment of a call, all of it
 * for most. Not thread-safe; re-used by {@link #wrap}.
 */
public final class DatagramView extends HeaderView {
  /** Length of the header. */
  public static final int HEADER_BYTES = 80;

  private static final int VERSION = 4;
  private static final int FLAG_LAST = 0x02;
  private static final int FLAG_FRAGMENT = 0x04;
  private static final int FLAG_MAYBE = 0x10;

  private int length;

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
    length = datagram.remaining();
    boolean isSound =
        length >= HEADER_BYTES
            && begin(datagram, datagram.position())
            && HEADER_BYTES + stubLength() <= length;
    return isSound ? null : DceRpcReason.BROKEN_DATAGRAM;
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
   * Whether its body is encrypted. The verifier, which says that, is behind the body, aligned to 8
   * (C706 13.3).
   *
   * @return true also if there is to be a verifier, and it does not say
   */
  public boolean isSealed() {
    int behind = HEADER_BYTES + stubLength();
    int at = behind + (-behind & 7);
    return isSigned() && (at >= length || u8(at) >= PduView.LEVEL_PRIVACY);
  }

  /**
   * Index of the first byte of its stub.
   *
   * @return an index of the buffer under the datagram
   */
  public int stubIndex() {
    return indexOf(HEADER_BYTES);
  }
}
