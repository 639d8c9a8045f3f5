package org.pinholed.helper.sip.call;

import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Lifetime;
import org.pinholed.helper.OutcomeSink.Children;
import org.pinholed.helper.sip.call.Step.Opening;
import org.pinholed.helper.sip.policy.MediaPolicy;
import org.pinholed.helper.sip.policy.SipSettings;
import org.pinholed.helper.sip.words.SipReason;

/**
 * A call while one message changes it: a copy of what is remembered, and the steps so far. It knows
 * what opening and closing mean for a dialog; when that is done is said by the rules. Used by one
 * thread, for one message.
 *
 * <p>It is long because all three sets of rules work on it: they are to read like the tables of the
 * RFCs, and what a rule does is spelled out here.
 */
final class Turn {
  /** How long an INVITE waits for its first answer, and how long what is over is remembered. */
  static final Duration UNANSWERED = Duration.ofSeconds(32);

  /** How long after the last 1xx a final answer is awaited (RFC 3261 section 16.6, timer C). */
  static final Duration RINGING = Duration.ofMinutes(3);

  /** RFC 4028 section 4: nobody may ask for less. */
  private static final long SESSION_EXPIRES_MIN = 90;

  private static final long SECOND_NS = 1_000_000_000L;

  /** The word for a call that was answered. */
  private static final String CONFIRMED = "confirmed";

  private final Incoming in;
  private final long nowNs;
  private final SipSettings settings;
  private final StreamOpenings openings;
  private boolean wasLive;
  private final String stateBefore;

  private final List<Leg> legs = new ArrayList<>();
  private final List<Dialog> dialogs = new ArrayList<>();
  private final List<Dialog> displaced = new ArrayList<>(0);
  private final Steps steps = new Steps();
  private long startNs;
  private long caller;
  private long keptUntilNs;
  private @Nullable Media shown;
  private Signals shownSignals = Signals.NONE;
  private boolean began;
  private boolean answered;

  Turn(@Nullable Call before, Incoming in, long nowNs, SipSettings settings, MediaPolicy policy) {
    this.in = in;
    this.nowNs = nowNs;
    this.settings = settings;
    openings = new StreamOpenings(policy);
    startNs = nowNs;
    if (before != null) {
      startNs = before.startNs();
      caller = before.caller();
      keptUntilNs = before.keptUntilNs();
      legs.addAll(before.legs());
      dialogs.addAll(before.dialogs());
    }
    stateBefore = stateWord();
    wasLive = isLive();
    forgetWhatIsOver();
  }

  /** A dialog that a message belongs to. */
  record Match(int index, boolean senderIsCaller) {}

  // ---- what is known

  Incoming in() {
    return in;
  }

  CallMessage message() {
    return in.message();
  }

  SipSettings settings() {
    return settings;
  }

  boolean isUnknown() {
    return legs.isEmpty();
  }

  long caller() {
    return caller;
  }

  long after(Duration time) {
    return nowNs + time.toNanos();
  }

  boolean isOver(long momentNs) {
    return momentNs - nowNs <= 0;
  }

  List<Dialog> dialogs() {
    return dialogs;
  }

  Dialog dialog(int index) {
    return dialogs.get(index);
  }

  void set(int index, Dialog dialog) {
    dialogs.set(index, dialog);
  }

  Leg legOf(Dialog dialog) {
    for (Leg leg : legs) {
      if (leg.id() == dialog.leg()) {
        return leg;
      }
    }
    throw new IllegalStateException("a dialog without its leg"); // of our own making only
  }

  /** The way as it is by now. */
  Leg current(Leg leg) {
    for (Leg now : legs) {
      if (now.id() == leg.id()) {
        return now;
      }
    }
    return leg;
  }

  void set(Leg leg) {
    legs.removeIf(other -> other.id() == leg.id());
    legs.add(leg);
  }

  /** The way between two ends of a flow; null if no INVITE came past on it. */
  @Nullable Leg legBetween(InetAddress from, InetAddress to) {
    for (Leg leg : legs) {
      if (leg.isBetween(from, to)) {
        return leg;
      }
    }
    return null;
  }

  /** A number for another way; below zero if there are too many. */
  int freeLeg() {
    for (int id = 0; id < Leg.MOST; id++) {
      if (!hasLeg(id)) {
        return id;
      }
    }
    return -1;
  }

  private boolean hasLeg(int id) {
    for (Leg leg : legs) {
      if (leg.id() == id) {
        return true;
      }
    }
    return false;
  }

  /**
   * An answer to the INVITE of a call that was taken up while it rang says which number that had
   * and who sent it.
   */
  void learnInvite() {
    Leg leg = legs.size() == 1 ? legs.get(0) : null;
    if (leg == null || !leg.isCalling() || leg.cseq() != Leg.CSEQ_UNKNOWN || dialogs.isEmpty()) {
      return;
    }
    boolean isOfCallee =
        dialogs.size() == 1
            && message().fromTag() == dialog(0).tag()
            && message().toTag() == caller
            && leg.isBetween(in.sender(), in.receiver());
    if (isOfCallee) {
      Dialog dialog = dialog(0);
      set(leg.turned().withCseq(message().cseq()));
      set(0, dialog.turned(caller));
      caller = message().fromTag();
    } else if (message().fromTag() == caller && leg.isBetween(in.receiver(), in.sender())) {
      set(leg.withCseq(message().cseq()));
    }
  }

  long highestCseq() {
    return legs.stream().mapToLong(Leg::cseq).max().orElse(-1);
  }

  int indexOf(Leg leg, long tag) {
    for (int at = 0; at < dialogs.size(); at++) {
      if (dialogs.get(at).leg() == leg.id() && dialogs.get(at).tag() == tag) {
        return at;
      }
    }
    return -1;
  }

  boolean isConfirmed(Leg leg) {
    return anyOf(leg, Dialog.Phase.CONFIRMED);
  }

  private boolean anyOf(Leg leg, Dialog.Phase phase) {
    for (Dialog dialog : dialogs) {
      if (dialog.leg() == leg.id() && dialog.phase() == phase) {
        return true;
      }
    }
    return false;
  }

  /** Whether something of the call may be open. */
  boolean isLive() {
    if (isCalling()) {
      return true;
    }
    for (Dialog dialog : dialogs) {
      if (dialog.phase() == Dialog.Phase.CONFIRMED) {
        return true;
      }
    }
    return false;
  }

  private boolean isCalling() {
    for (Leg leg : legs) {
      if (leg.isCalling()) {
        return true;
      }
    }
    return false;
  }

  private String stateWord() {
    boolean early = false;
    for (Dialog dialog : dialogs) {
      if (dialog.phase() == Dialog.Phase.CONFIRMED) {
        return CONFIRMED;
      }
      early |= dialog.phase() == Dialog.Phase.EARLY;
    }
    return early ? "early" : isCalling() ? "calling" : "ended";
  }

  /**
   * The dialogs that a message belongs to: by its tags, and by where it comes from. On a way on
   * which the INVITE came past that is one. Else the sender must be at an address of the party that
   * it says it is: so a BYE counts that leaves out the proxies (RFC 3261 section 12.2.1.1). An
   * answer must go to such an address, too: a server may answer a request of somebody who is no
   * party, and that one changes nothing.
   */
  List<Match> matches() {
    List<Match> near = new ArrayList<>();
    for (int at = 0; at < dialogs.size(); at++) {
      Dialog dialog = dialogs.get(at);
      Leg leg = legOf(dialog);
      for (boolean ofCaller : new boolean[] {true, false}) {
        long senderTag = ofCaller ? caller : dialog.tag();
        long receiverTag = ofCaller ? dialog.tag() : caller;
        if (senderTag != message().senderTag() || receiverTag != message().receiverTag()) {
          continue;
        }
        Match match = new Match(at, ofCaller);
        if (ofCaller
            ? leg.isBetween(in.sender(), in.receiver())
            : leg.isBetween(in.receiver(), in.sender())) {
          return List.of(match);
        }
        if (isAt(dialog, ofCaller, in.sender())
            && (message().isRequest() || isAt(dialog, !ofCaller, in.receiver()))) {
          near.add(match);
        }
      }
    }
    return near;
  }

  private boolean isAt(Dialog dialog, boolean ofCaller, InetAddress address) {
    Leg leg = legOf(dialog);
    return (ofCaller ? leg.caller() : leg.callee()).equals(address)
        || dialog.party(ofCaller).signals().names(address);
  }

  /** Whether there is a dialog with the tags of the message, whoever sent it. */
  boolean hasItsTags() {
    long from = message().senderTag();
    long to = message().receiverTag();
    for (Dialog dialog : dialogs) {
      if (dialog.isOpen()
          && ((from == caller && to == dialog.tag()) || (to == caller && from == dialog.tag()))) {
        return true;
      }
    }
    return false;
  }

  // ---- what changes

  /** Begins anew: what there was of the call is over. */
  void clear() {
    legs.clear();
    dialogs.clear();
    startNs = nowNs;
  }

  /** Notes that something of the call was open before: it was taken up. */
  void tookUp() {
    wasLive = true;
  }

  void callerIs(long tag) {
    caller = tag;
  }

  void begin() {
    began = true;
    if (!isLive()) {
      startNs = nowNs;
    }
  }

  Leg answered(Leg leg) {
    answered |= leg.counted();
    return leg.answered();
  }

  void add(Dialog dialog) {
    dialogs.add(dialog);
  }

  void remove(int index) {
    dialogs.remove(index);
  }

  /** Puts a dialog into the place of another one, which is shut once the new one is open. */
  void displace(int index, Dialog dialog) {
    Dialog old = dialogs.set(index, dialog);
    if (old.isOpen()) {
      displaced.add(old); // what both hold must not be let go meanwhile: its port outside was told
    }
  }

  void refuse(SipReason reason) {
    steps.add(new Step.Refuse(reason));
  }

  /** Has the receiver see of the description what was opened for it. */
  void show(@Nullable Media media) {
    shown = media;
  }

  void show(Signals signals) {
    shownSignals = signals;
  }

  /**
   * What a dialog has was opened for the time until its refresh (RFC 4028). What an earlier process
   * opened cannot be opened again, because nobody knows what was said of it.
   */
  void prolong(Dialog dialog) {
    boolean isUnknown =
        dialog.caller().media() == Media.UNKNOWN || dialog.callee().media() == Media.UNKNOWN;
    if (isUnknown) {
      steps.add(new Step.Prolong(Duration.ofNanos(wholeSecondsNs(dialog.deadlineNs() - nowNs))));
    }
  }

  /** When a dialog ends of which nothing is said: by {@code maxCall}. */
  long mostUntilNs() {
    return nowNs + mostNs();
  }

  /**
   * When a dialog ends that was confirmed or refreshed just now (RFC 4028 section 10), a call that
   * is not refreshed ends by {@code maxCall}.
   */
  long confirmedUntilNs() {
    long mostNs = mostNs();
    long expires = message().sessionExpires();
    long seconds = Math.max(expires, SESSION_EXPIRES_MIN) + UNANSWERED.toSeconds();
    boolean isShorter = expires >= 0 && seconds < mostNs / SECOND_NS;
    return nowNs + (isShorter ? seconds * SECOND_NS : mostNs);
  }

  // ---- what is opened

  private InetAddress otherEnd(boolean isSender) {
    return isSender ? in.receiver() : in.sender();
  }

  private Direction directionOf(boolean isSender) {
    return isSender ? message().direction() : message().direction().opposite();
  }

  private boolean isSenderOf(Dialog dialog, boolean ofCaller) {
    if (caller == dialog.tag()) { // both may be missing, as in RFC 2543, or the same by chance
      Leg leg = legOf(dialog);
      boolean fromCaller =
          leg.isBetween(in.sender(), in.receiver())
              || (!leg.isBetween(in.receiver(), in.sender()) && isAt(dialog, true, in.sender()));
      return ofCaller == fromCaller;
    }
    return (ofCaller ? caller : dialog.tag()) == message().senderTag();
  }

  private long tagOf(Dialog dialog, boolean ofCaller) {
    return ofCaller ? caller : dialog.tag();
  }

  private int placeOf(Dialog dialog, boolean ofCaller) {
    Leg leg = legOf(dialog);
    return ofCaller ? leg.callerPlace() : leg.calleePlace();
  }

  private String mediaGroup(Dialog dialog, boolean ofCaller) {
    return Groups.media(
        tagOf(dialog, ofCaller), tagOf(dialog, !ofCaller), placeOf(dialog, ofCaller));
  }

  private String pendingGroup(Dialog dialog, boolean ofCaller) {
    return Groups.pending(
        tagOf(dialog, ofCaller), tagOf(dialog, !ofCaller), placeOf(dialog, ofCaller));
  }

  private Lifetime.WithOwner lifetimeOf(Dialog dialog) {
    return dialog.phase() == Dialog.Phase.CONFIRMED
        ? new Lifetime.WithOwner(Duration.ofNanos(wholeSecondsNs(dialog.deadlineNs() - nowNs)))
        : ringing();
  }

  /**
   * How long ports are open that nobody agreed to yet. The owner ends much earlier if nobody
   * answers. If this process is killed meanwhile, what stands must be enough for a call that is
   * then answered, and must not stay for a day if it is not. The next process cannot know when the
   * last 1xx came: that may have passed while no process read. So it waits for as long as after one
   * that came then.
   */
  private Lifetime.WithOwner ringing() {
    Children children = settings.cutMedia() ? Children.CUT : Children.KEEP;
    return new Lifetime.WithOwner(
        Duration.ofNanos(mostNs()), new Lifetime.Provisional(RINGING, children));
  }

  private long mostNs() {
    return wholeSecondsNs(settings.maxCall().toNanos() - (nowNs - startNs));
  }

  // Upwards, so that what is announced twice within a second is announced with the same end.
  private static long wholeSecondsNs(long timeNs) {
    return Math.max(1, (timeNs + SECOND_NS - 1) / SECOND_NS) * SECOND_NS;
  }

  /**
   * Opens the ports of an offer that no branch answered yet.
   *
   * @param isSender whether its caller sent this message
   */
  void openOffer(Leg leg, boolean isSender) {
    Media offer = leg.offer();
    Direction direction = directionOf(isSender);
    if (offer != null) {
      openMedia(
          Groups.offer(caller, leg.callerPlace()),
          direction,
          offer,
          openings.of(offer, null, otherEnd(isSender)),
          ringing());
    }
    openSignals(Groups.signals(caller, leg.callerPlace()), direction, leg.signals(), ringing());
  }

  void closeOffer(Leg leg) {
    close(Groups.offer(caller, leg.callerPlace()), true);
  }

  /** Opens what both parties agreed to; nothing for a party of which nothing is known. */
  void openAgreed(Dialog dialog) {
    openAgreed(dialog, true);
    openAgreed(dialog, false);
  }

  private void openAgreed(Dialog dialog, boolean ofCaller) {
    Media own = dialog.party(ofCaller).media();
    if (own != null) {
      boolean isSender = isSenderOf(dialog, ofCaller);
      openMedia(
          mediaGroup(dialog, ofCaller),
          directionOf(isSender),
          own,
          openings.of(own, dialog.party(!ofCaller).media(), otherEnd(isSender)),
          lifetimeOf(dialog));
    }
  }

  /** Opens what a party would take besides what it takes now. */
  void openPending(Dialog dialog, boolean ofCaller, @Nullable Media other) {
    Party.Pending pending = dialog.party(ofCaller).pending();
    if (pending != null) {
      boolean isSender = isSenderOf(dialog, ofCaller);
      boolean offers =
          pending.kind() == Party.Kind.OFFER || pending.kind() == Party.Kind.LATE_OFFER;
      openMedia(
          pendingGroup(dialog, ofCaller),
          directionOf(isSender),
          pending.media(),
          offers
              ? openings.ofOffer(pending.media(), other, otherEnd(isSender))
              : openings.of(pending.media(), other, otherEnd(isSender)),
          lifetimeOf(dialog));
    }
  }

  void closePending(Dialog dialog, boolean ofCaller) {
    close(pendingGroup(dialog, ofCaller), true);
  }

  /** Shuts what both agreed to, so that what is opened next lacks what is gone. */
  void closeAgreed(Dialog dialog, boolean ofCaller) {
    close(mediaGroup(dialog, ofCaller), true);
  }

  void openSignals(Dialog dialog, boolean ofCaller) {
    openSignals(
        Groups.signals(tagOf(dialog, ofCaller), placeOf(dialog, ofCaller)),
        directionOf(isSenderOf(dialog, ofCaller)),
        dialog.party(ofCaller).signals(),
        lifetimeOf(dialog));
  }

  void openRefresh(Dialog dialog, boolean ofCaller, Signals refresh) {
    openSignals(
        Groups.refresh(tagOf(dialog, ofCaller), placeOf(dialog, ofCaller)),
        directionOf(isSenderOf(dialog, ofCaller)),
        refresh,
        lifetimeOf(dialog));
  }

  void closeRefresh(Dialog dialog, boolean ofCaller) {
    close(Groups.refresh(tagOf(dialog, ofCaller), placeOf(dialog, ofCaller)), false);
  }

  private void openSignals(
      String group, Direction announcedIn, Signals signals, Lifetime.WithOwner lifetime) {
    if (!signals.isEmpty()) {
      steps.open(group, new Step.OpenSignals(group, announcedIn, signals, lifetime));
    }
  }

  private void openMedia(
      String group,
      Direction announcedIn,
      Media media,
      List<@Nullable Opening> openings,
      Lifetime.WithOwner lifetime) {
    if (media != Media.UNKNOWN) {
      steps.open(group, new Step.OpenMedia(group, announcedIn, media, openings, lifetime));
    }
  }

  // ---- what is closed

  private void close(String group, boolean isMedia) {
    steps.add(new Step.Close(group, isMedia));
  }

  /** Shuts all that a dialog has of its own. */
  void closeAll(Dialog dialog) {
    for (boolean ofCaller : new boolean[] {true, false}) {
      if (!(ofCaller && mayServeOthers(dialog))) {
        closeAgreed(dialog, ofCaller);
      }
      closePending(dialog, ofCaller);
      if (dialog.party(ofCaller).refresh() != null) {
        closeRefresh(dialog, ofCaller);
      }
    }
    close(Groups.signals(dialog.tag(), legOf(dialog).calleePlace()), false);
  }

  /**
   * Whether what stands for the caller may be what another dialog of it needs: of a call that was
   * taken up there is one name at each pinhole, whoever else held it. Then it stays with the call.
   */
  private boolean mayServeOthers(Dialog dialog) {
    return dialog.caller().media() == Media.UNKNOWN
        && dialogs.stream()
            .anyMatch(
                other ->
                    other.leg() == dialog.leg() && other.tag() != dialog.tag() && other.isOpen());
  }

  /** Ends a way, with what is open of its INVITE. */
  void end(Leg leg) {
    closeOffer(leg);
    close(Groups.signals(caller, leg.callerPlace()), false);
    set(answered(leg).in(Leg.Phase.ENDED, after(UNANSWERED)));
  }

  /** Ends a dialog; with the last one of its way that one ends, too. */
  void end(int index, Dialog.Phase phase) {
    Dialog dialog = dialogs.get(index);
    closeAll(dialog);
    dialogs.set(index, dialog.in(phase, after(UNANSWERED)).withBye(null));
    Leg leg = legOf(dialog);
    if (!leg.isCalling() && !isConfirmed(leg)) {
      end(leg);
    }
  }

  /** What had its time since the last message: nobody says so, there are no timers. */
  private void forgetWhatIsOver() {
    for (int at = 0; at < dialogs.size(); at++) {
      Dialog dialog = dialogs.get(at);
      if (dialog.phase() == Dialog.Phase.CONFIRMED && isOver(dialog.endNs())) {
        end(at, Dialog.Phase.ENDED);
      }
    }
    for (Leg leg : List.copyOf(legs)) {
      if (leg.isCalling() && isOver(leg.deadlineNs())) {
        endEarly(leg, Dialog.Phase.ENDED);
        end(leg);
      }
    }
    dialogs.removeIf(dialog -> !dialog.isOpen() && isOver(dialog.deadlineNs()));
    legs.removeIf(
        leg ->
            leg.phase() == Leg.Phase.ENDED
                && isOver(leg.deadlineNs())
                && dialogs.stream().noneMatch(dialog -> dialog.leg() == leg.id()));
  }

  /** Closes the early dialogs of a way. */
  void endEarly(Leg leg, Dialog.Phase phase) {
    for (int at = 0; at < dialogs.size(); at++) {
      Dialog dialog = dialogs.get(at);
      if (dialog.leg() == leg.id() && dialog.phase() == Dialog.Phase.EARLY) {
        closeAll(dialog);
        dialogs.set(at, dialog.in(phase, after(UNANSWERED)));
      }
    }
  }

  // ---- the end of the turn

  Verdict verdict() {
    displaced.forEach(this::closeAll);
    List<Step> all = steps.all();
    boolean live = isLive();
    if (live) {
      keep(all);
    } else if (wasLive) {
      all.removeIf(Step.Close.class::isInstance); // the end closes all of them
      all.add(new Step.End());
    }
    String state = stateWord();
    boolean ends = dialogs.stream().anyMatch(dialog -> dialog.bye() != null);
    if (live && state.equals(CONFIRMED) && !stateBefore.equals(CONFIRMED) && !ends) {
      all.add(new Step.Settle());
    }
    if (live && (began || !state.equals(stateBefore))) {
      all.add(new Step.Named(state));
    }
    Call after = new Call(startNs, caller, keptUntilNs, legs, dialogs);
    long rememberedNs = legs.isEmpty() ? 0 : after.rememberedNs(nowNs);
    return new Verdict(rememberedNs == 0 ? null : after, all, shown, shownSignals, began, answered);
  }

  private void keep(List<Step> all) {
    long untilNs = nowNs;
    for (Leg leg : legs) {
      untilNs = leg.isCalling() ? Call.later(untilNs, leg.deadlineNs()) : untilNs;
    }
    for (Dialog dialog : dialogs) {
      boolean confirmed = dialog.phase() == Dialog.Phase.CONFIRMED;
      untilNs = confirmed ? Call.later(untilNs, dialog.endNs()) : untilNs;
    }
    if (untilNs != keptUntilNs || !wasLive) {
      keptUntilNs = untilNs;
      all.add(new Step.Keep(Duration.ofNanos(Math.max(SECOND_NS, untilNs - nowNs))));
    }
  }
}
