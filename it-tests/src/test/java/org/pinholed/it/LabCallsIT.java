package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.pinholed.it.lab.LabScenario.expect;
import static org.pinholed.it.lab.LabScenario.to;

import com.fasterxml.jackson.databind.JsonNode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pinholed.it.lab.Datagrams;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.LabScenario;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.UdpDialogue;

/** Calls and registrations as operators see and end them, also after the agent was killed. */
class LabCallsIT {
  private static final int PORT = 40000;
  private static final String MANY = " udp many life=owner:600s ";

  private static Endpoint told(String heard) {
    return LabScenario.endpoints(heard).get(0);
  }

  @ParameterizedTest
  @EnumSource
  void calls_areListed_andOneIsClearedWithItsMedia(Family family) {
    try (LabScenario scenario = LabScenario.start(NatMode.MASQUERADE, family);
        UdpDialogue dialogue = scenario.udp()) {
      scenario.lab().sysctl(Lab.Host.ROUTER, "net.netfilter.nf_conntrack_acct=1");
      Datagrams phone = scenario.atClient(PORT);
      Datagrams second = scenario.atClient(PORT + 2);
      Datagrams peer = scenario.atServer(0);
      Endpoint outside =
          told(
              dialogue.toServer(
                  expect("owner=one group=m item=0" + MANY + to(phone))
                      + ";name owner=one kind=call label=***@a>***@b state=answered"));
      Endpoint other = told(dialogue.toServer(expect("owner=two group=m" + MANY + to(second))));
      dialogue.toServer(
          expect("owner=r group=r udp many life=until:600s " + to(phone))
              + ";name owner=r kind=registration label=***@home state=registered");
      Endpoint helperPort = new Endpoint(family.client(), 5959);
      dialogue.toServer(expect("owner=one group=n" + MANY + "to=" + LabScenario.text(helperPort)));
      assertTrue(scenario.reaches(peer, outside, phone).isPresent());
      assertTrue(scenario.reaches(phone, peer.local(), peer).isPresent());
      assertTrue(scenario.reaches(peer, other, second).isPresent());

      scenario.await(
          () ->
              named(scenario, "calls", "answered").path("media").path(0).path("children").asInt()
                  == 1);
      JsonNode call = named(scenario, "calls", "answered");
      assertEquals("call", call.path("kind").asText());
      assertEquals("***@a>***@b", call.path("label").asText());
      assertTrue(call.path("expireSeconds").asInt() > 500, call::toString);
      assertEquals("helperPort", call.path("why").asText());
      assertEquals(2, call.path("packets").asInt(), call::toString);
      assertTrue(call.path("bytes").asInt() > 60, call::toString);
      JsonNode media = call.path("media").path(0);
      assertEquals(outside.port(), media.path("outside").path("port").asInt());
      assertEquals(PORT, media.path("inside").path("port").asInt());
      assertEquals(2, scenario.rows("calls").size());
      JsonNode registration = named(scenario, "registrations", "registered");
      assertEquals(1, scenario.rows("registrations").size());
      assertEquals(
          outside.port(), registration.path("media").path(0).path("outside").path("port").asInt());

      String id = call.path("id").asText();
      String prefix = id.charAt(0) == '-' ? id : id.substring(0, 6);
      assertEquals(1, scenario.agent().ctl("clear", "--call=nothingBegins_So").exitCode());
      assertEquals(0, scenario.agent().ctl("clear", "--call=" + prefix).exitCode());
      // the registration holds the same pinhole, so what came by it is not the call's alone
      assertEquals(1, scenario.rows("calls").size());
      assertTrue(scenario.reaches(peer, outside, phone).isPresent());
      String secondId = scenario.rows("calls").get(0).path("id").asText();
      assertEquals("unknown", scenario.rows("calls").get(0).path("state").asText());
      assertEquals(0, scenario.agent().ctl("clear", "--call=" + secondId).exitCode());
      scenario.await(() -> scenario.conntracks("udp", other.port()).isEmpty());
      assertTrue(scenario.isShut(peer, other, second));
      scenario.assertClean();
    }
  }

  private static JsonNode named(LabScenario scenario, String command, String state) {
    return scenario.rows(command).stream()
        .filter(row -> row.path("state").asText().equals(state))
        .findFirst()
        .orElseThrow(() -> new AssertionError(scenario.rows(command) + ""));
  }

  /**
   * After a kill the ports stand for the same endpoints, the call is listed without its name, and
   * its end cuts what came by the pinholes of the earlier process, whoever sent first.
   */
  @ParameterizedTest
  @EnumSource
  void callOfAKilledAgent_keepsItsPorts_isListed_andIsCut(Family family) {
    try (LabScenario scenario = LabScenario.start(NatMode.MASQUERADE, family);
        UdpDialogue dialogue = scenario.udp();
        UdpDialogue stranger = scenario.udpFrom(family.otherClient())) {
      Datagrams first = scenario.client().datagrams(family.otherClient(), PORT);
      Datagrams phone = scenario.atClient(PORT);
      Datagrams phone2 = scenario.atClient(PORT + 10);
      Datagrams peer = scenario.atServer(0);
      Datagrams peer2 = scenario.atServer(0);
      Endpoint strangers = told(stranger.toServer(expect("owner=x group=m" + MANY + to(first))));
      Endpoint outside =
          told(dialogue.toServer(expect("owner=c group=m item=0" + MANY + to(phone))));
      Endpoint outside2 =
          told(dialogue.toServer(expect("owner=c group=m2 item=0" + MANY + to(phone2))));
      dialogue.toClient(
          expect(
              "owner=c group=a item=0" + MANY + to(peer),
              "owner=c group=a item=1" + MANY + to(peer2)));
      stranger.toClient(expect("owner=x group=a" + MANY + to(peer)));
      assertNotEquals(strangers, outside);
      assertEquals(outside, scenario.reaches(phone, peer.local(), peer).orElseThrow());
      assertTrue(scenario.reaches(peer2, outside2, phone2).isPresent());
      assertEquals(strangers, scenario.reaches(first, peer.local(), peer).orElseThrow());

      scenario.agent().kill();
      scenario.agent().startAgain();

      assertEquals(2, scenario.rows("calls").size());
      assertEquals("unknown", scenario.rows("calls").get(0).path("state").asText());
      String heard =
          dialogue.toServer(
              "stands owner=c group=m value=?;announced at="
                  + LabScenario.text(outside)
                  + " udp value=?;"
                  + expect("owner=late group=m" + MANY + to(phone)));
      assertTrue(heard.startsWith("stands owner=c group=m value=yes;"), heard);
      assertTrue(heard.contains(" value=" + LabScenario.text(phone.local()) + "/m/0;"), heard);
      assertTrue(heard.endsWith("to=" + LabScenario.text(outside) + ";expect"), heard);
      dialogue.toServer("end owner=late");
      dialogue.toServer("end owner=c cut");
      scenario.await(() -> scenario.conntracks("udp", outside2.port()).isEmpty());
      scenario.await(() -> scenario.conntracks("udp", peer.local().port()).size() == 1);
      assertTrue(scenario.isShut(peer, outside, phone));
      assertTrue(scenario.reaches(peer, strangers, first).isPresent());
      scenario.assertClean();
    }
  }
}
