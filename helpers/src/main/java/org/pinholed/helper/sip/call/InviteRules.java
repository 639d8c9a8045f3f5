package org.pinholed.helper.sip.call;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.sip.words.SipReason;

/**
 * The INVITE that begins a call, and its answers (RFC 3261 sections 13 and 17, RFC 6026).
 *
 * <table>
 * <caption>Answers</caption>
 * <tr><td>1xx</td><td>an early dialog for each To tag; 180 s more</td></tr>
 * <tr><td>2xx</td><td>its dialog is confirmed, the others wait 32 s for a 2xx of their own</td></tr>
 * <tr><td>401, 407</td><td>the INVITE comes again; nothing closes</td></tr>
 * <tr><td>other ones</td><td>the call is over, unless a branch has answered it</td></tr>
 * </table>
 *
 * <p>CANCEL ends nothing: the INVITE is answered with 487, or with a 2xx that crossed it.
 */
final class InviteRules {
  private InviteRules() {}

  static void request(Turn turn) {
    CallMessage message = turn.message();
    Incoming in = turn.in();
    if (turn.isUnknown() || turn.caller() != message.fromTag()) {
      if (turn.isLive()) {
        turn.refuse(SipReason.CALL_ID_IN_USE);
        return;
      }
      turn.clear();
      turn.callerIs(message.fromTag());
      begin(turn, 0);
      return;
    }
    Leg leg = turn.legBetween(in.sender(), in.receiver());
    if (leg == null) {
      boolean isCopy = !turn.isLive() && message.cseq() <= turn.highestCseq();
      int id = turn.freeLeg();
      if (isCopy) {
        return;
      }
      if (id < 0) {
        turn.refuse(SipReason.TOO_MANY_FORKS);
        return;
      }
      begin(turn, id);
    } else if (message.cseq() > leg.cseq()) {
      again(turn, leg);
    } else {
      copy(turn, leg);
    }
  }

  private static void begin(Turn turn, int id) {
    Incoming in = turn.in();
    turn.begin();
    Leg leg =
        new Leg(
            id,
            in.sender(),
            in.receiver(),
            in.senderPlace(),
            in.receiverPlace(),
            Leg.Phase.CALLING,
            in.message().cseq(),
            in.media(),
            in.signals(),
            turn.after(Turn.UNANSWERED),
            true);
    turn.set(leg);
    turn.openOffer(leg, true);
    turn.show(in.media());
    turn.show(in.signals());
  }

  /** With credentials, or to another place: a new attempt (RFC 3261 sections 22.2 and 8.1.3.4). */
  private static void again(Turn turn, Leg leg) {
    if (turn.isConfirmed(leg)) {
      turn.refuse(SipReason.CALL_ID_IN_USE);
      return;
    }
    turn.endEarly(leg, Dialog.Phase.ENDED);
    turn.dialogs().removeIf(dialog -> dialog.leg() == leg.id());
    if (leg.isCalling() && turn.in().media() == null) {
      turn.closeOffer(leg);
    }
    turn.answered(leg);
    begin(turn, leg.id());
  }

  /** Sent again, or late: the same bytes, and nothing opens that is not open. */
  private static void copy(Turn turn, Leg leg) {
    Incoming in = turn.in();
    Media offer = leg.offer();
    boolean same = in.media() == null ? offer == null : in.media().says(offer);
    boolean waits =
        leg.isCalling()
            && in.message().cseq() == leg.cseq()
            && turn.dialogs().stream()
                .noneMatch(one -> one.leg() == leg.id() && one.caller().media() != null);
    if (same && waits) {
      turn.openOffer(leg, true);
    }
    if (same) {
      turn.show(offer);
    }
    turn.show(leg.signals());
  }

  /** The way whose INVITE is answered; null if it is none that begins a call. */
  static @Nullable Leg answeredLeg(Turn turn) {
    Incoming in = turn.in();
    CallMessage message = in.message();
    turn.learnInvite();
    Leg leg = turn.legBetween(in.receiver(), in.sender());
    return leg != null && message.fromTag() == turn.caller() && message.cseq() == leg.cseq()
        ? leg
        : null;
  }

  static void answer(Turn turn, Leg leg) {
    CallMessage message = turn.message();
    if (leg.isCalling()) {
      whileCalling(turn, leg);
      return;
    }
    int index = turn.indexOf(leg, message.toTag());
    if (index < 0) {
      boolean isOther2xx = message.isSuccess() && leg.phase() == Leg.Phase.ANSWERED;
      if (isOther2xx && !turn.isOver(leg.deadlineNs())) {
        index = branch(turn, leg);
      } else if (message.description() != null) {
        turn.refuse(SipReason.ANSWER_UNASKED);
      }
      if (index < 0) {
        return;
      }
    }
    Dialog.Phase phase = turn.dialog(index).phase();
    boolean isAnother = phase == Dialog.Phase.EARLY || phase == Dialog.Phase.SUPERSEDED;
    if (message.isSuccess() && isAnother && leg.phase() == Leg.Phase.ANSWERED) {
      takeAnswer(turn, leg, index);
      confirm(turn, leg, index);
    } else {
      copy(turn, index);
    }
  }

  private static void whileCalling(Turn turn, Leg before) {
    CallMessage message = turn.message();
    if (message.isFailure()) {
      if (message.isChallenge()) {
        turn.set(turn.answered(before).in(Leg.Phase.CALLING, turn.after(Turn.UNANSWERED)));
      } else {
        turn.endEarly(before, Dialog.Phase.ENDED);
        turn.end(before);
      }
      return;
    }
    Leg leg = turn.answered(before).in(Leg.Phase.CALLING, turn.after(Turn.RINGING));
    turn.set(leg);
    boolean isTrying = message.isProvisional() && message.toTag() == CallNames.NONE;
    int index = isTrying ? -1 : branch(turn, leg);
    if (index >= 0) {
      takeAnswer(turn, leg, index);
    }
    if (message.isSuccess() && index >= 0) {
      confirm(turn, leg, index);
    }
  }

  /**
   * The dialog of the branch that answers; below zero if there are too many. A 2xx is what the call
   * is about: it needs no place of its own.
   */
  private static int branch(Turn turn, Leg leg) {
    int index = turn.indexOf(leg, turn.message().toTag());
    if (index >= 0) {
      return index;
    }
    Dialog made = Dialog.early(leg, turn.message().toTag());
    if (turn.dialogs().size() < turn.settings().forks()) {
      turn.add(made);
      return turn.dialogs().size() - 1;
    }
    int place = turn.message().isSuccess() ? placeOfAnother(turn, leg) : -1;
    if (place < 0) {
      turn.refuse(SipReason.TOO_MANY_FORKS);
    } else {
      turn.displace(place, made);
    }
    return place;
  }

  /**
   * The place that a branch takes that answers the call when there are as many as may be: of what
   * is over, else of a branch that only rang. Below zero if all have answered.
   */
  private static int placeOfAnother(Turn turn, Leg leg) {
    int ringing = -1;
    for (int at = 0; at < turn.dialogs().size(); at++) {
      Dialog dialog = turn.dialog(at);
      if (!dialog.isOpen()) {
        return at;
      }
      boolean isNearer = ringing < 0 || (dialog.leg() == leg.id() && !isOf(turn, ringing, leg));
      if (dialog.phase() == Dialog.Phase.EARLY && isNearer) {
        ringing = at;
      }
    }
    return ringing;
  }

  private static boolean isOf(Turn turn, int index, Leg leg) {
    return turn.dialog(index).leg() == leg.id();
  }

  /**
   * What the answer says of media: the answer to the offer of the INVITE or, if that had none, an
   * offer of its own (RFC 3261 section 13.2.1).
   */
  private static void takeAnswer(Turn turn, Leg leg, int index) {
    Incoming in = turn.in();
    Dialog dialog = turn.dialog(index);
    Party callee = dialog.callee();
    if (!in.signals().isEmpty()) {
      boolean same = in.signals().says(callee.signals());
      callee = callee.withSignals(same ? callee.signals() : in.signals());
      dialog = dialog.with(false, callee);
      turn.openSignals(dialog, false);
      turn.show(callee.signals());
    }
    Media described = in.media();
    Media offer = leg.offer();
    if (described == null) {
      turn.set(index, dialog);
      return;
    }
    if (dialog.reoffered()) {
      turn.show(callee.said(described));
    } else if (offer != null) {
      Media media = callee.saying(described);
      boolean isFirst = dialog.caller().media() == null;
      Party caller = isFirst ? dialog.caller().withMedia(offer) : dialog.caller();
      dialog = dialog.with(true, caller).with(false, callee.withMedia(media));
      turn.openAgreed(dialog);
      if (isFirst && offer != Media.UNKNOWN) {
        turn.closeOffer(leg);
      }
      turn.show(media);
    } else if (callee.media() == null) {
      Party.Pending pending =
          new Party.Pending(Party.Kind.LATE_OFFER, callee.saying(described), leg.cseq(), true);
      dialog = dialog.with(false, callee.withPending(pending));
      turn.openPending(dialog, false, null);
      turn.show(pending.media());
    } else {
      turn.show(callee.said(described));
    }
    turn.set(index, dialog);
  }

  private static void confirm(Turn turn, Leg leg, int index) {
    boolean isFirst = leg.isCalling();
    Dialog dialog = turn.dialog(index).in(Dialog.Phase.CONFIRMED, turn.confirmedUntilNs());
    dialog = dialog.with(true, dialog.caller().settled(leg.cseq()));
    turn.set(index, dialog);
    if (isFirst) {
      turn.set(turn.current(leg).in(Leg.Phase.ANSWERED, turn.after(Turn.UNANSWERED)));
      turn.endEarly(leg, Dialog.Phase.SUPERSEDED);
    }
    // From now on for as long as the call lasts.
    turn.openAgreed(dialog);
    turn.openPending(dialog, false, null);
    turn.openSignals(dialog, true);
    turn.openSignals(dialog, false);
  }

  private static void copy(Turn turn, int index) {
    Incoming in = turn.in();
    Party callee = turn.dialog(index).callee();
    turn.show(callee.said(in.media()));
    turn.show(callee.signals());
  }
}
