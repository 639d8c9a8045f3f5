package org.pinholed.helper.dcerpc.pdu;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.dcerpc.words.DceRpcReason;

/**
 * One PDU of version 5 where it stands in the bytes of its stream. Places are counted from its
 * first byte.
 *
 * <p>The common header (C706 12.6.3.1): version, minor version, type, flags, four bytes of data
 * representation, length of the fragment, length of the authentication value, call id. Not
 * thread-safe; re-used by {@link #wrap}.
 */
public final class PduView extends HeaderView {
  /** Length of the common header. */
  public static final int HEADER_BYTES = 16;

  /** Length of the header of requests and responses, without the UUID of an object. */
  public static final int CALL_HEADER_BYTES = 24;

  /** The longest PDU: its length is a number of two bytes. */
  public static final int LENGTH_MAX_BYTES = 65_535;

  /** Packet privacy: what has this level is encrypted (MS-RPCE 2.2.1.1.8). */
  public static final int LEVEL_PRIVACY = 6;

  private static final int VERSION = 5;
  private static final int MINOR_VERSION_MAX = 1;
  private static final int FLAG_FIRST = 0x01;
  private static final int FLAG_LAST = 0x02;
  private static final int FLAG_MAYBE = 0x40;
  private static final int FLAG_OBJECT = 0x80;
  private static final int OBJECT_BYTES = 16;

  /** What stands before an authentication value (MS-RPCE 2.2.2.11). */
  private static final int TRAILER_HEADER_BYTES = 8;

  /** Makes a view of nothing. */
  public PduView() {}

  /**
   * Whether bytes can be the beginning of a PDU; asked also before a whole header is there.
   *
   * @param bytes the bytes
   * @param at index of the first one
   * @param limit index behind the last one
   * @return false if the version is another one
   */
  public static boolean mayBegin(ByteCursor bytes, int at, int limit) {
    return (limit - at < 1 || bytes.u8At(at) == VERSION)
        && (limit - at < 2 || bytes.u8At(at + 1) <= MINOR_VERSION_MAX);
  }

  /**
   * Reads the common header.
   *
   * @param source the bytes
   * @param at index of its first byte; the {@link #HEADER_BYTES} from there on are there
   * @return why nobody can tell where the next PDU begins; null if all is well
   */
  public @Nullable DceRpcReason wrap(ByteCursor source, int at) {
    boolean hasOrder = begin(source, at);
    if (!hasOrder || !mayBegin(source, at, at + HEADER_BYTES) || length() < HEADER_BYTES) {
      return DceRpcReason.BROKEN_HEADER;
    }
    return hasTrailer() && trailerAt() < HEADER_BYTES ? DceRpcReason.TRAILER_BEYOND_PDU : null;
  }

  /**
   * Its type.
   *
   * @return the type
   */
  public PduType type() {
    return PduType.of(u8(2));
  }

  /**
   * Whether it is the first fragment of a call.
   *
   * @return the flag
   */
  public boolean isFirst() {
    return (u8(3) & FLAG_FIRST) != 0;
  }

  /**
   * Whether it is the last fragment of a call.
   *
   * @return the flag
   */
  public boolean isLast() {
    return (u8(3) & FLAG_LAST) != 0;
  }

  /**
   * Whether nobody waits for a reply.
   *
   * @return the flag
   */
  public boolean isMaybe() {
    return (u8(3) & FLAG_MAYBE) != 0;
  }

  /**
   * How long it is, with its header.
   *
   * @return 16..65535
   */
  public int length() {
    return u16(8);
  }

  /**
   * Which call it belongs to.
   *
   * @return any number
   */
  public int callId() {
    return (int) u32(12);
  }

  /**
   * The presentation context of a request or a response.
   *
   * @return 0..65535; only if the PDU is {@link #CALL_HEADER_BYTES} long
   */
  public int contextId() {
    return u16(20);
  }

  /**
   * The number of the operation of a request.
   *
   * @return 0..65535; only if the PDU is {@link #CALL_HEADER_BYTES} long
   */
  public int opnum() {
    return u16(22);
  }

  /**
   * Where the stub of a request or a response begins.
   *
   * @return 24, or 40 behind the UUID of an object; may be behind {@link #stubEnd}
   */
  public int stubAt() {
    boolean hasObject = (u8(3) & FLAG_OBJECT) != 0 && type() == PduType.REQUEST;
    return CALL_HEADER_BYTES + (hasObject ? OBJECT_BYTES : 0);
  }

  /**
   * Where its stub ends; only once the whole PDU is there.
   *
   * @return before the padding of a trailer; may be before {@link #stubAt}
   */
  public int stubEnd() {
    return hasTrailer() ? trailerAt() - u8(trailerAt() + 2) : length();
  }

  /**
   * Where its own fields end; only once the whole PDU is there.
   *
   * @return before a trailer, or its length
   */
  public int bodyEnd() {
    return hasTrailer() ? trailerAt() : length();
  }

  /**
   * Whether an authentication trailer is behind the stub.
   *
   * @return false where nothing is signed or encrypted
   */
  public boolean hasTrailer() {
    return u16(10) > 0;
  }

  /**
   * Whether its stub is encrypted; only once the whole PDU is there.
   *
   * @return true if the level of its trailer says so; false without one
   */
  public boolean isSealed() {
    return hasTrailer() && u8(trailerAt() + 1) == LEVEL_PRIVACY;
  }

  private int trailerAt() {
    return length() - u16(10) - TRAILER_HEADER_BYTES;
  }
}
