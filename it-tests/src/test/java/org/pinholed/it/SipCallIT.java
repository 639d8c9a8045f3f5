package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.Datagrams;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.SipCall;
import org.pinholed.it.lab.SipCall.Side;
import org.pinholed.it.lab.SipLabs;
import org.pinholed.it.lab.SipLabs.Router;
import org.pinholed.it.lab.SipLine;
import org.pinholed.it.lab.SipMessage;
import org.pinholed.it.lab.SipScenario;
import org.pinholed.it.lab.SipScenario.Probe;
import org.pinholed.it.lab.SipSdp;

/**
 * Whole calls through a router that drops by default: audio on both sides from the offer and the
 * answer on, nothing before, nothing after the end, and nothing from strangers at any time.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SipCallIT {
  private final SipLabs labs = new SipLabs();

  @AfterAll
  void close() {
    labs.close();
  }

  static Stream<Router> routers() {
    return Stream.concat(
        SipLabs.routers(),
        Stream.of(
            new Router(NatMode.TWICE, Family.V4, true),
            new Router(NatMode.TWICE, Family.V6, false),
            new Router(NatMode.SNAT, Family.V6, true),
            new Router(NatMode.SNAT, Family.V4, false)));
  }

  static Stream<Router> fewRouters() {
    return SipLabs.fewRouters();
  }

  /** What is over: no pinhole, no flow, and nothing passes. */
  private static void assertOver(
      SipScenario scenario, SipCall call, SipSdp callerTold, SipSdp calleeTold) {
    scenario.awaitNoMedia();
    for (SipSdp told : List.of(callerTold, calleeTold)) {
      scenario.await(() -> scenario.conntracks(told.rtp().port()).isEmpty());
      scenario.await(() -> scenario.conntracks(told.rtcp().port()).isEmpty());
    }
    scenario.assertSilent(call, callerTold, calleeTold);
  }

  private static void assertOver(SipScenario scenario, SipCall call) {
    assertOver(scenario, call, call.heard(Side.CALLEE), call.heard(Side.CALLER));
  }

  @Tag("containers")
  @ParameterizedTest
  @MethodSource("routers")
  void audio_fromOfferAndAnswerUntilBye(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.line(router.overUdp());
        SipCall call = scenario.call(line)) {
      scenario.assertSilent(call, call.audio(Side.CALLER).sdp(), call.audio(Side.CALLEE).sdp());

      SipMessage invite = call.build(Side.CALLER, "INVITE", call.audio(Side.CALLER).sdp());
      SipSdp callerTold = call.say(Side.CALLER, invite).sdp();
      // Who is called may speak at once; the caller does not know where to yet.
      Datagrams caller = call.audio(Side.CALLER).rtp();
      Datagrams callee = call.audio(Side.CALLEE).rtp();
      scenario.assertOpen(callee, callerTold.rtp(), caller);
      scenario.assertShut(
          List.of(
              new Probe(scenario.serverStranger(), callerTold.rtp(), caller),
              new Probe(
                  scenario.serverStranger(), callerTold.rtcp(), call.audio(Side.CALLER).rtcp()),
              new Probe(scenario.clientStranger(), callee.local(), callee)));

      call.answer(Side.CALLEE, 183, call.audio(Side.CALLEE).sdp());
      call.assertAudio();
      call.answer(Side.CALLEE, 200, call.audio(Side.CALLEE).sdp());
      call.request(Side.CALLER, "ACK", null);
      call.assertAudio();
      scenario.assertStrangersOut(call);

      SipMessage bye = call.build(Side.CALLER, "BYE", null);
      call.say(Side.CALLER, bye);
      call.assertAudio(); // a BYE without an answer ends nothing yet
      call.answer(Side.CALLEE, 200, null);
      assertOver(scenario, call);

      // Copies after the end open nothing.
      call.say(Side.CALLER, invite);
      call.answer(Side.CALLEE, 200, call.audio(Side.CALLEE).sdp());
      call.say(Side.CALLER, bye);
      assertOver(scenario, call);
    }
  }

  @ParameterizedTest
  @MethodSource("routers")
  void calleeHangsUp_afterItsOwnReoffer(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.line(router.overUdp());
        SipCall call = scenario.call(line).connect()) {
      SipSdp callerTold = call.heard(Side.CALLEE);
      SipSdp calleeTold = call.heard(Side.CALLER);
      call.assertAudio(Side.CALLEE); // who was called speaks first
      call.reoffer(Side.CALLEE, call.audio(Side.CALLEE).sdp(), call.audio(Side.CALLER).sdp());
      assertEquals(callerTold, call.heard(Side.CALLEE), "a refresh changes no port");
      assertEquals(calleeTold, call.heard(Side.CALLER), "a refresh changes no port");
      call.assertAudio();
      scenario.assertStrangersOut(call);
      call.hangUp(Side.CALLEE);
      assertOver(scenario, call);
    }
  }

  /** The offer is in the 200, the answer in the ACK (RFC 3261 section 13.2.1). */
  @ParameterizedTest
  @MethodSource("routers")
  void lateOffer(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.line(router.overUdp());
        SipCall call = scenario.call(line)) {
      call.request(Side.CALLER, "INVITE", null);
      scenario.assertSilent(call, call.audio(Side.CALLER).sdp(), call.audio(Side.CALLEE).sdp());
      call.answer(Side.CALLEE, 180, null);
      SipSdp calleeTold = call.answer(Side.CALLEE, 200, call.audio(Side.CALLEE).sdp()).sdp();
      scenario.assertOpen(
          call.audio(Side.CALLER).rtp(), calleeTold.rtp(), call.audio(Side.CALLEE).rtp());
      call.request(Side.CALLER, "ACK", call.audio(Side.CALLER).sdp());
      call.assertAudio();
      scenario.assertStrangersOut(call);
      call.hangUp(Side.CALLER);
      assertOver(scenario, call);
    }
  }

  /** RFC 3262, RFC 3311: early media, and other ports before the call is answered. */
  @ParameterizedTest
  @MethodSource("fewRouters")
  void prackAndUpdate(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.line(router.overUdp());
        SipCall call = scenario.call(line)) {
      call.request(Side.CALLER, "INVITE", call.audio(Side.CALLER).sdp(), "Supported: 100rel");
      call.answer(Side.CALLEE, 183, call.audio(Side.CALLEE).sdp(), "Require: 100rel", "RSeq: 1");
      call.assertAudio();
      call.request(Side.CALLER, "PRACK", null, "RAck: 1 101 INVITE");
      call.answer(Side.CALLEE, 200, null);
      call.assertAudio();

      // The caller moves its media to another port.
      SipSdp before = call.heard(Side.CALLEE);
      try (Datagrams moved = scenario.client().datagrams(line.client().host(), 0)) {
        SipSdp offer = SipSdp.audio(moved.local());
        SipSdp told = call.request(Side.CALLER, "UPDATE", offer).sdp();
        call.assertAudio(); // both stand until it is answered
        scenario.assertOpen(call.audio(Side.CALLEE).rtp(), told.rtp(), moved);
        call.answer(Side.CALLEE, 200, call.audio(Side.CALLEE).sdp());
        scenario.assertOpen(call.audio(Side.CALLEE).rtp(), told.rtp(), moved);
        try (Datagrams fresh = scenario.server().datagrams(line.server().host(), 0)) {
          scenario.assertShut(fresh, before.rtp(), call.audio(Side.CALLER).rtp());
        }
        call.answerInvite(Side.CALLEE, 200, null);
        call.request(Side.CALLER, "ACK", null);
        assertEquals(
            told.rtp(),
            scenario.assertOpen(
                moved, call.heard(Side.CALLER).rtp(), call.audio(Side.CALLEE).rtp()));
        call.hangUp(Side.CALLEE);
        assertOver(scenario, call, told, call.heard(Side.CALLER));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("fewRouters")
  void refused_nothingStaysOpen(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.line(router.overUdp());
        SipCall call = scenario.call(line)) {
      SipSdp told = call.request(Side.CALLER, "INVITE", call.audio(Side.CALLER).sdp()).sdp();
      SipSdp answer = call.answer(Side.CALLEE, 183, call.audio(Side.CALLEE).sdp()).sdp();
      call.assertAudio();
      call.answer(Side.CALLEE, 486, null);
      call.request(Side.CALLER, "ACK", null);
      assertOver(scenario, call, told, answer);
    }
  }

  /** CANCEL itself ends nothing; the answer to the INVITE does. */
  @ParameterizedTest
  @MethodSource("fewRouters")
  void cancelled_nothingStaysOpen(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.line(router.overUdp());
        SipCall call = scenario.call(line)) {
      SipSdp told = call.request(Side.CALLER, "INVITE", call.audio(Side.CALLER).sdp()).sdp();
      SipSdp answer = call.answer(Side.CALLEE, 183, call.audio(Side.CALLEE).sdp()).sdp();
      call.assertAudio();
      call.request(Side.CALLER, "CANCEL", null);
      call.answer(Side.CALLEE, 200, null);
      call.assertAudio();
      call.answerInvite(Side.CALLEE, 487, null);
      call.request(Side.CALLER, "ACK", null);
      assertOver(scenario, call, told, answer);
    }
  }

  /** The caller is asked for a password first: another INVITE of the same call follows. */
  @ParameterizedTest
  @MethodSource("fewRouters")
  void inviteThatIsChallenged_worksTheSecondTime(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.line(router.overUdp());
        SipCall call = scenario.call(line)) {
      SipSdp told = call.request(Side.CALLER, "INVITE", call.audio(Side.CALLER).sdp()).sdp();
      call.answer(Side.CALLEE, 407, null, "Proxy-Authenticate: Digest nonce=\"1\"");
      call.request(Side.CALLER, "ACK", null);
      call.request(
          Side.CALLER,
          "INVITE",
          call.audio(Side.CALLER).sdp(),
          "Proxy-Authorization: Digest nonce=\"1\"");
      call.answer(Side.CALLEE, 200, call.audio(Side.CALLEE).sdp());
      call.request(Side.CALLER, "ACK", null);
      assertEquals(told, call.heard(Side.CALLEE), "the same ports again");
      call.assertAudio();
      scenario.assertStrangersOut(call);
      call.hangUp(Side.CALLER);
      assertOver(scenario, call);
    }
  }

  /**
   * The peer may use another port for a request in the dialog: its pinhole leads to the Contact.
   */
  @ParameterizedTest
  @MethodSource("fewRouters")
  void requestFromAnotherPortOfThePeer_reachesTheContact(Router router) {
    if (!router.overUdp()) {
      return;
    }
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.udp(5066);
        SipCall call = scenario.call(line).connect();
        Datagrams other = scenario.atServer(0)) {
      SipMessage update = call.build(Side.CALLEE, "UPDATE", null);
      Datagrams phone = line.clientSocket();
      other.send(SipMessage.endpoint(update.requestUri()), update.text());
      SipMessage heard = SipMessage.of(phone.receive().data());
      assertEquals(line.client(), SipMessage.endpoint(heard.requestUri()));
      call.assertAudio();
      call.hangUp(Side.CALLER);
      assertOver(scenario, call);
      scenario.assertShut(other, SipMessage.endpoint(update.requestUri()), phone);
    }
  }
}
