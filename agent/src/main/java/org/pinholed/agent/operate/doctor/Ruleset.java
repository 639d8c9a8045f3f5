package org.pinholed.agent.operate.doctor;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * A table of a firewall: its chains, and those of them that packets enter by.
 *
 * @param kind {@code nftables}, or the tool of iptables that changes it, for example {@code
 *     ip6tables}
 * @param name of the table with its family, as its own tool writes it
 * @param chains rules by the name of their chain
 * @param entries the base chains
 * @param ports numbers that its rules compare destination ports with
 */
record Ruleset(
    String kind,
    String name,
    Map<String, List<FirewallRule>> chains,
    List<Entry> entries,
    Set<Integer> ports) {
  Ruleset(String kind, String name) {
    this(kind, name, new LinkedHashMap<>(), new ArrayList<>(), new TreeSet<>());
  }

  /**
   * A base chain.
   *
   * @param chain its name
   * @param hook lower case, as in {@code forward}
   * @param priority its place among the chains of the hook, lower ones first
   * @param accepts whether its policy is to accept
   * @param families 4, 6 or both
   * @param devices what packets come in or go out by that meet it; empty for all
   */
  record Entry(
      String chain,
      String hook,
      int priority,
      boolean accepts,
      List<Integer> families,
      List<String> devices) {}
}
