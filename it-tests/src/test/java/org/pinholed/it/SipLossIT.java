package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Links;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.SipCall;
import org.pinholed.it.lab.SipCall.Side;
import org.pinholed.it.lab.SipLabs.Router;
import org.pinholed.it.lab.SipLine;
import org.pinholed.it.lab.SipMessage;
import org.pinholed.it.lab.SipRouter;
import org.pinholed.it.lab.SipRouter.Help;
import org.pinholed.it.lab.SipScenario;
import org.pinholed.it.lab.SipSdp;

/**
 * What the network does to messages: they come twice, late, or in another order, and segments are
 * lost. Copies say the same bytes, nothing opens again, and calls have audio.
 */
class SipLossIT {
  static Stream<Router> routers() {
    return Stream.of(
        new Router(NatMode.MASQUERADE, Family.V4, true),
        new Router(NatMode.DNAT, Family.V6, true),
        new Router(null, Family.V4, true));
  }

  /** Each message twice, and once more all of them when the call is over. */
  @ParameterizedTest
  @MethodSource("routers")
  void copies_areTheSameBytes(Router router) {
    try (SipScenario scenario = SipScenario.start(router.nat(), router.family());
        SipLine line = scenario.udp(5062);
        SipCall call = scenario.call(line)) {
      SipSdp callerSdp = call.audio(Side.CALLER).sdp();
      SipSdp calleeSdp = call.audio(Side.CALLEE).sdp();
      SipMessage invite = call.build(Side.CALLER, "INVITE", callerSdp);
      SipMessage heard = twice(call, Side.CALLER, invite);
      SipMessage progress = call.buildAnswer(Side.CALLEE, heard, 183, calleeSdp);
      SipMessage heardProgress = twice(call, Side.CALLEE, progress);
      assertEquals(heard.text(), call.say(Side.CALLER, invite).text(), "after the 183");
      SipMessage ok = call.buildAnswer(Side.CALLEE, heard, 200, calleeSdp);
      SipMessage heardOk = twice(call, Side.CALLEE, ok);
      SipMessage ack = call.build(Side.CALLER, "ACK", null);
      SipMessage heardAck = twice(call, Side.CALLER, ack);
      assertEquals(heardProgress.text(), call.say(Side.CALLEE, progress).text(), "late");
      call.assertAudio();
      SipMessage bye = call.build(Side.CALLER, "BYE", null);
      SipMessage heardBye = twice(call, Side.CALLER, bye);
      SipMessage byeOk = call.buildAnswer(Side.CALLEE, heardBye, 200, null);
      SipMessage heardByeOk = twice(call, Side.CALLEE, byeOk);
      SipSdp callerTold = call.heard(Side.CALLEE);
      SipSdp calleeTold = call.heard(Side.CALLER);
      scenario.awaitNoMedia();

      assertEquals(heard.text(), line.say(true, invite).text());
      assertEquals(heardProgress.text(), line.say(false, progress).text());
      assertEquals(heardOk.text(), line.say(false, ok).text());
      assertEquals(heardAck.text(), line.say(true, ack).text());
      assertEquals(heardBye.text(), line.say(true, bye).text());
      assertEquals(heardByeOk.text(), line.say(false, byeOk).text());
      assertEquals(List.of(), scenario.media());
      scenario.assertSilent(call, callerTold, calleeTold);
      scenario.assertClean();
    }
  }

  private static SipMessage twice(SipCall call, Side from, SipMessage message) {
    SipMessage first = call.say(from, message);
    assertEquals(first.text(), call.line().say(isClient(call, from), message).text());
    return first;
  }

  private static boolean isClient(SipCall call, Side side) {
    return call.own(side).equals(call.line().client());
  }

  /** The 200 overtakes the 180 and the 183, the BYE the ACK. */
  @ParameterizedTest
  @MethodSource("routers")
  void anotherOrder_callHasAudioAndEnds(Router router) {
    try (SipScenario scenario = SipScenario.start(router.nat(), router.family());
        SipLine line = scenario.udp(5062);
        SipCall call = scenario.call(line)) {
      call.request(Side.CALLER, "INVITE", call.audio(Side.CALLER).sdp());
      call.answer(Side.CALLEE, 200, call.audio(Side.CALLEE).sdp());
      call.answer(Side.CALLEE, 183, call.audio(Side.CALLEE).sdp());
      call.answer(Side.CALLEE, 180, null);
      call.assertAudio();
      SipMessage ack = call.build(Side.CALLER, "ACK", null);
      call.request(Side.CALLEE, "BYE", null);
      call.say(Side.CALLER, ack);
      call.assertAudio();
      call.answer(Side.CALLER, 200, null);
      call.say(Side.CALLER, ack);
      scenario.awaitNoMedia();
      scenario.assertSilent(call, call.heard(Side.CALLEE), call.heard(Side.CALLER));
      scenario.assertClean();
    }
  }

  static Stream<Router> badLinks() {
    return Stream.of(
        new Router(NatMode.MASQUERADE, Family.V4, false),
        new Router(NatMode.DNAT, Family.V6, false));
  }

  /** Links that lose 5 % of TCP's segments and reorder 10 %. */
  @ParameterizedTest
  @MethodSource("badLinks")
  void lostSegments_callsHaveAudio(Router router) {
    try (SipScenario scenario =
            SipScenario.start(
                Links.BAD, router.nat(), router.family(), Help.AGENT, SipRouter.helpers(""));
        SipLine line = scenario.tcp()) {
      String[] more = new String[40];
      for (int i = 0; i < more.length; i++) {
        more[i] = "a=fmtp:%d profile-level-id=42e01f;packetization-mode=1".formatted(96 + i);
      }
      for (int i = 0; i < 8; i++) {
        try (SipCall call = scenario.call(line)) {
          // Every other one is longer than a segment.
          SipSdp offer = call.audio(Side.CALLER).sdp();
          SipSdp answer = call.audio(Side.CALLEE).sdp();
          call.request(Side.CALLER, "INVITE", i % 2 == 0 ? offer : offer.plus(more));
          call.answer(Side.CALLEE, 200, i % 2 == 0 ? answer : answer.plus(more));
          call.request(Side.CALLER, "ACK", null);
          call.assertAudio();
          call.hangUp(i % 4 < 2 ? Side.CALLER : Side.CALLEE);
        }
      }
      scenario.awaitNoMedia();
      scenario.assertNoComplaint();
    }
  }
}
