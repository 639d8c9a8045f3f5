package org.pinholed.agent.operate.doctor;

import java.util.ArrayList;
import java.util.List;

/** What of the firewall is in the way of control connections and of the children of pinholes. */
final class FirewallCheck {
  /** The agent's own table, which only marks. */
  static final String OWN_TABLE = "inet pinholed";

  private FirewallCheck() {}

  /**
   * What was found.
   *
   * @param findings in the order in which they are shown
   * @param ownTable whether the agent's table is there
   * @param readable whether the ruleset could be read, without which the rest says nothing
   */
  record Result(List<Finding> findings, boolean ownTable, boolean readable) {}

  static Result of(DoctorProbe probe, DoctorSettings settings) {
    FirewallTables tables = FirewallTables.read(probe, settings);
    Finding problem = tables.problem();
    if (problem != null) {
      return new Result(List.of(problem), tables.ownTable(), false);
    }
    List<Ruleset> rulesets = tables.rulesets();
    ChildPaths paths = new ChildPaths(rulesets, probe.devices(), settings);
    List<Finding> findings = new ArrayList<>();
    findings.addAll(ControlPortCheck.of(rulesets, probe.devices(), settings, false));
    findings.addAll(DiversionCheck.of(rulesets, settings));
    findings.addAll(ZoneCheck.of(rulesets, settings));
    findings.addAll(AcceptRuleCheck.of(rulesets, paths, settings));
    findings.addAll(MarkKeptCheck.of(rulesets, paths, settings));
    findings.addAll(KernelHelperCheck.of(rulesets, settings));
    List<String> lines =
        findings.stream()
            .filter(finding -> finding.level() == Finding.Level.FAIL)
            .flatMap(finding -> finding.advice().stream())
            .toList();
    if (!lines.isEmpty()) {
      findings.addAll(FirewallPrograms.advice(tables, lines, settings));
    }
    return new Result(findings, tables.ownTable(), true);
  }
}
