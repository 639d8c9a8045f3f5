package org.pinholed.helper.sip.call;

import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/**
 * One way on which the INVITE of a call came past. Mostly there is one. If a proxy outside sends it
 * back to another phone behind this firewall there are two: to the proxy and from it.
 *
 * @param id its number within the call
 * @param caller the end of the flow that the INVITE came from
 * @param callee the end that it went to
 * @param callerPlace name of the way from the caller to the callee
 * @param calleePlace name of the way back
 * @param phase where it stands
 * @param cseq the number of the INVITE; {@link #CSEQ_UNKNOWN} if this process did not see it
 * @param offer where the caller takes its streams; null if the INVITE had no SDP
 * @param signals where the caller takes requests
 * @param deadlineNs until when an answer is awaited; once it was answered or refused, until when
 *     copies and answers of other branches are known
 * @param counted whether it counts among the calls of its source that nobody answered
 */
record Leg(
    int id,
    InetAddress caller,
    InetAddress callee,
    int callerPlace,
    int calleePlace,
    Phase phase,
    long cseq,
    @Nullable Media offer,
    Signals signals,
    long deadlineNs,
    boolean counted) {
  /** How many are remembered of a call. */
  static final int MOST = 4;

  /** The number of an INVITE that an earlier process has read. */
  static final long CSEQ_UNKNOWN = -1;

  /** Where a way stands. */
  enum Phase {
    /** No final answer yet. */
    CALLING,
    /** A 2xx came. */
    ANSWERED,
    /** Refused, or all its dialogs are over. */
    ENDED
  }

  boolean isCalling() {
    return phase == Phase.CALLING;
  }

  boolean isBetween(InetAddress from, InetAddress to) {
    return caller.equals(from) && callee.equals(to);
  }

  Leg in(Phase other, long untilNs) {
    return new Leg(
        id,
        caller,
        callee,
        callerPlace,
        calleePlace,
        other,
        cseq,
        offer,
        signals,
        untilNs,
        counted);
  }

  /** The same way, whose INVITE had this number. */
  Leg withCseq(long number) {
    return new Leg(
        id,
        caller,
        callee,
        callerPlace,
        calleePlace,
        phase,
        number,
        offer,
        signals,
        deadlineNs,
        counted);
  }

  /** The same way seen from the other end: the callee had sent the INVITE. */
  Leg turned() {
    return new Leg(
        id,
        callee,
        caller,
        calleePlace,
        callerPlace,
        phase,
        cseq,
        offer,
        signals,
        deadlineNs,
        counted);
  }

  Leg answered() {
    return counted ? with(offer, signals, false) : this;
  }

  Leg replacing(Media before, Media after) {
    return offer == before ? with(after, signals, counted) : this;
  }

  Leg replacing(Signals before, Signals after) {
    return signals.equals(before) ? with(offer, after, counted) : this;
  }

  private Leg with(@Nullable Media media, Signals own, boolean counts) {
    return new Leg(
        id, caller, callee, callerPlace, calleePlace, phase, cseq, media, own, deadlineNs, counts);
  }
}
