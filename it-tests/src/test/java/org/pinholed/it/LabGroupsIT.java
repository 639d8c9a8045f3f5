package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.pinholed.it.lab.LabScenario.expect;
import static org.pinholed.it.lab.LabScenario.to;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.it.lab.Datagrams;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.LabDialogue;
import org.pinholed.it.lab.LabScenario;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.TableWatch;

/** Announcements of several children: replaced and closed as a whole, in one transaction. */
class LabGroupsIT {
  static Stream<Arguments> transports() {
    return Stream.of(true, false)
        .flatMap(udp -> Stream.of(Family.values()).map(family -> Arguments.of(udp, family)));
  }

  @ParameterizedTest
  @MethodSource("transports")
  void fourItems_openAreReplacedAndClose_inOneTransactionEach(boolean udp, Family family) {
    try (LabScenario scenario = LabScenario.start(null, family);
        LabDialogue dialogue = scenario.dialogue(udp)) {
      List<Datagrams> media = new ArrayList<>();
      for (int i = 0; i < 6; i++) {
        media.add(scenario.atClient(0));
      }
      Datagrams peer = scenario.atServer(0);
      dialogue.toServer("noop");
      TableWatch watch = TableWatch.start(scenario.lab());

      String four = offer(media.subList(0, 4));
      assertEquals(four, dialogue.toServer(four));
      watch.awaitTransactions(1);
      for (Datagrams one : media.subList(0, 4)) {
        assertTrue(scenario.reaches(peer, one.local(), one).isPresent());
      }
      assertEquals(4, scenario.rows("expectations").size());

      // the same once more: nothing opens anew, nothing is told
      scenario.await(() -> scenario.events("created") >= 4);
      long created = scenario.events("created");
      assertEquals(four, dialogue.toServer(four));
      assertEquals(1, watch.transactions());
      assertEquals(4, created);
      assertEquals(created, scenario.events("created"));

      // the first two stay, two go, two come
      String other = offer(List.of(media.get(0), media.get(1), media.get(4), media.get(5)));
      dialogue.toServer(other);
      watch.awaitTransactions(2);
      assertEquals(4, scenario.rows("expectations").size());
      Datagrams late = scenario.atServer(0);
      assertTrue(scenario.isShut(late, media.get(2).local(), media.get(2)));
      assertTrue(scenario.isShut(late, media.get(3).local(), media.get(3)));
      for (int i : new int[] {0, 1, 4, 5}) {
        assertTrue(scenario.reaches(late, media.get(i).local(), media.get(i)).isPresent());
      }

      dialogue.toServer("close group=offer");
      watch.awaitTransactions(3);
      Datagrams later = scenario.atServer(0);
      for (Datagrams one : media) {
        assertTrue(scenario.isShut(later, one.local(), one));
      }
      assertEquals(List.of(), scenario.rows("expectations"));
      assertEquals(3, watch.transactions());
      scenario.assertClean();
    }
  }

  private static String offer(List<Datagrams> media) {
    String[] items = new String[media.size()];
    for (int i = 0; i < items.length; i++) {
      items[i] = "group=offer item=" + i + " udp many life=owner " + to(media.get(i));
    }
    return expect(items);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void inactiveGroup_opensWhenItIsActivated(boolean udp) {
    try (LabScenario scenario = LabScenario.start(null, Family.V4);
        LabDialogue dialogue = scenario.dialogue(udp)) {
      Datagrams one = scenario.atClient(0);
      Datagrams two = scenario.atClient(0);
      Datagrams peer = scenario.atServer(0);
      dialogue.toServer(
          expect(
              "group=g item=1 udp inactive " + to(one), "group=g item=2 udp inactive " + to(two)));
      assertTrue(scenario.isShut(peer, one.local(), one));
      dialogue.toClient("activate group=g");
      assertTrue(scenario.reaches(peer, one.local(), one).isPresent());
      assertTrue(scenario.reaches(peer, two.local(), two).isPresent());
      scenario.assertClean();
    }
  }

  /**
   * RTP and RTCP have ports that follow each other, the first one even, whoever had them before.
   */
  @ParameterizedTest
  @EnumSource(names = {"MASQUERADE", "SNAT", "TWICE"})
  void pair_whosePortsAreTaken_getsAnotherPair(NatMode nat) {
    for (Family family : Family.values()) {
      try (LabScenario scenario = LabScenario.start(nat, family);
          LabDialogue first = scenario.udp();
          LabDialogue second = scenario.udpFrom(family.otherClient())) {
        Datagrams rtp = scenario.client().datagrams(family.client(), 40000);
        Datagrams rtcp = scenario.client().datagrams(family.client(), 40001);
        Datagrams otherRtp = scenario.client().datagrams(family.otherClient(), 40000);
        Datagrams otherRtcp = scenario.client().datagrams(family.otherClient(), 40001);
        List<Endpoint> told = LabScenario.endpoints(first.toServer(pair(rtp, rtcp)));
        List<Endpoint> otherTold =
            LabScenario.endpoints(second.toServer(pair(otherRtp, otherRtcp)));
        for (List<Endpoint> both : List.of(told, otherTold)) {
          assertEquals(both.get(0).port() + 1, both.get(1).port(), both::toString);
          assertEquals(0, both.get(0).port() % 2, both::toString);
        }
        assertEquals(40000, told.get(0).port());
        if (told.get(0).host().equals(otherTold.get(0).host())) {
          assertNotEquals(told.get(0).port(), otherTold.get(0).port());
        }
        Datagrams peer = scenario.atServer(0);
        assertTrue(scenario.reaches(peer, told.get(0), rtp).isPresent());
        assertTrue(scenario.reaches(peer, told.get(1), rtcp).isPresent());
        assertTrue(scenario.reaches(peer, otherTold.get(0), otherRtp).isPresent());
        assertTrue(scenario.reaches(peer, otherTold.get(1), otherRtcp).isPresent());
        scenario.assertClean();
      }
    }
  }

  private static String pair(Datagrams rtp, Datagrams rtcp) {
    return expect(
        "group=g item=rtp udp many " + to(rtp), "group=g item=rtcp pair=rtp udp many " + to(rtcp));
  }

  /** An odd port announced first stays odd, and its neighbour even. */
  @ParameterizedTest
  @EnumSource
  void keptPort_thatIsTaken_isRefusedAndNotEdited(Family family) {
    try (LabScenario scenario = LabScenario.start(NatMode.MASQUERADE, family);
        LabDialogue first = scenario.udp();
        LabDialogue second = scenario.udpFrom(family.otherClient())) {
      Datagrams mine = scenario.client().datagrams(family.client(), 40000);
      Datagrams other = scenario.client().datagrams(family.otherClient(), 40000);
      Datagrams free = scenario.client().datagrams(family.otherClient(), 40002);
      first.toServer(expect("group=g udp many " + to(mine)));
      String message =
          expect(
              "group=g item=1 udp many stays " + to(other),
              "group=g item=2 udp many stays " + to(free));
      assertEquals(message, second.toServer(message));
      assertFalse(scenario.row("g", "1").isPresent());
      Endpoint told = new Endpoint(second.clientSeenByServer().host(), 40002);
      assertTrue(scenario.reaches(scenario.atServer(0), told, free).isPresent());
      scenario.assertClean();
    }
  }
}
