package org.pinholed.agent.operate.doctor;

import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.operate.doctor.DoctorProbe.Answer;
import org.pinholed.agent.operate.doctor.DoctorProbe.IptablesRules;

/**
 * The rules of the firewall, as nft and iptables tell them.
 *
 * @param rulesets all tables but the agent's
 * @param legacy the tools of iptables that have tables of their own, outside nftables
 * @param ownTable whether the agent's table is there
 * @param problem why the ruleset could not be read, without which the rest says nothing; else null
 */
record FirewallTables(
    List<Ruleset> rulesets, Set<String> legacy, boolean ownTable, @Nullable Finding problem) {
  private static final Set<String> IPTABLES_TABLES =
      Set.of("filter", "mangle", "nat", "security", "raw");

  static FirewallTables read(DoctorProbe probe, DoctorSettings settings) {
    List<Ruleset> rulesets = new ArrayList<>();
    boolean ownTable = false;
    int child = settings.marks().child();
    Predicate<String> isDevice = devices(probe.devices());
    Set<String> byIptables = new LinkedHashSet<>();
    Set<String> legacy = new LinkedHashSet<>();
    for (int family : new int[] {4, 6}) {
      for (IptablesRules rules : probe.iptablesRules(family)) {
        if (!rules.inNftables()) {
          legacy.add(rules.tool());
        }
        Map<String, Ruleset> tables = IptablesRulesets.read(rules, family, child, isDevice);
        for (Ruleset table : tables.values()) {
          if (rules.inNftables()) {
            byIptables.add((family == 4 ? "ip " : "ip6 ") + table.name());
          }
          rulesets.add(table);
        }
      }
    }
    Answer nft = probe.nftRuleset();
    if (!nft.isThere()) {
      Finding unread =
          rulesets.isEmpty()
              ? Finding.fail(
                  AcceptRuleCheck.NAME,
                  "the firewall cannot be read, so nothing is known of it: " + nft.problem())
              : null;
      return new FirewallTables(rulesets, legacy, false, unread);
    }
    try {
      for (Ruleset table : NftRulesets.read(nft.text(), child, isDevice).values()) {
        if (table.name().equals(FirewallCheck.OWN_TABLE)) {
          ownTable = true;
        } else if (!byIptables.contains(table.name()) || !isIptables(table)) {
          rulesets.add(table);
        }
      }
    } catch (IOException e) {
      return new FirewallTables(
          rulesets,
          legacy,
          ownTable,
          Finding.fail(
              AcceptRuleCheck.NAME, "the output of nft cannot be read: " + e.getMessage()));
    }
    return new FirewallTables(rulesets, legacy, ownTable, null);
  }

  /** The same with some of the tables only. */
  FirewallTables with(List<Ruleset> some) {
    return new FirewallTables(some, legacy, ownTable, problem);
  }

  /** What wrote a table, or what it was written with: none for tables that do not filter. */
  Set<FrontEnd> frontEndsOf(Ruleset table) {
    Set<FrontEnd> frontEnds = EnumSet.noneOf(FrontEnd.class);
    for (FrontEnd frontEnd : FrontEnd.values()) {
      if (frontEnd.isOf(table, legacy.contains(table.kind()))) {
        frontEnds.add(frontEnd);
      }
    }
    return frontEnds;
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
}
