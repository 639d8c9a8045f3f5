package org.pinholed.agent.doctor;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.doctor.DoctorProbe.Answer;
import org.pinholed.agent.doctor.FirewallRule.Action;
import org.pinholed.agent.doctor.ForwardedPath.Stop;

/**
 * Whether the firewall lets the children of pinholes through, and what else in it is in the way.
 *
 * <p>An accept in one base chain does not spare a packet the others, so each of them is asked.
 */
final class FirewallCheck {
  /** The agent's own table, which only marks. */
  static final String OWN_TABLE = "inet pinholed";

  private static final String NAME = "acceptRule";
  private static final int EDGES_MAX = 1000;
  private static final Set<String> IPTABLES_TABLES = Set.of("filter", "mangle", "security", "raw");

  private final DoctorSettings settings;
  private final List<Finding> findings = new ArrayList<>();
  private final List<Ruleset> rulesets = new ArrayList<>();
  private final Map<Integer, List<Stop>> paths = new HashMap<>();
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
      check.findings.addAll(ControlPortCheck.of(check.rulesets, settings));
      check.forwardChains();
      check.otherChains();
      check.overwrittenMarks();
      check.kernelHelpers();
    }
    return new Result(check.findings, check.ownTable, check.readable);
  }

  private void read(DoctorProbe probe) {
    int child = settings.marks().child();
    Predicate<String> isDevice = devices(probe.devices());
    Set<String> byIptables = new LinkedHashSet<>();
    for (int family : new int[] {4, 6}) {
      for (Answer answer : probe.iptablesRules(family)) {
        Map<String, Ruleset> tables = IptablesRulesets.read(answer.text(), family, child, isDevice);
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
      for (Ruleset table : NftRulesets.read(nft.text(), child, isDevice).values()) {
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

  /** Names of devices that can forward; one that ends in a star stands for all that begin so. */
  private static Predicate<String> devices(Set<String> present) {
    return name ->
        !name.equals("lo")
            && (name.endsWith("*")
                ? present.stream()
                    .anyMatch(one -> one.startsWith(name.substring(0, name.length() - 1)))
                : present.contains(name));
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
      Stop stop = stopAt(ruleset, entry, family);
      ImaginedPacket packet = stop.packet();
      FirewallWalk.Result fresh = stop.result();
      Finding bad = verdict(ruleset, entry, chain, packet, fresh);
      if (bad != null) {
        return bad;
      }
      FirewallWalk.Result established =
          FirewallWalk.of(ruleset, entry, packet(family, ImaginedPacket.State.ESTABLISHED));
      if (established.end() == Action.DROP) {
        return Finding.fail(
            NAME,
            chain
                + " lets the first packet of a data connection through and drops the rest: "
                + by(established),
            RuleAdvice.acceptEstablished(ruleset, entry));
      }
      Finding some = droppedPorts(ruleset, entry, chain, packet);
      if (some != null) {
        return some;
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
            RuleAdvice.acceptMark(ruleset, entry, settings.childBit()));
  }

  private List<Stop> path(int family) {
    return paths.computeIfAbsent(
        family, key -> ForwardedPath.ofChild(rulesets, packet(key, ImaginedPacket.State.NEW)));
  }

  /** Where the first packet of a child comes to a chain. */
  private Stop stopAt(Ruleset ruleset, Ruleset.Entry entry, int family) {
    return path(family).stream()
        .filter(stop -> stop.isAt(ruleset, entry))
        .findFirst()
        .orElseThrow(); // each entry of a family is on its path
  }

  /** Whether data connections to some ports are dropped for sure: the answer changes at edges. */
  private static @Nullable Finding droppedPorts(
      Ruleset ruleset, Ruleset.Entry entry, String chain, ImaginedPacket packet) {
    Set<Integer> edges = new TreeSet<>();
    for (int port : ruleset.ports()) {
      edges.addAll(List.of(port - 1, port, port + 1));
    }
    int tried = 0;
    for (int port : edges) {
      if (port < ImaginedPacket.CHILD_PORT_MIN || port > ImaginedPacket.PORT_MAX) {
        continue;
      }
      if (++tried > EDGES_MAX) {
        return null;
      }
      FirewallWalk.Result result = FirewallWalk.of(ruleset, entry, packet.withPorts(port, port));
      if (result.complete() && result.end() == Action.DROP) {
        return Finding.warn(
            NAME,
            chain
                + " drops data connections to some ports before they are accepted, port "
                + port
                + " for one: "
                + by(result));
      }
    }
    return null;
  }

  /** Chains of other hooks: only what stops every data connection is said. */
  private void otherChains() {
    Set<String> told = new HashSet<>();
    for (int family : new int[] {4, 6}) {
      for (Stop stop : path(family)) {
        if (!stop.isForward() && stop.stopsAll() && told.add(stop.chain())) {
          String packets = stop.entry().families().size() == 1 ? "" : " (IPv" + family + ")";
          boolean seesMark = stop.isBehindTheAgent();
          findings.add(
              Finding.fail(
                  NAME,
                  stop.chain()
                      + packets
                      + ", in "
                      + stop.entry().hook()
                      + ", drops the data connections that the agent opens pinholes for"
                      + (seesMark
                          ? ": "
                          : ", before the agent has marked them; such a rule belongs in forward: ")
                      + by(stop.result()),
                  seesMark
                      ? new String[] {
                        RuleAdvice.acceptMark(stop.ruleset(), stop.entry(), settings.childBit())
                      }
                      : new String[0]));
        }
      }
    }
  }

  private @Nullable Finding verdict(
      Ruleset ruleset,
      Ruleset.Entry entry,
      String chain,
      ImaginedPacket packet,
      FirewallWalk.Result fresh) {
    String packets = entry.families().size() == 1 ? "" : " (IPv" + packet.family() + ")";
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
            RuleAdvice.acceptMark(ruleset, entry, settings.childBit()));
      }
    }
    String lost =
        fresh.overwrites().isEmpty()
            ? lostBefore(ruleset, entry, packet)
            : " (their mark was overwritten by " + fresh.overwrites().get(0).text() + ")";
    return Finding.fail(
        NAME,
        chain
            + packets
            + " drops the data connections that the agent opens pinholes for: "
            + by(fresh)
            + lost,
        lost.isEmpty()
            ? new String[] {RuleAdvice.acceptMark(ruleset, entry, settings.childBit())}
            : new String[0]);
  }

  /** Which rule before a chain took the mark away. */
  private String lostBefore(Ruleset ruleset, Ruleset.Entry entry, ImaginedPacket packet) {
    if (packet.markEquals(settings.marks().child(), settings.marks().child()) == Truth.YES) {
      return "";
    }
    for (Stop stop : path(packet.family())) {
      if (stop.isAt(ruleset, entry)) {
        break;
      }
      if (!stop.result().overwrites().isEmpty()) {
        return " (their mark was overwritten by " + stop.result().overwrites().get(0).text() + ")";
      }
    }
    return "";
  }

  static String by(FirewallWalk.Result result) {
    FirewallRule rule = result.decidedBy();
    return rule == null
        ? "policy " + (result.end() == Action.ACCEPT ? "accept" : "drop")
        : rule.text();
  }

  private ImaginedPacket packet(int family, ImaginedPacket.State state) {
    return ImaginedPacket.child(
        family, state, settings.marks().stateMask(), settings.marks().child());
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
    for (int family : new int[] {4, 6}) {
      for (Stop stop : path(family)) {
        for (FirewallRule rule : stop.result().overwrites()) {
          rules.add(stop.ruleset().kind() + ": " + rule.text());
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
    return families.stream()
        .anyMatch(family -> rule.test(packet(family, ImaginedPacket.State.NEW)) != Truth.NO);
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
