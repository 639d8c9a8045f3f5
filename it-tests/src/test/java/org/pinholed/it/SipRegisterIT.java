package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
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
import org.pinholed.it.lab.SipCall;
import org.pinholed.it.lab.SipCall.Side;
import org.pinholed.it.lab.SipLabs;
import org.pinholed.it.lab.SipLabs.Router;
import org.pinholed.it.lab.SipLine;
import org.pinholed.it.lab.SipMessage;
import org.pinholed.it.lab.SipRegistration;
import org.pinholed.it.lab.SipScenario;
import org.pinholed.it.lab.SipScenario.Probe;
import org.pinholed.it.lab.SipStream;

/**
 * A registered phone can be called by its registrar for the time that was granted, also when
 * conntrack has long forgotten the REGISTER, and by nobody else and no longer.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SipRegisterIT {
  private final SipLabs labs = new SipLabs();

  @AfterAll
  void close() {
    labs.close();
  }

  static Stream<Router> routers() {
    return SipLabs.routers();
  }

  static Stream<Router> udpRouters() {
    return SipLabs.fewRouters().filter(Router::overUdp);
  }

  static Stream<Router> tcpRouters() {
    return SipLabs.routers().filter(router -> !router.overUdp());
  }

  /** What leads to a port of the phone's because it was registered. */
  private static List<JsonNode> registered(SipScenario scenario, int port) {
    return scenario.rows("expectations").stream()
        .filter(row -> row.path("lifetime").asText().equals("deadline"))
        .filter(row -> row.toString().contains("\"port\":" + port + "}"))
        .toList();
  }

  @ParameterizedTest
  @MethodSource("routers")
  void callFromTheRegistrar_hasAudio(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.line(router.overUdp())) {
      SipRegistration registration = new SipRegistration(line);
      String target = registration.connect(60);
      if (router.overUdp()) {
        scenario.deleteConntracks(5060);
      }
      try (SipCall call = scenario.callBack(line, target)) {
        SipMessage invite = call.request(Side.CALLER, "INVITE", call.audio(Side.CALLER).sdp());
        assertEquals(line.client(), SipMessage.endpoint(invite.requestUri()));
        call.answer(Side.CALLEE, 180, null);
        call.answer(Side.CALLEE, 200, call.audio(Side.CALLEE).sdp());
        call.request(Side.CALLER, "ACK", null);
        call.assertAudio();
        scenario.assertStrangersOut(call);
        call.hangUp(Side.CALLEE);
      }
      registration.withdraw(registration.contact(line.client().port()));
      scenario.awaitNoMedia();
    }
  }

  /** From any port of the registrar's, and from nobody else. */
  @ParameterizedTest
  @MethodSource("udpRouters")
  void strangers_areNotLetIn(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.udp(5062);
        Datagrams otherPort = scenario.atServer(0)) {
      SipRegistration registration = new SipRegistration(line);
      Endpoint seen = SipMessage.endpoint(registration.connect(60));
      scenario.deleteConntracks(5060);
      scenario.assertOpen(scenario.serverSocket(), seen, line.clientSocket());
      scenario.assertOpen(otherPort, seen, line.clientSocket());
      scenario.assertShut(scenario.serverStranger(), seen, line.clientSocket());
      registration.withdraw("*");
      try (Datagrams fresh = scenario.atServer(0)) {
        scenario.assertShut(fresh, seen, line.clientSocket());
      }
    }
  }

  @ParameterizedTest
  @MethodSource("udpRouters")
  void timeGranted_endsByItself(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.udp(5064)) {
      Endpoint seen = SipMessage.endpoint(new SipRegistration(line).connect(2));
      try (Datagrams early = scenario.atServer(0)) {
        scenario.assertOpen(early, seen, line.clientSocket());
      }
      scenario.await(() -> registered(scenario, 5064).isEmpty());
      scenario.deleteConntracks(5060);
      try (Datagrams late = scenario.atServer(0)) {
        scenario.assertShut(late, seen, line.clientSocket());
      }
    }
  }

  /** A refresh keeps the port and counts from its own 2xx. */
  @ParameterizedTest
  @MethodSource("udpRouters")
  void refresh_keepsThePortAndGoesOn(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.udp(5065)) {
      SipRegistration registration = new SipRegistration(line);
      String first = registration.connect(3);
      String second = registration.connect(60);
      assertEquals(first, second);
      // The first time is over when that of a short one beside it is.
      try (SipLine other = scenario.udp(5067)) {
        new SipRegistration(other).connect(4);
        assertEquals(1, registered(scenario, 5067).size());
        scenario.await(() -> registered(scenario, 5067).isEmpty());
      }
      try (Datagrams late = scenario.atServer(0)) {
        scenario.assertOpen(late, SipMessage.endpoint(first), line.clientSocket());
      }
      registration.withdraw(registration.contact(5065));
      try (Datagrams late = scenario.atServer(0)) {
        scenario.assertShut(late, SipMessage.endpoint(first), line.clientSocket());
      }
    }
  }

  /** Until it was granted, nothing is open; and only that very answer grants it. */
  @ParameterizedTest
  @MethodSource("udpRouters")
  void answersThatGrantNothing_openNothing(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.udp(5068)) {
      SipRegistration registration = new SipRegistration(line);
      SipMessage request = registration.register(registration.contact(5068), 3600);
      SipMessage right = registration.granted(request, 60);
      List<SipMessage> wrong = new ArrayList<>();
      wrong.add(registration.buildAnswer(request, 403));
      wrong.add(registration.buildAnswer(request, 401));
      wrong.add(registration.buildAnswer(request, 100));
      wrong.add(right.with("Call-ID", "other@example.org"));
      wrong.add(right.with("CSeq", "77 REGISTER"));
      wrong.add(right.with("CSeq", request.number() + " INVITE"));
      wrong.add(
          right.with("Via", right.header("Via").replace("branch=z9hG4bK", "branch=z9hG4bKx")));
      Endpoint seen = request.contact();
      for (SipMessage answer : wrong) {
        line.say(false, answer);
        try (Datagrams fresh = scenario.atServer(0)) {
          scenario.assertShut(fresh, seen, line.clientSocket());
        }
      }
      line.say(false, right);
      try (Datagrams fresh = scenario.atServer(0)) {
        scenario.assertOpen(fresh, seen, line.clientSocket());
      }
      registration.withdraw("*");
    }
  }

  /** The right answer from a server to which this REGISTER did not go grants nothing. */
  @ParameterizedTest
  @MethodSource("udpRouters")
  void answerFromAnotherServer_opensNothing(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.udp(5069);
        Datagrams elsewhere = scenario.server().datagrams(router.family().otherServer(), 5060);
        SipLine other =
            scenario.udp(scenario.client().datagrams(line.client().host(), 5071), elsewhere)) {
      SipRegistration registration = new SipRegistration(line);
      SipMessage request = registration.register(registration.contact(5069), 3600);
      other.say(true, new SipRegistration(other).build("*", 0));
      other.say(false, registration.granted(request, 60));
      try (Datagrams fresh = scenario.atServer(0);
          Datagrams fromElsewhere = scenario.server().datagrams(router.family().otherServer(), 0)) {
        scenario.assertShut(
            List.of(
                new Probe(fresh, request.contact(), line.clientSocket()),
                new Probe(fromElsewhere, request.contact(), line.clientSocket())));
      }
    }
  }

  /** Several contacts in one message; one that is somebody else's is not opened. */
  @ParameterizedTest
  @MethodSource("udpRouters")
  void severalContacts_eachHasAPortOfItsOwn(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.udp(5072);
        Datagrams second = scenario.client().datagrams(line.client().host(), 5074);
        Datagrams somebodys = scenario.client().datagrams(router.family().otherClient(), 5076)) {
      SipRegistration registration = new SipRegistration(line);
      String foreign = "<sip:x@" + Family.inUrl(router.family().otherClient()) + ":5076>";
      String contacts =
          registration.contact(5072) + ", " + registration.contact(5074) + ";q=0.5, " + foreign;
      SipMessage request = registration.register(contacts, 3600);
      List<Endpoint> seen =
          Stream.of(request.header("Contact").split(", ", -1))
              .map(c -> SipMessage.endpoint(SipMessage.uri(c)))
              .toList();
      assertNotEquals(seen.get(0), seen.get(1));
      SipMessage heard =
          line.say(
              false,
              registration
                  .buildAnswer(request, 200)
                  .plus("Contact: " + request.header("Contact"))
                  .plus("Expires: 60"));
      assertEquals(contacts, heard.header("Contact"));
      scenario.deleteConntracks(5060);
      scenario.assertOpen(scenario.serverSocket(), seen.get(0), line.clientSocket());
      scenario.assertOpen(scenario.serverSocket(), seen.get(1), second);
      scenario.assertShut(
          List.of(
              new Probe(scenario.serverSocket(), seen.get(2), somebodys),
              new Probe(scenario.serverStranger(), seen.get(1), second)));
      registration.withdraw("*");
    }
  }

  /** The phone listens on its Contact; its registrar connects to it. */
  @ParameterizedTest
  @MethodSource("tcpRouters")
  void overTcp_theRegistrarConnectsToTheContact(Router router) {
    SipScenario scenario = labs.with(router);
    try (SipLine line = scenario.tcp();
        Listener contact = scenario.client().listen(line.client().host(), 5080)) {
      SipRegistration registration = new SipRegistration(line);
      SipMessage request = registration.register(registration.contact(5080), 3600);
      Endpoint seen = request.contact();
      Optional<Connection> early =
          scenario
              .server()
              .tryConnect(line.server().host(), seen.host(), seen.port(), Duration.ofMillis(300));
      assertFalse(early.isPresent(), "before the answer");
      registration.grant(request, 60);
      Optional<Connection> stranger =
          scenario
              .server()
              .tryConnect(
                  router.family().otherServer(), seen.host(), seen.port(), Duration.ofMillis(300));
      assertFalse(stranger.isPresent(), "a stranger");
      try (Connection call =
              scenario.server().connect(line.server().host(), seen.host(), seen.port());
          Connection phone = contact.accept()) {
        String options =
            """
            OPTIONS sip:x@%s:%d;transport=tcp SIP/2.0
            Via: SIP/2.0/TCP %s:5060;branch=z9hG4bKo
            From: <sip:r@example.org>;tag=1
            To: <sip:x@example.org>
            Call-ID: o@example.org
            CSeq: 1 OPTIONS
            Content-Length: 0

            """
                .replace("\n", "\r\n")
                .formatted(
                    Family.inUrl(seen.host()), seen.port(), Family.inUrl(line.server().host()));
        call.send(options);
        SipMessage heard = SipMessage.of(SipStream.next(phone));
        assertEquals(
            new Endpoint(line.client().host(), 5080), SipMessage.endpoint(heard.requestUri()));
      }
      registration.withdraw("*");
    }
  }
}
