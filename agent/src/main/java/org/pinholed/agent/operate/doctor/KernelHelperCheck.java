package org.pinholed.agent.operate.doctor;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.pinholed.agent.operate.doctor.FirewallRule.Action;

/** Whether the kernel's own helper is put on the flows that the agent reads. */
final class KernelHelperCheck {
  private KernelHelperCheck() {}

  private record Assignment(Ruleset ruleset, FirewallRule rule) {}

  static List<Finding> of(List<Ruleset> rulesets, DoctorSettings settings) {
    List<Finding> findings = new ArrayList<>();
    Map<String, Assignment> assigned = new LinkedHashMap<>();
    for (Ruleset ruleset : rulesets) {
      for (List<FirewallRule> chain : ruleset.chains().values()) {
        for (FirewallRule rule : chain) {
          if (rule.action() == Action.ASSIGN_HELPER && settings.reads(rule.target())) {
            assigned.put(rule.target(), new Assignment(ruleset, rule));
          }
        }
      }
    }
    assigned.forEach(
        (helper, assignment) ->
            findings.add(
                Finding.warn(
                    "kernelHelper",
                    "the kernel's own helper "
                        + helper
                        + " is put on flows, besides the agent's: one of the two should go ("
                        + assignment.ruleset().kind()
                        + ": "
                        + assignment.rule().text()
                        + ")",
                    RuleAdvice.delete(assignment.ruleset(), assignment.rule()))));
    if (assigned.isEmpty()) {
      findings.add(Finding.ok("kernelHelper", "no rule puts a kernel helper on the same protocol"));
    }
    return findings;
  }
}
