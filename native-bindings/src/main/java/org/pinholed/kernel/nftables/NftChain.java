package org.pinholed.kernel.nftables;

/**
 * A chain of any table.
 *
 * @param table its table; only families that {@link NftFamily} has
 * @param name its name
 * @param hook {@code NF_INET_*} of a base chain: 0 prerouting, 1 input, 2 forward, 3 output, 4
 *     postrouting; -1 for a chain that rules jump to
 * @param drops whether its policy is to drop
 * @param translates whether it is of the type {@code nat}
 */
public record NftChain(NftTable table, String name, int hook, boolean drops, boolean translates) {
  /** {@code NF_INET_FORWARD}. */
  public static final int FORWARD = 2;
}
