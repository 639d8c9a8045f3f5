package org.pinholed.agent.pinhole.nftables;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.pinhole.AcceptRuleState;
import org.pinholed.agent.pinhole.AcceptRuleState.Presence;
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
 * chain that the configuration names, if it names one.
 *
 * <p>Changes nothing but rules with its own comment. Not thread-safe: called under the lock of the
 * backend.
 */
final class AcceptRuleKeeper {
  private static final List<Path> LEGACY =
      List.of(
          Path.of("/proc/thread-self/net/ip_tables_names"),
          Path.of("/proc/thread-self/net/ip6_tables_names"));

  private final NftTable own;
  private final MarkBits marks;
  private final AgentConfig.AcceptRule wanted;
  private final String comment;

  AcceptRuleKeeper(NftTable own, NftablesOptions options) {
    this.own = own;
    this.marks = options.marks();
    this.wanted = options.acceptRule();
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
    String put = "";
    String waits = "";
    if (wanted.isKept()) {
      NftTable table = table();
      if (!firewall.has(table, wanted.chain())) {
        waits = "; the chain " + wanted + ", in which the rule is to be kept, is not there yet";
      } else if (keep(client, firewall, table)) {
        put = wanted.toString();
        firewall = read(client);
      }
    }
    FirewallChains.Found found = firewall.look();
    String accepted = String.join(", ", found.accepting());
    if (!found.dropping().isEmpty()) {
      return new AcceptRuleState(
          Presence.ABSENT,
          String.join(", ", found.dropping())
              + " drops what nothing accepts, and does not ask for the mark"
              + (accepted.isEmpty() ? "" : "; it is accepted in " + accepted)
              + waits,
          put);
    }
    return accepted.isEmpty()
        ? new AcceptRuleState(Presence.UNKNOWN, nothingDrops() + waits, put)
        : new AcceptRuleState(Presence.PRESENT, accepted + waits, put);
  }

  private static String nothingDrops() {
    for (Path names : LEGACY) {
      if (Files.exists(names)) {
        return "no chain of nftables drops by default, and rules of iptables-legacy cannot be seen";
      }
    }
    return "no chain of nftables drops by default";
  }

  private FirewallChains read(NftClient client) throws NetlinkException {
    List<NftChain> chains = new ArrayList<>(client.chains());
    chains.removeIf(chain -> chain.table().equals(own));
    List<NftRule> rules = new ArrayList<>(client.rules());
    rules.removeIf(rule -> rule.table().equals(own));
    return new FirewallChains(chains, rules, marks);
  }

  private NftTable table() {
    NftFamily family =
        switch (wanted.family()) {
          case INET -> NftFamily.INET;
          case IP -> NftFamily.IP;
          case IP6 -> NftFamily.IP6;
        };
    return new NftTable(family, wanted.table());
  }

  /** Puts the rule in if it is missing. One of somebody else that does the same is as good. */
  private boolean keep(NftClient client, FirewallChains firewall, NftTable table)
      throws NetlinkException {
    List<NftRule> superfluous = new ArrayList<>(firewall.rulesWith(comment));
    NftRule good = null;
    for (NftRule rule : firewall.rulesOf(table, wanted.chain())) {
      if (firewall.acceptsAll(rule)) {
        good = rule;
        break;
      }
      if (rule.takesAll() && (rule.action() == Action.DROP || rule.action() == Action.GOTO)) {
        break; // nothing comes to what stands behind it
      }
    }
    superfluous.remove(good);
    if (good != null && superfluous.isEmpty()) {
      return false;
    }
    client.begin();
    superfluous.forEach(rule -> client.batch().deleteRule(rule));
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
    return good == null;
  }

  /**
   * Takes the rule away.
   *
   * @param client for one thread
   * @throws NetlinkException if the kernel refuses
   */
  void remove(NftClient client) throws NetlinkException {
    if (!wanted.isKept()) {
      return;
    }
    for (NftRule rule : read(client).rulesWith(comment)) {
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
