package org.pinholed.helper.dcerpc.call;

import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.dcerpc.words.DceRpcWord;

/**
 * The requests of one flow that wait for their reply, the oldest first. Bounded; objects are used
 * again, so that nothing is allocated from the second one on. Not thread-safe.
 */
public final class Requests {
  /** How many there can be. */
  public static final int MOST = 64;

  private Request[] all = new Request[0];
  private int count;

  /** Makes it empty. */
  public Requests() {}

  /**
   * Begins one. One with the same name that still waits is forgotten: nobody could tell their
   * replies apart.
   *
   * @param activityHigh the activity, or 0
   * @param activityLow the other half of it, or 0
   * @param callId which call it is
   * @return null if there is room for no more
   */
  public @Nullable Request begin(long activityHigh, long activityLow, int callId) {
    Request same = find(activityHigh, activityLow, callId);
    if (same != null) {
      end(same);
    } else if (count == MOST) {
      return null;
    }
    if (count == all.length) {
      Request[] more = new Request[Math.min(MOST, count == 0 ? 2 : 4 * count)];
      System.arraycopy(all, 0, more, 0, count);
      for (int at = count; at < more.length; at++) {
        more[at] = new Request();
      }
      all = more;
    }
    Request request = all[count++];
    request.activityHigh = activityHigh;
    request.activityLow = activityLow;
    request.callId = callId;
    return request;
  }

  /**
   * Finds one.
   *
   * @param activityHigh the activity, or 0
   * @param activityLow the other half of it, or 0
   * @param callId which call it is
   * @return null if no such request waits
   */
  public @Nullable Request find(long activityHigh, long activityLow, int callId) {
    for (int at = count - 1; at >= 0; at--) {
      Request request = all[at];
      if (request.callId == callId
          && request.activityLow == activityLow
          && request.activityHigh == activityHigh) {
        return request;
      }
    }
    return null;
  }

  /**
   * Ends one: its reply came, or never will.
   *
   * @param request one that waits
   */
  public void end(Request request) {
    for (int at = 0; at < count; at++) {
      if (all[at] == request) {
        System.arraycopy(all, at + 1, all, at, count - at - 1);
        all[--count] = request;
        return;
      }
    }
  }

  /** Ends the oldest one. */
  public void endOldest() {
    if (count > 0) {
      end(all[0]);
    }
  }

  /**
   * Whether the reply to one of them may announce something.
   *
   * @return false if none waits, or only such as announce nothing
   */
  public boolean mayAnnounce() {
    for (int at = 0; at < count; at++) {
      if (all[at].word() != DceRpcWord.OTHER_CALL) {
        return true;
      }
    }
    return false;
  }

  /**
   * How many wait.
   *
   * @return 0..{@link #MOST}
   */
  public int count() {
    return count;
  }

  void write(SnapshotWriter to) {
    to.number(count);
    for (int at = 0; at < count; at++) {
      Request request = all[at];
      to.number(request.activityHigh);
      to.number(request.activityLow);
      to.number(Integer.toUnsignedLong(request.callId));
      to.number(request.service().high());
      to.number(request.service().low());
      to.number(request.opnum());
      to.number(request.syntax().bit());
      int flags = (request.isAsked() ? 1 : 0) | (request.isSealed() ? 2 : 0);
      boolean isIgnored = request.word() != request.service().call(request.opnum());
      to.number(flags | (isIgnored ? 4 : 0));
      to.number(request.high());
      to.number(request.low());
      to.number(Integer.toUnsignedLong(request.version()));
    }
  }

  static Requests read(SnapshotReader from) {
    Requests requests = new Requests();
    int count = from.number(MOST);
    for (int at = 0; at < count && from.ok(); at++) {
      Request request =
          Objects.requireNonNull(requests.begin(from.number(), from.number(), from.number32()));
      request.call(from.service(), from.number(0xffff), from.syntax());
      int flags = from.number(7);
      long high = from.number();
      long low = from.number();
      int version = from.number32();
      if ((flags & 1) != 0) {
        request.asksFor(high, low, version);
      }
      if ((flags & 2) != 0) {
        request.seal();
      }
      if ((flags & 4) != 0) {
        request.ignore();
      }
    }
    return requests;
  }
}
