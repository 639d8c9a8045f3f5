package org.pinholed.helper.sip.call;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.sip.words.SipReason;
import org.pinholed.helper.sip.words.SipWord;

/**
 * Offers and answers within a dialog (RFC 3264 section 8, RFC 6337): INVITE again, UPDATE (RFC
 * 3311), PRACK (RFC 3262), and late offers.
 *
 * <table>
 * <caption>Where an offer and its answer stand</caption>
 * <tr><td>offer in INVITE, UPDATE, PRACK</td><td>answer in its 2xx, of an INVITE also in a 1xx</td></tr>
 * <tr><td>offer in a 1xx to INVITE</td><td>answer in PRACK</td></tr>
 * <tr><td>offer in the 2xx to INVITE</td><td>answer in ACK</td></tr>
 * </table>
 *
 * <p>Until an offer is answered its ports are open beside those that both parties use. If it is
 * refused they close, and nothing else changes.
 */
final class OfferRules {
  private OfferRules() {}

  static void request(Turn turn, Turn.Match match) {
    Incoming in = turn.in();
    CallMessage message = in.message();
    Dialog dialog = turn.dialog(match.index());
    Party sender = dialog.party(match.senderIsCaller());
    boolean isRefresh = message.method() == SipWord.INVITE || message.method() == SipWord.UPDATE;
    turn.show(sender.signals());
    if (!dialog.isOpen() || (isRefresh && message.cseq() <= sender.settledCseq())) {
      turn.show(sender.said(in.media()));
      return;
    }
    if (isRefresh) {
      refresh(turn, match);
    }
    Media described = in.media();
    if (described == null) {
      return;
    }
    switch (message.method()) {
      case ACK -> {
        if (!answersLateOffer(turn, match, described)) {
          turn.show(sender.said(described));
        }
      }
      case PRACK -> {
        if (!answersLateOffer(turn, match, described)) {
          offer(turn, match, described);
        }
      }
      default -> offer(turn, match, described);
    }
  }

  private static void offer(Turn turn, Turn.Match match, Media described) {
    CallMessage message = turn.message();
    Dialog dialog = turn.dialog(match.index());
    boolean ofCaller = match.senderIsCaller();
    Party sender = dialog.party(ofCaller);
    Party.Pending pending = offerOf(sender, message, described);
    if (pending == null) {
      turn.show(sender.said(described));
      return;
    }
    dialog = dialog.with(ofCaller, sender.withPending(pending));
    turn.set(match.index(), dialog);
    turn.openPending(dialog, ofCaller, dialog.party(!ofCaller).media());
    turn.show(pending.media());
  }

  /** The offer that a request makes; null for a copy of one that was answered or refused. */
  private static Party.@Nullable Pending offerOf(
      Party sender, CallMessage message, Media described) {
    Party.Pending before = sender.pending();
    boolean isInvite = message.method() == SipWord.INVITE;
    if (before != null && before.cseq() == message.cseq()) {
      if (before.kind() == Party.Kind.REFUSED) {
        return null;
      }
      if (before.kind() == Party.Kind.OFFER) {
        return described.over(sender.media()).says(before.media()) ? before : null;
      }
    }
    return message.cseq() <= sender.settledCseq()
        ? null
        : new Party.Pending(Party.Kind.OFFER, sender.saying(described), message.cseq(), isInvite);
  }

  /** Whether an ACK or PRACK has the answer to what the other party offered in its answer. */
  private static boolean answersLateOffer(Turn turn, Turn.Match match, Media described) {
    CallMessage message = turn.message();
    boolean ofCaller = match.senderIsCaller();
    Dialog dialog = turn.dialog(match.index());
    Party.Pending offer = dialog.party(!ofCaller).pending();
    if (offer == null || offer.kind() != Party.Kind.LATE_OFFER) {
      return false;
    }
    if (message.method() == SipWord.ACK && offer.cseq() != message.cseq()) {
      return false;
    }
    Media media = dialog.party(ofCaller).saying(described);
    agree(turn, match.index(), !ofCaller, offer.media(), media, -1);
    Dialog agreed = turn.dialog(match.index());
    turn.set(match.index(), agreed.with(ofCaller, agreed.party(ofCaller).settled(offer.cseq())));
    turn.show(media);
    return true;
  }

  /**
   * A request that names another place for requests (RFC 3261 section 12.2, RFC 3311 section 5).
   */
  private static void refresh(Turn turn, Turn.Match match) {
    Signals signals = turn.in().signals();
    boolean ofCaller = match.senderIsCaller();
    Dialog dialog = turn.dialog(match.index());
    Party sender = dialog.party(ofCaller);
    if (!signals.hasContact()) {
      return;
    }
    Signals named = sender.signals().refreshedBy(signals);
    if (named.equals(sender.signals())) {
      turn.openSignals(dialog, ofCaller);
      return;
    }
    Signals before = sender.refresh();
    Signals refresh = before != null && named.says(before) ? before : named;
    turn.set(
        match.index(), dialog.with(ofCaller, sender.withRefresh(refresh, turn.message().cseq())));
    turn.openRefresh(dialog, ofCaller, refresh);
    turn.show(refresh);
  }

  static void answer(Turn turn, Turn.Match match) {
    CallMessage message = turn.message();
    Dialog dialog = turn.dialog(match.index());
    boolean ofCaller = match.senderIsCaller(); // the party that answers
    Party asker = dialog.party(!ofCaller);
    turn.show(dialog.party(ofCaller).signals());
    if (!dialog.isOpen()) {
      turn.show(dialog.party(ofCaller).said(turn.in().media()));
      return;
    }
    if (message.isFailure()) {
      refused(turn, match);
    } else if (message.cseq() <= asker.settledCseq()) {
      turn.show(dialog.party(ofCaller).said(turn.in().media()));
    } else if (message.isProvisional()) {
      early(turn, match);
    } else {
      accepted(turn, match);
    }
  }

  private static Party.@Nullable Pending offerOf(Party asker, CallMessage answer) {
    Party.Pending pending = asker.pending();
    boolean isAnswered =
        pending != null
            && pending.kind() == Party.Kind.OFFER
            && pending.cseq() == answer.cseq()
            && pending.isInvite() == (answer.method() == SipWord.INVITE);
    return isAnswered ? pending : null;
  }

  /** 488, 491, 408, a challenge: nothing changes but what was open for this offer. */
  private static void refused(Turn turn, Turn.Match match) {
    CallMessage message = turn.message();
    Dialog dialog = turn.dialog(match.index());
    boolean ofAsker = !match.senderIsCaller();
    Party asker = dialog.party(ofAsker);
    Party.Pending offer = offerOf(asker, message);
    if (offer != null) {
      asker = asker.withPending(offer.as(Party.Kind.REFUSED));
      turn.closePending(dialog, ofAsker);
    }
    if (asker.refresh() != null && asker.refreshCseq() == message.cseq()) {
      asker = asker.withRefresh(null, 0);
      turn.closeRefresh(dialog, ofAsker);
    }
    dialog = dialog.with(ofAsker, asker);
    Party.Pending early = dialog.party(!ofAsker).pending();
    boolean isIts =
        message.method() == SipWord.INVITE
            && early != null
            && early.cseq() == message.cseq()
            && (early.kind() == Party.Kind.EARLY_ANSWER || early.kind() == Party.Kind.LATE_OFFER);
    if (isIts) {
      dialog = dialog.with(!ofAsker, dialog.party(!ofAsker).withPending(null));
      turn.closePending(dialog, !ofAsker);
    }
    turn.set(match.index(), dialog);
  }

  /** A 1xx to an INVITE within the dialog: what it says is open besides, until the 2xx. */
  private static void early(Turn turn, Turn.Match match) {
    Incoming in = turn.in();
    Dialog dialog = turn.dialog(match.index());
    boolean ofCaller = match.senderIsCaller();
    Party own = dialog.party(ofCaller);
    if (in.media() == null || in.message().method() != SipWord.INVITE) {
      return;
    }
    Party.Pending offer = offerOf(dialog.party(!ofCaller), in.message());
    Party.Kind kind = offer == null ? Party.Kind.LATE_OFFER : Party.Kind.EARLY_ANSWER;
    if (own.isPending(Party.Kind.OFFER)) {
      turn.refuse(SipReason.ANSWER_UNASKED); // it has an offer of its own under way
      return;
    }
    say(turn, match, kind, offer == null ? dialog.party(!ofCaller).media() : offer.media());
  }

  private static void say(Turn turn, Turn.Match match, Party.Kind kind, @Nullable Media other) {
    Incoming in = turn.in();
    Dialog dialog = turn.dialog(match.index());
    boolean ofCaller = match.senderIsCaller();
    Party own = dialog.party(ofCaller);
    Media described = in.media();
    if (described == null) {
      return;
    }
    Media media = own.saying(described);
    dialog =
        dialog.with(
            ofCaller, own.withPending(new Party.Pending(kind, media, in.message().cseq(), true)));
    turn.set(match.index(), dialog);
    turn.openPending(dialog, ofCaller, other);
    turn.show(media);
  }

  private static void accepted(Turn turn, Turn.Match match) {
    Incoming in = turn.in();
    CallMessage message = in.message();
    boolean ofCaller = match.senderIsCaller();
    boolean isRefresh = message.method() == SipWord.INVITE || message.method() == SipWord.UPDATE;
    if (isRefresh) {
      acceptedRefresh(turn, match);
    }
    Dialog dialog = turn.dialog(match.index());
    Party own = dialog.party(ofCaller);
    Party.Pending offer = offerOf(dialog.party(!ofCaller), message);
    if (offer != null) {
      Media media = answerOf(in, own);
      if (media == null) {
        refused(turn, match); // a 2xx without an answer agrees to nothing
      } else {
        agree(turn, match.index(), !ofCaller, offer.media(), media, message.cseq());
        turn.show(in.media() == null ? null : media);
        return;
      }
    } else if (in.media() != null && message.method() == SipWord.INVITE) {
      if (!own.isPending(Party.Kind.OFFER)) {
        say(turn, match, Party.Kind.LATE_OFFER, dialog.party(!ofCaller).media());
      }
    } else {
      turn.show(own.said(in.media()));
    }
    if (isRefresh) {
      turn.openAgreed(turn.dialog(match.index()));
    }
  }

  /**
   * What the 2xx says or, if it says nothing, the 1xx before it, or else what was agreed before.
   */
  private static @Nullable Media answerOf(Incoming in, Party own) {
    Media described = in.media();
    if (described != null) {
      return own.saying(described);
    }
    Party.Pending pending = own.pending();
    return pending != null
            && pending.kind() == Party.Kind.EARLY_ANSWER
            && pending.cseq() == in.message().cseq()
        ? pending.media()
        : own.media();
  }

  private static void acceptedRefresh(Turn turn, Turn.Match match) {
    CallMessage message = turn.message();
    Signals signals = turn.in().signals();
    boolean ofCaller = match.senderIsCaller();
    Dialog dialog = turn.dialog(match.index());
    Party asker = dialog.party(!ofCaller);
    Party own = dialog.party(ofCaller);
    if (dialog.phase() == Dialog.Phase.CONFIRMED) {
      dialog = dialog.in(Dialog.Phase.CONFIRMED, turn.confirmedUntilNs());
      turn.prolong(dialog);
    }
    Signals refresh = asker.refreshCseq() == message.cseq() ? asker.refresh() : null;
    if (refresh != null) {
      dialog = dialog.with(!ofCaller, asker.withSignals(refresh).withRefresh(null, 0));
    }
    if (signals.hasContact()) {
      own = own.withSignals(own.signals().refreshedBy(signals));
      dialog = dialog.with(ofCaller, own);
      turn.show(own.signals());
    }
    turn.set(match.index(), dialog);
    turn.openSignals(dialog, true);
    turn.openSignals(dialog, false);
    if (refresh != null) {
      turn.closeRefresh(dialog, !ofCaller);
    }
  }

  /**
   * Both agreed: what they said counts from now on, and the ports that it lacks close. What both
   * sets have in common is open all the time, because the pending groups hold it meanwhile.
   *
   * @param cseq the number of the offerer's request; below zero for a late offer
   */
  private static void agree(
      Turn turn, int index, boolean offeredByCaller, Media offer, Media answer, long cseq) {
    Dialog before = turn.dialog(index);
    Party offerer = before.party(offeredByCaller);
    Party answerer = before.party(!offeredByCaller);
    boolean hadPending = answerer.isPending(Party.Kind.EARLY_ANSWER);
    boolean answererMoves = answerer.media() != null && !answer.says(answerer.media());
    boolean offererMoves = offerer.media() != null && !offer.says(offerer.media());
    Dialog meanwhile =
        before
            .with(
                offeredByCaller,
                offerer.withPending(new Party.Pending(Party.Kind.OFFER, offer, cseq, true)))
            .with(
                !offeredByCaller,
                answerer.withPending(
                    new Party.Pending(Party.Kind.EARLY_ANSWER, answer, cseq, true)));
    if (offererMoves) {
      turn.openPending(meanwhile, offeredByCaller, answer);
      turn.closeAgreed(before, offeredByCaller);
    }
    if (answererMoves) {
      turn.openPending(meanwhile, !offeredByCaller, offer);
      turn.closeAgreed(before, !offeredByCaller);
    }
    boolean ofOther = answerer.isPending(Party.Kind.OFFER); // under way, and not answered by this
    Dialog after =
        before
            .with(offeredByCaller, offerer.withMedia(offer).withPending(null).settled(cseq))
            .with(
                !offeredByCaller,
                ofOther ? answerer.withMedia(answer) : answerer.withMedia(answer).withPending(null))
            .withReoffer();
    turn.set(index, after);
    turn.openAgreed(after);
    turn.closePending(after, offeredByCaller);
    if (hadPending || answererMoves) {
      turn.closePending(after, !offeredByCaller);
    }
  }
}
