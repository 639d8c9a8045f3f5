package org.pinholed.agent.doctor;

import java.util.List;
import java.util.Map;

/**
 * A table of a firewall: its chains, and those of them that packets enter by.
 *
 * @param kind {@code nftables}, {@code iptables} or {@code ip6tables}
 * @param name of the table with its family, as its own tool writes it
 * @param chains rules by the name of their chain
 * @param entries the base chains
 */
record Ruleset(
    String kind, String name, Map<String, List<FirewallRule>> chains, List<Entry> entries) {
  /**
   * A base chain.
   *
   * @param chain its name
   * @param hook lower case, as in {@code forward}
   * @param accepts whether its policy is to accept
   * @param families 4, 6 or both
   */
  record Entry(String chain, String hook, boolean accepts, List<Integer> families) {}
}
