package org.pinholed.agent.config;

/**
 * Which bits of the conntrack mark are ours. The four state bits and the policy bits must not
 * overlap; on parents no other bit is ever changed.
 *
 * <p>What the bits of a parent say together:
 *
 * <ul>
 *   <li>vetted: read from its first byte, nothing proven yet. Only the process that reads it, or
 *       one that it hands its state over to, may go on with it.
 *   <li>vetted and proven: an agent that did not see its beginning may resume it.
 *   <li>opaque: not read until its conntrack begins anew, and no longer queued. With vetted: the
 *       agent knows it, and its pinholes may still be open.
 *   <li>opaque and proven, which nothing else sets together: its first bytes passed before they
 *       could be read (TCP Fast Open), so that not even its SYN+ACK makes it readable.
 * </ul>
 *
 * @param child set on children of pinholes; the operator's accept rule goes by it
 * @param vetted set on parents that are read from their first byte
 * @param opaque set on flows that no helper can or may read; the kernel stops queueing them
 * @param proven set on parents whose helper has seen all the evidence that it needs
 * @param policyMask the policy id, from bit 0 upwards
 */
public record MarkBits(int child, int vetted, int opaque, int proven, int policyMask) {
  /** Bits 30, 29, 28, 26 and the low 16. */
  public static final MarkBits DEFAULT =
      new MarkBits(0x40000000, 0x20000000, 0x10000000, 0x04000000, 0x0000ffff);

  /** Kept free for children that are read themselves; a child never inherits it. */
  private static final int RESERVED = 0x08000000;

  /** Refuses overlapping bits and masks that do not start at bit 0. */
  public MarkBits {
    requireOneBit("child", child);
    requireOneBit("vetted", vetted);
    requireOneBit("opaque", opaque);
    requireOneBit("proven", proven);
    if (policyMask < 0 || Integer.bitCount(policyMask + 1) > 1) {
      throw new IllegalArgumentException(
          "policyMask: 0x"
              + Integer.toHexString(policyMask)
              + " (expected: 0, or ones from bit 0 upwards)");
    }
    int states = child | vetted | opaque | proven;
    if (Integer.bitCount(states) != 4 || (states & policyMask) != 0) {
      throw new IllegalArgumentException("marks: bits overlap (expected: five disjoint masks)");
    }
  }

  /**
   * The state bits.
   *
   * @return child, vetted, opaque and proven together, and the reserved bit unless a policy has it
   */
  public int stateMask() {
    return child | vetted | opaque | proven | (RESERVED & ~policyMask);
  }

  /**
   * The policy id in a mark.
   *
   * @param mark a conntrack mark
   * @return 0 if no policy put its id there
   */
  public int policyId(int mark) {
    return mark & policyMask;
  }

  /**
   * The mark that a child of a parent gets: all the parent's bits, with the state bits replaced.
   *
   * @param parentMark the parent's conntrack mark
   * @return the child's mark
   */
  public int childMark(int parentMark) {
    return (parentMark & ~stateMask()) | child;
  }

  private static void requireOneBit(String field, int value) {
    if (Integer.bitCount(value) != 1) {
      throw new IllegalArgumentException(
          field + ": 0x" + Integer.toHexString(value) + " (expected: one bit)");
    }
  }
}
