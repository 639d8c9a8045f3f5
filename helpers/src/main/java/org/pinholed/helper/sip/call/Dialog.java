package org.pinholed.helper.sip.call;

import org.jspecify.annotations.Nullable;

/**
 * A dialog of a call (RFC 3261 section 12): one branch of its INVITE that answered. Named by the
 * tag that this branch put into To.
 *
 * @param leg the number of the way that it was made on
 * @param tag hash of the tag of the party that was called
 * @param phase where it stands
 * @param caller the party that sent the INVITE
 * @param callee the party that was called
 * @param deadlineNs its end at the latest; once it is closed, until when it is remembered. Of an
 *     early one that of its leg counts
 * @param bye a BYE that is not answered; null for none
 * @param reoffered whether an offer was answered in it since the INVITE: then what the answers to
 *     that INVITE say of media is old
 */
record Dialog(
    int leg,
    long tag,
    Phase phase,
    Party caller,
    Party callee,
    long deadlineNs,
    @Nullable Bye bye,
    boolean reoffered) {
  /** Where a dialog stands. */
  enum Phase {
    /** A 1xx came. */
    EARLY,
    /** A 2xx came. */
    CONFIRMED,
    /** Another branch answered; a 2xx of this one opens it again. */
    SUPERSEDED,
    /** It is over: only copies come. */
    ENDED
  }

  /**
   * A BYE that waits for its answer.
   *
   * @param ofCaller whether the caller sent it
   * @param cseq its number
   * @param deadlineNs when the dialog ends if nobody answers
   */
  record Bye(boolean ofCaller, long cseq, long deadlineNs) {}

  static Dialog early(Leg leg, long tag) {
    Party caller = Party.UNKNOWN.withSignals(leg.signals());
    return new Dialog(leg.id(), tag, Phase.EARLY, caller, Party.UNKNOWN, 0, null, false);
  }

  boolean isOpen() {
    return phase == Phase.EARLY || phase == Phase.CONFIRMED;
  }

  /** When it ends unless something is said. */
  long endNs() {
    return bye == null ? deadlineNs : bye.deadlineNs();
  }

  Party party(boolean ofCaller) {
    return ofCaller ? caller : callee;
  }

  Dialog with(boolean ofCaller, Party party) {
    return new Dialog(
        leg,
        tag,
        phase,
        ofCaller ? party : caller,
        ofCaller ? callee : party,
        deadlineNs,
        bye,
        reoffered);
  }

  Dialog in(Phase other, long untilNs) {
    return new Dialog(leg, tag, other, caller, callee, untilNs, bye, reoffered);
  }

  Dialog withBye(@Nullable Bye other) {
    return new Dialog(leg, tag, phase, caller, callee, deadlineNs, other, reoffered);
  }

  Dialog withReoffer() {
    return new Dialog(leg, tag, phase, caller, callee, deadlineNs, bye, true);
  }

  /**
   * The same dialog, whose callee had sent the INVITE.
   *
   * @param callerTag the tag of the one that was taken for the caller
   */
  Dialog turned(long callerTag) {
    return new Dialog(leg, callerTag, phase, callee, caller, deadlineNs, bye, reoffered);
  }

  Dialog replacing(Media before, Media after) {
    return with(true, caller.replacing(before, after)).with(false, callee.replacing(before, after));
  }

  Dialog replacing(Signals before, Signals after) {
    return with(true, caller.replacing(before, after)).with(false, callee.replacing(before, after));
  }
}
