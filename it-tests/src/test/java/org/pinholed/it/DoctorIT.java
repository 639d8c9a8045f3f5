package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.RouterFirewall;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;

/** {@code pinholectl doctor} finds what an operator forgot, and says what to type. */
class DoctorIT {
  @ParameterizedTest
  @EnumSource
  void acceptRule_missingThenThere(RouterFirewall firewall) {
    try (Scenario scenario = Scenario.start(firewall, "")) {
      CommandResult healthy = scenario.agent().ctl("doctor");
      assertEquals(0, healthy.exitCode(), healthy::output);

      firewall.acceptRule(scenario.lab(), "remove").orFail();
      CommandResult missing = scenario.agent().ctl("doctor");
      assertEquals(1, missing.exitCode(), missing::output);

      // The advice is meant to be typed: so it is.
      String tool = firewall == RouterFirewall.NFTABLES ? "nft insert rule " : "ip6?tables -I ";
      List<String> advice =
          missing.output().lines().map(String::strip).filter(l -> l.matches(tool + ".*")).toList();
      assertFalse(advice.isEmpty(), missing::output);
      for (String command : advice) {
        scenario.onRouter(command.split(" +"));
      }
      CommandResult again = scenario.agent().ctl("doctor");
      assertEquals(0, again.exitCode(), again::output);
      for (Family family : Family.values()) {
        try (ScriptedSession session = scenario.login(family);
            Announcement announced = session.announce(DataMode.EPSV)) {
          assertTrue(announced.isOpen(), family + " after " + advice);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = "NFTABLES")
  void kernelHelperOnTheSamePort_isNamed(RouterFirewall firewall) {
    try (Scenario scenario = Scenario.start(firewall, "")) {
      String rules =
          """
          table inet other {
            ct helper kernelftp { type "ftp" protocol tcp; }
            chain pre { type filter hook prerouting priority 0; tcp dport 21 ct helper set "kernelftp"; }
          }
          """;
      scenario
          .lab()
          .runWithInput(Lab.Host.ROUTER, Duration.ofSeconds(10), rules, "nft", "-f", "-")
          .orFail();
      CommandResult result = scenario.agent().ctl("doctor");
      assertTrue(
          result.output().lines().anyMatch(l -> l.contains("helper") && !l.startsWith("ok")),
          result::output);
    }
  }

  /** Tables that nft and iptables do not show: the lines are for the old tool. */
  @Test
  void legacyTables_linesPasted_makeAllWork() {
    try (Scenario scenario = Scenario.start("")) {
      Lab lab = scenario.lab();
      CommandResult legacy =
          lab.run(Lab.Host.ROUTER, Lab.SHORT, "iptables-legacy", "-P", "FORWARD", "DROP");
      assumeTrue(legacy.succeeded(), () -> "this kernel has no legacy tables: " + legacy.output());
      scenario.onRouter("ip6tables-legacy", "-P", "FORWARD", "DROP");
      CommandResult missing = scenario.agent().ctl("doctor");
      assertEquals(1, missing.exitCode(), missing::output);
      List<String> lines =
          missing.output().lines().map(String::strip).filter(l -> l.contains(" -I ")).toList();
      assertEquals(6, lines.size(), missing::output);
      boolean usual = scenario.onRouter("iptables", "--version").contains("legacy");
      String tool = usual ? "ip6?tables" : "ip6?tables-legacy";
      for (String line : lines) {
        assertTrue(line.matches(tool + " -I FORWARD 1 .*"), line);
        scenario.onRouter(line.split(" +"));
      }
      CommandResult again = scenario.agent().ctl("doctor");
      assertEquals(0, again.exitCode(), again::output);
      for (Family family : Family.values()) {
        try (ScriptedSession session = scenario.login(family);
            Announcement announced = session.announce(DataMode.EPSV)) {
          assertTrue(announced.isOpen(), family + " after " + lines);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = "NFTABLES")
  void agentGone_isSaid(RouterFirewall firewall) {
    try (Scenario scenario = Scenario.start(firewall, "")) {
      scenario.agent().stop();
      CommandResult doctor = scenario.agent().ctl("doctor");
      assertEquals(1, doctor.exitCode(), doctor::output);
      assertTrue(
          doctor.output().lines().anyMatch(l -> l.contains(" agent ") && !l.startsWith("ok")),
          doctor::output);
      assertEquals(3, scenario.agent().ctl("status").exitCode(), "agent unreachable");
    }
  }
}
