package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.pinholed.it.lab.LabScenario.expect;
import static org.pinholed.it.lab.LabScenario.to;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.it.lab.Datagrams;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.LabDialogue;
import org.pinholed.it.lab.LabScenario;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.UdpDialogue;

/** Owners that outlive a flow and span flows and workers. */
class LabOwnersIT {
  private static final String MEDIA = "owner=call group=m udp many life=owner:120s ";

  /** All conntracks to the protocol's port are gone, as after a long silence. */
  private static void forgetFlows(LabScenario scenario, boolean udp) {
    String command = "conntrack -D -p " + (udp ? "udp" : "tcp") + " --orig-port-dst 5959";
    scenario.lab().run(Lab.Host.ROUTER, Duration.ofSeconds(10), command.split(" ", -1)).orFail();
    scenario.await(() -> scenario.rows("sessions").isEmpty());
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void owner_outlivesItsFlow_andIsEndedOverAnotherOne(boolean udp) {
    try (LabScenario scenario = LabScenario.start(null, Family.V4);
        LabDialogue first = scenario.dialogue(udp)) {
      Datagrams media = scenario.atClient(0);
      Datagrams own = scenario.atClient(0);
      first.toServer(expect(MEDIA + to(media)));
      first.toServer(expect("group=own udp many life=owner " + to(own)));
      forgetFlows(scenario, udp);
      assertTrue(scenario.reaches(scenario.atServer(0), media.local(), media).isPresent());
      assertTrue(scenario.isShut(scenario.atServer(0), own.local(), own));
      LabDialogue second = scenario.dialogue(udp);
      second.toServer("end owner=call");
      Datagrams late = scenario.atServer(0);
      assertTrue(scenario.isShut(late, media.local(), media));
      scenario.await(() -> scenario.rows("expectations").isEmpty());
      scenario.assertClean();
    }
  }

  /** At the end of a call what is left of it goes on, or is cut in the middle. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void endOfAnOwner_keepsOrCutsItsChildren(boolean cut) {
    try (LabScenario scenario = LabScenario.start(null, Family.V4);
        UdpDialogue dialogue = scenario.udp()) {
      Datagrams media = scenario.atClient(0);
      Datagrams peer = scenario.atServer(0);
      dialogue.toServer(expect(MEDIA + to(media)));
      assertTrue(scenario.reaches(peer, media.local(), media).isPresent());
      assertTrue(scenario.reaches(media, peer.local(), peer).isPresent());
      scenario.await(() -> scenario.row("m", "").orElseThrow().path("children").asInt() == 1);
      dialogue.toServer("end owner=call" + (cut ? " cut" : ""));
      if (cut) {
        scenario.await(() -> scenario.conntracks("udp", media.local().port()).isEmpty());
        assertTrue(scenario.isShut(peer, media.local(), media));
      } else {
        assertTrue(scenario.reaches(peer, media.local(), media).isPresent());
        assertTrue(scenario.isShut(scenario.atServer(0), media.local(), media));
      }
      scenario.assertClean();
    }
  }

  /** Two calls hold one pinhole: it shuts with the last. */
  @Test
  void twoOwners_ofOnePinhole_shutItWithTheLast() {
    try (LabScenario scenario = LabScenario.start(null, Family.V4);
        UdpDialogue one = scenario.udp();
        UdpDialogue two = scenario.udp()) {
      Datagrams media = scenario.atClient(0);
      String fields = " group=m udp many life=owner:120s " + to(media);
      one.toServer(expect("owner=first" + fields));
      two.toServer(expect("owner=second" + fields));
      one.toServer("end owner=first");
      assertTrue(scenario.reaches(scenario.atServer(0), media.local(), media).isPresent());
      two.toServer("end owner=second");
      assertTrue(scenario.isShut(scenario.atServer(0), media.local(), media));
      scenario.assertClean();
    }
  }

  /**
   * Flows of several workers speak for one owner: what they count together is right, and each
   * replaces what another one announced.
   */
  @ParameterizedTest
  @ValueSource(ints = {2, 4})
  void flowsOfSeveralWorkers_meetInOneOwner(int queues) {
    String yaml = LabScenario.helpers("") + "queues: {count: " + queues + "}\n";
    try (LabScenario scenario = LabScenario.start(NatMode.MASQUERADE, Family.V4, yaml)) {
      List<UdpDialogue> dialogues = new ArrayList<>();
      Datagrams first = scenario.atClient(0);
      Datagrams second = scenario.atClient(0);
      int rounds = 5;
      int flows = 24;
      for (int flow = 0; flow < flows; flow++) {
        dialogues.add(scenario.udp());
      }
      String heard = "";
      for (int round = 0; round < rounds; round++) {
        for (UdpDialogue dialogue : dialogues) {
          Datagrams media = round % 2 == 0 ? first : second;
          heard = dialogue.toServer("count key=all time=60s value=?;" + expect(MEDIA + to(media)));
        }
      }
      assertTrue(heard.contains(" value=" + rounds * flows + ";"), heard);
      assertEquals(1, scenario.rows("expectations").size());
      Endpoint told = LabScenario.endpoints(heard).get(0);
      assertTrue(scenario.reaches(scenario.atServer(0), told, first).isPresent());
      Endpoint before = new Endpoint(told.host(), second.local().port());
      assertTrue(scenario.isShut(scenario.atServer(0), before, second));
      // More than one worker had a part in it.
      JsonNode status = scenario.agent().json("status");
      Set<String> busy =
          status.findValues("packets").stream()
              .filter(JsonNode::isNumber)
              .map(JsonNode::asText)
              .filter(packets -> !packets.equals("0"))
              .collect(Collectors.toSet());
      assertTrue(busy.size() > 1, status::toString);
      dialogues.get(flows - 1).toServer("end owner=call");
      scenario.await(() -> scenario.rows("expectations").isEmpty());
      scenario.assertClean();
    }
  }

  /** Flows that say the same at the same time; nothing is left when the owner ends. */
  @ParameterizedTest
  @ValueSource(ints = {2, 4})
  void flowsOfSeveralWorkers_atTheSameTime_leaveNothingBehind(int queues) {
    String yaml = LabScenario.helpers("") + "queues: {count: " + queues + "}\n";
    try (LabScenario scenario = LabScenario.start(NatMode.MASQUERADE, Family.V4, yaml)) {
      Datagrams media = scenario.atClient(0);
      List<UdpDialogue> dialogues = new ArrayList<>();
      for (int flow = 0; flow < 16; flow++) {
        UdpDialogue dialogue = scenario.udp();
        dialogue.toServer("noop");
        dialogues.add(dialogue);
      }
      String announce = expect(MEDIA + to(media));
      for (int round = 0; round < 10; round++) {
        for (UdpDialogue dialogue : dialogues) {
          dialogue.clientSocket().send(dialogue.dialed(), announce);
        }
        Set<List<Endpoint>> told =
            dialogues
                .get(0)
                .serverSocket()
                .receive(dialogues.size(), Duration.ofSeconds(10))
                .stream()
                .map(datagram -> LabScenario.endpoints(datagram.data()))
                .collect(Collectors.toSet());
        assertEquals(1, told.size(), told::toString);
        String host = told.iterator().next().get(0).host();
        assertEquals(dialogues.get(0).clientSeenByServer().host(), host);
        for (UdpDialogue dialogue : dialogues) {
          dialogue.clientSocket().send(dialogue.dialed(), "end owner=call");
        }
        dialogues.get(0).serverSocket().receive(dialogues.size(), Duration.ofSeconds(10));
      }
      dialogues.get(0).toServer("end owner=call");
      scenario.await(() -> scenario.rows("expectations").isEmpty());
      assertEquals(0, scenario.agent().ctl("audit").exitCode());
      scenario.assertClean();
    }
  }

  /** The default cap of the protocol is 8 for each owner, and one owner's does not cost another. */
  @ParameterizedTest
  @EnumSource
  void limitOfAnOwner_refusesTheRest(Family family) {
    try (LabScenario scenario = LabScenario.start(null, family);
        UdpDialogue dialogue = scenario.udp()) {
      List<Datagrams> media = new ArrayList<>();
      for (int i = 0; i < 9; i++) {
        media.add(scenario.atClient(0));
        dialogue.toServer(
            expect("owner=one group=g" + i + " udp many life=owner:60s " + to(media.get(i))));
      }
      scenario.agent().awaitEvent("limit");
      assertEquals(8, scenario.rows("expectations").size());
      assertTrue(scenario.isShut(scenario.atServer(0), media.get(8).local(), media.get(8)));
      dialogue.toServer(expect("owner=two group=g udp many life=owner:60s " + to(media.get(8))));
      assertTrue(
          scenario.reaches(scenario.atServer(0), media.get(8).local(), media.get(8)).isPresent());
      scenario.assertClean();
    }
  }

  /** What the entry of the helper says for itself; a place that is given back is free again. */
  @ParameterizedTest
  @CsvSource({
    "owners: 1, owners",
    "ownersPerSource: 1, ownersPerSource",
    "expectations: 1, helperExpectations",
    "expectationsPerSource: 1, helperExpectationsPerSource"
  })
  void limitOfTheEntry_refusesTheNext_untilThereIsRoom(String limit, String word) {
    try (LabScenario scenario =
            LabScenario.start(null, Family.V4, LabScenario.helpers(", " + limit));
        UdpDialogue dialogue = scenario.udp()) {
      Datagrams first = scenario.atClient(0);
      Datagrams second = scenario.atClient(0);
      dialogue.toServer(expect("owner=one group=g udp many life=owner:60s " + to(first)));
      dialogue.toServer(expect("owner=two group=g udp many life=owner:60s " + to(second)));
      assertEquals(word, scenario.agent().awaitEvent("limit").path("reason").asText());
      assertTrue(scenario.isShut(scenario.atServer(0), second.local(), second));
      assertTrue(scenario.reaches(scenario.atServer(0), first.local(), first).isPresent());
      dialogue.toServer("end owner=one");
      dialogue.toServer(expect("owner=two group=g udp many life=owner:60s " + to(second)));
      assertTrue(scenario.reaches(scenario.atServer(0), second.local(), second).isPresent());
      scenario.assertClean();
    }
  }

  /** A registration lives until its deadline, renewed or not, and no longer. */
  @Test
  void deadlines_areKept() {
    try (LabScenario scenario = LabScenario.start(null, Family.V4);
        UdpDialogue dialogue = scenario.udp()) {
      Datagrams media = scenario.atClient(0);
      dialogue.toServer(expect("owner=r group=g udp many life=until:60s " + to(media)));
      assertTrue(scenario.reaches(scenario.atServer(0), media.local(), media).isPresent());
      dialogue.toServer(expect("owner=r group=g udp many life=until:2s " + to(media)));
      scenario.await(() -> scenario.rows("expectations").isEmpty());
      assertTrue(scenario.isShut(scenario.atServer(0), media.local(), media));
      dialogue.toServer(expect("owner=k group=g udp many life=owner:60s " + to(media)));
      dialogue.toServer("keep owner=k time=1s");
      scenario.await(() -> scenario.rows("expectations").isEmpty());
      assertTrue(scenario.isShut(scenario.atServer(0), media.local(), media));
      scenario.assertClean();
    }
  }

  /** Nobody comes, or the last child ended some time ago. */
  @Test
  void idleExpectation_endsAfterItsLastChild() {
    try (LabScenario scenario = LabScenario.start(null, Family.V4);
        UdpDialogue dialogue = scenario.udp()) {
      scenario
          .lab()
          .sysctl(
              Lab.Host.ROUTER,
              "net.netfilter.nf_conntrack_udp_timeout=3",
              "net.netfilter.nf_conntrack_udp_timeout_stream=3");
      Datagrams media = scenario.atClient(0);
      Datagrams unused = scenario.atClient(0);
      dialogue.toServer(expect("owner=o group=g udp many life=idle:60s:2s:120s " + to(media)));
      dialogue.toServer(expect("owner=o group=u udp many life=idle:2s:60s:120s " + to(unused)));
      assertTrue(scenario.reaches(scenario.atServer(0), media.local(), media).isPresent());
      scenario.await(
          () -> {
            scenario.conntracks("udp", 5959); // the kernel looks for those that are over
            return scenario.rows("expectations").isEmpty();
          });
      assertTrue(scenario.isShut(scenario.atServer(0), media.local(), media));
      assertTrue(scenario.isShut(scenario.atServer(0), unused.local(), unused));
      scenario.assertClean();
    }
  }
}
