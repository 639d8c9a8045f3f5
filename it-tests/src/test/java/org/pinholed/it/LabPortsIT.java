package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.pinholed.it.lab.LabScenario.expect;
import static org.pinholed.it.lab.LabScenario.to;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.Datagrams;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.LabScenario;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.UdpDialogue;

/** Which ports of a translated address stand for which endpoints inside, in both directions. */
class LabPortsIT {
  private static final int PORT = 40000;
  private static final String MANY = " udp many life=owner:120s ";

  static Stream<Arguments> hiddenClients() {
    return Stream.of(NatMode.MASQUERADE, NatMode.SNAT, NatMode.TWICE)
        .flatMap(nat -> Stream.of(Family.values()).map(family -> Arguments.of(nat, family)));
  }

  static Stream<Arguments> hiddenClientsAndSources() {
    return Stream.of(
        Arguments.of(NatMode.MASQUERADE, Family.V4, "peer"),
        Arguments.of(NatMode.MASQUERADE, Family.V6, "any"),
        Arguments.of(NatMode.MASQUERADE, Family.V6, Family.V6.otherServer()),
        Arguments.of(NatMode.SNAT, Family.V4, Family.V4.otherServer()),
        Arguments.of(NatMode.SNAT, Family.V6, "peer"),
        Arguments.of(NatMode.TWICE, Family.V4, "peer"),
        Arguments.of(NatMode.TWICE, Family.V6, "any"));
  }

  private static Endpoint told(String heard) {
    return LabScenario.endpoints(heard).get(0);
  }

  /** Groups, owners, flows and sources do not matter; and two endpoints never share a port. */
  @ParameterizedTest
  @MethodSource("hiddenClients")
  void oneOutsidePort_standsForOneInsideEndpoint(NatMode nat, Family family) {
    try (LabScenario scenario = LabScenario.start(nat, family);
        UdpDialogue one = scenario.udp();
        UdpDialogue two = scenario.udp();
        UdpDialogue stranger = scenario.udpFrom(family.otherClient())) {
      Datagrams other = scenario.client().datagrams(family.otherClient(), PORT);
      Endpoint others = told(stranger.toServer(expect("owner=x group=g" + MANY + to(other))));
      Datagrams mine = scenario.atClient(PORT);
      String contact = to(mine);
      Endpoint first =
          told(one.toServer(expect("owner=r group=r udp many life=until:60s " + contact)));
      assertNotEquals(others, first);
      List<String> again =
          List.of(
              "owner=call group=s" + MANY + contact,
              "owner=call group=t item=other" + MANY + contact,
              "owner=call group=u from=any" + MANY + contact,
              "owner=second group=v from=" + family.otherServer() + MANY + contact);
      for (String item : again) {
        assertEquals(first, told(two.toServer(expect(item))), item);
      }
      // whoever came first is gone, and the port stays
      one.toServer("end owner=r");
      one.toServer("end owner=call");
      assertEquals(first, told(one.toServer(expect("owner=late group=g" + MANY + contact))));
      Datagrams peer = scenario.atServer(0);
      assertTrue(scenario.reaches(peer, first, mine).isPresent());
      assertTrue(scenario.reaches(peer, others, other).isPresent());
      one.toServer("end owner=second;end owner=late");
      assertTrue(scenario.isShut(scenario.atServer(0), first, mine));
      scenario.assertClean();
    }
  }

  /** A contact that is the flow's own endpoint is known outside by the flow's own port. */
  @ParameterizedTest
  @MethodSource("hiddenClients")
  void ownEndpointOfAFlow_isKnownByThePortThatTheFlowHasOutside(NatMode nat, Family family) {
    try (LabScenario scenario = LabScenario.start(nat, family);
        UdpDialogue before = scenario.udpFrom(family.otherClient(), PORT)) {
      before.toServer("noop"); // takes the port outside, where there is one address for both
      UdpDialogue dialogue = scenario.udpFrom(family.client(), PORT);
      dialogue.toServer("noop");
      Endpoint seen = dialogue.clientSeenByServer();
      String contact = "owner=r group=r udp many life=until:60s " + to(dialogue.clientSocket());
      assertEquals(seen, told(dialogue.toServer(expect(contact))));
      Datagrams peer = scenario.atServer(0);
      assertTrue(scenario.reaches(peer, seen, dialogue.clientSocket()).isPresent());
      scenario.assertClean();
    }
  }

  /**
   * The sender of an offer may send its first datagram before the other side does. It leaves from
   * the endpoint that stands in the offer, although another client has that port outside, and a
   * third one's datagrams, which nobody announced, went through that port to the same place.
   */
  @ParameterizedTest
  @MethodSource("hiddenClientsAndSources")
  void insideThatSendsFirst_isSeenAtItsAnnouncedEndpoint(
      NatMode nat, Family family, String source) {
    try (LabScenario scenario = LabScenario.start(nat, family);
        UdpDialogue one = scenario.udpFrom(family.otherClient());
        UdpDialogue two = scenario.udp()) {
      boolean named = source.equals(family.otherServer());
      Datagrams peer =
          scenario.server().datagrams(named ? family.otherServer() : family.server(), 0);
      Datagrams first = scenario.client().datagrams(family.otherClient(), PORT);
      Datagrams second = scenario.atClient(PORT);
      String offer = "group=m from=" + source + MANY;
      Endpoint firstTold = told(one.toServer(expect("owner=one " + offer + to(first))));
      Endpoint secondTold = told(two.toServer(expect("owner=two " + offer + to(second))));
      assertNotEquals(firstTold, secondTold);
      String answer = "group=a" + MANY + to(peer);
      Endpoint peerTold = told(one.toClient(expect("owner=one " + answer)));
      assertEquals(peerTold, told(two.toClient(expect("owner=two " + answer))));

      assertEquals(firstTold, scenario.reaches(first, peerTold, peer).orElseThrow());
      assertEquals(secondTold, scenario.reaches(second, peerTold, peer).orElseThrow());
      // and back, from there and from another port
      assertTrue(scenario.reaches(peer, secondTold, second).isPresent());
      Datagrams otherPort = scenario.server().datagrams(peer.local().host(), 0);
      assertTrue(scenario.reaches(otherPort, secondTold, second).isPresent());

      // both flows of the call end with it, and nothing else does
      two.toServer("end owner=two cut");
      scenario.await(() -> scenario.conntracks("udp", peerTold.port()).size() == 1);
      assertTrue(scenario.isShut(peer, secondTold, second));
      assertTrue(scenario.reaches(peer, firstTold, first).isPresent());
      scenario.assertClean();
    }
  }

  /** A server behind a forwarded port is known by the announced port, too, if it sends first. */
  @ParameterizedTest
  @EnumSource
  void hiddenServerThatSendsFirst_isSeenAtItsAnnouncedEndpoint(Family family) {
    try (LabScenario scenario = LabScenario.start(NatMode.DNAT, family);
        UdpDialogue dialogue = scenario.udp()) {
      Datagrams phone = scenario.atClient(0);
      Datagrams hidden = scenario.atServer(PORT);
      dialogue.toServer(expect("owner=c group=c" + MANY + to(phone)));
      Endpoint told = told(dialogue.toClient(expect("owner=c group=s" + MANY + to(hidden))));
      assertEquals(family.routerToClient(), told.host());
      assertEquals(told, scenario.reaches(hidden, phone.local(), phone).orElseThrow());
      assertTrue(scenario.reaches(phone, told, hidden).isPresent());
      scenario.assertClean();
    }
  }
}
