package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.RouterFirewall;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;

/**
 * The rule of the firewall that accepts what is marked: what the running program tells of it, and
 * keeps.
 */
class AcceptRuleWatchedIT {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private static JsonNode awaitEvent(Scenario scenario, String kind, String reason) {
    return scenario
        .agent()
        .awaitEvent(
            PATIENCE,
            event ->
                event.path("event").asText().equals(kind)
                    && event.path("reason").asText().equals(reason));
  }

  private static void awaitStatus(Scenario scenario, String presence) {
    Scenario.await(
        PATIENCE,
        () ->
            scenario
                .agent()
                .ctl("status")
                .output()
                .matches("(?s).*accept rule +" + presence + ".*"),
        () -> scenario.agent().ctl("status").output());
  }

  /** As an operator's script loads it, which knows nothing of the agent. */
  private static void loadFirewallWithoutTheRule(Scenario scenario) {
    scenario.onRouter("nft", "flush", "chain", "inet", "filter", "forward");
    RouterFirewall.NFTABLES.install(scenario.lab());
  }

  @Test
  void goneAndBack_isToldByStatusEventAndMetric() {
    try (Scenario scenario = Scenario.start("metrics: {port: 9765}\n")) {
      awaitStatus(scenario, "present");
      assertEquals("1.0", gauge(scenario));
      loadFirewallWithoutTheRule(scenario);
      awaitEvent(scenario, "acceptRuleGone", "removed");
      awaitStatus(scenario, "absent");
      assertEquals("0.0", gauge(scenario));
      RouterFirewall.NFTABLES.installWithAcceptRule(scenario.lab());
      awaitEvent(scenario, "acceptRuleBack", "accepted");
      awaitStatus(scenario, "present");
    }
  }

  private static String gauge(Scenario scenario) {
    return scenario
        .lab()
        .metrics()
        .lines()
        .filter(line -> line.startsWith("pinholed_accept_rule_present "))
        .findFirst()
        .orElseThrow()
        .split(" ", 2)[1];
  }

  @Test
  void kept_itIsThereAgainAfterTheFirewallWasLoadedWithoutIt_andChildrenPass() {
    String kept = "acceptRule: {family: inet, table: filter, chain: forward}\n";
    try (Scenario scenario = Scenario.start(kept)) {
      for (int reload = 0; reload < 2; reload++) {
        loadFirewallWithoutTheRule(scenario);
        awaitStatus(scenario, "present");
        Scenario.await(
            PATIENCE,
            () -> ruleset(scenario).contains("kept by pinholed"),
            () -> ruleset(scenario));
        try (ScriptedSession session = scenario.login(Family.V4);
            Announcement announced = session.announce(DataMode.PASV)) {
          announced.connect().close();
        }
      }
      awaitEvent(scenario, "acceptRuleBack", "putBack");
      scenario.agent().stop();
      assertTrue(!ruleset(scenario).contains("pinholed"), () -> ruleset(scenario));
    }
  }

  /** iptables has a table for each family, and writes both anew without the rule. */
  @Test
  void keptInBothFamilies_eachIsBackAfterAReload_andToldWithItsChain() {
    String kept =
        """
        acceptRule:
          - {family: ip, table: filter, chain: FORWARD}
          - {family: ip6, table: filter, chain: FORWARD}
        """;
    try (Scenario scenario = Scenario.start(RouterFirewall.IPTABLES, kept)) {
      awaitStatus(scenario, "present");
      RouterFirewall.IPTABLES.install(scenario.lab());
      for (String chain : List.of("ip filter FORWARD", "ip6 filter FORWARD")) {
        scenario
            .agent()
            .awaitEvent(
                PATIENCE,
                event ->
                    event.path("reason").asText().equals("putBack")
                        && event.path("detail").asText().equals(chain));
      }
      awaitStatus(scenario, "present");
      for (Family family : Family.values()) {
        try (ScriptedSession session = scenario.login(family);
            Announcement announced = session.announce(DataMode.EPSV)) {
          announced.connect().close();
        }
      }
      scenario.agent().stop();
      for (String tool : List.of("iptables-save", "ip6tables-save")) {
        String left = scenario.onRouter(tool);
        assertTrue(!left.contains("pinholed"), left);
      }
    }
  }

  private static String ruleset(Scenario scenario) {
    return scenario.onRouter("nft", "list", "table", "inet", "filter");
  }
}
