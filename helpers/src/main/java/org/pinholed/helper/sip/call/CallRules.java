package org.pinholed.helper.sip.call;

import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.sip.policy.MediaPolicy;
import org.pinholed.helper.sip.policy.SipSettings;
import org.pinholed.helper.sip.words.SipReason;
import org.pinholed.helper.sip.words.SipWord;

/**
 * What follows from a message for its call. Pure: the same state and message have the same result,
 * and nothing is done here. Costs the same however many calls there are.
 *
 * <p>Which rule is for which message: {@link InviteRules} for an INVITE without a tag in To and
 * what answers it, {@link EndRules} for BYE, {@link OfferRules} for what else may carry an offer or
 * an answer. Other messages change nothing.
 */
final class CallRules {
  private final SipSettings settings;
  private final MediaPolicy policy;

  CallRules(SipSettings settings, MediaPolicy policy) {
    this.settings = settings;
    this.policy = policy;
  }

  /**
   * Takes a message.
   *
   * @param before the call until now; null if nothing is remembered of it
   * @param in the message
   * @param nowNs the time
   * @return what follows
   */
  Verdict apply(@Nullable Call before, Incoming in, long nowNs) {
    Turn turn = new Turn(before, in, nowNs, settings, policy);
    CallMessage message = in.message();
    if (message.isRequest()) {
      request(turn, message);
    } else {
      answer(turn, message);
    }
    return turn.verdict();
  }

  private static void request(Turn turn, CallMessage message) {
    switch (message.method()) {
      case INVITE -> {
        if (isFirst(turn)) {
          InviteRules.request(turn);
        } else {
          inDialog(turn);
        }
      }
      case ACK, PRACK, UPDATE, BYE -> inDialog(turn);
      default -> sameSignals(turn);
    }
  }

  /**
   * Whether it is an INVITE that begins a call, or a copy of it. A peer without tags (RFC 2543)
   * gives none in a dialog either.
   */
  private static boolean isFirst(Turn turn) {
    CallMessage message = turn.message();
    if (message.toTag() != CallNames.NONE) {
      return false;
    }
    for (Turn.Match match : turn.matches()) {
      Dialog dialog = turn.dialog(match.index());
      if (dialog.phase() == Dialog.Phase.CONFIRMED) {
        return match.senderIsCaller() && message.cseq() <= turn.legOf(dialog).cseq();
      }
    }
    return true;
  }

  private static void inDialog(Turn turn) {
    CallMessage message = turn.message();
    boolean isBye = message.method() == SipWord.BYE;
    boolean isRefresh = message.method() == SipWord.INVITE || message.method() == SipWord.UPDATE;
    boolean matters = isBye || isRefresh || turn.in().media() != null;
    if (turn.isUnknown() && turn.in().evidence().dialog() && matters) {
      boolean isEarly = message.method() == SipWord.PRACK || message.method() == SipWord.UPDATE;
      if (isEarly && turn.in().evidence().rings()) {
        adoptRinging(turn);
      } else {
        adoptDialog(turn, true);
      }
    }
    List<Turn.Match> matches = turn.matches();
    if (matches.isEmpty() && (isBye || turn.in().media() != null)) {
      if (turn.hasItsTags()) {
        turn.refuse(SipReason.NOT_A_PARTY);
      } else if (!isBye && turn.isUnknown()) {
        turn.refuse(SipReason.DIALOG_UNKNOWN);
      }
    }
    for (Turn.Match match : matches) {
      if (isBye) {
        EndRules.request(turn, match);
      } else {
        OfferRules.request(turn, match);
        return; // of several ways its ports are opened on one
      }
    }
  }

  private static void answer(Turn turn, CallMessage message) {
    SipWord method = message.method();
    if (method == SipWord.INVITE) {
      adopt(turn);
      Leg leg = InviteRules.answeredLeg(turn);
      if (leg != null) {
        InviteRules.answer(turn, leg);
        return;
      }
    }
    if (method == SipWord.BYE) {
      adoptWithBye(turn);
    }
    List<Turn.Match> matches = turn.matches();
    if (method == SipWord.BYE) {
      matches.forEach(match -> EndRules.answer(turn, match));
    } else if (method == SipWord.INVITE || method == SipWord.UPDATE || method == SipWord.PRACK) {
      if (!matches.isEmpty()) {
        OfferRules.answer(turn, matches.get(0));
      } else if (turn.in().media() != null) {
        turn.refuse(turn.hasItsTags() ? SipReason.NOT_A_PARTY : SipReason.ANSWER_UNASKED);
      }
    } else {
      sameSignals(turn);
    }
  }

  /** Other messages name places for requests, too; they change none. */
  private static void sameSignals(Turn turn) {
    List<Turn.Match> matches = turn.matches();
    if (!matches.isEmpty()) {
      Turn.Match match = matches.get(0);
      turn.show(turn.dialog(match.index()).party(match.senderIsCaller()).signals());
    }
  }

  /**
   * Takes up a call that an earlier process has read, which was killed: an answer to its INVITE is
   * believed if what the INVITE opened stands for this caller and this way. Where the call had been
   * answered already, only a 2xx of another branch is news; what else another branch says must not
   * end the call, or have it end soon.
   */
  private static void adopt(Turn turn) {
    Incoming in = turn.in();
    if (!turn.isUnknown()) {
      return;
    }
    Incoming.Evidence evidence = in.evidence();
    if (evidence.rings() && (evidence.invite() || evidence.dialog())) {
      adoptInvite(turn);
    } else if (evidence.dialog()) {
      adoptDialog(turn, false);
    } else if (evidence.invite() && in.message().isSuccess()) {
      adoptInvite(turn);
    }
  }

  private static void adoptInvite(Turn turn) {
    Incoming in = turn.in();
    turn.callerIs(in.message().fromTag());
    boolean isAgreed = in.evidence().dialog();
    Leg leg =
        ringing(
            turn,
            false,
            in.message().cseq(),
            isAgreed || in.evidence().offer() ? Media.UNKNOWN : null);
    turn.set(leg);
    if (isAgreed) { // by a 1xx before
      turn.add(unknown(leg, in.message().toTag()));
    }
    adoptOthers(turn, leg, in.evidence().others().ofOther());
  }

  private static Leg ringing(Turn turn, boolean senderIsCaller, long cseq, @Nullable Media offer) {
    Incoming in = turn.in();
    return new Leg(
        0,
        senderIsCaller ? in.sender() : in.receiver(),
        senderIsCaller ? in.receiver() : in.sender(),
        senderIsCaller ? in.senderPlace() : in.receiverPlace(),
        senderIsCaller ? in.receiverPlace() : in.senderPlace(),
        Leg.Phase.CALLING,
        cseq,
        offer,
        Signals.NONE,
        turn.after(Turn.RINGING),
        false);
  }

  /** A dialog of which only the ports are known. */
  private static Dialog unknown(Leg leg, long tag) {
    return Dialog.early(leg, tag)
        .with(true, Party.UNKNOWN.withMedia(Media.UNKNOWN))
        .with(false, Party.UNKNOWN.withMedia(Media.UNKNOWN));
  }

  /**
   * Takes up a call that rings by a request within its early dialog (RFC 3311, RFC 3262). The
   * number of its INVITE is not known, and of UPDATE not who sent that: its answer tells.
   */
  private static void adoptRinging(Turn turn) {
    CallMessage message = turn.message();
    turn.callerIs(message.senderTag());
    Leg leg = ringing(turn, true, Leg.CSEQ_UNKNOWN, Media.UNKNOWN);
    turn.set(leg);
    turn.add(unknown(leg, message.receiverTag()));
    turn.tookUp();
  }

  /**
   * An answer to a BYE that a process read which was killed is believed if the dialog stands
   * between the same two hosts: either of them could end it anyway.
   */
  private static void adoptWithBye(Turn turn) {
    if (turn.isUnknown() && turn.in().evidence().dialog()) {
      adoptDialog(turn, true);
      for (Turn.Match match : turn.matches()) {
        Dialog.Bye bye =
            new Dialog.Bye(
                !match.senderIsCaller(), turn.message().cseq(), turn.after(Turn.UNANSWERED));
        turn.set(match.index(), turn.dialog(match.index()).withBye(bye));
      }
    }
  }

  /**
   * Which of the two was the caller nobody knows; it makes no difference, unless one of them has
   * other dialogs (forks): then the call goes on with these after this one.
   *
   * @param guess whether that is to be the sender
   */
  private static void adoptDialog(Turn turn, boolean guess) {
    Incoming in = turn.in();
    Groups.Others others = in.evidence().others();
    boolean senderIsCaller =
        others.ofOne().isEmpty() == others.ofOther().isEmpty() ? guess : !others.ofOne().isEmpty();
    CallMessage message = in.message();
    turn.callerIs(senderIsCaller ? message.senderTag() : message.receiverTag());
    Leg leg =
        new Leg(
            0,
            senderIsCaller ? in.sender() : in.receiver(),
            senderIsCaller ? in.receiver() : in.sender(),
            senderIsCaller ? in.senderPlace() : in.receiverPlace(),
            senderIsCaller ? in.receiverPlace() : in.senderPlace(),
            Leg.Phase.ANSWERED,
            Leg.CSEQ_UNKNOWN,
            null,
            Signals.NONE,
            turn.after(Turn.UNANSWERED),
            false);
    turn.set(leg);
    Dialog dialog = unknown(leg, senderIsCaller ? message.receiverTag() : message.senderTag());
    turn.add(dialog.in(Dialog.Phase.CONFIRMED, turn.confirmedUntilNs()));
    adoptOthers(turn, leg, senderIsCaller ? others.ofOne() : others.ofOther());
  }

  /** Other dialogs of the caller, so that the call does not end with the one that is known. */
  private static void adoptOthers(Turn turn, Leg leg, Set<Long> tags) {
    turn.tookUp();
    for (long tag : tags) {
      if (turn.dialogs().size() < turn.settings().forks()) {
        turn.add(unknown(leg, tag).in(Dialog.Phase.CONFIRMED, turn.mostUntilNs()));
      }
    }
  }
}
