package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
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
import org.pinholed.it.lab.SipRegistration;
import org.pinholed.it.lab.SipScenario;

/** Fields that lead somewhere: what they say outside is where the other side gets to. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SipRoutingIT {
  private final SipLabs labs = new SipLabs();

  @AfterAll
  void close() {
    labs.close();
  }

  static Stream<Router> overUdp() {
    return Stream.of(
        new Router(NatMode.MASQUERADE, Family.V4, true),
        new Router(NatMode.MASQUERADE, Family.V6, true),
        new Router(NatMode.SNAT, Family.V4, true));
  }

  /** A URI with the address and port of an endpoint. */
  private static String uri(Endpoint endpoint, String parameters) {
    return "<sip:%s:%d%s>".formatted(Family.inUrl(endpoint.host()), endpoint.port(), parameters);
  }

  /**
   * A phone that listens at 5060 and speaks from any port, and does not ask for {@code rport}: the
   * server answers where the Via says (RFC 3261 section 18.2.2).
   */
  @ParameterizedTest
  @MethodSource("overUdp")
  void answerGoesWhereTheViaSays(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.udp(0);
        Datagrams listens = scenario.atClient(5075)) {
      for (int time = 0; time < 2; time++) {
        SipRegistration registration = new SipRegistration(line);
        SipMessage request = registration.build(registration.contact(5075), 60);
        request =
            request.with(
                "Via",
                "SIP/2.0/UDP %s:%d;branch=z9hG4bKvia%d"
                    .formatted(Family.inUrl(listens.local().host()), 5075, time));
        SipMessage heard = line.say(true, request);
        Endpoint via = SipMessage.hostPort(heard.header("Via").split("[ ;]", 3)[1]);
        assertEquals(heard.contact(), via, "it listens where it wants to be called");
        assertEquals(line.dialogue().clientSeenByServer().host(), via.host());
        assertNotEquals(line.dialogue().clientSeenByServer(), via, "another port");
        SipMessage answer = registration.granted(heard, 60);
        scenario.serverSocket().send(via, answer.text());
        SipMessage got = SipMessage.of(listens.receive().data());
        assertEquals(request.header("Via"), got.header("Via"));
        assertEquals(request.header("Contact") + ";expires=60", got.header("Contact"));
        assertEquals(listens.local(), got.contact());
      }
      scenario.deleteConntracks(5060);
      scenario.deleteConntracks(5075);
      String target = new SipRegistration(line).connect(5075, 60);
      try (Datagrams registrar = scenario.atServer(0)) {
        scenario.assertOpen(registrar, SipMessage.endpoint(target), listens);
        scenario.assertShut(scenario.serverStranger(), SipMessage.endpoint(target), listens);
      }
      new SipRegistration(line).withdraw("*");
    }
  }

  /** RFC 3327: a proxy beside the phone is in the way of what comes to it. */
  @ParameterizedTest
  @MethodSource("overUdp")
  void pathOfARegistration_leadsBack(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.udp(5077)) {
      String path = uri(line.client(), ";lr;ob;x=" + Family.inUrl(line.client().host()));
      String far = "<sip:edge.example.org;lr>";
      SipRegistration registration = new SipRegistration(line);
      SipMessage request =
          registration
              .build(registration.contact(5077), 60)
              .plus("Supported: path")
              .plus("Path: " + path)
              .plus("Path: " + far);
      SipMessage heard = line.say(true, request);
      Endpoint seen = line.dialogue().clientSeenByServer();
      assertEquals(
          List.of(path.replace(edge(line.client()), edge(seen)), far), heard.headers("Path"));
      SipMessage answer =
          line.say(
              false,
              registration
                  .granted(heard, 60)
                  .plus("Path: " + heard.headers("Path").get(0))
                  .plus("Path: " + far));
      assertEquals(List.of(path, far), answer.headers("Path"));

      scenario.deleteConntracks(5060);
      SipMessage invite =
          new SipMessage(
                  "INVITE sip:x@%s SIP/2.0".formatted(edge(seen)),
                  List.of(
                      "Via: SIP/2.0/UDP %s;branch=z9hG4bKpath".formatted(edge(line.server())),
                      "Route: " + heard.headers("Path").get(0),
                      "Route: <sip:%s;lr>".formatted(edge(seen)),
                      "From: <sip:r@example.org>;tag=1",
                      "To: <sip:x@example.org>",
                      "Call-ID: path@example.org",
                      "CSeq: 1 INVITE"),
                  "")
              .with("Content-Length", "0");
      scenario.serverSocket().send(seen, invite.text());
      SipMessage got = SipMessage.of(line.clientSocket().receive().data());
      assertEquals(path, got.headers("Route").get(0));
      assertEquals(invite.headers("Route").get(1), got.headers("Route").get(1), "the topmost only");
      assertEquals(line.client(), SipMessage.endpoint(got.requestUri()));
      registration.withdraw("*");
    }
  }

  private static String edge(Endpoint endpoint) {
    return Family.inUrl(endpoint.host()) + ":" + endpoint.port();
  }

  /** RFC 3515: who is referred gets to the phone at the port that it names, from the peer. */
  @ParameterizedTest
  @MethodSource("overUdp")
  void referTo_leadsToThePhone(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.udp(5078);
        Datagrams other = scenario.atClient(5080);
        SipCall call = scenario.call(line).connect()) {
      String replaces = "?Replaces=a%40" + line.client().host().replace(":", "%3A");
      String here = uri(other.local(), replaces);
      SipMessage refer = call.build(Side.CALLER, "REFER", null, "Refer-To: " + here);
      SipMessage heard = call.say(Side.CALLER, refer);
      Endpoint told = SipMessage.endpoint(SipMessage.uri(heard.header("Refer-To")));
      assertEquals(line.dialogue().clientSeenByServer().host(), told.host());
      assertEquals(uri(told, replaces), heard.header("Refer-To"), "host and port only");
      try (Datagrams peer = scenario.atServer(0)) {
        scenario.assertOpen(peer, told, other);
      }
      scenario.assertShut(scenario.serverStranger(), told, other);
      call.answer(Side.CALLEE, 202, null);
      call.hangUp(Side.CALLER);
      scenario.awaitNoMedia();
    }
  }

  /** What is rewritten may be longer than a frame: over IPv4 it goes on in fragments. */
  @ParameterizedTest
  @EnumSource
  void messageThatOutgrowsTheMtu(Family family) {
    try (SipScenario scenario = SipScenario.start(NatMode.SNAT, family);
        SipLine line = scenario.udp(5079);
        SipCall call = scenario.call(line)) {
      int header = family == Family.V4 ? 28 : 48;
      SipMessage invite = call.build(Side.CALLER, "INVITE", call.audio(Side.CALLER).sdp());
      String subject = "Subject: ";
      int room = 1500 - header - invite.text().length() - subject.length() - 2;
      SipMessage full = invite.plus(subject + "x".repeat(room));
      assertEquals(1500 - header, full.text().length(), "just one frame");
      if (family == Family.V4) {
        SipMessage heard = line.say(true, full);
        assertTrue(heard.text().length() > full.text().length(), heard::text);
        assertEquals(full.header("Subject"), heard.header("Subject"));
        call.note(Side.CALLEE, heard);
        call.answer(Side.CALLEE, 200, call.audio(Side.CALLEE).sdp());
        call.request(Side.CALLER, "ACK", null);
        call.assertAudio();
        call.hangUp(Side.CALLEE);
        scenario.awaitNoMedia();
      } else {
        line.clientSocket().send(line.dialed(), full.text());
        scenario.await(() -> sample(scenario, "withheld_packets_total", "reason=\"tooLong\"") >= 1);
        // The next one is as good as ever.
        call.connect();
        call.assertAudio();
        call.hangUp(Side.CALLER);
        scenario.awaitNoMedia();
      }
      scenario.assertClean();
    }
  }

  /** What operators see of it: messages by their word, and rewritten fields by theirs. */
  @ParameterizedTest
  @EnumSource
  void messagesAndFields_areCounted(Family family) {
    try (SipScenario scenario = SipScenario.start(NatMode.MASQUERADE, family);
        SipLine line = scenario.udp(5062);
        SipCall call = scenario.call(line)) {
      call.connect();
      call.hangUp(Side.CALLER);
      scenario.await(() -> sample(scenario, "messages_total", "word=\"BYE\"") == 1);
      List<String> counted = new ArrayList<>();
      for (String word : List.of("INVITE", "ACK", "BYE", "2xx", "CANCEL")) {
        counted.add(word + " " + sample(scenario, "messages_total", "word=\"" + word + "\""));
      }
      assertEquals(List.of("INVITE 1", "ACK 1", "BYE 1", "2xx 2", "CANCEL 0"), counted);
      for (String field : List.of("via", "contact", "sdpOrigin", "sdpConnection")) {
        assertTrue(
            sample(scenario, "rewritten_fields_total", "field=\"" + field + "\"") > 0, field);
      }
      scenario.assertClean();
    }
  }

  /** The value of a counter with this label; 0 if there is none. */
  private static long sample(SipScenario scenario, String name, String label) {
    return scenario
        .lab()
        .metrics()
        .lines()
        .filter(line -> line.startsWith("pinholed_" + name + "{") && line.contains(label))
        .mapToLong(line -> (long) Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
        .sum();
  }
}
