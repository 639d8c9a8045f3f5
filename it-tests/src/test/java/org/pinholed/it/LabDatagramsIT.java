package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.pinholed.it.lab.LabScenario.expect;
import static org.pinholed.it.lab.LabScenario.to;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.it.lab.Capture;
import org.pinholed.it.lab.Datagrams;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.ForgedDatagram;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.LabScenario;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.UdpDialogue;

/**
 * Flows of datagrams: what they announce opens, from the first datagram on, and they leave no
 * trace.
 */
class LabDatagramsIT {
  private static final Duration SHORTLY = Duration.ofMillis(300);

  /** A name that would colour a terminal and ring its bell, and how it is shown. */
  private static final String HOSTILE = "call\u001b[31m\u0007";

  private static final String SHOWN = "call\\x1b[31m\\x07";

  static Stream<Arguments> routers() {
    List<@Nullable NatMode> modes = new ArrayList<>(Arrays.asList(NatMode.values()));
    modes.add(null);
    return modes.stream()
        .flatMap(nat -> Stream.of(Family.values()).map(family -> Arguments.of(nat, family)));
  }

  @ParameterizedTest
  @MethodSource("routers")
  void firstDatagram_andItsAnswer_eachAnnounceAChild(@Nullable NatMode nat, Family family) {
    try (LabScenario scenario = LabScenario.start(nat, family);
        UdpDialogue dialogue = scenario.udp()) {
      Datagrams clientMedia = scenario.atClient(0);
      Datagrams serverMedia = scenario.atServer(0);

      String heard = dialogue.toServer(expect("group=c udp " + to(clientMedia)));
      Endpoint told = LabScenario.endpoints(heard).get(0);
      assertSameHost(dialogue.clientSeenByServer(), told);
      Endpoint sender = scenario.reaches(serverMedia, told, clientMedia).orElseThrow();
      assertSameHost(dialogue.dialed(), sender);
      // and back on the same conntrack
      assertTrue(scenario.reaches(clientMedia, sender, serverMedia).isPresent());

      Datagrams other = scenario.atServer(0);
      heard = dialogue.toClient(expect("group=s udp " + to(other)));
      told = LabScenario.endpoints(heard).get(0);
      assertSameHost(dialogue.dialed(), told);
      sender = scenario.reaches(clientMedia, told, other).orElseThrow();
      assertSameHost(dialogue.clientSeenByServer(), sender);

      assertEquals(1, scenario.rows("sessions").size());
      scenario.await(() -> scenario.events("matched") == 2);
      scenario.assertClean();
    }
  }

  private static void assertSameHost(Endpoint wanted, Endpoint actual) {
    assertTrue(
        new Endpoint(wanted.host(), 1).isSameAs(new Endpoint(actual.host(), 1)),
        () -> "expected the host of " + wanted + " but it is " + actual);
  }

  /** Without the announcement nothing opens: not before it, not beside it. */
  @ParameterizedTest
  @EnumSource
  void onlyTheAnnouncedPort_opens_forTheAnnouncedPeer(Family family) {
    try (LabScenario scenario = LabScenario.start(null, family);
        UdpDialogue dialogue = scenario.udp()) {
      Datagrams media = scenario.atClient(0);
      Datagrams beside = scenario.atClient(0);
      Datagrams peer = scenario.atServer(0);
      Datagrams stranger = scenario.server().datagrams(family.otherServer(), 0);
      assertTrue(scenario.isShut(peer, media.local(), media));
      String message = expect("group=g udp " + to(media));
      assertEquals(message, dialogue.toServer(message));
      assertTrue(scenario.isShut(stranger, media.local(), media));
      assertTrue(scenario.isShut(peer, beside.local(), beside));
      assertTrue(scenario.reaches(peer, media.local(), media).isPresent());
      // it was for one
      assertTrue(scenario.isShut(scenario.atServer(0), media.local(), media));
      scenario.assertClean();
    }
  }

  @ParameterizedTest
  @MethodSource("routers")
  void fragments_areReadAndRewrittenAsOneMessage(@Nullable NatMode nat, Family family) {
    try (LabScenario scenario = LabScenario.start(nat, family);
        UdpDialogue dialogue = scenario.udp()) {
      Datagrams media = scenario.atClient(0);
      String padding = "noop pad=" + "x".repeat(3000) + ";";
      String heard = dialogue.toServer(padding + expect("group=g udp " + to(media)));
      assertTrue(heard.startsWith(padding), heard);
      Endpoint told = LabScenario.endpoints(heard).get(0);
      assertTrue(scenario.reaches(scenario.atServer(0), told, media).isPresent());
      scenario.assertClean();
    }
  }

  /** Many edits that make a datagram longer and shorter. */
  @ParameterizedTest
  @EnumSource
  void manyEdits_ofOneDatagram_areAllMade(Family family) {
    try (LabScenario scenario = LabScenario.start(NatMode.SNAT, family);
        UdpDialogue dialogue = scenario.udp()) {
      String me = "me at=" + LabScenario.text(dialogue.client());
      String heard =
          dialogue.toServer(
              "edit this=longer with=x;"
                  + me
                  + ";edit this= with=inserted;"
                  + me
                  + ";edit this=a with=b");
      String seen = "me at=" + LabScenario.text(dialogue.clientSeenByServer());
      assertEquals(
          "edit this=x with=x;"
              + seen
              + ";edit this=inserted with=inserted;"
              + seen
              + ";edit this=b with=b",
          heard);
      scenario.assertClean();
    }
  }

  @Test
  void checksumThatIsNotThere_staysAway_whenTheTextChanges() {
    try (LabScenario scenario = LabScenario.start(NatMode.SNAT, Family.V4);
        UdpDialogue dialogue = scenario.udp()) {
      Capture capture = Capture.start(scenario.lab(), Lab.Host.SERVER, "s0", "udp port 5959");
      String me = "me at=" + LabScenario.text(dialogue.client());
      scenario
          .client()
          .forge(
              new ForgedDatagram(dialogue.client(), dialogue.dialed(), me)
                  .with(ForgedDatagram.Checksum.NONE));
      String heard = dialogue.serverSocket().receive().data();
      assertNotEquals(me, heard);
      assertTrue(heard.startsWith("me at=203.0.113.165:"), heard);
      capture.awaitText("[no cksum]");
      scenario.assertClean();
    }
  }

  @Test
  void wrongChecksum_opensNothing_andStaysWrong() {
    try (LabScenario scenario = LabScenario.start(null, Family.V4);
        UdpDialogue dialogue = scenario.udp()) {
      Datagrams media = scenario.atClient(0);
      scenario
          .client()
          .forge(
              new ForgedDatagram(
                      dialogue.client(), dialogue.dialed(), expect("group=g udp " + to(media)))
                  .with(ForgedDatagram.Checksum.WRONG));
      assertEquals(Optional.empty(), dialogue.serverSocket().receive(SHORTLY));
      assertEquals("noop", dialogue.toServer("noop"));
      assertTrue(scenario.isShut(scenario.atServer(0), media.local(), media));
      assertEquals(List.of(), scenario.agent().complaints());
    }
  }

  /** One byte more than fits: DF goes, and the kernel makes fragments. */
  @Test
  void outgrowingTheMtu_overIpv4_goesOnInFragments() {
    try (LabScenario scenario = LabScenario.start(NatMode.SNAT, Family.V4);
        UdpDialogue dialogue = scenario.udp()) {
      String me = ";me at=" + LabScenario.text(dialogue.client());
      String text = "noop pad=" + "x".repeat(1472 - 9 - me.length()) + me;
      scenario
          .client()
          .forge(new ForgedDatagram(dialogue.client(), dialogue.dialed(), text).withDontFragment());
      String heard = dialogue.serverSocket().receive().data();
      assertEquals(1473, heard.length());
      assertTrue(heard.contains(";me at=203.0.113.165:"), heard);
      scenario.assertClean();
    }
  }

  @Test
  void outgrowingTheMtu_overIpv6_isDroppedAndCounted() {
    try (LabScenario scenario = LabScenario.start(NatMode.SNAT, Family.V6);
        UdpDialogue dialogue = scenario.udp()) {
      assertEquals("noop", dialogue.toServer("noop"));
      String me = ";me at=" + LabScenario.text(dialogue.client());
      String text = "noop pad=" + "x".repeat(1452 - 9 - me.length()) + me;
      assertEquals(Optional.empty(), dialogue.tryToServer(text, SHORTLY));
      String wanted = "pinholed_withheld_packets_total{reason=\"tooLong\",} 1.0";
      scenario.await(() -> samples(scenario).contains(wanted));
      assertEquals("noop", dialogue.toServer("noop"));
      scenario.assertClean();
    }
  }

  private static String samples(LabScenario scenario) {
    return scenario.lab().metrics();
  }

  /** What an operator sees of a message, its replacement and its child; whatever a peer wrote. */
  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "MASQUERADE; V4; SNAT 198.51.100.2:P->203.0.113.1:C",
        "DNAT; V4; DNAT 198.51.100.1:5959->203.0.113.2:5959",
        "TWICE; V6;"
            + " SNAT [2001:db8:1::2]:P->[2001:db8:2::1]:C, DNAT [2001:db8:1::1]:5959->[2001:db8:2::2]:5959",
      })
  void trace_showsTranslation_devices_message_rewriteAndLabel(
      NatMode nat, Family family, String translation) {
    try (LabScenario scenario = LabScenario.start(nat, family);
        UdpDialogue dialogue = scenario.udp()) {
      assertEquals("noop", dialogue.toServer("noop"));
      boolean fromClient = nat.hidesClient();
      // One after the other, so that each message opens something anew.
      List<Datagrams> media =
          fromClient
              ? List.of(scenario.atClient(0), scenario.atClient(0))
              : List.of(scenario.atServer(0), scenario.atServer(0));
      List<String> heard = new ArrayList<>();
      Runnable talk =
          () -> {
            String message =
                expect("group=g udp many label=" + HOSTILE + " " + to(media.get(heard.size() % 2)));
            heard.add(fromClient ? dialogue.toServer(message) : dialogue.toClient(message));
          };
      String text = scenario.agent().traceOf(5959, talk);
      String host = LabScenario.endpoints(heard.get(0)).get(0).host();
      int seenPort = fromClient ? dialogue.clientSeenByServer().port() : 0;
      String announced = to(media.get(0));
      List<String> wanted =
          List.of(
              "step=session msg=\"existing session, direction "
                  + (fromClient ? "original" : "reply")
                  + ", policy 25, in by r0, out by r1, "
                  + translation
                      .replace(":P", ":" + dialogue.client().port())
                      .replace(":C", ":" + seenPort)
                  + "\"",
              "step=message msg=\"item group=g udp many label="
                  + SHOWN
                  + " "
                  + announced
                  + ";expect\"",
              "step=rewrite msg=\"\\\""
                  + LabScenario.text(media.get(0).local())
                  + "\\\" -> \\\""
                  + LabScenario.text(new Endpoint(host, 1)).replaceAll("1$", ""),
              ", " + SHOWN + ")");
      for (String each : wanted) {
        assertTrue(text.contains(each), each + "\n" + text);
      }
      assertFalse(text.contains("\u001b"), text);
      scenario.await(
          () ->
              scenario.agent().events().stream()
                  .anyMatch(e -> e.path("label").asText().equals(SHOWN)));
      assertEquals(SHOWN, scenario.row("g", "").orElseThrow().path("label").asText());
      scenario.assertClean();
    }
  }

  /** A flow of datagrams ends when its conntrack does, and so does what belongs to it. */
  @ParameterizedTest
  @ValueSource(ints = {1, 4})
  void idleFlows_leaveWithTheirConntrack(int queues) {
    String yaml = LabScenario.helpers("") + "queues: {count: " + queues + "}\n";
    try (LabScenario scenario = LabScenario.start(null, Family.V4, yaml)) {
      scenario
          .lab()
          .sysctl(
              Lab.Host.ROUTER,
              "net.netfilter.nf_conntrack_udp_timeout=2",
              "net.netfilter.nf_conntrack_udp_timeout_stream=2");
      Datagrams media = scenario.atClient(0);
      for (int flow = 0; flow < 20; flow++) {
        UdpDialogue dialogue = scenario.udp();
        dialogue.toServer(expect("group=g udp life=owner " + to(media)));
        dialogue.toClient("noop");
      }
      scenario.await(
          () -> {
            scenario.conntracks("udp", 5959); // the kernel looks for those that are over
            return scenario.rows("sessions").isEmpty();
          });
      scenario.await(() -> scenario.rows("expectations").isEmpty());
      assertTrue(scenario.isShut(scenario.atServer(0), media.local(), media));
      scenario.assertClean();
    }
  }

  /** What is no message of the protocol ends nothing but itself. */
  @Test
  void malformedDatagram_endsItself_notTheFlow() {
    try (LabScenario scenario = LabScenario.start(null, Family.V4);
        UdpDialogue dialogue = scenario.udp()) {
      Datagrams media = scenario.atClient(0);
      assertEquals("what is this", dialogue.toServer("what is this"));
      assertEquals("malformed", dialogue.toServer("malformed"));
      assertEquals("partopaque", dialogue.toServer("partopaque"));
      dialogue.toServer(expect("group=g udp " + to(media)));
      assertTrue(scenario.reaches(scenario.atServer(0), media.local(), media).isPresent());
      scenario.await(() -> scenario.events("partOpaque") == 1);
      scenario.assertClean();
    }
  }

  /** A flow of which the helper says that it is encrypted is left alone for good. */
  @Test
  void opaqueFlow_isNotReadAnyMore() {
    try (LabScenario scenario = LabScenario.start(null, Family.V4);
        UdpDialogue dialogue = scenario.udp();
        UdpDialogue other = scenario.udp()) {
      Datagrams media = scenario.atClient(0);
      dialogue.toServer("opaque");
      scenario.agent().awaitEvent("opaque");
      for (int i = 0; i < 3; i++) {
        dialogue.toServer(expect("group=g udp " + to(media)));
      }
      assertTrue(scenario.isShut(scenario.atServer(0), media.local(), media));
      other.toServer(expect("group=g udp " + to(media)));
      assertTrue(scenario.reaches(scenario.atServer(0), media.local(), media).isPresent());
      scenario.assertClean();
    }
  }
}
