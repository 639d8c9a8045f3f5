package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.Datagrams;
import org.pinholed.it.lab.Endpoint;
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
 * Messages of somebody who wants more than a call: they pass as they came, nothing opens, the agent
 * does not complain, and the next call works.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SipAttackIT {
  private static final Router ROUTED = new Router(null, Family.V4, true);
  private static final Router MASQUERADED = new Router(NatMode.MASQUERADE, Family.V4, true);

  /** By what is wrong with it: how an INVITE is made wrong. */
  private static final Map<String, UnaryOperator<String>> DAMAGE = damage();

  private final SipLabs labs = new SipLabs();

  @AfterAll
  void close() {
    labs.close();
  }

  private static Map<String, UnaryOperator<String>> damage() {
    Map<String, UnaryOperator<String>> damage = new LinkedHashMap<>();
    damage.put("two lengths", t -> t.replace("Content-Length:", "Content-Length: 0\r\nl:"));
    damage.put(
        "length beyond the end", t -> t.replaceAll("Content-Length: \\d+", "Content-Length: 999"));
    damage.put(
        "length that wraps at 32 bits",
        t -> t.replaceAll("Content-Length: (\\d+)", "Content-Length: 4294967296$1"));
    damage.put(
        "length with a sign", t -> t.replaceAll("Content-Length: (\\d+)", "Content-Length: -$1"));
    damage.put("two Call-IDs", t -> t.replace("Call-ID:", "i: other@example.org\r\nCall-ID:"));
    damage.put("two CSeqs", t -> t.replace("CSeq:", "CSeq: 7 INVITE\r\nCSeq:"));
    damage.put("no CSeq", t -> t.replaceAll("CSeq: .*\r\n", ""));
    damage.put("CSeq of another method", t -> t.replaceAll("CSeq: (\\d+) INVITE", "CSeq: $1 BYE"));
    damage.put("CSeq that wraps", t -> t.replaceAll("CSeq: \\d+", "CSeq: 4294967397"));
    damage.put("no Call-ID", t -> t.replaceAll("Call-ID: .*\r\n", ""));
    damage.put("two Froms", t -> t.replace("From:", "f: <sip:x@example.org>;tag=x\r\nFrom:"));
    damage.put(
        "NUL in a header", t -> t.replace("@example.org\r\nCSeq", "@example\u0000.org\r\nCSeq"));
    damage.put(
        "bare CR in a header", t -> t.replace("@example.org\r\nCSeq", "@example\r.org\r\nCSeq"));
    damage.put("no empty line", t -> t.substring(0, t.indexOf("\r\n\r\n")));
    damage.put("only a start line", t -> t.substring(0, t.indexOf("\r\n") + 2));
    damage.put("cut in the URI", t -> t.substring(0, 14));
    damage.put("another version", t -> t.replaceFirst("SIP/2\\.0\r\n", "SIP/3.0\r\n"));
    damage.put("port 65536", t -> t.replaceAll("m=audio \\d+", "m=audio 65536"));
    damage.put(
        "port that wraps at 32 bits", t -> t.replaceAll("m=audio (\\d+)", "m=audio 42949$1"));
    damage.put("port with a sign", t -> t.replaceAll("m=audio (\\d+)", "m=audio +$1"));
    damage.put("no port", t -> t.replaceAll("m=audio \\d+ ", "m=audio "));
    damage.put("no address", t -> t.replaceAll("c=IN IP4 [0-9.]+\r\n", ""));
    damage.put(
        "address with 256", t -> t.replaceAll("c=IN IP4 [0-9.]+", "c=IN IP4 198.51.100.258"));
    damage.put(
        "address with a leading zero",
        t -> t.replaceAll("c=IN IP4 [0-9.]+", "c=IN IP4 198.51.100.002"));
    damage.put(
        "address of another family",
        t -> t.replaceAll("c=IN IP4 [0-9.]+", "c=IN IP6 2001:db8:1::2"));
    damage.put(
        "address of a group", t -> t.replaceAll("c=IN IP4 [0-9.]+", "c=IN IP4 224.2.0.1/127"));
    damage.put(
        "address of the router", t -> t.replaceAll("c=IN IP4 [0-9.]+", "c=IN IP4 198.51.100.1"));
    damage.put(
        "address of the far side", t -> t.replaceAll("c=IN IP4 [0-9.]+", "c=IN IP4 203.0.113.2"));
    damage.put(
        "address of a neighbour", t -> t.replaceAll("c=IN IP4 [0-9.]+", "c=IN IP4 198.51.100.3"));
    return damage;
  }

  static Stream<String> damages() {
    return DAMAGE.keySet().stream();
  }

  /** As far as it changes the length, the length fits again, unless that is what is wrong. */
  private static String damaged(String what, String text) {
    String wrong = DAMAGE.getOrDefault(what, UnaryOperator.identity()).apply(text);
    if (what.contains("length") || !wrong.contains("\r\n\r\n")) {
      return wrong;
    }
    int body = wrong.length() - wrong.indexOf("\r\n\r\n") - 4;
    return wrong.replaceAll("Content-Length: \\d+", "Content-Length: " + body);
  }

  @ParameterizedTest
  @MethodSource("damages")
  void messageWithSomethingWrong_passesAndOpensNothing(String what) {
    SipScenario scenario = labs.with(ROUTED);
    try (SipLine line = scenario.udp(0);
        SipCall call = scenario.call(line);
        Datagrams far = scenario.atServer(0);
        Datagrams neighbour =
            scenario
                .client()
                .datagrams(Family.V4.otherClient(), call.audio(Side.CALLER).rtp().local().port())) {
      SipMessage good = call.build(Side.CALLER, "INVITE", call.audio(Side.CALLER).sdp());
      String wrong = damaged(what, good.text());
      assertNotEquals(good.text(), wrong);
      assertEquals(wrong, line.dialogue().toServer(wrong), "it passes as it came");
      // Whoever is called accepts it, in case that opens something.
      call.say(
          Side.CALLEE, call.buildAnswer(Side.CALLEE, good, 200, call.audio(Side.CALLEE).sdp()));
      List<Probe> probes = new ArrayList<>();
      Endpoint rtp = call.audio(Side.CALLER).rtp().local();
      probes.add(new Probe(far, rtp, call.audio(Side.CALLER).rtp()));
      probes.add(new Probe(far, neighbour.local(), neighbour));
      probes.add(
          new Probe(far, new Endpoint(rtp.host(), rtp.port() + 1), call.audio(Side.CALLER).rtcp()));
      scenario.assertShut(probes);
      try (SipCall next = scenario.call(line).connect()) {
        next.assertAudio();
        next.hangUp(Side.CALLER);
      }
      call.request(Side.CALLER, "BYE", null);
      call.answer(Side.CALLEE, 481, null);
      scenario.awaitNoMedia();
    }
  }

  /** Nobody has asked: an answer opens nothing, and neither does the end of what never was. */
  @ParameterizedTest
  @MethodSource("routers")
  void answerToNothing_opensNothing(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.udp(0);
        SipCall call = scenario.call(line);
        Datagrams far = scenario.atServer(0);
        Datagrams near = scenario.atClient(0)) {
      line.say(true, call.build(Side.CALLER, "OPTIONS", null));
      SipMessage invented = call.build(Side.CALLER, "INVITE", call.audio(Side.CALLER).sdp());
      for (int status : new int[] {183, 200}) {
        line.say(
            false, call.buildAnswer(Side.CALLEE, invented, status, call.audio(Side.CALLEE).sdp()));
        line.say(
            false,
            call.buildAnswer(
                Side.CALLEE, invented.with("CSeq", "9 REGISTER"), status, null, "Expires: 60"));
      }
      Endpoint seen = line.dialogue().clientSeenByServer();
      Endpoint callee = call.audio(Side.CALLEE).rtp().local();
      scenario.assertShut(
          List.of(
              new Probe(near, callee, call.audio(Side.CALLEE).rtp()),
              new Probe(
                  far,
                  new Endpoint(seen.host(), call.audio(Side.CALLER).rtp().local().port()),
                  call.audio(Side.CALLER).rtp())));
      assertEquals(List.of(), scenario.media());
    }
  }

  static Stream<Router> routers() {
    return Stream.of(ROUTED, MASQUERADED);
  }

  /** Somebody else's BYE, and an answer to a BYE that nobody sent, end no call. */
  @ParameterizedTest
  @MethodSource("routers")
  void strangersBye_endsNothing(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.udp(0);
        SipLine other = scenario.udpFrom(Family.V4.otherClient(), 0);
        SipCall call = scenario.call(line).connect()) {
      SipMessage bye = call.build(Side.CALLER, "BYE", null);
      // From another phone's address, with the right tags and with wrong ones.
      SipMessage heard = other.say(true, bye);
      other.say(false, call.buildAnswer(Side.CALLEE, heard, 200, null));
      call.assertAudio();
      String to = bye.header("To");
      line.say(true, bye.with("To", to.replaceAll("tag=.*", "tag=wrong")));
      line.say(false, call.buildAnswer(Side.CALLEE, bye, 200, null).with("CSeq", "999 BYE"));
      call.assertAudio();
      call.hangUp(Side.CALLEE);
      scenario.awaitNoMedia();
    }
  }

  /** Other protocols on the port: keep-alives and STUN pass unread, and nothing is reported. */
  @ParameterizedTest
  @MethodSource("routers")
  void keepAlivesAndStun_passUnread(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.udp(0);
        SipCall call = scenario.call(line)) {
      int reported = scenario.events("malformed").size() + scenario.events("refused").size();
      for (String text :
          List.of(
              "\r\n\r\n",
              "\0\0\0\0",
              "\r\n",
              "\0\1\0\0!\u0012\u00a4Babcdefghijkl",
              "\u00ff\u00fe")) {
        assertEquals(text, line.dialogue().toServer(text));
        assertEquals(text, line.dialogue().toClient(text));
      }
      assertEquals(
          reported, scenario.events("malformed").size() + scenario.events("refused").size());
      call.connect();
      call.assertAudio();
      call.hangUp(Side.CALLER);
      scenario.awaitNoMedia();
    }
  }

  /** Very many contacts, and header lines, and streams: bounded, and the next call works. */
  @ParameterizedTest
  @MethodSource("routers")
  void veryMuchOfEverything_isBounded(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.udp(0);
        SipCall call = scenario.call(line)) {
      String contact = call.contact(Side.CALLER);
      SipMessage invite = call.build(Side.CALLER, "INVITE", null);
      SipSdp streams = call.audio(Side.CALLER).sdp();
      for (int i = 0; i < 100; i++) {
        streams = streams.plus("m=audio " + (25000 + 2 * i) + " RTP/AVP 0");
      }
      SipMessage lines = invite;
      for (int i = 0; i < 400; i++) {
        lines = lines.plus("X-" + i + ": y");
      }
      List<SipMessage> all =
          List.of(
              invite.with("Contact", (contact + ", ").repeat(600) + contact),
              lines,
              invite.withBody("application/sdp", streams.text()),
              invite.with("Subject", "z".repeat(20000)));
      for (SipMessage message : all) {
        SipMessage heard = line.say(true, message);
        assertEquals(message.body().length() > 0, heard.body().length() > 0);
      }
      assertTrue(
          scenario.rows("expectations").size() < 50,
          () -> "" + scenario.rows("expectations").size());
      line.say(false, call.buildAnswer(Side.CALLEE, invite, 486, null));
      try (SipCall next = scenario.call(line).connect()) {
        next.assertAudio();
        next.hangUp(Side.CALLER);
      }
      scenario.awaitNoMedia();
    }
  }

  /** Ports of services are not opened, whoever names them. */
  @ParameterizedTest
  @MethodSource("routers")
  void portsOfServices_areRefused(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.udp(0);
        Datagrams far = scenario.atServer(0)) {
      for (int port : new int[] {22, 53, 1023}) {
        try (SipCall call = scenario.call(line);
            Datagrams service = scenario.atClient(port)) {
          SipSdp told = call.request(Side.CALLER, "INVITE", SipSdp.audio(service.local())).sdp();
          call.answer(Side.CALLEE, 200, call.audio(Side.CALLEE).sdp());
          scenario.assertShut(
              List.of(
                  new Probe(far, told.rtp(), service),
                  new Probe(
                      far,
                      new Endpoint(line.dialogue().clientSeenByServer().host(), port),
                      service)));
          call.request(Side.CALLER, "ACK", null);
          call.hangUp(Side.CALLEE);
        }
      }
      scenario.awaitNoMedia();
      assertFalse(scenario.events("refused").isEmpty(), "it is reported");
    }
  }
}
