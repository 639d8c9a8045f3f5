package org.pinholed.agent.config;

/**
 * Which bits of the conntrack mark are ours. The three state bits and the policy bits must not
 * overlap; on parents no other bit is ever changed.
 *
 * @param child set on children of pinholes; the operator's accept rule goes by it
 * @param vetted set on parents that were read from their first byte
 * @param opaque set on flows that no helper can read; the kernel stops queueing them
 * @param policyMask the policy id, from bit 0 upwards
 */
public record MarkBits(int child, int vetted, int opaque, int policyMask) {
  /** Design section 4: bits 30, 29, 28 and the low 16. */
  public static final MarkBits DEFAULT =
      new MarkBits(0x40000000, 0x20000000, 0x10000000, 0x0000ffff);

  /** Refuses overlapping bits and masks that do not start at bit 0. */
  public MarkBits {
    requireOneBit("child", child);
    requireOneBit("vetted", vetted);
    requireOneBit("opaque", opaque);
    if (policyMask < 0 || Integer.bitCount(policyMask + 1) > 1) {
      throw new IllegalArgumentException(
          "policyMask: 0x"
              + Integer.toHexString(policyMask)
              + " (expected: 0, or ones from bit 0 upwards)");
    }
    if (child == vetted
        || child == opaque
        || vetted == opaque
        || ((child | vetted | opaque) & policyMask) != 0) {
      throw new IllegalArgumentException("marks: bits overlap (expected: four disjoint masks)");
    }
  }

  /**
   * The three state bits.
   *
   * @return child, vetted and opaque together
   */
  public int stateMask() {
    return child | vetted | opaque;
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
