package org.pinholed.agent.operate.doctor;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.pinholed.agent.config.AgentConfig.AcceptRule;
import org.pinholed.agent.config.ConfigText;

/** What to do where a program writes the firewall, and forgets what was typed into it by hand. */
final class FirewallPrograms {
  private FirewallPrograms() {}

  /** The chain that Docker leaves to operators. */
  static final String DOCKER = "DOCKER-USER";

  /**
   * How lines that other findings print go in where a program writes the firewall, and how they
   * last.
   *
   * @param tables the firewall
   * @param lines the lines
   * @param settings what the agent is configured for
   */
  static List<Finding> advice(FirewallTables tables, List<String> lines, DoctorSettings settings) {
    List<Finding> findings = new ArrayList<>();
    String bit = settings.childBit();
    String match = "-m connmark --mark " + bit + "/" + bit + " -j ACCEPT";
    Set<FrontEnd> programs = EnumSet.noneOf(FrontEnd.class);
    boolean direct = false;
    for (Ruleset table : tables.rulesets()) {
      Set<FrontEnd> ofTable = tables.frontEndsOf(table);
      programs.addAll(ofTable);
      direct |= ofTable.contains(FrontEnd.FIREWALLD) && !table.kind().equals("nftables");
    }
    if (programs.contains(FrontEnd.UFW)) {
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
    if (programs.contains(FrontEnd.SHOREWALL)) {
      findings.add(
          new Finding(
              Finding.Level.INFO,
              "shorewall",
              "this firewall is written by shorewall: it runs these files after each start, reload"
                  + " and restart",
              List.of(
                  "/etc/shorewall/started:   run_iptables -I FORWARD " + match,
                  "/etc/shorewall6/started:  run_iptables -I FORWARD " + match)));
    }
    if (programs.contains(FrontEnd.FIREWALLD)) {
      findings.add(
          direct
              ? new Finding(
                  Finding.Level.INFO,
                  "firewalld",
                  "this firewall is written by firewalld with FirewallBackend=iptables: its direct"
                      + " rules last, after 'firewall-cmd --reload'",
                  List.of(
                      "firewall-cmd --permanent --direct --add-rule ipv4 filter FORWARD 0 " + match,
                      "firewall-cmd --permanent --direct --add-rule ipv6 filter FORWARD 0 "
                          + match))
              : new Finding(
                  Finding.Level.INFO,
                  "firewalld",
                  "this firewall is written by firewalld, anew at each start and each 'firewall-cmd"
                      + " --reload', which no unit of systemd notices; none of its own rules can ask"
                      + " for the conntrack mark, and direct rules do not reach its table. Where"
                      + " firewalld.conf has NftablesTableOwner, it must be no",
                  List.of()));
    }
    boolean isSaved =
        programs.contains(FrontEnd.UFW)
            || programs.contains(FrontEnd.SHOREWALL)
            || programs.contains(FrontEnd.FIREWALLD);
    if (!isSaved) {
      // with Docker's chain the rules of its containers would be saved
      findings.addAll(
          lasting(lines.stream().filter(line -> !line.contains(" -I " + DOCKER + " ")).toList()));
    }
    List<String> kept = keptBy(lines, tables.legacy());
    if (!kept.isEmpty()) {
      findings.add(
          new Finding(
              Finding.Level.INFO,
              "lasting",
              (findings.stream().allMatch(finding -> finding.advice().isEmpty()) ? "" : "or ")
                  + "the agent keeps the accept rule itself while it runs, also over reloads, with"
                  + " this in pinholed.yaml and a restart",
              kept));
    }
    return findings;
  }

  /** The configuration by which the agent keeps what the lines put in; none if it cannot. */
  private static List<String> keptBy(List<String> lines, Set<String> legacy) {
    Set<AcceptRule> rules = new LinkedHashSet<>();
    for (String line : lines) {
      String[] words = line.split(" ", -1);
      try {
        if (line.startsWith("nft insert rule ") && line.contains(" ct mark and ")) {
          rules.add(new AcceptRule(family(words[3]), words[4], words[5]));
        } else if (line.contains(" -m connmark ") && !legacy.contains(words[0])) {
          List<String> all = List.of(words);
          int table = all.indexOf("-t");
          rules.add(
              new AcceptRule(
                  family(words[0].startsWith("ip6") ? "ip6" : "ip"),
                  table < 0 ? "filter" : words[table + 1],
                  words[all.indexOf("-I") + 1]));
        }
      } catch (IllegalArgumentException e) {
        return List.of(); // a family or a name that the key does not take
      }
    }
    return rules.isEmpty() || rules.size() > AcceptRule.MOST
        ? List.of()
        : List.of("acceptRule: " + ConfigText.acceptRules(List.copyOf(rules)));
  }

  private static AcceptRule.Family family(String word) {
    for (AcceptRule.Family family : AcceptRule.Family.values()) {
      if (family.word().equals(word)) {
        return family;
      }
    }
    throw new IllegalArgumentException(word);
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
