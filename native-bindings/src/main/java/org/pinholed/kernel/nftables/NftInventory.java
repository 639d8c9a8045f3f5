package org.pinholed.kernel.nftables;

import java.util.Map;
import java.util.Set;

/**
 * What a table holds, to compare it with what it should hold.
 *
 * @param rulesByChain every chain with the number of its rules
 * @param sets the names of sets and maps
 */
public record NftInventory(Map<String, Integer> rulesByChain, Set<String> sets) {
  /** Copies, so that it does not change. */
  public NftInventory {
    rulesByChain = Map.copyOf(rulesByChain);
    sets = Set.copyOf(sets);
  }
}
