package org.pinholed.kernel.nftables;

import java.util.List;

/**
 * One rule of any table, reduced to what tells whether it decides by the conntrack mark.
 *
 * @param table its table; only families that {@link NftFamily} has
 * @param chain its chain
 * @param handle what it is deleted by
 * @param comment as nft(8) and iptables-nft write it; empty for none
 * @param markTests what it asks of the mark, all of which must hold
 * @param looksMarkUp whether it looks the mark up in a set or map, whose elements are not read
 * @param asksMore whether it asks for anything else, or for something that cannot be told
 * @param action what it does
 * @param target the chain of a jump or goto; otherwise empty
 */
public record NftRule(
    NftTable table,
    String chain,
    long handle,
    String comment,
    List<MarkTest> markTests,
    boolean looksMarkUp,
    boolean asksMore,
    Action action,
    String target) {
  /** What a rule does with packets that it takes. */
  public enum Action {
    /** Accepts them. */
    ACCEPT,
    /** Drops or rejects them. */
    DROP,
    /** Goes on in another chain and comes back. */
    JUMP,
    /** Goes on in another chain and does not come back. */
    GOTO,
    /** Looks its verdict up in a map. */
    MAP,
    /** Anything else, or nothing. */
    OTHER
  }

  /**
   * A comparison of the mark.
   *
   * @param mask what is compared of it
   * @param flip bits that are turned over before
   * @param value what it is compared with
   * @param negated whether it must be something else
   */
  public record MarkTest(int mask, int flip, int value, boolean negated) {
    private boolean wants(int bits) {
      return (mask & bits) != 0
          && (negated ? holds(bits) && !holds(0) : ((value ^ flip) & bits) != 0);
    }

    /**
     * Whether it holds.
     *
     * @param mark a mark
     * @return false if a packet with this mark is not taken
     */
    public boolean holds(int mark) {
      return (((mark & mask) ^ flip) == value) != negated;
    }
  }

  /** Copies the tests. */
  public NftRule {
    markTests = List.copyOf(markTests);
  }

  /**
   * Whether it takes all packets.
   *
   * @return false if it asks for anything
   */
  public boolean takesAll() {
    return markTests.isEmpty() && !asksMore && !looksMarkUp && action != Action.MAP;
  }

  /**
   * Whether it asks for some bits of the mark, and wants them set.
   *
   * @param bits of the mark
   * @return false if it does not care, or wants them clear
   */
  public boolean wants(int bits) {
    return looksMarkUp || markTests.stream().anyMatch(test -> test.wants(bits));
  }

  /**
   * Whether it takes packets with a mark, as far as it asks for the mark.
   *
   * @param mark a mark
   * @return true also if it does not ask for it
   */
  public boolean takes(int mark) {
    return markTests.stream().allMatch(test -> test.holds(mark));
  }
}
