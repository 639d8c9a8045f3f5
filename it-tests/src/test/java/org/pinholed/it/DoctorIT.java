package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.RouterFirewall;
import org.pinholed.it.lab.Scenario;

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
      String line =
          firewall == RouterFirewall.NFTABLES
              ? "ct mark & 0x40000000"
              : "-m connmark --mark 0x40000000/0x40000000 -j ACCEPT";
      assertTrue(missing.output().contains(line), missing::output);

      firewall.acceptRule(scenario.lab(), "apply").orFail();
      CommandResult again = scenario.agent().ctl("doctor");
      assertEquals(0, again.exitCode(), again::output);
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

  @ParameterizedTest
  @EnumSource(names = "NFTABLES")
  void agentGone_isSaid(RouterFirewall firewall) {
    try (Scenario scenario = Scenario.start(firewall, "")) {
      scenario.agent().stop();
      assertNotEquals(0, scenario.agent().ctl("doctor").exitCode());
      assertEquals(3, scenario.agent().ctl("status").exitCode(), "agent unreachable");
    }
  }
}
