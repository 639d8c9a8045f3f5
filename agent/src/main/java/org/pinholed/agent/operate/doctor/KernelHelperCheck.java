package org.pinholed.agent.operate.doctor;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.pinholed.agent.operate.doctor.FirewallRule.Action;

/** Whether the kernel's own helper is put on the flows that the agent reads. */
final class KernelHelperCheck {
  private KernelHelperCheck() {}

  static List<Finding> of(List<Ruleset> rulesets, DoctorSettings settings) {
    List<Finding> findings = new ArrayList<>();
    Map<String, String> assigned = new LinkedHashMap<>();
    for (Ruleset ruleset : rulesets) {
      for (List<FirewallRule> chain : ruleset.chains().values()) {
        for (FirewallRule rule : chain) {
          String helper = rule.target();
          if (rule.action() == Action.ASSIGN_HELPER && settings.reads(helper)) {
            assigned.put(helper, ruleset.kind() + ": " + rule.text());
          }
        }
      }
    }
    assigned.forEach(
        (helper, rule) ->
            findings.add(
                Finding.warn(
                    "kernelHelper",
                    "the kernel's own helper "
                        + helper
                        + " is put on flows, besides the agent's: one of the two should go ("
                        + rule
                        + ")")));
    if (assigned.isEmpty()) {
      findings.add(Finding.ok("kernelHelper", "no rule puts a kernel helper on the same protocol"));
    }
    return findings;
  }
}
