package org.pinholed.agent.doctor;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.doctor.DoctorProbe.Answer;
import org.pinholed.agent.doctor.FirewallRule.Action;

/**
 * Whether the firewall lets the children of pinholes through, and what else in it is in the way.
 *
 * <p>An accept in one base chain does not spare a packet the others, so each of them is asked.
 */
final class FirewallCheck {
  /** The agent's own table, which only marks. */
  static final String OWN_TABLE = "inet pinholed";

  private static final String NAME = "acceptRule";
  private static final Set<String> IPTABLES_TABLES = Set.of("filter", "mangle", "security", "raw");

  private final DoctorSettings settings;
  private final List<Finding> findings = new ArrayList<>();
  private final List<Ruleset> rulesets = new ArrayList<>();
  private boolean ownTable;
  private boolean readable = true;

  private FirewallCheck(DoctorSettings settings) {
    this.settings = settings;
  }

  /**
   * What was found.
   *
   * @param findings in the order in which they are shown
   * @param ownTable whether the agent's table is there
   * @param readable whether the ruleset could be read, without which the rest says nothing
   */
  record Result(List<Finding> findings, boolean ownTable, boolean readable) {}

  static Result of(DoctorProbe probe, DoctorSettings settings) {
    FirewallCheck check = new FirewallCheck(settings);
    check.read(probe);
    if (check.readable) {
      check.forwardChains();
      check.overwrittenMarks();
      check.kernelHelpers();
    }
    return new Result(check.findings, check.ownTable, check.readable);
  }

  private void read(DoctorProbe probe) {
    int child = settings.marks().child();
    Set<String> byIptables = new LinkedHashSet<>();
    for (int family : new int[] {4, 6}) {
      for (Answer answer : probe.iptablesRules(family)) {
        Map<String, Ruleset> tables = IptablesRulesets.read(answer.text(), family, child);
        for (Ruleset table : tables.values()) {
          byIptables.add((family == 4 ? "ip " : "ip6 ") + table.name());
          rulesets.add(table);
        }
      }
    }
    Answer nft = probe.nftRuleset();
    if (!nft.isThere()) {
      if (rulesets.isEmpty()) {
        readable = false;
        findings.add(
            Finding.fail(
                NAME, "the firewall cannot be read, so nothing is known of it: " + nft.problem()));
      }
      return;
    }
    try {
      for (Ruleset table : NftRulesets.read(nft.text(), child).values()) {
        if (table.name().equals(OWN_TABLE)) {
          ownTable = true;
        } else if (!byIptables.contains(table.name()) || !isIptables(table)) {
          rulesets.add(table);
        }
      }
    } catch (IOException e) {
      readable = false;
      findings.add(Finding.fail(NAME, "the output of nft cannot be read: " + e.getMessage()));
    }
  }

  // tables that iptables-nft made are told of by iptables-save, which knows what xt matches mean
  private static boolean isIptables(Ruleset table) {
    return IPTABLES_TABLES.contains(table.name().substring(table.name().indexOf(' ') + 1))
        && table.entries().stream()
            .allMatch(entry -> entry.chain().equals(entry.chain().toUpperCase(Locale.ROOT)));
  }

  // ---- the accept rule -----------------------------------------------------------------------

  private void forwardChains() {
    boolean drops = false;
    boolean refused = false;
    for (Ruleset ruleset : rulesets) {
      for (Ruleset.Entry entry : ruleset.entries()) {
        if (!entry.hook().equals("forward") || entry.families().isEmpty()) {
          continue;
        }
        Finding finding = forwardChain(ruleset, entry);
        if (finding != null) {
          drops = true;
          refused |= finding.level() == Finding.Level.FAIL;
          findings.add(finding);
        }
      }
    }
    if (!drops) {
      findings.add(
          Finding.ok(NAME, "nothing here drops forwarded packets, so no accept rule is needed"));
    }
    if (refused) {
      manager();
    }
  }

  private @Nullable Finding forwardChain(Ruleset ruleset, Ruleset.Entry entry) {
    String chain = ruleset.kind() + " " + ruleset.name() + " " + entry.chain();
    FirewallWalk.Result good = null;
    for (int family : entry.families()) {
      FirewallWalk.Result fresh = FirewallWalk.of(ruleset, entry, packet(family, true));
      Finding bad = verdict(ruleset, entry, chain, family, fresh);
      if (bad != null) {
        return bad;
      }
      FirewallWalk.Result established = FirewallWalk.of(ruleset, entry, packet(family, false));
      if (established.end() == Action.DROP) {
        return Finding.fail(
            NAME,
            chain
                + " lets the first packet of a data connection through and drops the rest: "
                + by(established),
            established(ruleset, entry));
      }
      if (good == null
          || (good.decidedBy() == null && fresh.decidedBy() != null)
          || fresh.possibleDrops().size() > good.possibleDrops().size()) {
        good = fresh;
      }
    }
    if (good == null) {
      return null;
    }
    FirewallRule rule = good.decidedBy();
    if (rule == null && good.possibleDrops().isEmpty()) {
      return null; // a chain that drops nothing
    }
    String before =
        good.possibleDrops().isEmpty()
            ? ""
            : " (before it may drop, by what else they ask: "
                + good.possibleDrops().size()
                + " rules, first "
                + good.possibleDrops().get(0).text()
                + ")";
    if (rule != null && rule.asksMark()) {
      return Finding.ok(NAME, chain + " accepts children of pinholes: " + rule.text() + before);
    }
    return good.possibleDrops().isEmpty()
        ? Finding.ok(NAME, chain + " accepts them: " + by(good))
        : Finding.warn(
            NAME,
            chain
                + " has no rule on the mark, and may drop them: "
                + good.possibleDrops().get(0).text(),
            insert(ruleset, entry));
  }

  private @Nullable Finding verdict(
      Ruleset ruleset, Ruleset.Entry entry, String chain, int family, FirewallWalk.Result fresh) {
    String packets = entry.families().size() == 1 ? "" : " (IPv" + family + ")";
    if (!fresh.complete()) {
      return Finding.warn(
          NAME, chain + " is too long to be followed; look for the rule on the mark by eye");
    }
    if (fresh.end() == Action.QUEUE) {
      return Finding.warn(
          NAME, chain + packets + " hands children of pinholes to another program: " + by(fresh));
    }
    if (fresh.end() == Action.ACCEPT) {
      return null;
    }
    for (FirewallRule rule : fresh.possibleAccepts()) {
      if (rule.asksMark()) {
        return Finding.warn(
            NAME,
            chain
                + packets
                + " accepts only some children of pinholes, as it asks for more than the mark: "
                + rule.text(),
            insert(ruleset, entry));
      }
    }
    return Finding.fail(
        NAME,
        chain
            + packets
            + " drops the data connections that the agent opens pinholes for: "
            + by(fresh),
        insert(ruleset, entry));
  }

  private static String by(FirewallWalk.Result result) {
    FirewallRule rule = result.decidedBy();
    return rule == null
        ? "policy " + (result.end() == Action.ACCEPT ? "accept" : "drop")
        : rule.text();
  }

  private ChildPacket packet(int family, boolean isNew) {
    return new ChildPacket(family, isNew, settings.marks().stateMask(), settings.marks().child());
  }

  private String insert(Ruleset ruleset, Ruleset.Entry entry) {
    String bit = settings.childBit();
    return ruleset.kind().equals("nftables")
        ? "nft insert rule "
            + ruleset.name()
            + " "
            + entry.chain()
            + " ct mark and "
            + bit
            + " != 0 accept"
        : ruleset.kind()
            + table(ruleset)
            + " -I "
            + entry.chain()
            + " 1 -m connmark --mark "
            + bit
            + "/"
            + bit
            + " -j ACCEPT";
  }

  private static String established(Ruleset ruleset, Ruleset.Entry entry) {
    return ruleset.kind().equals("nftables")
        ? "nft insert rule "
            + ruleset.name()
            + " "
            + entry.chain()
            + " ct state established,related accept"
        : ruleset.kind()
            + table(ruleset)
            + " -I "
            + entry.chain()
            + " 1 -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT";
  }

  private static String table(Ruleset ruleset) {
    return ruleset.name().equals("filter") ? "" : " -t " + ruleset.name();
  }

  // a firewall that a program writes forgets what was typed into it by hand
  private void manager() {
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
                  + " it; with nftables they do not reach its own table, so insert the rule there"
                  + " after each of its starts and reloads (NftablesTableOwner=no), for example by"
                  + " ExecStartPost and ExecReload of firewalld.service",
              List.of(
                  "firewall-cmd --permanent --direct --add-rule ipv4 filter FORWARD 0 " + match,
                  "firewall-cmd --permanent --direct --add-rule ipv6 filter FORWARD 0 " + match,
                  "nft insert rule inet firewalld filter_FORWARD ct mark and "
                      + bit
                      + " != 0 accept")));
    }
  }

  // ---- what else is in the way ---------------------------------------------------------------

  private void overwrittenMarks() {
    Set<String> rules = new LinkedHashSet<>();
    for (Ruleset ruleset : rulesets) {
      for (List<FirewallRule> chain : ruleset.chains().values()) {
        for (FirewallRule rule : chain) {
          if (rule.action() == Action.OVERWRITE_MARK && mayMeetAChild(ruleset, rule)) {
            rules.add(ruleset.kind() + ": " + rule.text());
          }
        }
      }
    }
    if (!rules.isEmpty()) {
      String keep = String.format(Locale.ROOT, "0x%08x", ~settings.marks().policyMask());
      findings.add(
          Finding.warn(
              "markKept",
              "rules that may meet a data connection write its whole conntrack mark, and with it the"
                  + " agent's bits: "
                  + String.join("; ", rules),
              "nftables: ct mark set ct mark and " + keep + " or POLICY",
              "iptables: -j CONNMARK --set-xmark POLICY/"
                  + String.format(Locale.ROOT, "0x%08x", settings.marks().policyMask())));
    }
  }

  private boolean mayMeetAChild(Ruleset ruleset, FirewallRule rule) {
    List<Integer> families =
        ruleset.entries().isEmpty() ? List.of(4, 6) : ruleset.entries().get(0).families();
    return families.stream().anyMatch(family -> rule.test(packet(family, true)) != Truth.NO);
  }

  private void kernelHelpers() {
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
  }
}
