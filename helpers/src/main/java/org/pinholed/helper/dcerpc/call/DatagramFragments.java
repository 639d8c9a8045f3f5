package org.pinholed.helper.dcerpc.call;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.dcerpc.pdu.DatagramView;

/**
 * The calls of one flow of datagrams that come in fragments, which may come in any order and more
 * than once. Bounded: the oldest gives way, because what was lost may never come. Not thread-safe.
 */
public final class DatagramFragments {
  private static final int PIECES_MOST = 256;
  private static final int OVERHEAD_BYTES = 160;
  private static final int PIECE_BYTES = 32;

  private final List<Call> calls = new ArrayList<>(0);

  /** What is there of one call. */
  private static final class Call {
    private final boolean isReply;
    private final long activityHigh;
    private final long activityLow;
    private final int sequence;
    private final List<byte @Nullable []> pieces = new ArrayList<>();
    private int last = -1;
    private int there;
    private int lengthBytes;

    private Call(boolean isReply, DatagramView datagram) {
      this.isReply = isReply;
      activityHigh = datagram.activityHigh();
      activityLow = datagram.activityLow();
      sequence = datagram.sequence();
    }

    private boolean is(boolean reply, DatagramView datagram) {
      return isReply == reply
          && sequence == datagram.sequence()
          && activityLow == datagram.activityLow()
          && activityHigh == datagram.activityHigh();
    }
  }

  /** Makes it empty. */
  public DatagramFragments() {}

  /**
   * Takes a fragment.
   *
   * @param isReply which way it goes
   * @param datagram the fragment
   * @return the stub of its call, all of it; null if some of it is missing
   */
  public @Nullable ByteBuffer add(boolean isReply, DatagramView datagram) {
    Call call = null;
    for (Call known : calls) {
      if (known.is(isReply, datagram)) {
        call = known;
      }
    }
    if (call == null) {
      if (calls.size() == Fragments.MOST) {
        calls.remove(0);
      }
      call = new Call(isReply, datagram);
      calls.add(call);
    }
    int number = datagram.fragmentNumber();
    int length = datagram.stubLength();
    if (number >= PIECES_MOST || length > FragmentedCall.LENGTH_MAX_BYTES - call.lengthBytes) {
      calls.remove(call);
      return null;
    }
    while (call.pieces.size() <= number) {
      call.pieces.add(null);
    }
    if (call.pieces.get(number) == null) {
      byte[] piece = new byte[length];
      for (int at = 0; at < length; at++) {
        piece[at] = (byte) datagram.bytes().u8At(datagram.stubIndex() + at);
      }
      call.pieces.set(number, piece);
      call.there++;
      call.lengthBytes += length;
    }
    if (datagram.isLast()) {
      call.last = number;
    }
    if (call.last < 0 || call.there <= call.last || call.pieces.size() != call.last + 1) {
      return null;
    }
    calls.remove(call);
    ByteBuffer stub = ByteBuffer.allocate(call.lengthBytes);
    for (byte[] piece : call.pieces) {
      if (piece != null) {
        stub.put(piece);
      }
    }
    return stub;
  }

  /**
   * How much memory is taken.
   *
   * @return in bytes
   */
  public int keptBytes() {
    int bytes = 0;
    for (Call call : calls) {
      bytes += OVERHEAD_BYTES + call.lengthBytes + PIECE_BYTES * call.pieces.size();
    }
    return bytes;
  }
}
