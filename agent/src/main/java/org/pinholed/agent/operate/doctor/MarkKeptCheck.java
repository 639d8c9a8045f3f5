package org.pinholed.agent.operate.doctor;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.pinholed.agent.operate.doctor.FirewallRule.Action;
import org.pinholed.agent.operate.doctor.ForwardedPath.Stop;

/** Whether rules take the agent's bits out of the marks of data connections. */
final class MarkKeptCheck {
  private MarkKeptCheck() {}

  static List<Finding> of(List<Ruleset> rulesets, ChildPaths paths, DoctorSettings settings) {
    Set<String> rules = new LinkedHashSet<>();
    for (Ruleset ruleset : rulesets) {
      for (List<FirewallRule> chain : ruleset.chains().values()) {
        for (FirewallRule rule : chain) {
          if (rule.action() == Action.OVERWRITE_MARK && mayMeetAChild(ruleset, rule, paths)) {
            rules.add(ruleset.kind() + ": " + rule.text());
          }
        }
      }
    }
    for (int family : new int[] {4, 6}) {
      for (Stop stop : paths.of(family)) {
        for (FirewallRule rule : stop.result().overwrites()) {
          rules.add(stop.ruleset().kind() + ": " + rule.text());
        }
      }
    }
    if (rules.isEmpty()) {
      return List.of();
    }
    String keep = String.format(Locale.ROOT, "0x%08x", ~settings.marks().policyMask());
    return List.of(
        Finding.warn(
            "markKept",
            "rules that may meet a data connection write its whole conntrack mark, and with it the"
                + " agent's bits: "
                + String.join("; ", rules),
            "nftables: ct mark set ct mark and " + keep + " or POLICY",
            "iptables: -j CONNMARK --set-xmark POLICY/"
                + String.format(Locale.ROOT, "0x%08x", settings.marks().policyMask())));
  }

  private static boolean mayMeetAChild(Ruleset ruleset, FirewallRule rule, ChildPaths paths) {
    List<Integer> families =
        ruleset.entries().isEmpty() ? List.of(4, 6) : ruleset.entries().get(0).families();
    return families.stream()
        .anyMatch(family -> rule.test(paths.packet(family, ImaginedPacket.State.NEW)) != Truth.NO);
  }
}
