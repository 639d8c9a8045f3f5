package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.SipCall;
import org.pinholed.it.lab.SipCall.Side;
import org.pinholed.it.lab.SipLabs.Router;
import org.pinholed.it.lab.SipLine;
import org.pinholed.it.lab.SipScenario;

/** Fifty calls at once in one flow, in both directions, each with its own media and its own end. */
class SipTrunkIT {
  private static final int CALLS = 50;

  static Stream<Router> routers() {
    return Stream.of(
        new Router(NatMode.MASQUERADE, Family.V4, true),
        new Router(null, Family.V6, false),
        new Router(NatMode.DNAT, Family.V4, false));
  }

  @ParameterizedTest
  @MethodSource("routers")
  void fiftyCallsInOneFlow(Router router) {
    try (SipScenario scenario = SipScenario.start(router.nat(), router.family());
        SipLine line = scenario.line(router.overUdp())) {
      List<SipCall> calls = new ArrayList<>();
      Set<Endpoint> ports = new HashSet<>();
      for (int i = 0; i < CALLS; i++) {
        // The messages of two calls each are interleaved.
        SipCall one = scenario.call(line);
        calls.add(one);
        one.request(Side.CALLER, "INVITE", one.audio(Side.CALLER).sdp());
        if (i > 0) {
          SipCall before = calls.get(i - 1);
          before.answer(Side.CALLEE, 200, before.audio(Side.CALLEE).sdp());
          before.request(Side.CALLER, "ACK", null);
        }
      }
      SipCall last = calls.get(CALLS - 1);
      last.answer(Side.CALLEE, 200, last.audio(Side.CALLEE).sdp());
      last.request(Side.CALLER, "ACK", null);
      for (SipCall call : calls) {
        assertTrue(ports.add(call.heard(Side.CALLEE).rtp()), "two calls share a port");
        call.assertAudio();
      }
      assertEquals(CALLS, ports.size());
      // Every other one ends; the others go on.
      for (int i = 0; i < CALLS; i += 2) {
        calls.get(i).hangUp(i % 4 == 0 ? Side.CALLER : Side.CALLEE);
      }
      for (int i = 1; i < CALLS; i += 2) {
        calls.get(i).assertAudio();
      }
      scenario.assertStrangersOut(calls.get(1));
      SipCall over = calls.get(0);
      int port = over.heard(Side.CALLEE).rtp().port();
      scenario.await(() -> scenario.conntracks(port).isEmpty());
      scenario.assertSilent(over, over.heard(Side.CALLEE), over.heard(Side.CALLER));
      for (int i = 1; i < CALLS; i += 2) {
        calls.get(i).hangUp(Side.CALLER);
      }
      scenario.awaitNoMedia();
      calls.forEach(SipCall::close);
      scenario.assertClean();
    }
  }
}
