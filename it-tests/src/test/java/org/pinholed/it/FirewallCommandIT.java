package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.RouterFirewall;
import org.pinholed.it.lab.Scenario;

/**
 * {@code pinholectl firewall}: shows, puts in, finds and takes out, whatever wrote the firewall.
 */
class FirewallCommandIT {
  private static CommandResult firewall(Scenario scenario, String... words) {
    String[] all = new String[words.length + 1];
    all[0] = "firewall";
    System.arraycopy(words, 0, all, 1, words.length);
    return scenario.agent().ctl(all);
  }

  /** From a firewall that drops everything to one that lets pinholes work, and back. */
  private static void thereAndBack(Scenario scenario, String frontEnd, String... listing) {
    String before = rules(scenario, listing);
    CommandResult missing = firewall(scenario, "check", "--control-ports");
    assertEquals(1, missing.exitCode(), missing::output);
    CommandResult shown = firewall(scenario, "show", "--control-ports");
    assertEquals(0, shown.exitCode(), shown::output);
    assertTrue(shown.output().contains("in force: ") && shown.output().contains(frontEnd));
    assertEquals(before, rules(scenario, listing), "show changes nothing");

    CommandResult applied = firewall(scenario, "apply", "--control-ports", "--front-end", frontEnd);
    assertEquals(0, applied.exitCode(), applied::output);
    String after = rules(scenario, listing);
    assertEquals(0, firewall(scenario, "check", "--control-ports").exitCode());
    assertEquals(0, scenario.agent().ctl("doctor").exitCode());
    scenario.assertOpens();
    assertEquals(0, firewall(scenario, "apply", "--control-ports").exitCode());
    assertEquals(after, rules(scenario, listing), "twice is once");

    CommandResult removed = firewall(scenario, "remove");
    assertEquals(0, removed.exitCode(), removed::output);
    assertEquals(before, rules(scenario, listing), "nothing is left");
    assertEquals(1, firewall(scenario, "check").exitCode());
    assertEquals(0, firewall(scenario, "remove").exitCode(), "again is no error");
  }

  private static String rules(Scenario scenario, String... listing) {
    StringBuilder all = new StringBuilder();
    for (String command : listing) {
      all.append(scenario.onRouter(command.split(" ")));
    }
    return RouterFirewall.withoutCounters(all.toString());
  }

  @Test
  void nftables() {
    try (Scenario scenario = Scenario.start("")) {
      scenario.onRouter("nft", "delete table inet filter"); // has the rule already
      scenario
          .lab()
          .firewall(
              Lab.Host.ROUTER,
              """
              table inet edge {
                chain forward {
                  type filter hook forward priority 0; policy drop;
                  ct state invalid drop
                  reject with icmpx admin-prohibited
                }
              }
              """);
      thereAndBack(scenario, "nftables", "nft list table inet edge");
      scenario.onRouter("nft", "insert rule inet edge forward ct mark and 0x40000000 != 0 accept");
      scenario.onRouter("nft", "insert rule inet edge forward ct state established accept");
      assertEquals(0, firewall(scenario, "check").exitCode(), "a rule by hand is found");
      CommandResult other = firewall(scenario, "check", "--front-end", "ufw");
      assertEquals(1, other.exitCode(), other::output);
      assertTrue(other.output().contains("no rules of ufw are here (in force: nftables)"));
      assertEquals(2, firewall(scenario, "check", "--front-end", "pf").exitCode());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"nft", "legacy"})
  void iptables(String kind) {
    try (Scenario scenario = Scenario.start("")) {
      for (String tool : List.of("iptables-" + kind, "ip6tables-" + kind)) {
        CommandResult there =
            scenario.lab().run(Lab.Host.ROUTER, Lab.SHORT, tool, "-P", "FORWARD", "DROP");
        assumeTrue(there.succeeded(), () -> "this kernel has no such tables: " + there.output());
        scenario.onRouter(tool, "-A", "FORWARD", "-j", "REJECT");
      }
      thereAndBack(
          scenario,
          "iptables-" + kind,
          "iptables-" + kind + "-save",
          "ip6tables-" + kind + "-save");
    }
  }

  @Test
  void docker_rulesGoIntoTheChainOfOperators() {
    try (Scenario scenario = Scenario.start("")) {
      for (String tool : List.of("iptables-nft", "ip6tables-nft")) {
        scenario.onRouter(tool, "-P", "FORWARD", "DROP");
        scenario.onRouter(tool, "-N", "DOCKER-USER");
        scenario.onRouter(tool, "-A", "FORWARD", "-j", "DOCKER-USER");
      }
      thereAndBack(scenario, "docker", "iptables-nft-save", "ip6tables-nft-save");
      firewall(scenario, "apply");
      String listed = scenario.onRouter("iptables-nft", "-S");
      assertTrue(listed.contains("-A DOCKER-USER -m connmark"), listed);
      assertFalse(listed.contains("-A FORWARD -m connmark"), listed);
    }
  }
}
