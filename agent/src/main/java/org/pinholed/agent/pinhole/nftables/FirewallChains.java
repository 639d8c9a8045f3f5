package org.pinholed.agent.pinhole.nftables;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.kernel.nftables.NftChain;
import org.pinholed.kernel.nftables.NftRule;
import org.pinholed.kernel.nftables.NftRule.Action;
import org.pinholed.kernel.nftables.NftTable;

/**
 * The chains and rules of the firewall, reduced to one question: which of those that forwarded
 * packets meet drop by default, and accept the children of pinholes before that.
 *
 * <p>It is a quick look, which is taken at each change; {@code pinholectl doctor} walks the whole
 * way and sees more. What only some packets meet is taken as met by all where it accepts, and as
 * met by none where it drops.
 */
final class FirewallChains {
  private static final int DEPTH_MAX = 64;
  private static final int STEPS_MAX = 200_000;

  private final Map<NftTable, Map<String, List<NftRule>>> rules = new HashMap<>();
  private final List<NftChain> chains;
  private final MarkBits marks;

  /** What becomes of a packet that no condition takes. */
  private enum End {
    ACCEPTED,
    DROPPED,
    GOES_ON
  }

  /**
   * Takes a snapshot.
   *
   * @param chains of all tables but the agent's
   * @param rules of these, in order
   * @param marks the bits of the mark
   */
  FirewallChains(List<NftChain> chains, List<NftRule> rules, MarkBits marks) {
    this.chains = chains;
    this.marks = marks;
    for (NftRule rule : rules) {
      this.rules
          .computeIfAbsent(rule.table(), table -> new HashMap<>())
          .computeIfAbsent(rule.chain(), chain -> new ArrayList<>())
          .add(rule);
    }
  }

  /**
   * What was found.
   *
   * @param accepting chains with the rule
   * @param dropping chains that drop by default, without it
   */
  record Found(Set<String> accepting, Set<String> dropping) {}

  /** Looks at each base chain that forwarded packets meet. */
  Found look() {
    Set<String> accepting = new LinkedHashSet<>();
    Set<String> dropping = new LinkedHashSet<>();
    for (NftChain chain : chains) {
      if (chain.hook() == NftChain.FORWARD) {
        Walk walk = new Walk(chain.table());
        End end = walk.chain(chain.name(), 0);
        if (walk.accepts) {
          accepting.add(name(chain));
        } else if (end == End.DROPPED || (end == End.GOES_ON && chain.drops())) {
          dropping.add(name(chain));
        }
      }
    }
    return new Found(accepting, dropping);
  }

  private static String name(NftChain chain) {
    return chain.table() + " " + chain.name();
  }

  boolean has(NftTable table, String chain) {
    return chains.stream().anyMatch(one -> one.table().equals(table) && one.name().equals(chain));
  }

  /** The rules of a chain, in order. */
  List<NftRule> rulesOf(NftTable table, String chain) {
    return rules.getOrDefault(table, Map.of()).getOrDefault(chain, List.of());
  }

  /** All rules with a comment. */
  List<NftRule> rulesWith(String comment) {
    return rules.values().stream()
        .flatMap(ofTable -> ofTable.values().stream())
        .flatMap(List::stream)
        .filter(rule -> rule.comment().equals(comment))
        .toList();
  }

  /** Whether iptables-nft made a table: it refuses one with rules that it does not know. */
  boolean isOfIptables(NftTable table) {
    return !table.family().word().equals("inet")
        && Set.of("filter", "mangle", "raw", "security").contains(table.name())
        && chains.stream()
            .filter(chain -> chain.table().equals(table) && chain.hook() >= 0)
            .allMatch(chain -> chain.name().equals(chain.name().toUpperCase(Locale.ROOT)));
  }

  /** Whether a rule accepts every child of a pinhole, whatever its policy and kind. */
  boolean acceptsAll(NftRule rule) {
    int child = marks.child();
    int policy = marks.policyMask();
    return rule.action() == Action.ACCEPT
        && !rule.asksMore()
        && rule.takes(child)
        && rule.takes(child | marks.read())
        && rule.takes(child | policy)
        && !rule.takes(0);
  }

  /** One way through a table. */
  private final class Walk {
    private final NftTable table;
    private final Set<String> byMap = new HashSet<>();
    private boolean accepts;
    private int steps;

    Walk(NftTable table) {
      this.table = table;
    }

    End chain(String name, int depth) {
      for (NftRule rule : rulesOf(table, name)) {
        if (++steps > STEPS_MAX || depth > DEPTH_MAX) {
          return End.GOES_ON;
        }
        boolean decides =
            rule.action() == Action.ACCEPT
                || rule.action() == Action.JUMP
                || rule.action() == Action.GOTO
                || rule.action() == Action.MAP;
        if (decides && rule.wants(marks.child())) {
          accepts = true;
        }
        End end = of(rule, depth);
        if (rule.takesAll() && (end != End.GOES_ON || rule.action() == Action.GOTO)) {
          return end;
        }
      }
      return End.GOES_ON;
    }

    private End of(NftRule rule, int depth) {
      return switch (rule.action()) {
        case ACCEPT -> End.ACCEPTED;
        case DROP -> End.DROPPED;
        case JUMP, GOTO -> chain(rule.target(), depth + 1);
        case MAP -> {
          // its elements are not read: it may lead to each chain of the table
          for (NftChain other : chains) {
            if (other.table().equals(table) && other.hook() < 0 && byMap.add(other.name())) {
              chain(other.name(), depth + 1);
            }
          }
          yield End.GOES_ON;
        }
        case OTHER -> End.GOES_ON;
      };
    }
  }
}
