package org.pinholed.agent.config;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Which bits of the conntrack mark are ours. The five state bits and the policy bits must not
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
 * <p>A child has the child bit. One that is read itself has the read bit besides, on any port; it
 * then gets the bits of a parent, too, and they say what they say of a parent. A child without the
 * read bit is never queued. Alone the read bit says nothing.
 *
 * @param child set on children of pinholes; the operator's accept rule goes by it
 * @param vetted set on parents that are read from their first byte
 * @param opaque set on flows that no helper can or may read; the kernel stops queueing them
 * @param proven set on parents whose helper has seen all the evidence that it needs
 * @param read set on children whose packets are diverted to the agent, as those of parents are
 * @param policyMask the policy id, from bit 0 upwards
 */
public record MarkBits(int child, int vetted, int opaque, int proven, int read, int policyMask) {
  /** Bits 30, 29, 28, 26, 27 and the low 16. */
  public static final MarkBits DEFAULT =
      new MarkBits(0x40000000, 0x20000000, 0x10000000, 0x04000000, 0x08000000, 0x0000ffff);

  /** Refuses overlapping bits and masks that do not start at bit 0. */
  public MarkBits {
    requireOneBit("child", child);
    requireOneBit("vetted", vetted);
    requireOneBit("opaque", opaque);
    requireOneBit("proven", proven);
    requireOneBit("read", read);
    if (policyMask < 0 || Integer.bitCount(policyMask + 1) > 1) {
      throw new IllegalArgumentException(
          "policyMask: 0x"
              + Integer.toHexString(policyMask)
              + " (expected: 0, or ones from bit 0 upwards)");
    }
    requireDisjoint(child, vetted, opaque, proven, read, policyMask);
  }

  /**
   * The state bits.
   *
   * @return child, vetted, opaque, proven and read together
   */
  public int stateMask() {
    return child | vetted | opaque | proven | read;
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
   * @param isRead whether the child's packets are diverted to the agent
   * @return the child's mark
   */
  public int childMark(int parentMark, boolean isRead) {
    return (parentMark & ~stateMask()) | child | (isRead ? read : 0);
  }

  /**
   * Whether a mark is that of a child that is read.
   *
   * @param mark a conntrack mark
   * @return true if it has the bits child and read
   */
  public boolean isRead(int mark) {
    return (mark & (child | read)) == (child | read);
  }

  private static void requireOneBit(String field, int value) {
    if (Integer.bitCount(value) != 1) {
      throw new IllegalArgumentException(field + ": " + hex(value) + " (expected: one bit)");
    }
  }

  private static void requireDisjoint(
      int child, int vetted, int opaque, int proven, int read, int policyMask) {
    Map<String, Integer> masks = new LinkedHashMap<>();
    masks.put("child", child);
    masks.put("vetted", vetted);
    masks.put("opaque", opaque);
    masks.put("proven", proven);
    masks.put("read", read);
    masks.put("policyMask", policyMask);
    Map<String, Integer> before = new LinkedHashMap<>();
    masks.forEach(
        (field, value) -> {
          before.forEach(
              (other, taken) -> {
                if ((value & taken) != 0) {
                  throw new IllegalArgumentException(
                      "marks: bits overlap: "
                          + other
                          + " "
                          + hex(taken)
                          + ", "
                          + field
                          + " "
                          + hex(value)
                          + " (expected: six disjoint masks)");
                }
              });
          before.put(field, value);
        });
  }

  private static String hex(int value) {
    return "0x" + Integer.toHexString(value);
  }
}
