package org.pinholed.agent.operate.doctor;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
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
    for (Ruleset ruleset : rulesets) {
      for (Ruleset.Entry entry : ruleset.entries()) {
        if (!entry.hook().equals("forward") || entry.families().isEmpty()) {
          continue;
        }
        Finding finding = forwardChain(ruleset, entry);
        if (finding != null) {
          drops = true;
          findings.add(finding);
        }
      }
    }
    if (!drops) {
      findings.add(
          Finding.ok(NAME, "nothing here drops forwarded packets, so no accept rule is needed"));
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
      Finding some = droppedPorts(stop);
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
            acceptChildren(ruleset, entry));
  }

  /** Chains of other hooks: what they drop for sure is said. */
  private void otherChains() {
    Set<String> told = new HashSet<>();
    for (int family : new int[] {4, 6}) {
      for (Stop stop : paths.of(family)) {
        if (!stop.isForward() && !told.contains(stop.chain())) {
          Finding finding = stop.stopsAll() ? stopped(stop) : droppedPorts(stop);
          if (finding != null) {
            told.add(stop.chain());
            findings.add(finding);
          }
        }
      }
    }
  }

  private Finding stopped(Stop stop) {
    boolean some = stop.isOnlyFor(paths.devices());
    boolean seesMark = stop.isBehindTheAgent();
    String text =
        stop.chain()
            + stop.packets()
            + ", in "
            + stop.entry().hook()
            + ", drops the data connections that the agent opens pinholes for"
            + (some ? ", by " + String.join(", ", stop.entry().devices()) : "")
            + (seesMark
                ? ": "
                : ", before the agent has marked them; such a rule belongs in forward: ")
            + stop.result().by();
    return new Finding(
        some ? Finding.Level.WARN : Finding.Level.FAIL,
        NAME,
        text,
        seesMark ? List.of(acceptChildren(stop)) : List.of());
  }

  private @Nullable Finding droppedPorts(Stop stop) {
    DroppedPorts dropped = DroppedPorts.of(stop);
    if (dropped == null) {
      return null;
    }
    boolean seesMark = stop.isBehindTheAgent();
    String text =
        stop.chain()
            + stop.packets()
            + " drops data connections to "
            + dropped.text()
            + " before "
            + (seesMark ? "they are accepted: " : "the agent has marked them: ")
            + dropped.by();
    // servers take the ports of data connections from one range
    boolean wide = dropped.isWide() && !stop.isOnlyFor(paths.devices());
    return new Finding(
        wide ? Finding.Level.FAIL : Finding.Level.WARN,
        NAME,
        text,
        wide && seesMark ? List.of(acceptChildren(stop)) : List.of());
  }

  private String acceptChildren(Ruleset ruleset, Ruleset.Entry entry) {
    return settings.expectsAll()
        ? RuleAdvice.acceptRelated(ruleset, entry)
        : RuleAdvice.acceptMark(ruleset, entry, settings.childBit());
  }

  private String acceptChildren(Stop stop) {
    return acceptChildren(stop.ruleset(), stop.entry());
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
            acceptChildren(ruleset, entry));
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
        lost.isEmpty() ? new String[] {acceptChildren(ruleset, entry)} : new String[0]);
  }

  /** Which rule before a chain took the mark away, or kept the agent from giving one. */
  private String lostBefore(Ruleset ruleset, Ruleset.Entry entry, ImaginedPacket packet) {
    if (packet.markEquals(settings.marks().child(), settings.marks().child()) == Truth.YES) {
      return "";
    }
    for (Stop stop : paths.of(packet.family())) {
      if (stop.isAt(ruleset, entry)) {
        break;
      }
      FirewallRule untracked = stop.result().untrackedBy();
      if (untracked != null) {
        return " (they are kept from the connection tracking by " + untracked.text() + ")";
      }
      if (!stop.result().overwrites().isEmpty()) {
        return " (their mark was overwritten by " + stop.result().overwrites().get(0).text() + ")";
      }
    }
    return "";
  }
}
