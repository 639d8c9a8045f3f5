package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.Connection;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.LabScenario;
import org.pinholed.it.lab.Listener;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.Peer;
import org.pinholed.it.lab.TcpDialogue;

/** Messages of several segments through a translation, over the kernel's TCP on both sides. */
class LongMessageIT {
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final Duration SHORTLY = Duration.ofMillis(300);

  /** TCP waits twice as long before each try, so about as long as no agent was there. */
  private static final Duration BACK_OFF = Duration.ofSeconds(60);

  private static final String LONG_LINES = LabScenario.helpers(", options: {longLines: true}");

  /** More than two full segments. */
  private static final String PADDING = "noop x=" + "x".repeat(3500);

  static Stream<Arguments> everyTranslation() {
    return Stream.of(NatMode.MASQUERADE, NatMode.SNAT, NatMode.DNAT, NatMode.TWICE)
        .flatMap(nat -> Stream.of(Family.values()).map(family -> Arguments.of(nat, family)));
  }

  /** Who announces: the side whose address the other one does not see. */
  private static Peer announcer(LabScenario scenario, NatMode nat) {
    return nat.hidesClient() ? scenario.client() : scenario.server();
  }

  private static String host(NatMode nat, Family family) {
    return nat.hidesClient() ? family.client() : family.server();
  }

  /** Announces at its front and at its end, and says at its front how it ends. */
  private static String message(String host, int port) {
    String to = LabScenario.text(new Endpoint(host, port));
    return "item group=a to="
        + to
        + " many;expect;edit this=short with=a-longer-one;"
        + PADDING
        + ";edit this=much-longer-text with=no;item group=b to="
        + to
        + " many;expect";
  }

  private static void insistOn(String sent, String heard, Endpoint told) {
    String expected =
        sent.replaceAll("to=\\S+? many", "to=" + LabScenario.text(told) + " many")
            .replace("this=short", "this=a-longer-one")
            .replace("this=much-longer-text", "this=no");
    assertEquals(expected, heard);
    assertNotEquals(sent, heard);
  }

  @ParameterizedTest
  @MethodSource("everyTranslation")
  void messageOfSeveralSegments_howeverItIsCut_isRewrittenAndOpens(NatMode nat, Family family) {
    try (LabScenario scenario = LabScenario.start(nat, family, LONG_LINES);
        TcpDialogue dialogue = scenario.tcp()) {
      String host = host(nat, family);
      Connection from =
          nat.hidesClient() ? dialogue.clientConnection() : dialogue.serverConnection();
      Connection to = nat.hidesClient() ? dialogue.serverConnection() : dialogue.clientConnection();
      assertEquals("noop", dialogue.toServer("noop"));
      assertEquals("noop", dialogue.toClient("noop"));
      try (Listener listener = announcer(scenario, nat).listen(host, 0)) {
        String message = message(host, listener.port());
        int length = message.length();
        List<List<Integer>> cuts =
            List.of(
                List.of(),
                List.of(3),
                List.of(20, 21),
                List.of(60, 300, 1000),
                List.of(1000, length - 40),
                List.of(length - 1),
                List.of(length));
        for (List<Integer> cut : cuts) {
          from.sendCut(message + "\n", cut);
          String heard = to.line();
          heard = heard.substring(0, heard.length() - 1);
          Endpoint told = LabScenario.endpoints(heard).get(0);
          insistOn(message, heard, told);
          String dialer = nat.hidesClient() ? family.server() : family.client();
          Peer other = nat.hidesClient() ? scenario.server() : scenario.client();
          try (Connection child = other.connect(dialer, told.host(), told.port())) {
            child.send("content\n");
            assertEquals("content\n", listener.accept().line());
          }
          from.send("noop after\n");
          assertEquals("noop after\n", to.line(), "later bytes arrive unharmed");
          String back = "edit this=short with=a-longer-one;" + PADDING;
          to.sendCut(back + "\n", List.of(cut.isEmpty() ? 7 : cut.get(0)));
          assertEquals(
              back.replace("this=short", "this=a-longer-one") + "\n",
              from.line(),
              "what the other side says is changed, too");
          assertEquals("noop", dialogue.toServer("noop"));
          assertEquals("noop", dialogue.toClient("noop"));
        }
      }
      assertEquals(List.of(), refused(scenario));
      scenario.assertClean();
    }
  }

  private static List<String> refused(LabScenario scenario) {
    return scenario.agent().events().stream()
        .filter(event -> event.path("event").asText().equals("refused"))
        .map(event -> event.path("reason").asText())
        .toList();
  }

  @Test
  void manyMessagesAtOnce_eachIsRewritten_andNothingIsLost() {
    int lines = 60;
    try (LabScenario scenario = LabScenario.start(NatMode.MASQUERADE, Family.V4, LONG_LINES);
        TcpDialogue dialogue = scenario.tcp()) {
      String seen =
          Stream.iterate(0, i -> i + 1)
              .limit(lines)
              .map(
                  i ->
                      "edit this="
                          + "a".repeat(1 + i % 7)
                          + " with="
                          + "b".repeat(1 + i % 11)
                          + ";noop "
                          + i)
              .collect(Collectors.joining("\n"));
      dialogue.clientConnection().send(seen + "\n");
      for (String line : seen.split("\n", -1)) {
        String with = line.replaceFirst(".* with=(b*);.*", "$1");
        assertEquals(
            line.replaceFirst("this=a*", "this=" + with) + "\n",
            dialogue.serverConnection().line());
      }
      scenario.assertClean();
    }
  }

  @Test
  void messageThatNeverEnds_passesAsItCame_opensNothing_andReadingGoesOn() {
    try (LabScenario scenario = LabScenario.start(NatMode.MASQUERADE, Family.V4, LONG_LINES);
        TcpDialogue dialogue = scenario.tcp();
        Listener listener = scenario.client().listen(Family.V4.client(), 0)) {
      String message = message(Family.V4.client(), listener.port());
      dialogue.clientConnection().send(message.substring(0, 2000));
      var event =
          scenario
              .agent()
              .awaitEvent(PATIENCE, each -> each.path("event").asText().equals("refused"));
      assertEquals("holdTime", event.path("reason").asText());
      dialogue.clientConnection().send(message.substring(2000) + "\n");
      assertEquals(message + "\n", dialogue.serverConnection().line());
      assertEquals(List.of(), scenario.rows("expectations"));
      assertTrue(
          scenario
              .server()
              .tryConnect(
                  Family.V4.server(),
                  dialogue.clientSeenByServer().host(),
                  listener.port(),
                  SHORTLY)
              .isEmpty());

      String heard = dialogue.toServer(message);
      insistOn(message, heard, LabScenario.endpoints(heard).get(0));
      assertEquals(2, scenario.rows("expectations").size());
    }
  }

  @Test
  void anotherAgentTakesOver_whileAMessageIsHeld_andRewritesIt() {
    try (LabScenario scenario = LabScenario.start(NatMode.MASQUERADE, Family.V4, LONG_LINES);
        TcpDialogue dialogue = scenario.tcp();
        Listener listener = scenario.client().listen(Family.V4.client(), 0)) {
      assertEquals("noop", dialogue.toServer("noop"));
      assertEquals("noop", dialogue.toClient("noop"));
      String message = message(Family.V4.client(), listener.port());
      for (int round = 0; round < 3; round++) {
        dialogue.clientConnection().send(message.substring(0, 2000));
        scenario.agent().replace();
        dialogue.clientConnection().send(message.substring(2000) + "\n");
        String heard = dialogue.serverConnection().line();
        heard = heard.substring(0, heard.length() - 1);
        assertTrue(
            heard.equals(message) == refused(scenario).contains("holdTime"),
            "as it came only if it took too long: " + heard);
        assertEquals("noop", dialogue.toServer("noop"));
        assertEquals("noop", dialogue.toClient("noop"));
      }
    }
  }

  @Test
  void agentIsKilled_whileAMessageIsHeld_andTheConnectionGoesOn() {
    try (LabScenario scenario = LabScenario.start(NatMode.MASQUERADE, Family.V4, LONG_LINES);
        TcpDialogue dialogue = scenario.tcp();
        Listener listener = scenario.client().listen(Family.V4.client(), 0)) {
      String message = message(Family.V4.client(), listener.port());
      String before = dialogue.toServer(message);
      insistOn(message, before, LabScenario.endpoints(before).get(0));
      dialogue.clientConnection().send(message.substring(0, 2000));
      scenario.agent().kill();
      scenario.agent().startAgain();
      dialogue.clientConnection().send(message.substring(2000) + "\n");
      String heard = dialogue.serverConnection().line(BACK_OFF);
      heard = heard.substring(0, heard.length() - 1);
      if (!heard.equals(message)) { // never a mixture
        insistOn(message, heard, LabScenario.endpoints(heard).get(0));
      }
      assertEquals("noop", dialogue.toServer("noop"));
      assertEquals("noop", dialogue.toClient("noop"));
    }
  }
}
