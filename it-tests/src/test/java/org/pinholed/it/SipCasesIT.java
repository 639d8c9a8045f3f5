package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.Connection;
import org.pinholed.it.lab.Datagram;
import org.pinholed.it.lab.Datagrams;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Listener;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.RtpPeer;
import org.pinholed.it.lab.SipCall;
import org.pinholed.it.lab.SipCall.Side;
import org.pinholed.it.lab.SipLine;
import org.pinholed.it.lab.SipMessage;
import org.pinholed.it.lab.SipScenario;
import org.pinholed.it.lab.SipSdp;
import org.pinholed.it.lab.SipStream;
import org.pinholed.it.lab.UdpDialogue;

/**
 * Messages and calls whose right results stand in files, with real packets: exact bytes where they
 * arrive, and which ports are open after which step.
 */
class SipCasesIT {
  private static final String SERVER = "203.0.113.10";
  private static final String INSIDE = "192.0.2.10";
  private static final String OUTSIDE = "203.0.113.1";
  private static final String ROUTED = "198.51.100.10";
  private static final String OTHER_ROUTED = "198.51.100.11";
  private static final Pattern PORT = Pattern.compile("\\b\\d{2,5}\\b");

  private static String file(String name) {
    try (var in = SipCasesIT.class.getResourceAsStream("/sip/" + name)) {
      if (in == null) {
        throw new AssertionError("no file " + name);
      }
      return new String(in.readAllBytes(), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The lines of a table without its head, taken apart at tabulators. */
  private static Stream<List<String>> table(String name) {
    return file(name).lines().skip(1).map(line -> List.of(line.split("\t", -1)));
  }

  private static void address(SipScenario scenario, Lab.Host host, String device, String address) {
    scenario.lab().run(host, Lab.SHORT, "ip", "addr", "add", address, "dev", device).orFail();
  }

  /** Closed with a reset, so that its port can be used again at once. */
  private record Resetting(Connection connection) implements AutoCloseable {
    @Override
    public void close() {
      connection.reset();
    }
  }

  private static Resetting connect(SipScenario scenario, String source) {
    return new Resetting(scenario.client().connectFrom(source, 5062, SERVER, 5060));
  }

  /** A phone at an inside address behind masquerading. */
  @Nested
  @TestInstance(TestInstance.Lifecycle.PER_CLASS)
  class Masqueraded {
    private final SipScenario scenario = SipScenario.start(NatMode.MASQUERADE, Family.V4);
    private final Endpoint registrar = new Endpoint(SERVER, 5060);

    @BeforeAll
    void giveAddresses() {
      address(scenario, Lab.Host.CLIENT, "c0", INSIDE + "/32");
      address(scenario, Lab.Host.SERVER, "s0", SERVER + "/24");
      scenario
          .lab()
          .run(Lab.Host.ROUTER, Lab.SHORT, "ip", "route", "add", INSIDE, "via", Family.V4.client())
          .orFail();
    }

    @AfterAll
    void close() {
      try (scenario) {
        scenario.assertClean();
      }
    }

    @Test
    void case1_inviteAndItsAnswer_changeInTheFieldsThatRouteOnly() {
      try (Datagrams phone = scenario.client().datagrams(INSIDE, 5062);
          Datagrams server = scenario.server().datagrams(SERVER, 5060);
          Datagrams media = scenario.client().datagrams(INSIDE, 4000);
          Datagrams far = scenario.server().datagrams(SERVER, 6000)) {
        phone.send(registrar, file("1-masquerade-invite/in.sip"));
        Datagram heard = server.receive();
        assertEquals(file("1-masquerade-invite/out.sip"), heard.data());
        assertEquals(new Endpoint(OUTSIDE, 5062), heard.from());
        scenario.assertOpen(far, new Endpoint(OUTSIDE, 4000), media);

        server.send(heard.from(), file("1-masquerade-invite/answer-in.sip"));
        Datagram answer = phone.receive();
        assertEquals(file("1-masquerade-invite/answer-out.sip"), answer.data());
        assertEquals(registrar, answer.from());
        assertEquals(
            new Endpoint(OUTSIDE, 4000),
            scenario.assertOpen(media, new Endpoint(SERVER, 6000), far));
      }
    }

    @Test
    void case2_registration_opensForTheTimeGranted() {
      try (Datagrams phone = scenario.client().datagrams(INSIDE, 5062);
          Datagrams server = scenario.server().datagrams(SERVER, 5060)) {
        phone.send(registrar, file("2-register/request-in.sip"));
        Datagram heard = server.receive();
        assertEquals(file("2-register/request-out.sip"), heard.data());
        server.send(heard.from(), file("2-register/answer-in.sip"));
        assertEquals(file("2-register/answer-out.sip"), phone.receive().data());

        // For so long, and without the conntrack of the REGISTER.
        List<JsonNode> open =
            scenario.rows("expectations").stream()
                .filter(row -> row.path("lifetime").asText().equals("deadline"))
                .toList();
        assertEquals(
            1, open.size(), () -> scenario.rows("expectations") + "" + scenario.events("refused"));
        assertEquals(5062, open.get(0).path("destination").path("port").asInt(), open::toString);
        int seconds = open.get(0).path("expireSeconds").asInt();
        assertTrue(seconds > 60 && seconds <= 120, open::toString);
        scenario.deleteConntracks(5060);
        assertEquals(registrar, scenario.assertOpen(server, new Endpoint(OUTSIDE, 5062), phone));
        try (Datagrams stranger = scenario.server().datagrams("203.0.113.3", 5060)) {
          scenario.assertShut(stranger, new Endpoint(OUTSIDE, 5062), phone);
        }
      }
    }

    static Stream<Integer> cuts() {
      return table("4-tcp-cuts/cuts.tsv").map(row -> Integer.valueOf(row.get(0)));
    }

    @ParameterizedTest
    @MethodSource("cuts")
    void case4_inviteInTwoSegments_arrivesRewrittenWhereverItIsCut(int offset) {
      String later = file("4-tcp-cuts/in.sip").replace("INVITE", "OPTIONS");
      later = later.substring(0, later.indexOf("Content-Type")) + "Content-Length: 0\r\n\r\n";
      try (Listener listener = scenario.server().listen(SERVER, 5060);
          Resetting phone = connect(scenario, INSIDE);
          Connection server = listener.accept()) {
        phone.connection().sendCut(file("4-tcp-cuts/in.sip"), List.of(offset));
        assertEquals(file("4-tcp-cuts/out.sip"), SipStream.next(server));
        phone.connection().send(later);
        String expected =
            later.replace("TCP " + INSIDE, "TCP " + OUTSIDE).replace("@" + INSIDE, "@" + OUTSIDE);
        // White space after a colon may have made room, so that the length stays.
        assertEquals(expected.replace(": ", ":"), SipStream.next(server).replace(": ", ":"));
        server.send("unharmed\r\n\r\n");
        assertEquals("unharmed\r\n", phone.connection().line());
      }
    }
  }

  /** A phone at an address that is routed. */
  @Nested
  @TestInstance(TestInstance.Lifecycle.PER_CLASS)
  class Routed {
    private static final Set<Integer> PHONE_PORTS =
        Set.of(22, 4000, 4001, 4002, 4003, 4005, 4006, 4010, 4020, 4021);
    private static final Set<Integer> SERVER_PORTS = Set.of(6000, 6001, 7000, 7001);

    private final SipScenario scenario = SipScenario.start(null, Family.V4);
    private final List<Datagrams> phonePorts = new ArrayList<>();
    private final List<Datagrams> serverPorts = new ArrayList<>();

    @BeforeAll
    void giveAddresses() {
      address(scenario, Lab.Host.CLIENT, "c0", ROUTED + "/24");
      address(scenario, Lab.Host.CLIENT, "c0", OTHER_ROUTED + "/24");
      address(scenario, Lab.Host.SERVER, "s0", SERVER + "/24");
      PHONE_PORTS.forEach(port -> phonePorts.add(scenario.client().datagrams(ROUTED, port)));
      phonePorts.add(scenario.client().datagrams(OTHER_ROUTED, 4000));
      SERVER_PORTS.forEach(port -> serverPorts.add(scenario.server().datagrams(SERVER, port)));
    }

    @AfterAll
    void close() {
      try (scenario) {
        scenario.assertClean();
      }
    }

    /** From ports that nobody has used, so that no flow that there is lets anything through. */
    private void assertOpenAre(String toThePhone, String toTheServer) {
      try (Datagrams far = scenario.server().datagrams(SERVER, 0);
          Datagrams near = scenario.client().datagrams(ROUTED, 0)) {
        scenario.assertOpenAre(
            ports(toThePhone), far, ROUTED, phonePorts.subList(0, PHONE_PORTS.size()));
        scenario.assertShut(
            far, new Endpoint(OTHER_ROUTED, 4000), phonePorts.get(PHONE_PORTS.size()));
        scenario.assertOpenAre(ports(toTheServer), near, SERVER, serverPorts);
      }
    }

    private static Set<Integer> ports(String cell) {
      return PORT.matcher(cell.replaceAll("\\(.*", ""))
          .results()
          .map(match -> Integer.valueOf(match.group()))
          .collect(Collectors.toCollection(TreeSet::new));
    }

    private SipCall call(SipLine line) {
      return scenario.call(
          line,
          RtpPeer.open(scenario.client(), ROUTED, 4100),
          RtpPeer.open(scenario.server(), SERVER, 6100));
    }

    private SipLine line() {
      return scenario.udp(
          scenario.client().datagrams(ROUTED, 5062), scenario.server().datagrams(SERVER, 5060));
    }

    private static SipSdp audio(String host, int port) {
      return SipSdp.audio(new Endpoint(host, port));
    }

    @Test
    void case3_contentLengthThatWraps_opensNothingAndIsReadNoFurther() {
      String stream = file("3-fake-length/stream.bin");
      try (Listener listener = scenario.server().listen(SERVER, 5060);
          Resetting phone = connect(scenario, ROUTED);
          Connection server = listener.accept()) {
        phone.connection().send(stream);
        assertEquals(stream, server.take(stream.length(), Duration.ofSeconds(5)));
        scenario.agent().awaitEvent("malformed");
        assertEquals(List.of(), scenario.rows("expectations"));

        // What follows is not read, though it is a good INVITE from its first byte on.
        String good = stream.substring(stream.indexOf("INVITE")).replace("40000", "4000");
        good = good.replace("Content-Length: 179", "Content-Length: 178");
        phone.connection().send(good);
        assertEquals(good, server.take(good.length(), Duration.ofSeconds(5)));
        assertEquals(List.of(), scenario.rows("expectations"));
        try (Datagrams far = scenario.server().datagrams(SERVER, 0);
            Datagrams hidden = scenario.client().datagrams(ROUTED, 40000)) {
          scenario.assertShut(far, new Endpoint(ROUTED, 40000), hidden);
        }
        assertOpenAre("-", "-");
      }
    }

    @Test
    void case5_byeThatIsChallenged_endsWhenItIsAnswered() {
      List<List<String>> steps = table("5-bye-challenged/steps.tsv").toList();
      SipLine line = line();
      try (line;
          SipCall call = call(line)) {
        List<Runnable> moves =
            List.of(
                () -> call.request(Side.CALLER, "INVITE", audio(ROUTED, 4000)),
                () -> call.answer(Side.CALLEE, 200, audio(SERVER, 6000)),
                () -> call.request(Side.CALLER, "ACK", null),
                () -> call.request(Side.CALLER, "BYE", null),
                () -> call.answer(Side.CALLEE, 407, null, "Proxy-Authenticate: Digest nonce=\"1\""),
                () ->
                    call.request(
                        Side.CALLER, "BYE", null, "Proxy-Authorization: Digest nonce=\"1\""),
                () -> call.answer(Side.CALLEE, 200, null));
        assertEquals(steps.size(), moves.size());
        Datagrams media = socket(phonePorts, 4000);
        Datagrams far = socket(serverPorts, 6000);
        for (int i = 0; i < moves.size(); i++) {
          moves.get(i).run();
          boolean over = i == moves.size() - 1;
          if (over) {
            scenario.await(() -> scenario.conntracks(4000).isEmpty());
            scenario.await(() -> scenario.conntracks(6000).isEmpty());
            scenario.assertShut(
                List.of(
                    new SipScenario.Probe(far, media.local(), media),
                    new SipScenario.Probe(media, far.local(), far)));
          } else {
            scenario.assertOpen(far, media.local(), media); // the flow that is cut at the end
          }
          assertOpenAre(steps.get(i).get(2), steps.get(i).get(3));
        }
      } finally {
        closeServerEnd(line);
      }
    }

    private static Datagrams socket(List<Datagrams> all, int port) {
      return all.stream().filter(s -> s.local().port() == port).findFirst().orElseThrow();
    }

    private static void closeServerEnd(SipLine line) {
      if (line.dialogue() instanceof UdpDialogue udp) {
        udp.serverSocket().close();
      }
    }

    @Test
    void case6_fork_closesTheOtherBranchAndRemembersIt() {
      List<List<String>> steps = table("6-forked/steps.tsv").toList();
      SipLine line = line();
      try (line;
          SipCall call = call(line)) {
        call.request(Side.CALLER, "INVITE", audio(ROUTED, 4000));
        assertOpenAre(steps.get(0).get(2), steps.get(0).get(3));
        call.tag(Side.CALLEE, "one");
        call.answer(Side.CALLEE, 183, audio(SERVER, 6000));
        assertOpenAre(steps.get(1).get(2), steps.get(1).get(3));
        call.tag(Side.CALLEE, "two");
        call.answer(Side.CALLEE, 183, audio(SERVER, 7000));
        assertOpenAre(steps.get(2).get(2), steps.get(2).get(3));
        call.answer(Side.CALLEE, 200, audio(SERVER, 7000));
        assertOpenAre(steps.get(3).get(2), steps.get(3).get(3));
        call.request(Side.CALLER, "ACK", null);
        assertOpenAre(steps.get(4).get(2), steps.get(4).get(3));
        call.hangUp(Side.CALLER);
        scenario.awaitNoMedia();
        assertOpenAre(steps.get(5).get(2), steps.get(5).get(3));
      } finally {
        closeServerEnd(line);
      }
    }

    @Test
    void case6_secondBranchThatAnswersToo_opensAgain() {
      SipLine line = line();
      try (line;
          SipCall call = call(line)) {
        call.request(Side.CALLER, "INVITE", audio(ROUTED, 4000));
        call.tag(Side.CALLEE, "one");
        call.answer(Side.CALLEE, 183, audio(SERVER, 6000));
        call.tag(Side.CALLEE, "two");
        call.answer(Side.CALLEE, 200, audio(SERVER, 7000));
        assertOpenAre("4000, 4001", "7000, 7001");
        call.tag(Side.CALLEE, "one");
        call.answer(Side.CALLEE, 200, audio(SERVER, 6000));
        assertOpenAre("4000, 4001", "6000, 6001, 7000, 7001");
        call.request(Side.CALLER, "ACK", null); // of branch one, which answered last
        call.hangUp(Side.CALLER);
        assertOpenAre("4000, 4001", "7000, 7001");
        call.tag(Side.CALLEE, "two");
        SipMessage bye = call.build(Side.CALLER, "BYE", null);
        call.say(Side.CALLER, bye.with("To", bye.header("To").replace("one", "two")));
        call.answer(Side.CALLEE, 200, null);
        scenario.awaitNoMedia();
        assertOpenAre("nothing", "nothing");
      } finally {
        closeServerEnd(line);
      }
    }

    static Stream<List<String>> descriptions() {
      return table("7-sdp/table.tsv");
    }

    /** "m=audio 4000, a=rtcp:4010; m=video 4002" as a description. */
    private static SipSdp description(String host, String cell) {
      SipSdp sdp = new SipSdp(audio(host, 4000).lines().subList(0, 5));
      for (String stream : cell.split("; ", -1)) {
        for (String line : stream.split(", ", -1)) {
          boolean named = line.matches("m=(audio|video) \\d+");
          sdp = sdp.plus(named ? line + " RTP/AVP 0" : line);
        }
      }
      return sdp;
    }

    @ParameterizedTest
    @MethodSource("descriptions")
    void case7_descriptions_openWhatTheTableSays(List<String> row) {
      String offer = row.get(0);
      SipLine line = line();
      try (line;
          SipCall call = call(line)) {
        if (offer.contains(", then re-INVITE ")) {
          String[] parts = offer.split(", then re-INVITE | answered ", -1);
          call.request(Side.CALLER, "INVITE", description(ROUTED, parts[0]));
          call.answer(Side.CALLEE, 200, description(SERVER, "m=audio 6000"));
          call.request(Side.CALLER, "ACK", null);
          call.request(Side.CALLER, "INVITE", description(ROUTED, parts[1]));
          boolean accepted = parts[2].equals("200");
          call.answer(
              Side.CALLEE,
              Integer.parseInt(parts[2]),
              accepted ? description(SERVER, row.get(1)) : null);
          call.request(Side.CALLER, "ACK", null);
        } else if (offer.contains(" with c= ")) {
          SipSdp sdp = description(ROUTED, offer.replaceAll(" with c= .*", ""));
          call.request(Side.CALLER, "INVITE", sdp.withConnection(OTHER_ROUTED));
          call.answer(Side.CALLEE, 200, description(SERVER, row.get(1)));
          call.request(Side.CALLER, "ACK", null);
        } else {
          call.request(Side.CALLER, "INVITE", description(ROUTED, offer));
          call.answer(Side.CALLEE, 200, description(SERVER, row.get(1)));
          call.request(Side.CALLER, "ACK", null);
        }
        if (row.get(2).contains("reported")) {
          scenario.agent().awaitEvent("refused");
        }
        assertOpenAre(row.get(2), row.get(3));
        call.hangUp(Side.CALLEE);
        scenario.awaitNoMedia();
        assertOpenAre("nothing", "nothing");
      } finally {
        closeServerEnd(line);
      }
    }
  }
}
