package org.pinholed.helper.sip.call;

import org.jspecify.annotations.Nullable;

/**
 * What is known of one of the two parties of a dialog.
 *
 * @param media where it takes its streams, as both agreed; null before that
 * @param pending what it said that is not agreed; null for nothing
 * @param signals where it takes requests
 * @param refresh another place, which its request has named and which counts once that was accepted
 *     (RFC 3261 section 12.2.2); null for none
 * @param refreshCseq the number of that request
 * @param settledCseq the number of its last request whose offer was answered; what has this number
 *     or a lower one is a copy. Below zero for none
 */
record Party(
    @Nullable Media media,
    @Nullable Pending pending,
    Signals signals,
    @Nullable Signals refresh,
    long refreshCseq,
    long settledCseq) {
  static final Party UNKNOWN = new Party(null, null, Signals.NONE, null, 0, -1);

  /**
   * What a party said that the other one did not agree to yet.
   *
   * @param kind what it is
   * @param media where it would take its streams
   * @param cseq the number of the request that it belongs to
   * @param isInvite whether that is an INVITE; else it is an UPDATE or PRACK
   */
  record Pending(Kind kind, Media media, long cseq, boolean isInvite) {
    Pending as(Kind other) {
      return new Pending(other, media, cseq, isInvite);
    }
  }

  /** What is not agreed (RFC 3264, RFC 6337 section 2). */
  enum Kind {
    /** An offer in a request. */
    OFFER,
    /** An offer in the answer to an INVITE that had none; its answer comes in ACK or PRACK. */
    LATE_OFFER,
    /** An answer in a 1xx to an INVITE within the dialog; it counts at the 2xx. */
    EARLY_ANSWER,
    /** An offer that was refused: it is kept so that a copy gets the same bytes. */
    REFUSED
  }

  Party withMedia(@Nullable Media other) {
    return new Party(other, pending, signals, refresh, refreshCseq, settledCseq);
  }

  Party withPending(@Nullable Pending other) {
    return new Party(media, other, signals, refresh, refreshCseq, settledCseq);
  }

  Party withSignals(Signals other) {
    return new Party(media, pending, other, refresh, refreshCseq, settledCseq);
  }

  Party withRefresh(@Nullable Signals other, long cseq) {
    return new Party(media, pending, signals, other, cseq, settledCseq);
  }

  Party settled(long cseq) {
    return new Party(media, pending, signals, refresh, refreshCseq, Math.max(cseq, settledCseq));
  }

  boolean isPending(Kind kind) {
    return pending != null && pending.kind() == kind;
  }

  /** What it said in these words before, agreed or not; null for nothing. */
  @Nullable Media said(@Nullable Media described) {
    if (described == null) {
      return null;
    }
    if (described.over(media).says(media)) {
      return media;
    }
    return pending != null && described.over(media).says(pending.media()) ? pending.media() : null;
  }

  /** What it says now: the same object as before if it is the same, and its own ports on hold. */
  Media saying(Media described) {
    Media said = said(described);
    return said != null ? said : described.over(media);
  }

  Party replacing(Media before, Media after) {
    Party changed = media == before ? withMedia(after) : this;
    Pending still = changed.pending;
    return still != null && still.media() == before
        ? changed.withPending(new Pending(still.kind(), after, still.cseq(), still.isInvite()))
        : changed;
  }

  Party replacing(Signals before, Signals after) {
    Party changed = signals.equals(before) ? withSignals(after) : this;
    return before.equals(refresh) ? changed.withRefresh(after, refreshCseq) : changed;
  }
}
