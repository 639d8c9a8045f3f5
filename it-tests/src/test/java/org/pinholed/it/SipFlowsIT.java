package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.SipCall;
import org.pinholed.it.lab.SipCall.Side;
import org.pinholed.it.lab.SipLabs;
import org.pinholed.it.lab.SipLabs.Router;
import org.pinholed.it.lab.SipLine;
import org.pinholed.it.lab.SipMessage;
import org.pinholed.it.lab.SipScenario;
import org.pinholed.it.lab.SipSdp;

/** A call is known by its Call-ID and tags: it goes on and ends over whichever flow there is. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SipFlowsIT {
  private final SipLabs labs = new SipLabs();

  @AfterAll
  void close() {
    labs.close();
  }

  static Stream<Router> udpRouters() {
    return SipLabs.routers().filter(Router::overUdp);
  }

  private static void assertOver(
      SipScenario scenario, SipCall call, SipSdp callerTold, SipSdp calleeTold) {
    scenario.awaitNoMedia();
    for (SipSdp told : new SipSdp[] {callerTold, calleeTold}) {
      scenario.await(() -> scenario.conntracks(told.rtp().port()).isEmpty());
      scenario.await(() -> scenario.conntracks(told.rtcp().port()).isEmpty());
    }
    scenario.assertSilent(call, callerTold, calleeTold);
  }

  /** Conntrack forgets a flow of datagrams after 180 s of silence, a call lasts longer. */
  @ParameterizedTest
  @MethodSource("udpRouters")
  void flowIsForgotten_theCalleeSpeaksFirst(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.udp(5062);
        SipCall call = scenario.call(line).connect()) {
      SipSdp callerTold = call.heard(Side.CALLEE);
      SipSdp calleeTold = call.heard(Side.CALLER);
      scenario.deleteConntracks(5060);
      call.reoffer(Side.CALLEE, call.audio(Side.CALLEE).sdp(), call.audio(Side.CALLER).sdp());
      assertEquals(callerTold, call.heard(Side.CALLEE), "a refresh changes no port");
      assertEquals(calleeTold, call.heard(Side.CALLER), "a refresh changes no port");
      call.assertAudio();
      scenario.deleteConntracks(5060);
      scenario.deleteConntracks(5062);
      call.hangUp(Side.CALLEE);
      assertOver(scenario, call, callerTold, calleeTold);
    }
  }

  @ParameterizedTest
  @MethodSource("udpRouters")
  void flowIsForgotten_theCallerSpeaksFirst(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.udp(5064);
        SipCall call = scenario.call(line).connect()) {
      SipSdp callerTold = call.heard(Side.CALLEE);
      SipSdp calleeTold = call.heard(Side.CALLER);
      scenario.deleteConntracks(5060);
      call.reoffer(Side.CALLER, call.audio(Side.CALLER).sdp(), call.audio(Side.CALLEE).sdp());
      assertEquals(callerTold, call.heard(Side.CALLEE), "a refresh changes no port");
      call.assertAudio();
      scenario.deleteConntracks(5060);
      call.hangUp(Side.CALLER);
      assertOver(scenario, call, callerTold, calleeTold);
    }
  }

  /** RFC 3261 section 18.1.1: a request may go over TCP though the call began over UDP. */
  @ParameterizedTest
  @MethodSource("udpRouters")
  void byeOverTheOtherTransport_endsTheCall(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine overUdp = scenario.udp(5066);
        SipLine overTcp = scenario.tcp();
        SipCall call = scenario.call(overUdp).connect()) {
      call.assertAudio();
      SipMessage bye = call.build(Side.CALLER, "BYE", null);
      bye = bye.with("Via", bye.header("Via").replace("/UDP", "/TCP"));
      SipMessage heard = overTcp.say(true, bye);
      call.assertAudio();
      overTcp.say(false, call.buildAnswer(Side.CALLEE, heard, 200, null));
      assertOver(scenario, call, call.heard(Side.CALLEE), call.heard(Side.CALLER));
    }
  }

  /** The same transport from another port: a phone that was started anew, or has two. */
  @ParameterizedTest
  @MethodSource("udpRouters")
  void reofferOverAnotherFlow_isOfTheSameCall(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.udp(5068);
        SipLine other = scenario.udp(5070);
        SipCall call = scenario.call(line).connect()) {
      SipSdp callerTold = call.heard(Side.CALLEE);
      SipSdp calleeTold = call.heard(Side.CALLER);
      SipMessage offer = call.build(Side.CALLER, "INVITE", call.audio(Side.CALLER).sdp());
      SipMessage heard = other.say(true, offer);
      assertEquals(callerTold, heard.sdp(), "a refresh changes no port");
      SipMessage answer =
          other.say(
              false, call.buildAnswer(Side.CALLEE, heard, 200, call.audio(Side.CALLEE).sdp()));
      assertEquals(calleeTold, answer.sdp(), "a refresh changes no port");
      other.say(true, call.build(Side.CALLER, "ACK", null));
      call.assertAudio();
      scenario.assertStrangersOut(call);
      SipMessage bye = other.say(true, call.build(Side.CALLER, "BYE", null));
      other.say(false, call.buildAnswer(Side.CALLEE, bye, 200, null));
      assertOver(scenario, call, callerTold, calleeTold);
    }
  }
}
