package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.Datagrams;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.RtpPeer;
import org.pinholed.it.lab.SipCall;
import org.pinholed.it.lab.SipCall.Side;
import org.pinholed.it.lab.SipLabs;
import org.pinholed.it.lab.SipLabs.Router;
import org.pinholed.it.lab.SipLine;
import org.pinholed.it.lab.SipScenario;
import org.pinholed.it.lab.SipSdp;

/**
 * Media that come before their pinholes, on routers that accept them: what comes to the router's
 * own address, and what leaves for outside. The kernel decides once for a conntrack how it is
 * translated, and keeps it for as long as somebody sends.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SipEarlyMediaIT {
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private final SipLabs labs = new SipLabs();
  private int port = 32000;

  @AfterAll
  void close() {
    labs.close();
  }

  static Stream<Router> translations() {
    return Stream.of(
        new Router(NatMode.MASQUERADE, Family.V4, true),
        new Router(NatMode.MASQUERADE, Family.V6, false),
        new Router(NatMode.DNAT, Family.V4, false),
        new Router(NatMode.DNAT, Family.V6, true),
        new Router(NatMode.TWICE, Family.V4, true));
  }

  private int nextPort() {
    port += 10;
    return port;
  }

  /** Where the media of the caller and of the callee will be seen, if their own ports are free. */
  private static SipSdp outsideOf(SipCall call, Side side) {
    SipLine line = call.line();
    line.say(true, call.build(Side.CALLER, "OPTIONS", null));
    String host =
        side == Side.CALLER ? line.dialogue().clientSeenByServer().host() : line.dialed().host();
    return SipSdp.audio(new Endpoint(host, call.audio(side).rtp().local().port()));
  }

  private static void send(SipScenario scenario, Datagrams from, Endpoint to) {
    from.send(to, "too early", 3);
    scenario.await(() -> !scenario.allConntracks(to.port()).isEmpty());
  }

  /** The first to speak afterwards is one that was early himself, or the other one. */
  @ParameterizedTest
  @MethodSource("translations")
  void mediaBeforeTheOffer_doNotSilenceTheCall(Router router) {
    SipScenario scenario = labs.with(router);
    for (Side first : Side.values()) {
      try (SipLine line = scenario.line(router.overUdp());
          SipCall call =
              scenario.call(
                  line,
                  RtpPeer.open(scenario.client(), router.family().client(), nextPort()),
                  RtpPeer.open(scenario.server(), router.family().server(), nextPort()))) {
        boolean hidesClient = router.nat() != NatMode.DNAT;
        boolean hidesServer = router.nat() != NatMode.MASQUERADE;
        for (Side side : Side.values()) {
          if (side == Side.CALLER ? hidesClient : hidesServer) {
            SipSdp outside = outsideOf(call, side);
            send(scenario, call.audio(side.other()).rtp(), outside.rtp());
            send(scenario, call.audio(side.other()).rtcp(), outside.rtcp());
          }
        }
        call.connect();
        call.assertAudio(first);
        call.assertAudio();
        call.hangUp(Side.CALLER);
        scenario.awaitNoMedia();
      }
    }
  }

  /** A phone speaks before its answer is through, and leaves from a port that is another one's. */
  @ParameterizedTest
  @EnumSource
  void mediaFromInsideBeforeTheAnswer_leaveFromTheAnnouncedPort(Family family) {
    try (SipScenario own = SipScenario.start(NatMode.MASQUERADE, family)) {
      own.lab().firewall(Lab.Host.ROUTER, "add rule inet filter forward iifname r0 accept");
      for (Side first : Side.values()) {
        int near = nextPort();
        try (SipLine one = own.udp(5080);
            SipLine two = own.udpFrom(family.otherClient(), 5082);
            SipCall other =
                own.call(
                    one,
                    RtpPeer.open(own.client(), family.client(), near),
                    RtpPeer.open(own.server(), family.server(), nextPort()));
            SipCall call =
                own.call(
                    two,
                    RtpPeer.open(own.client(), family.otherClient(), near),
                    RtpPeer.open(own.server(), family.server(), nextPort()))) {
          other.connect();
          RtpPeer far = call.audio(Side.CALLEE);
          send(own, call.audio(Side.CALLER).rtp(), far.rtp().local());
          send(own, call.audio(Side.CALLER).rtcp(), far.rtcp().local());
          far.rtp().receive(3, PATIENCE);
          far.rtcp().receive(3, PATIENCE);
          call.connect();
          SipSdp told = call.heard(Side.CALLEE);
          assertNotEquals(near, told.rtp().port(), "that port is another phone's");
          call.assertAudio(first);
          call.assertAudio();
          other.assertAudio();
          other.hangUp(Side.CALLEE);
          call.hangUp(Side.CALLEE);
          own.awaitNoMedia();
        }
      }
      own.assertClean();
    }
  }
}
