package org.pinholed.agent.pinhole.nftables;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.AgentConfig.AcceptRule;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.pinhole.AcceptRuleState;
import org.pinholed.agent.pinhole.AcceptRuleState.Presence;
import org.pinholed.agent.pinhole.AcceptRuleState.Put;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nftables.NftChain;
import org.pinholed.kernel.nftables.NftClient;
import org.pinholed.kernel.nftables.NftExpressions;
import org.pinholed.kernel.nftables.NftExpressions.Compare;
import org.pinholed.kernel.nftables.NftExpressions.Ct;
import org.pinholed.kernel.nftables.NftFamily;
import org.pinholed.kernel.nftables.NftRule;
import org.pinholed.kernel.nftables.NftRule.Action;
import org.pinholed.kernel.nftables.NftTable;

/**
 * Looks whether the firewall accepts what the agent marks, and keeps the rule that does in the
 * chains that the configuration names, if it names any.
 *
 * <p>Changes nothing but rules with its own comment. Not thread-safe: called under the lock of the
 * backend.
 */
final class AcceptRuleKeeper {
  private final NftTable own;
  private final MarkBits marks;
  private final List<AcceptRule> acceptRules;
  private final String comment;

  /** Chains of ours that had the rule at some look. */
  private final Set<AcceptRule> had = new HashSet<>();

  /** What was put in and stands in no state yet: a later chain may have gone meanwhile. */
  private final List<Put> untold = new ArrayList<>();

  AcceptRuleKeeper(NftTable own, NftablesOptions options) {
    this.own = own;
    this.marks = options.marks();
    this.acceptRules = options.acceptRules();
    this.comment =
        String.format(Locale.ROOT, "kept by pinholed: children, mark 0x%08x", marks.child());
  }

  /**
   * Looks at the firewall, and puts the rule in where it is missing.
   *
   * @param client for one thread
   * @return what is there now
   * @throws NetlinkException if the kernel refuses
   */
  AcceptRuleState look(NftClient client) throws NetlinkException {
    FirewallChains firewall = read(client);
    StringBuilder notKept = new StringBuilder();
    if (keep(client, firewall, notKept)) {
      firewall = read(client);
    }
    FirewallChains.Found found = firewall.look();
    List<String> dropping = List.copyOf(found.dropping());
    String accepted = String.join(", ", found.accepting());
    Presence presence =
        !dropping.isEmpty()
            ? Presence.ABSENT
            : accepted.isEmpty() ? Presence.UNKNOWN : Presence.PRESENT;
    String text =
        switch (presence) {
          case ABSENT ->
              drops(dropping) + (accepted.isEmpty() ? "" : "; it is accepted in " + accepted);
          case PRESENT -> accepted;
          case UNKNOWN -> nothingDrops();
        };
    List<Put> put = List.copyOf(untold);
    untold.clear();
    return new AcceptRuleState(presence, text + notKept, dropping, put);
  }

  private static String drops(List<String> chains) {
    return String.join(", ", chains)
        + (chains.size() == 1
            ? " drops what nothing accepts, and does not ask for the mark"
            : " drop what nothing accepts, and do not ask for the mark");
  }

  private static String nothingDrops() {
    return LegacyIptables.isThere()
        ? "no chain of nftables drops by default, and rules of iptables-legacy cannot be seen"
        : "no chain of nftables drops by default";
  }

  private FirewallChains read(NftClient client) throws NetlinkException {
    List<NftChain> chains = new ArrayList<>(client.chains());
    chains.removeIf(chain -> chain.table().equals(own));
    List<NftRule> rules = new ArrayList<>(client.rules());
    rules.removeIf(rule -> rule.table().equals(own));
    return new FirewallChains(chains, rules, marks);
  }

  private static NftTable table(AcceptRule wanted) {
    NftFamily family =
        switch (wanted.family()) {
          case INET -> NftFamily.INET;
          case IP -> NftFamily.IP;
          case IP6 -> NftFamily.IP6;
        };
    return new NftTable(family, wanted.table());
  }

  /**
   * Puts the rule in where it is missing, and takes it out where it is not wanted. A chain in which
   * that fails keeps none of the others from having theirs.
   *
   * @param notKept takes what is to be said of chains without the rule
   * @return whether anything was changed
   */
  private boolean keep(NftClient client, FirewallChains firewall, StringBuilder notKept)
      throws NetlinkException {
    List<NftRule> strays = new ArrayList<>(firewall.rulesWith(comment));
    boolean changed = false;
    @Nullable NetlinkException raced = null;
    for (AcceptRule wanted : acceptRules) {
      NftTable table = table(wanted);
      List<NftRule> ours = new ArrayList<>(strays);
      ours.removeIf(rule -> !rule.table().equals(table) || !rule.chain().equals(wanted.chain()));
      strays.removeAll(ours);
      if (!firewall.has(table, wanted.chain())) {
        notKept
            .append("; the chain ")
            .append(wanted)
            .append(", in which the rule is to be kept, is not there yet");
        continue;
      }
      try {
        changed |= keepIn(client, firewall, wanted, ours);
        had.add(wanted);
      } catch (NetlinkException e) {
        if (e.errno() == Errno.ENOENT) {
          raced = e; // the chain went meanwhile
        } else {
          notKept.append("; the rule cannot be kept in ").append(wanted).append(": ");
          notKept.append(e.getMessage());
        }
      }
    }
    if (raced != null) {
      throw raced;
    }
    if (!acceptRules.isEmpty()) {
      delete(client, strays);
    }
    return changed;
  }

  /**
   * Keeps one chain. A rule of somebody else that does the same is as good, wherever it was put.
   * Our own goes back to the head when a program has inserted before it what may drop: libvirt and
   * Docker do that at their start.
   *
   * @return whether the rule was put in
   */
  private boolean keepIn(
      NftClient client, FirewallChains firewall, AcceptRule wanted, List<NftRule> ours)
      throws NetlinkException {
    NftTable table = table(wanted);
    NftRule good = null;
    boolean mayDropBefore = false;
    for (NftRule rule : firewall.rulesOf(table, wanted.chain())) {
      if (firewall.acceptsAll(rule)) {
        good = mayDropBefore && rule.comment().equals(comment) ? null : rule;
        break;
      }
      if (rule.takesAll() && (rule.action() == Action.DROP || rule.action() == Action.GOTO)) {
        break; // nothing comes to what stands behind it
      }
      mayDropBefore |= rule.action() != Action.ACCEPT && rule.action() != Action.OTHER;
    }
    ours.remove(good);
    if (good != null && ours.isEmpty()) {
      return false;
    }
    client.begin();
    ours.forEach(rule -> client.batch().deleteRule(rule));
    if (good == null) {
      NftExpressions rule = client.batch().insertRule(table, wanted.chain());
      if (firewall.isOfIptables(table)) {
        rule.matchConnmark(marks.child());
      } else {
        rule.loadCt(Ct.MARK, 0).mask32host(0, marks.child()).compare32host(0, Compare.NOT_EQUAL, 0);
      }
      rule.counter().accept().comment(comment).endRule();
    }
    client.commit();
    if (good == null) {
      untold.add(new Put(wanted.toString(), had.contains(wanted)));
    }
    return good == null;
  }

  /**
   * Takes the rule away.
   *
   * @param client for one thread
   * @throws NetlinkException if the kernel refuses
   */
  void remove(NftClient client) throws NetlinkException {
    if (!acceptRules.isEmpty()) {
      delete(client, read(client).rulesWith(comment));
    }
  }

  private static void delete(NftClient client, List<NftRule> rules) throws NetlinkException {
    for (NftRule rule : rules) {
      try {
        client.begin().deleteRule(rule);
        client.commit();
      } catch (NetlinkException e) {
        if (e.errno() != Errno.ENOENT) { // else somebody was quicker
          throw e;
        }
      }
    }
  }
}
