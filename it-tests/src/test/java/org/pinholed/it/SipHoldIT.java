package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.Datagrams;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.SipCall;
import org.pinholed.it.lab.SipCall.Side;
import org.pinholed.it.lab.SipLabs;
import org.pinholed.it.lab.SipLabs.Router;
import org.pinholed.it.lab.SipLine;
import org.pinholed.it.lab.SipScenario;
import org.pinholed.it.lab.SipSdp;

/** What changes in the middle of a call: hold, other ports, refused offers, fax, more streams. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SipHoldIT {
  private final SipLabs labs = new SipLabs();

  @AfterAll
  void close() {
    labs.close();
  }

  static Stream<Router> fewRouters() {
    return SipLabs.fewRouters();
  }

  private static void assertOver(SipScenario scenario, SipCall call) {
    scenario.awaitNoMedia();
    for (Side side : Side.values()) {
      scenario.await(() -> scenario.conntracks(call.heard(side).rtp().port()).isEmpty());
      scenario.await(() -> scenario.conntracks(call.heard(side).rtcp().port()).isEmpty());
    }
    scenario.assertSilent(call, call.heard(Side.CALLEE), call.heard(Side.CALLER));
  }

  /** Each side holds, in each way that there is; then both speak again by the same ports. */
  @ParameterizedTest
  @MethodSource("fewRouters")
  void hold_keepsPinholesAndPorts(Router router) {
    SipScenario scenario = labs.with(router);
    String nowhere = router.family() == Family.V4 ? "0.0.0.0" : "::";
    try (SipLine line = scenario.line(router.overUdp());
        SipCall call = scenario.call(line).connect()) {
      SipSdp callerTold = call.heard(Side.CALLEE);
      SipSdp calleeTold = call.heard(Side.CALLER);
      call.assertAudio();
      for (Side holder : Side.values()) {
        SipSdp own = call.audio(holder).sdp();
        SipSdp others = call.audio(holder.other()).sdp();
        for (SipSdp held :
            List.of(own.withConnection(nowhere), own.plus("a=sendonly"), own.plus("a=inactive"))) {
          call.reoffer(holder, held, others.plus("a=recvonly"));
          // Music goes on: who holds may send, and what was on its way arrives.
          call.audio(Side.CALLER).talkTo(call.audio(Side.CALLEE), calleeTold, callerTold);
          call.audio(Side.CALLEE).talkTo(call.audio(Side.CALLER), callerTold, calleeTold);
          call.reoffer(holder, own, others);
          assertEquals(callerTold, call.heard(Side.CALLEE));
          assertEquals(calleeTold, call.heard(Side.CALLER));
          call.assertAudio();
        }
      }
      scenario.assertStrangersOut(call);
      call.hangUp(Side.CALLEE);
      assertOver(scenario, call);
    }
  }

  static Stream<Arguments> refusals() {
    return SipLabs.fewRouters()
        .flatMap(router -> Stream.of(488, 491, 408).map(status -> Arguments.of(router, status)));
  }

  @ParameterizedTest
  @MethodSource("refusals")
  void reofferRefused_theOldPortsStay_theNewOnesClose(Router router, int status) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.line(router.overUdp());
        SipCall call = scenario.call(line).connect();
        Datagrams other = scenario.client().datagrams(line.client().host(), 0);
        Datagrams fresh = scenario.server().datagrams(line.server().host(), 0)) {
      SipSdp told = call.request(Side.CALLER, "INVITE", SipSdp.audio(other.local())).sdp();
      call.assertAudio();
      scenario.assertOpen(call.audio(Side.CALLEE).rtp(), told.rtp(), other);
      call.answer(Side.CALLEE, status, null);
      call.request(Side.CALLER, "ACK", null);
      call.assertAudio();
      scenario.assertShut(fresh, told.rtp(), other);
      scenario.assertStrangersOut(call);
      call.hangUp(Side.CALLER);
      assertOver(scenario, call);
    }
  }

  /** From voice to fax: RTP's ports close, that of UDPTL opens and has no RTCP. */
  @ParameterizedTest
  @MethodSource("fewRouters")
  void fax_takesThePlaceOfVoice(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.line(router.overUdp());
        SipCall call = scenario.call(line).connect();
        Datagrams callerFax = scenario.client().datagrams(line.client().host(), 0);
        Datagrams calleeFax = scenario.server().datagrams(line.server().host(), 0);
        Datagrams fresh = scenario.server().datagrams(line.server().host(), 0)) {
      SipSdp voice = call.heard(Side.CALLEE);
      SipSdp offer = fax(calleeFax);
      SipSdp calleeTold = call.request(Side.CALLEE, "INVITE", offer).sdp();
      SipSdp callerTold = call.answer(Side.CALLER, 200, fax(callerFax)).sdp();
      call.request(Side.CALLEE, "ACK", null);
      assertEquals(calleeTold.rtp(), scenario.assertOpen(calleeFax, callerTold.rtp(), callerFax));
      assertEquals(callerTold.rtp(), scenario.assertOpen(callerFax, calleeTold.rtp(), calleeFax));
      scenario.assertShut(
          List.of(
              new SipScenario.Probe(fresh, voice.rtp(), call.audio(Side.CALLER).rtp()),
              new SipScenario.Probe(fresh, voice.rtcp(), call.audio(Side.CALLER).rtcp()),
              new SipScenario.Probe(scenario.serverStranger(), callerTold.rtp(), callerFax)));
      call.hangUp(Side.CALLER);
      scenario.awaitNoMedia();
      scenario.assertShut(
          List.of(
              new SipScenario.Probe(calleeFax, callerTold.rtp(), callerFax),
              new SipScenario.Probe(callerFax, calleeTold.rtp(), calleeFax)));
    }
  }

  private static SipSdp fax(Datagrams socket) {
    return SipSdp.audio(socket.local())
        .replaced("m=.*", "m=image " + socket.local().port() + " udptl t38")
        .replaced("a=rtpmap.*", "a=T38FaxVersion:0");
  }

  /** A second stream comes, is refused with port 0, comes again, and is taken away. */
  @ParameterizedTest
  @MethodSource("fewRouters")
  void secondStream_comesAndGoes(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.line(router.overUdp());
        SipCall call = scenario.call(line).connect();
        Datagrams callerVideo = scenario.client().datagrams(line.client().host(), 0);
        Datagrams calleeVideo = scenario.server().datagrams(line.server().host(), 0)) {
      SipSdp callerAudio = call.audio(Side.CALLER).sdp();
      SipSdp calleeAudio = call.audio(Side.CALLEE).sdp();
      SipSdp offer = callerAudio.plus(video(callerVideo.local().port()));

      call.reoffer(Side.CALLER, offer, calleeAudio.plus(video(0)));
      call.assertAudio();
      try (Datagrams fresh = scenario.server().datagrams(line.server().host(), 0)) {
        scenario.assertShut(fresh, call.heard(Side.CALLEE).rtp(1), callerVideo);
      }

      call.reoffer(Side.CALLER, offer, calleeAudio.plus(video(calleeVideo.local().port())));
      call.assertAudio();
      assertEquals(
          call.heard(Side.CALLER).rtp(1),
          scenario.assertOpen(calleeVideo, call.heard(Side.CALLEE).rtp(1), callerVideo));
      assertEquals(
          call.heard(Side.CALLEE).rtp(1),
          scenario.assertOpen(callerVideo, call.heard(Side.CALLER).rtp(1), calleeVideo));

      SipSdp before = call.heard(Side.CALLEE);
      call.reoffer(Side.CALLEE, calleeAudio.plus(video(0)), callerAudio.plus(video(0)));
      call.assertAudio();
      try (Datagrams fresh = scenario.server().datagrams(line.server().host(), 0)) {
        scenario.assertShut(fresh, before.rtp(1), callerVideo);
      }
      call.hangUp(Side.CALLEE);
      assertOver(scenario, call);
    }
  }

  private static String video(int port) {
    return "m=video " + port + " RTP/AVP 31";
  }
}
