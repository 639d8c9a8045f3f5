package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.pinholed.it.lab.AgentProcess;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;

/** What must not start says so in words, and changes nothing. */
class OneAgentIT {
  /** Root, but for one capability: so the distribution may stand where others cannot read it. */
  private static final List<String> WITHOUT_NET_ADMIN =
      List.of("setpriv", "--bounding-set=-net_admin");

  /** With queues of its own: both would write the one table. */
  @Test
  void second_inOneNamespace_isRefused_theFirstGoesOn() throws IOException {
    try (Scenario scenario = Scenario.start("")) {
      Lab lab = scenario.lab();
      String table = scenario.onRouter("nft", "list", "table", "inet", "pinholed");
      Path config = lab.workFolder().resolve("second.yaml");
      Files.writeString(
          config,
          "control: {socket: %s}\nqueues: {first: 20, count: 1}\nmetrics: {enabled: false}\n"
              .formatted(lab.workFolder().resolve("second.sock")));
      CommandResult second = start(lab, config);
      assertEquals(1, second.exitCode(), second::output);
      assertTrue(
          second.output().contains("another agent runs in this network namespace, process "),
          second::output);
      assertTrue(second.output().contains(scenario.agent().pid() + ""), second::output);
      assertEquals(
          rules(table), rules(scenario.onRouter("nft", "list", "table", "inet", "pinholed")));
      try (ScriptedSession session = scenario.login(Family.V4);
          Announcement announced = session.announce(DataMode.EPSV)) {
        assertTrue(announced.isOpen());
      }
      scenario.agent().replace();
      scenario.agent().kill();
      scenario.agent().startAgain();
    }
  }

  /** It has the packets: without it nobody would read them. */
  @Test
  void theOneBefore_handsOverAndDoesNotEnd_theNextServesAllTheSame() throws IOException {
    try (Scenario scenario = Scenario.start("")) {
      Lab lab = scenario.lab();
      AgentProcess agent = scenario.agent();
      agent.kill();
      Files.delete(agent.socket());
      Path said = lab.workFolder().resolve("stuck.log");
      Process stuck =
          lab.start(
              Lab.Host.ROUTER,
              ProcessBuilder.Redirect.to(said.toFile()),
              "/usr/bin/python3",
              lab.resource("stuck_agent.py").toString(),
              agent.socket().toString(),
              "9765");
      Scenario.await(Lab.SHORT, () -> read(said).contains("ready"), () -> read(said));
      agent.replace();
      assertTrue(read(said).contains("handed over"), () -> read(said));
      assertTrue(agent.log().contains("handed over and does not end"), agent::log);
      assertTrue(agent.log().contains("the name of the agent: "), agent::log);
      assertTrue(agent.log().contains("the metrics: "), agent::log);
      try (ScriptedSession session = scenario.login(Family.V4);
          Announcement announced = session.announce(DataMode.EPSV)) {
        assertTrue(announced.isOpen());
      }
      stuck.destroyForcibly();
      Scenario.await(
          Lab.SHORT, () -> agent.log().contains("the metrics: free at last"), agent::log);
      Scenario.await(
          Lab.SHORT, () -> agent.log().contains("the name of the agent: free at last"), agent::log);
      assertTrue(scenario.lab().metrics().contains("pinholed_"));
      assertTrue(Files.exists(agent.socket()));
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }

  private static List<String> rules(String table) {
    return table.lines().filter(line -> line.contains("queue") || line.contains("chain")).toList();
  }

  @Test
  void withoutCapability_isToldWhatIsMissing() throws IOException {
    try (Lab lab = Lab.create()) {
      Path config = lab.workFolder().resolve("unprivileged.yaml");
      Files.writeString(
          config,
          "control: {socket: %s}\n".formatted(lab.workFolder().resolve("unprivileged.sock")));
      CommandResult agent = withoutNetAdmin(lab, "pinholed", "--config", config.toString());
      assertEquals(1, agent.exitCode(), agent::output);
      assertTrue(agent.output().contains("this needs CAP_NET_ADMIN"), agent::output);
      assertFalse(agent.output().contains("errno"), agent::output);
      CommandResult doctor =
          withoutNetAdmin(lab, "pinholectl", "doctor", "--config", config.toString());
      assertEquals(1, doctor.exitCode(), doctor::output);
      assertFalse(doctor.output().contains("errno"), doctor::output);
      assertTrue(doctor.output().contains("sudo pinholectl doctor"), doctor::output);
    }
  }

  @Test
  void badConfiguration_isOneLine_withFileLineKeyAndRange() throws IOException {
    try (Lab lab = Lab.create()) {
      Path config = lab.workFolder().resolve("bad.yaml");
      Files.writeString(config, "limits:\n  parents: -1\n");
      CommandResult agent = start(lab, config);
      assertEquals(2, agent.exitCode(), agent::output);
      assertTrue(
          agent
              .output()
              .strip()
              .matches("[^\n]*" + config + ":2: limits\\.parents: -1 \\(expected: [^\n]*"),
          agent::output);
    }
  }

  private static CommandResult start(Lab lab, Path config) {
    return lab.run(
        Lab.Host.ROUTER,
        Lab.SHORT,
        AgentProcess.distribution().resolve("bin/pinholed").toString(),
        "--config",
        config.toString());
  }

  private static CommandResult withoutNetAdmin(Lab lab, String program, String... arguments) {
    List<String> command = new ArrayList<>(WITHOUT_NET_ADMIN);
    command.add(AgentProcess.distribution().resolve("bin").resolve(program).toString());
    command.addAll(List.of(arguments));
    return lab.run(Lab.Host.ROUTER, Lab.SHORT, command.toArray(String[]::new));
  }
}
