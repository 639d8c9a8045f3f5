package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.Connection;
import org.pinholed.it.lab.Datagrams;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Listener;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.PeerException;
import org.pinholed.it.lab.RtpPeer;
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
 * What a description names beside a port of RTP: RTCP elsewhere, candidates, bundled streams, media
 * over TCP.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SipDescriptionIT {
  private static final Duration SHORTLY = Duration.ofMillis(300);

  private final SipLabs labs = new SipLabs();

  @AfterAll
  void close() {
    labs.close();
  }

  static Stream<Router> routers() {
    return Stream.of(
        new Router(null, Family.V6, true),
        new Router(NatMode.MASQUERADE, Family.V4, true),
        new Router(NatMode.MASQUERADE, Family.V6, false),
        new Router(NatMode.DNAT, Family.V4, true),
        new Router(NatMode.TWICE, Family.V4, false));
  }

  /** RFC 3605: RTCP is where {@code a=rtcp} says, and not at the next port. */
  @ParameterizedTest
  @MethodSource("routers")
  void rtcpElsewhere_isOpenThere(Router router) {
    SipScenario scenario = labs.with(router);
    Family family = router.family();
    try (SipLine line = scenario.line(router.overUdp());
        SipCall call =
            scenario.call(
                line,
                RtpPeer.open(scenario.client(), family.client(), 32000),
                RtpPeer.open(scenario.server(), family.server(), 33000));
        Datagrams nearRtcp = scenario.client().datagrams(family.client(), 32107);
        Datagrams farRtcp = scenario.server().datagrams(family.server(), 33108)) {
      call.request(Side.CALLER, "INVITE", call.audio(Side.CALLER).sdp().plus(rtcp(nearRtcp)));
      String address =
          " IN %s %s".formatted(family == Family.V4 ? "IP4" : "IP6", farRtcp.local().host());
      call.answer(Side.CALLEE, 200, call.audio(Side.CALLEE).sdp().plus(rtcp(farRtcp) + address));
      call.request(Side.CALLER, "ACK", null);
      SipSdp callerTold = call.heard(Side.CALLEE);
      SipSdp calleeTold = call.heard(Side.CALLER);
      assertEquals(
          callerTold.rtcp(), scenario.assertOpen(nearRtcp, calleeTold.rtcp(), farRtcp), "source");
      assertEquals(
          calleeTold.rtcp(), scenario.assertOpen(farRtcp, callerTold.rtcp(), nearRtcp), "source");
      RtpPeer near = call.audio(Side.CALLER);
      RtpPeer far = call.audio(Side.CALLEE);
      assertEquals(callerTold.rtp(), scenario.assertOpen(near.rtp(), calleeTold.rtp(), far.rtp()));
      assertEquals(calleeTold.rtp(), scenario.assertOpen(far.rtp(), callerTold.rtp(), near.rtp()));
      try (Datagrams fresh = scenario.atServer(0)) {
        scenario.assertShut(
            List.of(
                new Probe(fresh, next(callerTold.rtp()), near.rtcp()),
                new Probe(scenario.serverStranger(), callerTold.rtcp(), nearRtcp)));
      }
      call.hangUp(Side.CALLEE);
      scenario.awaitNoMedia();
      scenario.assertShut(
          List.of(
              new Probe(farRtcp, callerTold.rtcp(), nearRtcp),
              new Probe(nearRtcp, calleeTold.rtcp(), farRtcp)));
    }
  }

  private static String rtcp(Datagrams socket) {
    return "a=rtcp:" + socket.local().port();
  }

  private static Endpoint next(Endpoint rtp) {
    return new Endpoint(rtp.host(), rtp.port() + 1);
  }

  static Stream<Router> translations() {
    return routers().filter(router -> router.nat() != null && router.nat().hidesClient());
  }

  /** RFC 8839: host candidates that are the pair of the stream say the same as it; others stay. */
  @ParameterizedTest
  @MethodSource("translations")
  void candidatesOfThePair_sayWhatThePairSays(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.line(router.overUdp());
        SipCall call = scenario.call(line)) {
      Endpoint own = call.audio(Side.CALLER).rtp().local();
      List<String> stay =
          List.of(
              candidate(2, 1, new Endpoint(own.host(), own.port() + 4)) + " typ host",
              candidate(3, 1, new Endpoint("10.9.8.7", own.port())) + " typ host",
              candidate(4, 1, new Endpoint("203.0.113.99", 7000))
                  + " typ srflx raddr %s rport %d".formatted(own.host(), own.port()));
      SipSdp offer =
          call.audio(Side.CALLER)
              .sdp()
              .plus(candidate(1, 1, own) + " typ host", candidate(1, 2, next(own)) + " typ host")
              .plus(stay.toArray(String[]::new));
      SipMessage heard = call.request(Side.CALLER, "INVITE", offer);
      Endpoint told = heard.sdp().rtp();
      assertNotEquals(own.host(), told.host());
      assertTrue(heard.sdp().lines().contains(candidate(1, 1, told) + " typ host"), heard::text);
      assertTrue(
          heard.sdp().lines().contains(candidate(1, 2, heard.sdp().rtcp()) + " typ host"),
          heard::text);
      assertTrue(heard.sdp().lines().containsAll(stay), heard::text);
      call.answer(Side.CALLEE, 200, call.audio(Side.CALLEE).sdp());
      call.request(Side.CALLER, "ACK", null);
      call.assertAudio();
      call.hangUp(Side.CALLER);
      scenario.awaitNoMedia();
    }
  }

  private static String candidate(int foundation, int component, Endpoint endpoint) {
    return "a=candidate:%d %d UDP %d %s %d"
        .formatted(foundation, component, 2130706431, endpoint.host(), endpoint.port());
  }

  /** RFC 9143, RFC 5761: one port is left for all streams once the answer agrees. */
  @ParameterizedTest
  @MethodSource("routers")
  void bundledStreams_shareOnePort(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.line(router.overUdp());
        SipCall call = scenario.call(line);
        Datagrams video = scenario.client().datagrams(line.client().host(), 32302)) {
      SipSdp offer = bundled(call.audio(Side.CALLER).sdp(), 32302);
      SipSdp offered = call.request(Side.CALLER, "INVITE", offer).sdp();
      scenario.assertOpen(call.audio(Side.CALLEE).rtp(), offered.rtp(1), video);
      Endpoint far = call.audio(Side.CALLEE).rtp().local();
      call.answer(Side.CALLEE, 200, bundled(call.audio(Side.CALLEE).sdp(), far.port()));
      call.request(Side.CALLER, "ACK", null);
      SipSdp answered = call.heard(Side.CALLER);
      assertEquals(answered.rtp(0), answered.rtp(1));
      RtpPeer near = call.audio(Side.CALLER);
      scenario.assertOpen(call.audio(Side.CALLEE).rtp(), offered.rtp(), near.rtp());
      scenario.assertOpen(near.rtp(), answered.rtp(), call.audio(Side.CALLEE).rtp());
      try (Datagrams fresh = scenario.atServer(0)) {
        scenario.assertShut(
            List.of(
                new Probe(fresh, offered.rtp(1), video),
                new Probe(fresh, next(offered.rtp(0)), near.rtcp())));
      }
      call.hangUp(Side.CALLER);
      scenario.awaitNoMedia();
      scenario.assertSilent(call, offered, answered);
    }
  }

  private static SipSdp bundled(SipSdp audio, int videoPort) {
    List<String> lines = audio.lines();
    SipSdp session = new SipSdp(lines.subList(0, 5)).plus("a=group:BUNDLE a v");
    return session
        .plus(lines.get(5).replace("RTP/AVP", "UDP/TLS/RTP/SAVPF"), "a=mid:a", "a=rtcp-mux")
        .plus("m=video " + videoPort + " UDP/TLS/RTP/SAVPF 96", "a=mid:v", "a=rtcp-mux");
  }

  /** RFC 4145, RFC 4583: who waits for a connection is reached; it is cut when the call ends. */
  @ParameterizedTest
  @MethodSource("routers")
  void mediaOverTcp_connectToWhoWaits(Router router) {
    Family family = router.family();
    try (SipScenario scenario = SipScenario.start(router.nat(), family);
        SipLine line = scenario.line(router.overUdp());
        SipCall call = scenario.call(line);
        Listener near = scenario.client().listen(family.client(), 32400)) {
      SipSdp offer =
          call.audio(Side.CALLER).sdp().plus("m=application 32400 TCP/BFCP *", "a=setup:passive");
      Endpoint told = call.request(Side.CALLER, "INVITE", offer).sdp().rtp(1);
      String connects = "m=application 9 TCP/BFCP *";
      SipSdp answer = call.audio(Side.CALLEE).sdp().plus(connects, "a=setup:active");
      // Whoever connects only names no port of its own (RFC 4145 section 4).
      assertTrue(call.answer(Side.CALLEE, 200, answer).sdp().lines().contains(connects));
      call.request(Side.CALLER, "ACK", null);
      call.assertAudio();
      assertFalse(connects(scenario, family.otherServer(), told), "a stranger");
      try (Connection far = scenario.server().connect(family.server(), told.host(), told.port());
          Connection here = near.accept()) {
        far.send("floor\r\n");
        assertEquals("floor\r\n", here.line());
        here.send("granted\r\n");
        assertEquals("granted\r\n", far.line());
        scenario.assertClean(); // before the end: what comes later is of no connection any more
        call.hangUp(Side.CALLER);
        scenario.awaitNoMedia();
        far.send("late\r\n");
        assertThrows(PeerException.class, () -> here.line(SHORTLY));
        assertFalse(connects(scenario, family.server(), told), "after the end");
      }
      scenario.assertNoComplaint();
    }
  }

  private static boolean connects(SipScenario scenario, String source, Endpoint to) {
    return scenario.server().tryConnect(source, to.host(), to.port(), SHORTLY).isPresent();
  }
}
