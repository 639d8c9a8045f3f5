package org.pinholed.agent.operate.doctor;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Whether rules put connections into conntrack zones. Flows in a zone are not read: two of them may
 * have the same addresses. Pure.
 */
final class ZoneCheck {
  private static final String CONSEQUENCE =
      ": control connections in a zone are not read, and open nothing";
  private static final String SET_ZONE =
      "\\{\\s*\"mangle\"\\s*:\\s*\\{\\s*\"key\"\\s*:\\s*\\{\\s*\"ct\"\\s*:\\s*\\{\\s*\"key\"\\s*:\\s*\"zone\"";
  private static final Pattern NFT = Pattern.compile(SET_ZONE);

  /** The first thing that the rule does. */
  private static final Pattern NFT_FOR_ALL = Pattern.compile("\"expr\"\\s*:\\s*\\[\\s*" + SET_ZONE);

  private static final Pattern IPTABLES =
      Pattern.compile("(?m)^-A .*-j CT .*--zone(-orig|-reply)? ");
  private static final Pattern IPTABLES_FOR_ALL =
      Pattern.compile("(?m)^-A \\S+ -j CT .*--zone(-orig|-reply)? ");

  private ZoneCheck() {}

  /**
   * Looks at all rules.
   *
   * @param probe the machine
   * @return a failure if every packet gets a zone, a warning if some do
   */
  static List<Finding> of(DoctorProbe probe) {
    List<Finding> findings = new ArrayList<>();
    judge(findings, "nftables", probe.nftRuleset().text(), NFT, NFT_FOR_ALL);
    for (int family : new int[] {4, 6}) {
      for (DoctorProbe.Answer answer : probe.iptablesRules(family)) {
        judge(
            findings,
            family == 4 ? "iptables" : "ip6tables",
            answer.text(),
            IPTABLES,
            IPTABLES_FOR_ALL);
      }
    }
    return findings;
  }

  private static void judge(
      List<Finding> findings, String where, String rules, Pattern some, Pattern all) {
    if (all.matcher(rules).find()) {
      findings.add(
          Finding.fail("zones", where + ": a rule puts all connections into a zone" + CONSEQUENCE));
    } else if (some.matcher(rules).find()) {
      findings.add(
          Finding.warn("zones", where + ": a rule puts connections into a zone" + CONSEQUENCE));
    }
  }
}
