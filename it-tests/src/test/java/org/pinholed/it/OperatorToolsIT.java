package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.pinholed.it.lab.AgentProcess;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;

/** What an operator asks for beside the listings, of an agent with a real session. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class OperatorToolsIT {
  private final Scenario scenario = Scenario.start("");

  @AfterAll
  void close() {
    scenario.close();
  }

  @Test
  void clearOneExpectation_shutsIt_andItsParentGoesOn() {
    try (ScriptedSession session = scenario.login(Family.V4);
        Announcement first = session.announce(DataMode.PASV)) {
      JsonNode row = scenario.agent().printed("expectations", "--port", "" + first.port()).get(0);
      scenario.agent().ctl("clear", "--expectation", row.path("id").asText()).orFail();
      assertFalse(first.isOpen(), "it was cleared");
      try (Announcement second = session.announce(DataMode.PASV)) {
        assertTrue(second.isOpen(), "the parent lives and is read");
      }
    }
  }

  @Test
  void configAndReload_nameTheKeys() {
    String config = scenario.agent().ctl("config").orFail();
    assertTrue(config.contains("  parents: 65536  # default"), config);
    scenario.agent().writeConfig("limits: {parents: 60000}\n");
    String changes = scenario.agent().ctl("reload").orFail();
    assertTrue(changes.contains("limits.parents: 65536 -> 60000"), changes);
    scenario.agent().writeConfig("limits: {parents: 60000}\nqueues: {lengthPackets: 5000}\n");
    CommandResult refused = scenario.agent().ctl("reload");
    assertEquals(1, refused.exitCode(), refused::toString);
    assertTrue(
        refused.output().contains("queues.lengthPackets: 4096 -> 5000 needs a restart"),
        refused::toString);
    scenario.agent().writeConfig("");
    scenario.agent().ctl("reload").orFail();
  }

  @Test
  void bugreport_hasWhatIsNeeded_andNoAddress() {
    try (ScriptedSession session = scenario.login(Family.V4);
        Announcement announced = session.announce(DataMode.PASV)) {
      Path file = scenario.lab().workFolder().resolve("report.tar.gz");
      scenario
          .agent()
          .ctl("bugreport", "--addresses", "hash", "--output", file.toString())
          .orFail();
      String all = scenario.onRouter("tar", "-xzOf", file.toString());
      for (String part :
          new String[] {
            "table inet pinholed", "parents: 65536", "acceptRule", "\"event\":\"created\""
          }) {
        assertTrue(all.contains(part), part + " is not in\n" + all);
      }
      assertFalse(all.contains("198.51.100.2") || all.contains("lab@example.org"), all);
      assertTrue(all.contains(":" + announced.port()), "ports stay");
    }
  }

  @Test
  void completion_knowsTheSerialsOfTheAgent() {
    try (ScriptedSession session = scenario.login(Family.V4)) {
      session.exchange("NOOP\r\n", "200 ok\r\n");
      String serial = scenario.agent().printed("sessions").get(0).path("serial").asText();
      String ctl = AgentProcess.distribution().resolve("bin").toString();
      CommandResult result =
          scenario
              .lab()
              .run(
                  Lab.Host.ROUTER,
                  Duration.ofSeconds(60),
                  "env",
                  "PATH=" + ctl + ":" + System.getenv("PATH"),
                  "PINHOLED_SOCKET=" + scenario.agent().socket(),
                  "bash",
                  "-c",
                  "source <(pinholectl completion); COMP_WORDS=(pinholectl sessions --parent '');"
                      + " COMP_CWORD=3; _pinholectl_values; echo ${COMPREPLY[*]}");
      assertTrue(result.orFail().contains(serial), result::toString);
    }
  }
}
