package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.pinholed.it.lab.LabScenario.expect;
import static org.pinholed.it.lab.LabScenario.to;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.AgentProcess;
import org.pinholed.it.lab.Connection;
import org.pinholed.it.lab.Datagram;
import org.pinholed.it.lab.Datagrams;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.LabScenario;
import org.pinholed.it.lab.Listener;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.UdpDialogue;

/**
 * Another process goes on with flows of datagrams, their owners, what they announced, and children
 * that are read.
 */
class LabRestartIT {
  private static final String YAML = LabScenario.helpers("") + "fail: {onStop: keep}\n";
  private static final String FACTS = "facts policy=? client=? server=? announced=?";

  /** How one process follows another. */
  enum Succession {
    KILLED {
      @Override
      void happen(AgentProcess agent) {
        agent.kill();
        agent.startAgain();
      }
    },
    STOPPED {
      @Override
      void happen(AgentProcess agent) {
        agent.stop();
        agent.startAgain();
      }
    },
    REPLACED {
      @Override
      void happen(AgentProcess agent) {
        agent.replace();
      }
    };

    abstract void happen(AgentProcess agent);
  }

  static Stream<Arguments> successions() {
    return Stream.of(
        Arguments.of(Succession.KILLED, NatMode.TWICE, Family.V6),
        Arguments.of(Succession.STOPPED, null, Family.V4),
        Arguments.of(Succession.REPLACED, NatMode.MASQUERADE, Family.V4));
  }

  private static JsonNode session(LabScenario scenario, String protocol, int serverPort) {
    return scenario.rows("sessions").stream()
        .filter(row -> row.path("protocol").asText().equals(protocol))
        .filter(row -> row.path("server").path("port").asInt() == serverPort)
        .findFirst()
        .orElseThrow(() -> new AssertionError(scenario.rows("sessions") + ""));
  }

  @ParameterizedTest
  @MethodSource("successions")
  void anotherProcess_goesOn(Succession succession, @Nullable NatMode nat, Family family) {
    try (LabScenario scenario = LabScenario.start(nat, family, YAML);
        UdpDialogue dialogue = scenario.udp()) {
      Datagrams media = scenario.atClient(0);
      Datagrams rtp = scenario.client().datagrams(family.client(), 40000);
      Datagrams rtcp = scenario.client().datagrams(family.client(), 40001);
      Datagrams contact = scenario.atClient(0);
      dialogue.toServer("put key=k value=carried time=600s");
      Endpoint own =
          LabScenario.endpoints(dialogue.toServer(expect("group=own udp many " + to(media))))
              .get(0);
      List<Endpoint> call =
          LabScenario.endpoints(
              dialogue.toServer(
                  expect(
                      "owner=call group=m item=rtp udp many life=owner:600s " + to(rtp),
                      "owner=call group=m item=rtcp pair=rtp udp many life=owner:600s " + to(rtcp),
                      "owner=call group=m item=c udp many read life=until:600s " + to(contact))));
      JsonNode before = scenario.row("m", "rtcp").orElseThrow();

      succession.happen(scenario.agent());

      JsonNode after = scenario.row("m", "rtcp").orElseThrow();
      for (String same : new String[] {"owner", "group", "item", "destination", "lifetime"}) {
        assertEquals(before.path(same), after.path(same), same);
      }
      Datagrams peer = scenario.atServer(0);
      assertTrue(scenario.reaches(peer, own, media).isPresent());
      assertTrue(scenario.reaches(peer, call.get(0), rtp).isPresent());
      assertTrue(scenario.reaches(peer, call.get(1), rtcp).isPresent());
      peer.send(call.get(2), FACTS);
      String facts = contact.receive().data();
      String owner = after.path("owner").asText();
      // A message is changed on translated flows only, and so answers questions there only.
      String announced = nat == null ? "?" : owner + "/m/c";
      assertTrue(facts.endsWith(" announced=" + announced), facts);

      String heard = dialogue.toServer("get key=k value=?");
      if (nat != null && succession == Succession.REPLACED) {
        assertEquals("get key=k value=carried", heard);
      }
      // Three messages before, and this one: a process that was told goes on counting.
      String state = succession == Succession.REPLACED ? "heard4" : "heard1";
      assertEquals(state, session(scenario, "udp", 5959).path("state").asText());
      dialogue.toServer("close group=own");
      dialogue.toServer("end owner=call");
      scenario.await(() -> scenario.rows("expectations").isEmpty());
      Datagrams late = scenario.atServer(0);
      assertTrue(scenario.isShut(late, own, media));
      assertTrue(scenario.isShut(late, call.get(0), rtp));
      assertEquals(0, scenario.agent().ctl("audit").exitCode());
      scenario.assertClean();
    }
  }

  /**
   * A group that another process announced is the same when it is announced again, over whatever
   * flow, and is replaced and closed like one of this process.
   */
  @ParameterizedTest
  @MethodSource("successions")
  void announcedAgain_theGroupIsTheSame_andIsReplacedAndClosed(
      Succession succession, @Nullable NatMode nat, Family family) {
    try (LabScenario scenario = LabScenario.start(nat, family, YAML);
        UdpDialogue dialogue = scenario.udp();
        UdpDialogue other = scenario.udp()) {
      Datagrams rtp = scenario.client().datagrams(family.client(), 40000);
      Datagrams more = scenario.atClient(0);
      Datagrams instead = scenario.atClient(0);
      String fields = "owner=call group=m udp many life=owner:600s ";
      String group = expect(fields + "item=1 " + to(rtp), fields + "item=2 " + to(more));
      String heard = dialogue.toServer(group);
      succession.happen(scenario.agent());
      List<JsonNode> before = scenario.rows("expectations");
      assertEquals(2, before.size());
      assertEquals(heard, dialogue.toServer(group));
      assertEquals(heard, other.toServer(group));
      assertEquals(
          before.stream().map(row -> row.path("id")).toList(),
          scenario.rows("expectations").stream().map(row -> row.path("id")).toList());

      List<Endpoint> told = LabScenario.endpoints(heard);
      heard =
          other.toServer(expect(fields + "item=1 " + to(rtp), fields + "item=3 " + to(instead)));
      List<Endpoint> now = LabScenario.endpoints(heard);
      assertEquals(told.get(0), now.get(0));
      assertTrue(scenario.reaches(scenario.atServer(0), now.get(0), rtp).isPresent());
      assertTrue(scenario.reaches(scenario.atServer(0), now.get(1), instead).isPresent());
      assertTrue(scenario.isShut(scenario.atServer(0), told.get(1), more));
      other.toServer("close group=m owner=call");
      scenario.await(() -> scenario.rows("expectations").isEmpty());
      assertTrue(scenario.isShut(scenario.atServer(0), now.get(0), rtp));
      assertEquals(0, scenario.agent().ctl("audit").exitCode());
      scenario.assertClean();
    }
  }

  /** Nobody but the comments in the kernel says who it belongs to. */
  @ParameterizedTest
  @EnumSource(names = {"KILLED", "REPLACED"})
  void ownerWithoutItsFlow_goesOn_andIsEndedOverAnotherOne(Succession succession) {
    try (LabScenario scenario = LabScenario.start(NatMode.MASQUERADE, Family.V4, YAML);
        UdpDialogue dialogue = scenario.udp()) {
      Datagrams media = scenario.atClient(0);
      String fields = "owner=call group=m udp many life=owner:600s ";
      Endpoint told = LabScenario.endpoints(dialogue.toServer(expect(fields + to(media)))).get(0);
      String command = "conntrack -D -p udp --orig-port-dst 5959";
      scenario.lab().run(Lab.Host.ROUTER, Duration.ofSeconds(10), command.split(" ", -1)).orFail();
      scenario.await(() -> scenario.rows("sessions").isEmpty());
      succession.happen(scenario.agent());
      assertTrue(scenario.reaches(scenario.atServer(0), told, media).isPresent());
      try (UdpDialogue other = scenario.udp()) {
        other.toServer("end owner=call");
      }
      scenario.await(() -> scenario.rows("expectations").isEmpty());
      assertTrue(scenario.isShut(scenario.atServer(0), told, media));
      scenario.assertClean();
    }
  }

  /**
   * Two children that are read, each of which announced something for itself: one came by a pinhole
   * that still stands, that of the other one is used up. Of the second only a process that hands
   * over can tell what it is; after a crash it is not read any more, and what it announced is shut.
   */
  @ParameterizedTest
  @MethodSource("successions")
  void readChildren_goOn_withWhatTheyAnnounced(
      Succession succession, @Nullable NatMode nat, Family family) {
    try (LabScenario scenario = LabScenario.start(nat, family, YAML);
        UdpDialogue dialogue = scenario.udp()) {
      Datagrams standing = scenario.atClient(0);
      Datagrams usedUp = scenario.atClient(0);
      Datagrams ofStanding = scenario.atClient(0);
      Datagrams ofUsedUp = scenario.atClient(0);
      Datagrams peer = scenario.atServer(0);
      List<Endpoint> told =
          LabScenario.endpoints(
              dialogue.toServer(
                  expect(
                      "group=r item=1 udp many read life=owner " + to(standing),
                      "group=r item=2 udp read life=owner " + to(usedUp))));
      Endpoint first = announceByChild(peer, told.get(0), standing, ofStanding);
      Endpoint second = announceByChild(peer, told.get(1), usedUp, ofUsedUp);
      scenario.await(
          () -> scenario.row("r", "2").map(row -> row.path("use").asInt()).orElse(1) == 1);

      succession.happen(scenario.agent());

      boolean handedOver = succession == Succession.REPLACED;
      assertTrue(scenario.reaches(scenario.atServer(0), first, ofStanding).isPresent());
      peer.send(told.get(0), FACTS);
      Datagram heard = standing.receive();
      assertAnnounced(nat, "flow/r/1", heard);
      peer.send(told.get(1), FACTS);
      assertAnnounced(handedOver ? nat : null, "flow/r/2", usedUp.receive());
      // Two messages before, and one now.
      String state = handedOver ? "heard3" : "heard1";
      int port = told.get(0).port();
      assertEquals(state, session(scenario, "udp", port).path("state").asText());
      assertEquals(
          handedOver, scenario.reaches(scenario.atServer(0), second, ofUsedUp).isPresent());
      assertEquals(handedOver ? 3 : 2, scenario.rows("sessions").size());

      standing.send(heard.from(), "close group=m");
      peer.receive();
      assertTrue(scenario.isShut(scenario.atServer(0), first, ofStanding));
      assertEquals(0, scenario.agent().ctl("audit").exitCode());
      scenario.assertClean();
    }
  }

  private static Endpoint announceByChild(
      Datagrams peer, Endpoint contactSeen, Datagrams contact, Datagrams media) {
    peer.send(contactSeen, "noop");
    Datagram heard = contact.receive();
    contact.send(heard.from(), expect("group=m udp many life=owner " + to(media)));
    return LabScenario.endpoints(peer.receive().data()).get(0);
  }

  private static void assertAnnounced(@Nullable NatMode nat, String by, Datagram heard) {
    String announced = " announced=" + (nat == null ? "?" : by);
    assertTrue(heard.data().endsWith(announced), heard::toString);
  }

  /** A connection is read from the next byte on, or after a crash from the next line on. */
  @ParameterizedTest
  @EnumSource(names = {"KILLED", "REPLACED"})
  void readChildOverTcp_goesOn(Succession succession) {
    Family family = Family.V4;
    try (LabScenario scenario = LabScenario.start(NatMode.MASQUERADE, family, YAML);
        UdpDialogue dialogue = scenario.udp();
        Listener listener = scenario.client().listen(family.client(), 0)) {
      String to = "to=" + LabScenario.text(new Endpoint(family.client(), listener.port()));
      Endpoint told =
          LabScenario.endpoints(dialogue.toServer(expect("group=r many read life=owner " + to)))
              .get(0);
      Datagrams media = scenario.atClient(0);
      try (Connection child = scenario.server().connect(family.server(), told.host(), told.port());
          Connection accepted = listener.accept()) {
        child.send("noop\n");
        assertEquals("noop\n", accepted.line());
        accepted.send(expect("group=m udp many life=owner " + to(media)) + "\n");
        Endpoint announced = LabScenario.endpoints(child.line().strip()).get(0);

        succession.happen(scenario.agent());

        assertTrue(scenario.reaches(scenario.atServer(0), announced, media).isPresent());
        // In the direction whose sender is translated, where messages can be changed.
        accepted.send("noop\n" + FACTS + "\n");
        assertEquals("noop\n", child.line());
        String facts = child.line(); // the devices are known again by the first packets only
        assertTrue(facts.endsWith(" announced=flow/r/\n"), facts);
        boolean counts = succession == Succession.REPLACED;
        String state = session(scenario, "tcp", told.port()).path("state").asText();
        assertEquals(counts, state.equals("heard4"), state);
        child.send("noop\n");
        assertEquals("noop\n", accepted.line());
        accepted.send("close group=m\n");
        assertFalse(child.line().isEmpty());
      }
      scenario.assertClean();
    }
  }
}
