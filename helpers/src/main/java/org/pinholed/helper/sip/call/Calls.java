package org.pinholed.helper.sip.call;

import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.SharedMap;
import org.pinholed.helper.SharedState;
import org.pinholed.helper.sip.call.Incoming.Evidence;
import org.pinholed.helper.sip.policy.MediaPolicy;
import org.pinholed.helper.sip.policy.MediaPolicy.Place;
import org.pinholed.helper.sip.policy.SipSettings;
import org.pinholed.helper.sip.words.SipReason;
import org.pinholed.helper.sip.words.SipWord;

/**
 * The calls of a flow. They are shared with all other flows of the protocol, so that any of them
 * can end what another one began. One per flow, used by its thread only.
 */
public final class Calls {
  private final FlowFacts facts;
  private final SipSettings settings;
  private final MediaPolicy policy;
  private final CallRules rules;
  private final SharedMap<Call> calls;
  private final Unanswered unanswered;
  private final Map<Direction, Integer> places = new EnumMap<>(Direction.class);

  /**
   * Makes the calls of a flow.
   *
   * @param facts the flow
   * @param shared what all flows share
   * @param settings what the entry allows
   */
  public Calls(FlowFacts facts, SharedState shared, SipSettings settings) {
    this.facts = facts;
    this.settings = settings;
    policy = new MediaPolicy(facts, settings);
    rules = new CallRules(settings, policy);
    calls = shared.map("calls", settings.calls(), CallCodec.CODEC);
    unanswered = new Unanswered(shared, settings.unansweredPerSource());
    for (Direction direction : Direction.values()) {
      places.put(
          direction, CallNames.place(ownAddress(direction), ownAddress(direction.opposite())));
    }
  }

  private InetAddress ownAddress(Direction direction) {
    return facts.sender(direction).address();
  }

  /**
   * Takes a message of any method but REGISTER. Opens, closes and reports what follows from it.
   *
   * @param message what it says
   * @param nowNs the time that the helper was given with its bytes
   * @param out takes the outcomes
   * @return what the receiver must see
   */
  public SeenMedia onMessage(CallMessage message, long nowNs, OutcomeSink out) {
    Incoming in = incoming(message, nowNs, out);
    boolean begins =
        isFirst(message) && rules.apply(calls.get(message.call(), nowNs), in, nowNs).began();
    if (begins && !unanswered.begins(in.sender(), nowNs)) {
      out.report(SipReason.TOO_MANY_UNANSWERED, message.streamOffset());
      return SeenMedia.NONE;
    }
    Verdict[] verdicts = new Verdict[1];
    boolean[] tooLarge = new boolean[1];
    boolean taken =
        calls.change(
            message.call(),
            nowNs,
            before -> {
              Verdict verdict = rules.apply(before, in, nowNs);
              verdicts[0] = verdict;
              Call after = verdict.call();
              tooLarge[0] = after != null && isTooLarge(before, after);
              Call stays = tooLarge[0] ? before : after;
              return stays == null ? null : kept(stays, nowNs);
            });
    Verdict verdict = verdicts[0];
    if (!taken || tooLarge[0] || verdict == null) {
      if (begins) {
        unanswered.answered(in.sender(), nowNs);
      }
      SipReason reason = tooLarge[0] ? SipReason.CALL_TOO_LARGE : SipReason.TOO_MANY_CALLS;
      out.report(reason, message.streamOffset());
      return SeenMedia.NONE;
    }
    int counted = (begins ? 1 : 0) - (verdict.began() ? 1 : 0) + (verdict.answered() ? 1 : 0);
    if (counted > 0) {
      InetAddress caller = verdict.answered() && !begins ? in.receiver() : in.sender();
      unanswered.answered(caller, nowNs);
    }
    return carryOut(in, verdict, nowNs, out);
  }

  private SeenMedia carryOut(Incoming in, Verdict verdict, long nowNs, OutcomeSink out) {
    CallMessage message = in.message();
    CallSteps steps = new CallSteps(settings, message, out);
    steps.carryOut(verdict.steps());
    Call call = verdict.call();
    if (call != null && steps.hasNews()) {
      calls.change(
          message.call(),
          nowNs,
          before -> before == null ? null : kept(steps.noted(before), nowNs));
    }
    Media shown = verdict.shown();
    return new SeenMedia(
        shown == null ? List.of() : streams(steps.seen(shown)),
        signals(message.signals(), steps.seen(verdict.shownSignals())));
  }

  /** Whether it has grown beyond what one call may take; what shrinks may always. */
  private static boolean isTooLarge(@Nullable Call before, Call after) {
    return CallSize.places(after) > CallSize.MOST_PLACES
        && (before == null || CallSize.bytes(after) > CallSize.bytes(before));
  }

  private static SharedMap.Kept<Call> kept(Call call, long nowNs) {
    return new SharedMap.Kept<>(call, Duration.ofNanos(Math.max(1, call.rememberedNs(nowNs))));
  }

  /** Whether it is an INVITE that may begin a call. */
  private static boolean isFirst(CallMessage message) {
    return message.isRequest()
        && message.method() == SipWord.INVITE
        && message.toTag() == CallNames.NONE;
  }

  /** Nothing if nothing of it is seen: what names nothing of the outside stays as a whole. */
  private static List<SeenMedia.Stream> streams(Media media) {
    List<SeenMedia.Stream> streams = new ArrayList<>(media.streams());
    boolean names = false;
    boolean isSeen = false;
    for (int at = 0; at < media.streams(); at++) {
      boolean written = isWritten(media.place(at));
      Endpoint rtp = written ? media.seen(at) : null;
      Endpoint rtcp = rtp != null && isWritten(media.rtcpPlace(at)) ? media.seenRtcp(at) : null;
      names |= written;
      isSeen |= rtp != null;
      streams.add(new SeenMedia.Stream(rtp, rtcp));
    }
    return names && !isSeen ? List.of() : streams;
  }

  private static List<SeenMedia.Signalled> signals(List<Signal> named, Signals known) {
    List<SeenMedia.Signalled> seen = new ArrayList<>(named.size());
    named.forEach(one -> seen.add(new SeenMedia.Signalled(known.seenOf(one))));
    return seen;
  }

  private static boolean isWritten(Place place) {
    return place == Place.NAMED || place == Place.HAIRPIN;
  }

  private Incoming incoming(CallMessage message, long nowNs, OutcomeSink out) {
    Direction direction = message.direction();
    Reading reading = new Reading(policy, direction, out);
    Media media = message.description() == null ? null : reading.media(message.description());
    Signals signals = reading.signals(message.signals());
    for (SipReason reason : reading.reasons()) {
      out.report(reason, message.streamOffset());
    }
    int senderPlace = places.getOrDefault(direction, 0);
    int receiverPlace = places.getOrDefault(direction.opposite(), 0);
    boolean known = calls.get(message.call(), nowNs) != null;
    return new Incoming(
        message,
        ownAddress(direction),
        ownAddress(direction.opposite()),
        senderPlace,
        receiverPlace,
        media,
        signals,
        known ? Evidence.NONE : evidence(message, senderPlace, receiverPlace, out));
  }

  /** What stands of a call that is not known: that of an agent that was killed. */
  private static Evidence evidence(
      CallMessage message, int senderPlace, int receiverPlace, OutcomeSink out) {
    OwnerId call = message.call();
    long sender = message.senderTag();
    long receiver = message.receiverTag();
    boolean matters =
        switch (message.method()) {
          case INVITE, ACK, PRACK, UPDATE, BYE -> !isFirst(message);
          default -> false;
        };
    if (!matters) {
      return Evidence.NONE;
    }
    boolean offer = out.stands(call, Groups.offer(receiver, receiverPlace));
    boolean invite = offer || out.stands(call, Groups.signals(receiver, receiverPlace));
    boolean dialog =
        out.stands(call, Groups.media(sender, receiver, senderPlace))
            || out.stands(call, Groups.media(receiver, sender, receiverPlace))
            || out.stands(call, Groups.pending(sender, receiver, senderPlace))
            || out.stands(call, Groups.pending(receiver, sender, receiverPlace));
    boolean isBye = message.method() == SipWord.BYE && message.isRequest();
    boolean rings = out.isProvisional(call);
    boolean isKnown = dialog || invite;
    return new Evidence(
        offer,
        invite,
        dialog || (isBye && (offer || out.stands(call, Groups.offer(sender, senderPlace)))),
        rings,
        isKnown && !rings
            ? Groups.others(out.groups(call), sender, receiver, senderPlace, receiverPlace)
            : Groups.Others.NONE);
  }
}
