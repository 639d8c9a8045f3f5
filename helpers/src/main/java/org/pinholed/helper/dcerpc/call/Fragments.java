package org.pinholed.helper.dcerpc.call;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Direction;
import org.pinholed.helper.dcerpc.pdu.PduView;
import org.pinholed.helper.dcerpc.words.DceRpcReason;

/**
 * The calls of one flow whose fragments come one by one, those of several perhaps between each
 * other. Bounded. Not thread-safe.
 */
public final class Fragments {
  /** How many calls there can be at a time, in both directions together. */
  public static final int MOST = 8;

  private final List<FragmentedCall> calls = new ArrayList<>(0);

  private DceRpcReason refused = DceRpcReason.FRAGMENT_WITHOUT_FIRST;

  /** Makes it empty. */
  public Fragments() {}

  /**
   * Takes a fragment that is not the whole of its call.
   *
   * @param direction which way it goes
   * @param pdu the fragment, whole
   * @param mayChange whether its bytes may be changed where they stand
   * @return its call; null if it is not put together: {@link #refused} says why
   */
  public @Nullable FragmentedCall add(Direction direction, PduView pdu, boolean mayChange) {
    boolean isReply = direction == Direction.REPLY;
    FragmentedCall call = find(direction, pdu.callId());
    if (pdu.isFirst()) {
      if (call != null) {
        calls.remove(call); // begun anew
      }
      if (calls.size() == MOST) {
        refused = DceRpcReason.TOO_MANY_FRAGMENTED_CALLS;
        return null;
      }
      call = new FragmentedCall(isReply, pdu.callId(), pdu.order(), pdu.streamOffsetOf(0));
      calls.add(call);
    } else if (call == null) {
      refused = DceRpcReason.FRAGMENT_WITHOUT_FIRST;
      return null;
    } else if (call.order() != pdu.order()) {
      refused = DceRpcReason.FRAGMENTS_DIFFER;
      calls.remove(call);
      return null;
    }
    int stubLength = pdu.stubEnd() - pdu.stubAt();
    if (!call.add(pdu.bytes(), pdu.indexOf(pdu.stubAt()), stubLength, mayChange)) {
      refused = DceRpcReason.CALL_TOO_LONG;
      calls.remove(call);
      return null;
    }
    return call;
  }

  /**
   * Why the last fragment was not taken.
   *
   * @return the reason
   */
  public DceRpcReason refused() {
    return refused;
  }

  /**
   * Finds a call of which something is there.
   *
   * @param direction which way its fragments go
   * @param callId which one
   * @return null if nothing of it is there
   */
  public @Nullable FragmentedCall find(Direction direction, int callId) {
    boolean isReply = direction == Direction.REPLY;
    for (int at = 0; at < calls.size(); at++) {
      FragmentedCall call = calls.get(at);
      if (call.callId == callId && call.isReply == isReply) {
        return call;
      }
    }
    return null;
  }

  /**
   * Forgets a call.
   *
   * @param direction which way its fragments go
   * @param callId which one; unknown ones are ignored
   */
  public void end(Direction direction, int callId) {
    FragmentedCall call = find(direction, callId);
    if (call != null) {
      calls.remove(call);
    }
  }

  /**
   * Where the first of the replies began of which not all is there.
   *
   * @param otherwise what is said if there is none
   * @return a stream offset
   */
  public long firstReply(long otherwise) {
    long first = otherwise;
    for (int at = 0; at < calls.size(); at++) {
      if (calls.get(at).isReply) {
        first = Math.min(first, calls.get(at).streamOffset());
      }
    }
    return first;
  }

  /**
   * How much memory is taken.
   *
   * @return in bytes
   */
  public int keptBytes() {
    int bytes = 0;
    for (int at = 0; at < calls.size(); at++) {
      bytes += calls.get(at).keptBytes();
    }
    return bytes;
  }

  void write(SnapshotWriter to, long clientPosition, long serverPosition) {
    to.number(calls.size());
    for (FragmentedCall call : calls) {
      call.write(to, call.isReply ? serverPosition : clientPosition);
    }
  }

  static Fragments read(SnapshotReader from) {
    Fragments fragments = new Fragments();
    int count = from.number(MOST);
    for (int at = 0; at < count && from.ok(); at++) {
      fragments.calls.add(FragmentedCall.read(from));
    }
    return fragments;
  }
}
