package org.pinholed.helper.dcerpc.call;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.dcerpc.stub.StubPlaces;

/**
 * What is there of the stub of a call whose fragments come one by one. It takes as much memory as
 * came, whatever a header says of the length to come.
 */
public final class FragmentedCall {
  /** The longest stub that is put together. */
  public static final int LENGTH_MAX_BYTES = 65_536;

  private static final int FIRST_BYTES = 256;
  private static final int OVERHEAD_BYTES = 160;

  /** Whether it is a reply. */
  final boolean isReply;

  /** Which call it is. */
  final int callId;

  private final ByteOrder order;
  private final long streamOffset;
  private final StubPlaces places = new StubPlaces();
  private byte[] bytes = new byte[FIRST_BYTES];
  private ByteBuffer buffer = ByteBuffer.wrap(bytes);
  private int length;

  FragmentedCall(boolean isReply, int callId, ByteOrder order, long streamOffset) {
    this.isReply = isReply;
    this.callId = callId;
    this.order = order;
    this.streamOffset = streamOffset;
  }

  /**
   * Adds the stub of the next fragment.
   *
   * @param from the bytes it stands in
   * @param index index of its first byte there
   * @param lengthBytes how long it is, 0 or more
   * @param mayChange whether its bytes may be changed where they stand
   * @return false if the call would be too long; then nothing is added
   */
  boolean add(ByteCursor from, int index, int lengthBytes, boolean mayChange) {
    if (lengthBytes > LENGTH_MAX_BYTES - length) {
      return false;
    }
    if (lengthBytes == 0) {
      return true;
    }
    if (length + lengthBytes > bytes.length) {
      int most = Math.max(length + lengthBytes, Math.min(LENGTH_MAX_BYTES, 2 * bytes.length));
      bytes = Arrays.copyOf(bytes, most);
      buffer = ByteBuffer.wrap(bytes);
    }
    for (int at = 0; at < lengthBytes; at++) {
      bytes[length + at] = (byte) from.u8At(index + at);
    }
    places.add(length, from.streamOffsetOf(index), mayChange);
    length += lengthBytes;
    return true;
  }

  /**
   * The stub, as far as it is there.
   *
   * @param like a cursor of the same kind is made
   * @return one that has {@link #length} bytes from index 0 on
   */
  public ByteCursor read(ByteCursor like) {
    return like.another().wrap(buffer, 0, length, 0);
  }

  /**
   * How much of it is there.
   *
   * @return in bytes
   */
  public int length() {
    return length;
  }

  /**
   * The order of its numbers.
   *
   * @return that of its first fragment
   */
  public ByteOrder order() {
    return order;
  }

  /**
   * Where its first fragment began.
   *
   * @return bytes from the first one of the direction
   */
  public long streamOffset() {
    return streamOffset;
  }

  /**
   * Where its bytes stand in the stream.
   *
   * @return the places of its fragments
   */
  public StubPlaces places() {
    return places;
  }

  int keptBytes() {
    return bytes.length + places.keptBytes() + OVERHEAD_BYTES;
  }

  void write(SnapshotWriter to, long position) {
    to.number(isReply ? 1 : 0);
    to.number(Math.max(0, position - streamOffset));
    to.number(Integer.toUnsignedLong(callId));
    to.number(order == ByteOrder.LITTLE_ENDIAN ? 1 : 0);
    to.number(length);
    for (int at = 0; at < length; at += Long.BYTES) {
      to.number(word(at));
    }
  }

  private long word(int at) {
    long word = 0;
    for (int next = at; next < at + Long.BYTES; next++) {
      word = word << 8 | (next < length ? bytes[next] & 0xff : 0);
    }
    return word;
  }

  /**
   * The next byte that another process reads is the first one that it counts. What came before it
   * has passed, and cannot be changed any more.
   */
  static FragmentedCall read(SnapshotReader from) {
    boolean reply = from.number(1) == 1;
    long behind = from.number(Long.MAX_VALUE >> 1);
    int id = from.number32();
    ByteOrder order = from.number(1) == 1 ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN;
    FragmentedCall call = new FragmentedCall(reply, id, order, -behind);
    int lengthBytes = from.number(LENGTH_MAX_BYTES);
    int words = (lengthBytes + Long.BYTES - 1) / Long.BYTES;
    ByteBuffer stub = ByteBuffer.allocate(from.ok() ? words * Long.BYTES : 0);
    for (int at = 0; at < words && from.ok(); at++) {
      stub.putLong(from.number());
    }
    if (from.ok() && lengthBytes > 0) {
      call.add(new ByteCursor().wrap(stub, 0, lengthBytes, 0), 0, lengthBytes, false);
    }
    return call;
  }
}
