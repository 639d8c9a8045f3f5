package org.pinholed.agent.operate.doctor;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** What to do where a program writes the firewall, and forgets what was typed into it by hand. */
final class FirewallPrograms {
  private FirewallPrograms() {}

  /** The chain that Docker leaves to operators. */
  static final String DOCKER = "DOCKER-USER";

  /**
   * How lines that other findings print go in where a program writes the firewall, and how they
   * last.
   *
   * @param rulesets all tables but the agent's
   * @param lines the lines
   * @param settings what the agent is configured for
   */
  static List<Finding> advice(List<Ruleset> rulesets, List<String> lines, DoctorSettings settings) {
    List<Finding> findings = new ArrayList<>();
    String bit = settings.childBit();
    String match = "-m connmark --mark " + bit + "/" + bit + " -j ACCEPT";
    boolean ufw = false;
    boolean firewalld = false;
    for (Ruleset ruleset : rulesets) {
      ufw |= ruleset.chains().containsKey("ufw-before-forward");
      firewalld |=
          ruleset.name().equals("inet firewalld") || ruleset.chains().containsKey("FWD_public");
    }
    if (ufw) {
      findings.add(
          new Finding(
              Finding.Level.INFO,
              "ufw",
              "this firewall is written by ufw: add the lines to its files, before COMMIT, then:"
                  + " ufw reload",
              List.of(
                  "/etc/ufw/before.rules:   -A ufw-before-forward " + match,
                  "/etc/ufw/before6.rules:  -A ufw6-before-forward " + match)));
    }
    if (firewalld) {
      findings.add(
          new Finding(
              Finding.Level.INFO,
              "firewalld",
              "this firewall is written by firewalld: with FirewallBackend=iptables direct rules do"
                  + " it; with nftables they do not reach its own table, so insert the rule there,"
                  + " again after each start of firewalld and each 'firewall-cmd --reload', which"
                  + " no unit of systemd notices (NftablesTableOwner=no in firewalld.conf)",
              List.of(
                  "firewall-cmd --permanent --direct --add-rule ipv4 filter FORWARD 0 " + match,
                  "firewall-cmd --permanent --direct --add-rule ipv6 filter FORWARD 0 " + match,
                  "nft insert rule inet firewalld filter_FORWARD ct mark and "
                      + bit
                      + " != 0 accept")));
    }
    if (!ufw && !firewalld) {
      findings.addAll(lasting(lines));
    }
    return findings;
  }

  /** What is typed is gone after a boot, and after a reload of what wrote the rules. */
  private static List<Finding> lasting(List<String> lines) {
    List<Finding> findings = new ArrayList<>();
    if (lines.stream().anyMatch(line -> line.startsWith("nft "))) {
      findings.add(
          new Finding(
              Finding.Level.INFO,
              "lasting",
              "nft rules that are typed are gone after a boot, and after a reload of"
                  + " nftables.service: write the rule, without 'nft insert rule' and the names of"
                  + " table and chain, into that chain in /etc/nftables.conf, before what drops; do"
                  + " not write 'nft list ruleset' there, for it has the agent's own table in it",
              List.of("nft --check --file /etc/nftables.conf", "systemctl enable nftables")));
    }
    Set<String> tools = new TreeSet<>();
    for (String line : lines) {
      if (line.startsWith("ip")) {
        tools.add(line.substring(0, line.indexOf(' ')));
      }
    }
    if (!tools.isEmpty()) {
      List<String> save = new ArrayList<>();
      for (String tool : tools) {
        String file =
            "/etc/iptables/rules"
                + tool.substring(tool.indexOf("tables") + 6) // those of another kind on their own
                + (tool.startsWith("ip6") ? ".v6" : ".v4");
        save.add(tool + "-save > " + file);
        if (tool.contains("-")) {
          save.add(tool + "-restore < " + file + "   # at each boot, by a unit of yours");
        }
      }
      if (tools.stream().anyMatch(tool -> !tool.contains("-"))) {
        save.add("systemctl enable netfilter-persistent");
      }
      findings.add(
          new Finding(
              Finding.Level.INFO,
              "lasting",
              "iptables rules that are typed are gone after a boot; the package iptables-persistent"
                  + " reads rules.v4 and rules.v6 then. A program that writes this firewall forgets"
                  + " them at its reload: there they belong into what it runs after that",
              save));
    }
    return findings;
  }
}
