package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Links;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.SipCall;
import org.pinholed.it.lab.SipCall.Side;
import org.pinholed.it.lab.SipLine;
import org.pinholed.it.lab.SipRouter.Help;
import org.pinholed.it.lab.SipScenario;

/**
 * That the laboratory's phones are sound: without any agent a call has audio through a router that
 * lets everything through, and none through one that drops by default. So every scenario of SIP can
 * fail.
 */
class SipLabIT {
  static Stream<Arguments> routers() {
    return Stream.of(Family.values())
        .flatMap(family -> Stream.of(true, false).map(udp -> Arguments.of(family, udp)));
  }

  @ParameterizedTest
  @MethodSource("routers")
  void openRouter_wholeCallHasAudio(Family family, boolean overUdp) {
    try (SipScenario scenario = SipScenario.start(Links.VETH, null, family, Help.OPEN, "");
        SipLine line = scenario.line(overUdp);
        SipCall call = scenario.call(line)) {
      call.connect();
      call.assertAudio();
      call.reoffer(Side.CALLEE, call.audio(Side.CALLEE).sdp(), call.audio(Side.CALLER).sdp());
      call.assertAudio();
      call.hangUp(Side.CALLEE);
      call.assertAudio(); // nobody shuts it
    }
  }

  static Stream<@Nullable NatMode> translations() {
    return Stream.of(null, NatMode.MASQUERADE, NatMode.DNAT);
  }

  @ParameterizedTest
  @MethodSource("translations")
  void routerThatDrops_withoutAgent_signallingPassesAndAudioDoesNot(@Nullable NatMode nat) {
    try (SipScenario scenario = SipScenario.start(Links.VETH, nat, Family.V4, Help.NOBODY, "");
        SipLine udp = scenario.udp(5062);
        SipLine tcp = scenario.tcp()) {
      for (SipLine line : new SipLine[] {udp, tcp}) {
        try (SipCall call = scenario.call(line)) {
          call.connect();
          scenario.assertSilent(call, call.heard(Side.CALLEE), call.heard(Side.CALLER));
          call.hangUp(Side.CALLER);
        }
      }
      try (SipCall call = scenario.call(udp)) {
        call.connect();
        assertThrows(Throwable.class, () -> call.assertAudio(Side.CALLER));
      }
    }
  }

  /** What comes where it must not come is seen. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void openRouter_strangersAreSeen(boolean overUdp) {
    try (SipScenario scenario = SipScenario.start(Links.VETH, null, Family.V4, Help.OPEN, "");
        SipLine line = scenario.line(overUdp);
        SipCall call = scenario.call(line)) {
      call.connect();
      call.assertAudio();
      String seen =
          assertThrows(AssertionError.class, () -> scenario.assertStrangersOut(call)).toString();
      assertEquals(4, seen.split(" came to ", -1).length - 1, seen);
    }
  }
}
