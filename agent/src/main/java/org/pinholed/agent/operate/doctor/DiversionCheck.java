package org.pinholed.agent.operate.doctor;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.pinholed.agent.operate.doctor.Ruleset.Entry;

/**
 * Whether rules of the firewall give packets to the agent's queue: they must if the diversion is
 * left to them ({@code rules: external}), and must not otherwise. Pure.
 */
final class DiversionCheck {
  static final String NAME = "diversion";

  private DiversionCheck() {}

  /**
   * Looks for rules that queue what is forwarded.
   *
   * @param rulesets all tables but the agent's
   * @param settings what the agent is configured for
   * @return none if the agent diverts by itself, and nobody else to its queues
   */
  static List<Finding> of(List<Ruleset> rulesets, DoctorSettings settings) {
    List<Finding> findings = new ArrayList<>();
    for (int family : new int[] {4, 6}) {
      String rule = queueing(rulesets, family, settings);
      String packets = "of IPv" + family;
      if (settings.diversion().external()) {
        findings.add(external(family, packets, rule, settings));
      } else if (!rule.isEmpty()) {
        findings.add(
            Finding.warn(
                NAME,
                "a rule gives packets "
                    + packets
                    + " to a queue of the agent, whose own rules do so, too: "
                    + rule,
                "take the rule out, or say rules: external in pinholed.yaml"));
      }
    }
    return findings;
  }

  private static Finding external(
      int family, String packets, String rule, DoctorSettings settings) {
    if (!rule.isEmpty()) {
      return Finding.ok(
          NAME,
          "rules: external: the firewall gives packets "
              + packets
              + " to queue "
              + settings.queue()
              + ": "
              + rule);
    }
    String text =
        "rules: external, and no rule gives forwarded packets "
            + packets
            + " to queue "
            + settings.queue()
            + ": none of them is read";
    String advice =
        "pinholectl firewall diversion prints the rules for your firewall (docs/firewalls.md)";
    // many routers forward no IPv6
    return family == 4 ? Finding.fail(NAME, text, advice) : Finding.warn(NAME, text, advice);
  }

  /** A rule that gives forwarded packets to one of the queues; empty if there is none. */
  private static String queueing(List<Ruleset> rulesets, int family, DoctorSettings settings) {
    for (Ruleset ruleset : rulesets) {
      for (Entry entry : ruleset.entries()) {
        if (entry.hook().equals("postrouting") && entry.families().contains(family)) {
          String rule = queueing(ruleset, entry.chain(), settings, new HashSet<>());
          if (!rule.isEmpty()) {
            return ruleset.kind() + " " + ruleset.name() + ": " + rule;
          }
        }
      }
    }
    return "";
  }

  private static String queueing(
      Ruleset ruleset, String chain, DoctorSettings settings, Set<String> seen) {
    if (!seen.add(chain)) {
      return "";
    }
    for (FirewallRule rule : ruleset.chains().getOrDefault(chain, List.of())) {
      String found =
          switch (rule.action()) {
            case QUEUE -> isOurs(rule.target(), settings) ? rule.text() : "";
            case JUMP, GOTO -> queueing(ruleset, rule.target(), settings, seen);
            default -> "";
          };
      if (!found.isEmpty()) {
        return found;
      }
    }
    return "";
  }

  /** Whether a queue is the agent's; one whose number the rule does not tell may be. */
  private static boolean isOurs(String number, DoctorSettings settings) {
    try {
      int queue = Integer.parseInt(number);
      return queue >= settings.queue() && queue < settings.queue() + settings.queues();
    } catch (NumberFormatException e) {
      return settings.diversion().external();
    }
  }
}
