package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.pinholed.it.lab.LabScenario.expect;
import static org.pinholed.it.lab.LabScenario.to;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.Connection;
import org.pinholed.it.lab.Datagram;
import org.pinholed.it.lab.Datagrams;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.LabScenario;
import org.pinholed.it.lab.Listener;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.PeerException;
import org.pinholed.it.lab.UdpDialogue;

/** Who may come as a child, children that are read, and children that are cut. */
class LabChildrenIT {
  private static final String FACTS = "facts policy=? client=? server=? announced=?";

  static Stream<Arguments> routers() {
    return Stream.of(
        Arguments.of(null, Family.V4),
        Arguments.of(NatMode.MASQUERADE, Family.V6),
        Arguments.of(NatMode.DNAT, Family.V4),
        Arguments.of(NatMode.TWICE, Family.V6));
  }

  static Stream<Arguments> translations() {
    return routers().filter(arguments -> arguments.get()[0] != null);
  }

  /** Anybody may send at first, and one only when it is known who: by its own address. */
  @ParameterizedTest
  @MethodSource("routers")
  void anySource_isNarrowedToOne(@Nullable NatMode nat, Family family) {
    try (LabScenario scenario = LabScenario.start(nat, family);
        UdpDialogue dialogue = scenario.udp()) {
      Datagrams media = scenario.atClient(0);
      Datagrams peer = scenario.atServer(0);
      Datagrams stranger = scenario.server().datagrams(family.otherServer(), 0);
      String heard = dialogue.toServer(expect("group=m udp many from=any " + to(media)));
      Endpoint told = LabScenario.endpoints(heard).get(0);
      assertTrue(scenario.reaches(stranger, told, media).isPresent());
      assertTrue(scenario.reaches(peer, told, media).isPresent());

      // The client knows the server by the address that it dials; the server itself is meant.
      String named = dialogue.dialed().host();
      heard = dialogue.toServer(expect("group=m udp many from=" + named + " " + to(media)));
      assertEquals(told, LabScenario.endpoints(heard).get(0));
      int id = scenario.row("m", "").orElseThrow().path("id").asInt();
      dialogue.toServer(expect("group=m udp many from=peer " + to(media)));
      assertEquals(id, scenario.row("m", "").orElseThrow().path("id").asInt(), "in other words");
      Datagrams lateStranger = scenario.server().datagrams(family.otherServer(), 0);
      assertTrue(scenario.isShut(lateStranger, told, media));
      assertTrue(scenario.reaches(scenario.atServer(0), told, media).isPresent());
      scenario.assertClean();
    }
  }

  private static int queued(LabScenario scenario) {
    return scenario.agent().json("stats").path("packets").asInt();
  }

  /** What comes to a child that is read is a message like that of its parent, whatever its port. */
  @ParameterizedTest
  @MethodSource("routers")
  void readChild_isReadWithWhatAnnouncedIt(@Nullable NatMode nat, Family family) {
    try (LabScenario scenario = LabScenario.start(nat, family);
        UdpDialogue dialogue = scenario.udp()) {
      Datagrams contact = scenario.atClient(0);
      Datagrams plain = scenario.atClient(0);
      Datagrams media = scenario.atClient(0);
      Datagrams peer = scenario.atServer(0);
      List<Endpoint> told =
          LabScenario.endpoints(
              dialogue.toServer(
                  expect(
                      "group=r item=1 udp many read " + to(contact),
                      "group=r item=2 udp many " + to(plain))));
      int before = queued(scenario);
      peer.send(told.get(1), FACTS);
      Datagram heard = plain.receive();
      assertEquals(FACTS, heard.data());
      plain.send(heard.from(), FACTS);
      assertEquals(FACTS, peer.receive().data());
      assertEquals(before, queued(scenario), "a child that is not read stays out of the queue");

      peer.send(told.get(0), FACTS);
      heard = contact.receive();
      // A message is changed on translated flows only, and so answers questions there only.
      assertEquals(
          nat == null ? FACTS : "facts policy=25 client=r1 server=r0 announced=flow/r/1",
          heard.data());
      // The child's answer announces in its turn.
      contact.send(heard.from(), expect("group=m udp many " + to(media)));
      Endpoint next = LabScenario.endpoints(peer.receive().data()).get(0);
      assertTrue(scenario.reaches(peer, next, media).isPresent());
      assertEquals(2, scenario.rows("sessions").size());
      scenario.assertClean();
    }
  }

  /** On a stream the messages of a side that is translated are changed, and answer questions. */
  @ParameterizedTest
  @MethodSource("translations")
  void readChild_overTcp_isReadWithWhatAnnouncedIt(NatMode nat, Family family) {
    String facts = "facts policy=25 client=r1 server=r0 announced=flow/r/\n";
    try (LabScenario scenario = LabScenario.start(nat, family);
        UdpDialogue dialogue = scenario.udp();
        Listener listener = scenario.client().listen(family.client(), 0)) {
      String to = "to=" + LabScenario.text(new Endpoint(family.client(), listener.port()));
      Endpoint told = LabScenario.endpoints(dialogue.toServer(expect("group=r read " + to))).get(0);
      Datagrams media = scenario.atClient(0);
      try (Connection child = scenario.server().connect(family.server(), told.host(), told.port());
          Connection accepted = listener.accept()) {
        String question = nat.hidesServer() ? FACTS : "noop";
        child.send(question + "\n");
        assertEquals(nat.hidesServer() ? facts : "noop\n", accepted.line());
        question = nat.hidesClient() ? FACTS : "noop";
        accepted.send(question + "\n");
        assertEquals(nat.hidesClient() ? facts : "noop\n", child.line());
        accepted.send(expect("group=m udp many " + to(media)) + "\n");
        Endpoint next = LabScenario.endpoints(child.line().strip()).get(0);
        assertTrue(scenario.reaches(scenario.atServer(0), next, media).isPresent());
      }
      scenario.assertClean();
    }
  }

  /** A child that is not what was announced loses its packet and its conntrack. */
  @Test
  void cutChild_isOver() {
    try (LabScenario scenario = LabScenario.start(null, Family.V4);
        UdpDialogue dialogue = scenario.udp()) {
      Datagrams contact = scenario.atClient(0);
      Datagrams peer = scenario.atServer(0);
      dialogue.toServer(expect("group=r udp read many " + to(contact)));
      peer.send(contact.local(), "noop");
      assertEquals("noop", contact.receive().data());
      peer.send(contact.local(), "cut");
      scenario.await(() -> scenario.conntracks("udp", contact.local().port()).isEmpty());
      assertEquals(Optional.empty(), contact.receive(Duration.ofMillis(300)));
      assertEquals(1, cuts(scenario));
      // The parent goes on, and of it nothing can be cut.
      assertEquals("cut", dialogue.toServer("cut"));
      scenario.assertClean();
    }
  }

  private static int cuts(LabScenario scenario) {
    return scenario.agent().json("stats").path("withheldPackets.cut").asInt();
  }

  /** Over TCP its receiver is told by a reset, which is no invalid packet to anybody. */
  @ParameterizedTest
  @EnumSource
  void cutChild_overTcp_isReset(Family family) {
    NatMode nat = family == Family.V4 ? NatMode.TWICE : null;
    try (LabScenario scenario = LabScenario.start(nat, family);
        UdpDialogue dialogue = scenario.udp();
        Listener listener = scenario.client().listen(family.client(), 0)) {
      String to = "to=" + LabScenario.text(new Endpoint(family.client(), listener.port()));
      Endpoint told =
          LabScenario.endpoints(dialogue.toServer(expect("group=r read many " + to))).get(0);
      try (Connection child = scenario.server().connect(family.server(), told.host(), told.port());
          Connection accepted = listener.accept()) {
        child.send("noop\n");
        assertEquals("noop\n", accepted.line());
        child.send("cut\n");
        PeerException end = assertThrows(PeerException.class, accepted::line);
        assertTrue(String.valueOf(end.getMessage()).contains("reset"), end::toString);
        assertEquals(List.of(), scenario.conntracks("tcp", told.port()));
        assertEquals(1, cuts(scenario));
        scenario.assertClean(); // before the sender closes: that is of no connection any more
      }
    }
  }
}
