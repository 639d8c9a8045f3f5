package org.pinholed.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Listener;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.NatScenario;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;

/** Somebody else's {@code nft} takes the agent's table, or a part of it, away: it comes back. */
class TableRepairIT {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "flush ruleset",
        "delete table inet pinholed",
        "flush table inet pinholed",
        "flush map inet pinholed once6",
      })
  void pendingPinhole_survives(String foreignCommand) {
    try (Scenario scenario = Scenario.start("");
        ScriptedSession session = scenario.login(Family.V6);
        Announcement announced = session.announce(DataMode.EPSV)) {
      scenario.onRouter(("nft " + foreignCommand).split(" "));
      if (foreignCommand.equals("flush ruleset")) {
        scenario.firewall().installWithAcceptRule(scenario.lab());
      }
      String element = " . " + announced.port() + " ";
      Scenario.await(
          Duration.ofSeconds(5),
          () -> table(scenario.lab()).contains(element),
          () -> table(scenario.lab()) + scenario.agent().log());
      Scenario.await(
          Duration.ofSeconds(5),
          () -> scenario.agent().log().contains("table rebuilt with 1 pinholes"),
          scenario.agent()::log);
      announced.connect().close();
      assertFalse(announced.isOpen(), "the repaired pinhole let a second connection in");

      try (Announcement next = session.announce(DataMode.EPRT)) {
        next.connect().close();
      }
      assertEquals(List.of(), scenario.agent().complaints());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"delete table inet pinholed", "flush map inet pinholed dnat4"})
  void translationOfAPendingPinhole_survives(String foreignCommand) {
    try (NatScenario scenario = NatScenario.withAgent(NatMode.MASQUERADE, Family.V4, "");
        ScriptedSession session = scenario.login();
        Listener listener = scenario.listen(DataMode.PORT, Family.V4.client(), 0)) {
      Endpoint to = scenario.announce(session, DataMode.PORT, Family.V4.client(), listener);
      String[] command = ("nft " + foreignCommand).split(" ");
      scenario.lab().run(Lab.Host.ROUTER, Duration.ofSeconds(10), command).orFail();
      String element = ": 198.51.100.2 . " + listener.port();
      Scenario.await(
          Duration.ofSeconds(5),
          () -> table(scenario.lab()).contains(element),
          () -> table(scenario.lab()) + scenario.agent().log());
      scenario.connect(session, DataMode.PORT, to, listener);
      scenario.transfer(session, DataMode.EPRT);
      scenario.watch().assertNone();
      assertEquals(List.of(), scenario.agent().complaints());
    }
  }

  /**
   * Each audit had a socket of its own in the kernel, and the watch could not leave out so many.
   */
  @Test
  void manyAuditsAtOnce_doNotEndTheWatch() throws IOException {
    try (Scenario scenario = Scenario.start("")) {
      // An orphan, so that each audit looks twice and they all run at the same time.
      scenario.onRouter(
          "nft",
          "add element inet pinholed once4"
              + " { tcp . 192.0.2.9 . 203.0.113.2 . 50000 timeout 120s : 0x40000000 }");
      for (int round = 0; round < 3; round++) {
        for (String answer : audits(scenario.agent().socket(), 31)) {
          assertTrue(answer.contains("orphan"), answer);
        }
      }
      for (int deletion = 1; deletion <= 2; deletion++) {
        long before = repairs(scenario);
        scenario.onRouter("nft", "delete", "table", "inet", "pinholed");
        Scenario.await(
            Duration.ofSeconds(5),
            () -> repairs(scenario) > before && table(scenario.lab()).contains("elements = { 21 }"),
            () -> table(scenario.lab()) + scenario.agent().log());
      }
      assertEquals("", scenario.agent().json("status").path("tableWatchProblem").asText("none"));
      try (ScriptedSession session = scenario.login(Family.V4);
          Announcement announced = session.announce(DataMode.PASV)) {
        announced.connect().close();
      }
    }
  }

  private static long repairs(Scenario scenario) {
    return scenario.agent().json("status").path("tableRepairs").asLong();
  }

  /** All are connected before the first is asked. */
  private static List<String> audits(Path socket, int count) throws IOException {
    List<SocketChannel> channels = new ArrayList<>();
    List<String> answers = new ArrayList<>();
    try {
      for (int i = 0; i < count; i++) {
        channels.add(SocketChannel.open(UnixDomainSocketAddress.of(socket)));
      }
      for (SocketChannel channel : channels) {
        channel.write(ByteBuffer.wrap("{\"command\":\"audit\"}\n".getBytes(UTF_8)));
      }
      for (SocketChannel channel : channels) {
        answers.add(new String(Channels.newInputStream(channel).readAllBytes(), UTF_8));
      }
    } finally {
      for (SocketChannel channel : channels) {
        channel.close();
      }
    }
    return answers;
  }

  private static String table(Lab lab) {
    CommandResult listing =
        lab.run(
            Lab.Host.ROUTER,
            Duration.ofSeconds(10),
            "nft",
            "-n",
            "list",
            "table",
            "inet",
            "pinholed");
    return listing.output();
  }
}
