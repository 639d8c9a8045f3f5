package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Listener;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;

/**
 * A helper that only observes, beside a firewall that has rules of its own for data connections.
 */
class ObserveIT {
  private static final Duration PATIENCE = Duration.ofSeconds(15);

  private static String agent(String mode) {
    return "helpers: [{id: 1, name: ftp, protocol: tcp, port: 21, timeout: 2s, mode: %s}]\n"
        .formatted(mode);
  }

  /** The operator's own rule for the ports of the server. */
  private static void allowDataPorts(Scenario scenario) {
    scenario
        .lab()
        .firewall(
            Lab.Host.ROUTER,
            "add rule inet filter forward ip daddr "
                + Family.V4.server()
                + " tcp dport 30000-30009 ct state new accept");
  }

  private static void connect(Scenario scenario, int port) {
    try (Listener listener = scenario.server().listen(Family.V4.server(), port)) {
      scenario
          .client()
          .tryConnect(Family.V4.client(), Family.V4.server(), listener.port(), PATIENCE)
          .orElseThrow()
          .close();
    }
  }

  @Test
  void announced_withoutARule_staysShut_andIsReportedAsNotCome() {
    try (Scenario scenario = Scenario.start(agent("observe"));
        ScriptedSession session = scenario.login(Family.V4);
        ScriptedSession.Announcement announced = session.announce(DataMode.PASV)) {
      JsonNode row = scenario.rows("expectations").get(0);
      assertTrue(row.path("flags").toString().contains("observed"), row::toString);
      assertFalse(announced.isOpen(), "nothing is opened");
      assertEquals("no difference\n", scenario.agent().ctl("audit").orFail());
      scenario.agent().awaitEvent("expired");
      JsonNode report = scenario.agent().printed("report");
      assertEquals(1, report.size(), report::toString);
      assertEquals(1, report.get(0).path("notCome").asInt(), report::toString);
      assertEquals(0, report.get(0).path("connections").asInt(), report::toString);
      assertEquals(List.of(), scenario.agent().complaints());
    }
  }

  @Test
  void announced_withARule_comesByIt_andTheReportNamesTheRange() {
    try (Scenario scenario = Scenario.start(agent("observe"));
        ScriptedSession session = scenario.login(Family.V4)) {
      allowDataPorts(scenario);
      int came = 0;
      for (int port : new int[] {30000, 30004, 30009}) {
        String server = Family.V4.server();
        session.exchange(
            ScriptedSession.commandLine(DataMode.PASV, server, port),
            ScriptedSession.replyLine(DataMode.PASV, server, port));
        connect(scenario, port);
        int wanted = ++came;
        Scenario.await(
            PATIENCE,
            () -> scenario.agent().matches() == wanted,
            () -> "told: " + scenario.agent().events());
      }
      String marked = scenario.onRouter("conntrack", "-L", "--mark", "0x40000000/0x40000000");
      assertFalse(marked.contains("dport="), marked);
      connect(scenario, 30005); // nobody announced it
      Scenario.await(
          PATIENCE,
          () -> sum(scenario, "connections") == 4,
          () -> "reported: " + scenario.agent().printed("report"));
      assertEquals(
          "ftp\n  tcp "
              + Family.V4.server()
              + ":30000-30009 from "
              + Family.V4.client()
              + ": 4 connections, 3 announced\n",
          scenario.agent().ctl("report").orFail());
      assertEquals(List.of(), scenario.agent().complaints());
    }
  }

  private static long sum(Scenario scenario, String field) {
    long sum = 0;
    for (JsonNode row : scenario.agent().printed("report")) {
      sum += row.path(field).asLong();
    }
    return sum;
  }

  @Test
  void reload_fromObserveToEnforce_opens() {
    try (Scenario scenario = Scenario.start(agent("enforce"))) {
      scenario.agent().writeConfig(agent("observe"));
      scenario.agent().ctl("reload").orFail();
      try (ScriptedSession session = scenario.login(Family.V4);
          ScriptedSession.Announcement announced = session.announce(DataMode.PASV)) {
        assertFalse(announced.isOpen());
      }
      scenario.agent().writeConfig(agent("enforce"));
      scenario.agent().ctl("reload").orFail();
      try (ScriptedSession session = scenario.login(Family.V4);
          ScriptedSession.Announcement announced = session.announce(DataMode.PASV)) {
        assertTrue(announced.isOpen());
      }
    }
  }
}
