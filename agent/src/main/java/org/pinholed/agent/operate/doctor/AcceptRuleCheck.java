package org.pinholed.agent.operate.doctor;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.operate.doctor.FirewallRule.Action;
import org.pinholed.agent.operate.doctor.ForwardedPath.Stop;

/**
 * Whether the firewall lets the children of pinholes through.
 *
 * <p>An accept in one base chain does not spare a packet the others, so each of them is asked.
 */
final class AcceptRuleCheck {
  static final String NAME = "acceptRule";

  private static final int EDGES_MAX = 1000;

  private final List<Ruleset> rulesets;
  private final ChildPaths paths;
  private final DoctorSettings settings;
  private final List<Finding> findings = new ArrayList<>();

  private AcceptRuleCheck(List<Ruleset> rulesets, ChildPaths paths, DoctorSettings settings) {
    this.rulesets = rulesets;
    this.paths = paths;
    this.settings = settings;
  }

  static List<Finding> of(List<Ruleset> rulesets, ChildPaths paths, DoctorSettings settings) {
    AcceptRuleCheck check = new AcceptRuleCheck(rulesets, paths, settings);
    check.forwardChains();
    check.otherChains();
    return check.findings;
  }

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
      findings.addAll(FirewallPrograms.advice(rulesets, settings));
    }
  }

  private @Nullable Finding forwardChain(Ruleset ruleset, Ruleset.Entry entry) {
    String chain = ruleset.kind() + " " + ruleset.name() + " " + entry.chain();
    FirewallWalk.Result good = null;
    for (int family : entry.families()) {
      Stop stop = paths.stopAt(ruleset, entry, family);
      ImaginedPacket packet = stop.packet();
      FirewallWalk.Result fresh = stop.result();
      Finding bad = verdict(ruleset, entry, chain, packet, fresh);
      if (bad != null) {
        return bad;
      }
      FirewallWalk.Result established =
          FirewallWalk.of(ruleset, entry, paths.packet(family, ImaginedPacket.State.ESTABLISHED));
      if (established.end() == Action.DROP) {
        return Finding.fail(
            NAME,
            chain
                + " lets the first packet of a data connection through and drops the rest: "
                + established.by(),
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
        ? Finding.ok(NAME, chain + " accepts them: " + good.by())
        : Finding.warn(
            NAME,
            chain
                + " has no rule on the mark, and may drop them: "
                + good.possibleDrops().get(0).text(),
            RuleAdvice.acceptMark(ruleset, entry, settings.childBit()));
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
                + result.by());
      }
    }
    return null;
  }

  /** Chains of other hooks: only what stops every data connection is said. */
  private void otherChains() {
    Set<String> told = new HashSet<>();
    for (int family : new int[] {4, 6}) {
      for (Stop stop : paths.of(family)) {
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
                      + stop.result().by(),
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
          NAME, chain + packets + " hands children of pinholes to another program: " + fresh.by());
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
            + fresh.by()
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
    for (Stop stop : paths.of(packet.family())) {
      if (stop.isAt(ruleset, entry)) {
        break;
      }
      if (!stop.result().overwrites().isEmpty()) {
        return " (their mark was overwritten by " + stop.result().overwrites().get(0).text() + ")";
      }
    }
    return "";
  }
}
