package org.pinholed.it;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.Datagrams;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.RtpPeer;
import org.pinholed.it.lab.SipCall;
import org.pinholed.it.lab.SipCall.Side;
import org.pinholed.it.lab.SipLabs.Router;
import org.pinholed.it.lab.SipLine;
import org.pinholed.it.lab.SipScenario;
import org.pinholed.it.lab.SipScenario.Probe;
import org.pinholed.it.lab.SipSdp;

/** Media that come from elsewhere than the signalling, as the option {@code media} allows it. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SipMediaSourceIT {
  static Stream<Router> routers() {
    return Stream.of(
        new Router(null, Family.V6, true),
        new Router(NatMode.MASQUERADE, Family.V4, true),
        new Router(NatMode.MASQUERADE, Family.V6, false));
  }

  private static SipScenario with(Router router, String options) {
    return SipScenario.start(router.nat(), router.family(), options);
  }

  private static RtpPeer near(SipScenario scenario) {
    return RtpPeer.open(scenario.client(), scenario.family().client(), 22000);
  }

  /** Media on another address of the far side. */
  private static RtpPeer elsewhere(SipScenario scenario) {
    return RtpPeer.open(scenario.server(), scenario.family().otherServer(), 23000);
  }

  /** A session border controller whose media address is in the networks. */
  @ParameterizedTest
  @MethodSource("routers")
  void networks_letInWhatTheyName(Router router) {
    String network =
        router.family().otherServer() + (router.family() == Family.V4 ? "/32" : "/128");
    try (SipScenario scenario =
            with(router, "media: networks, mediaNetworks: ['" + network + "']");
        SipLine line = scenario.line(router.overUdp());
        SipCall call = scenario.call(line, near(scenario), elsewhere(scenario));
        Datagrams signalling = scenario.atServer(0)) {
      RtpPeer far = call.audio(Side.CALLEE);
      call.request(Side.CALLER, "INVITE", call.audio(Side.CALLER).sdp());
      SipSdp told = call.answer(Side.CALLEE, 183, far.sdp()).sdp();
      call.answer(Side.CALLEE, 200, far.sdp());
      call.request(Side.CALLER, "ACK", null);
      call.assertAudio();
      // The address of the signalling is no longer the one whence they come.
      RtpPeer own = call.audio(Side.CALLER);
      scenario.assertShut(signalling, call.heard(Side.CALLEE).rtp(), own.rtp());
      call.hangUp(Side.CALLEE);
      scenario.awaitNoMedia();
      scenario.await(() -> scenario.conntracks(told.rtp().port()).isEmpty());
      scenario.assertClean();
    }
  }

  /** One that is in none of them is not believed: who called hears nobody, and is told why. */
  @ParameterizedTest
  @MethodSource("routers")
  void networks_letInNobodyElse(Router router) {
    String other = router.family() == Family.V4 ? "192.0.2.0/24" : "2001:db8:99::/48";
    try (SipScenario scenario = with(router, "media: networks, mediaNetworks: ['" + other + "']");
        SipLine line = scenario.line(router.overUdp());
        SipCall call = scenario.call(line, near(scenario), elsewhere(scenario))) {
      RtpPeer far = call.audio(Side.CALLEE);
      SipSdp told = call.request(Side.CALLER, "INVITE", call.audio(Side.CALLER).sdp()).sdp();
      call.answer(Side.CALLEE, 200, far.sdp());
      call.request(Side.CALLER, "ACK", null);
      RtpPeer own = call.audio(Side.CALLER);
      scenario.assertShut(
          List.of(
              new Probe(far.rtp(), told.rtp(), own.rtp()),
              new Probe(own.rtp(), far.rtp().local(), far.rtp())));
      scenario.await(() -> scenario.events("refused").toString().contains("addressNotSender"));
      call.hangUp(Side.CALLER);
      scenario.awaitNoMedia();
      scenario.assertClean();
    }
  }

  /** Until the answer anybody, afterwards only whom its {@code c=} names. */
  @ParameterizedTest
  @MethodSource("routers")
  void any_isEverybodyUntilTheAnswer(Router router) {
    try (SipScenario scenario = with(router, "media: any");
        SipLine line = scenario.line(router.overUdp());
        SipCall call = scenario.call(line);
        Datagrams early = scenario.server().datagrams(router.family().otherServer(), 0);
        Datagrams late = scenario.server().datagrams(router.family().otherServer(), 0)) {
      SipSdp told = call.request(Side.CALLER, "INVITE", call.audio(Side.CALLER).sdp()).sdp();
      RtpPeer own = call.audio(Side.CALLER);
      scenario.assertOpen(early, told.rtp(), own.rtp());
      call.answer(Side.CALLEE, 200, call.audio(Side.CALLEE).sdp());
      call.request(Side.CALLER, "ACK", null);
      scenario.assertShut(late, told.rtp(), own.rtp());
      call.assertAudio();
      call.hangUp(Side.CALLER);
      scenario.awaitNoMedia();
      scenario.assertClean();
    }
  }
}
