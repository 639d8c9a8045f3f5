package org.pinholed.kernel.conntrack;

/**
 * A classic BPF program for the socket of {@link ConntrackEvents}, so that connections of no
 * interest wake nobody (linux/filter.h, {@code SKF_AD_NLATTR}).
 */
final class MarkFilter {
  private static final int BPF_LD_IMM = 0x00;
  private static final int BPF_LDX_IMM = 0x01;
  private static final int BPF_LD_W_ABS = 0x20;
  private static final int BPF_LD_W_IND = 0x40;
  private static final int BPF_JMP_JEQ_K = 0x15;
  private static final int BPF_JMP_JSET_K = 0x45;
  private static final int BPF_RET_K = 0x06;
  private static final int BPF_MISC_TAX = 0x07;

  // SKF_AD_OFF + SKF_AD_NLATTR: A becomes the offset of the attribute of type X, found from A on,
  // or
  // 0 if there is none.
  private static final int FIND_ATTRIBUTE = -0x1000 + 12;

  // Behind struct nlmsghdr and struct nfgenmsg.
  private static final int FIRST_ATTRIBUTE = 20;
  private static final int ATTRIBUTE_HEADER_BYTES = 4;

  private MarkFilter() {}

  /**
   * Lets a datagram pass if its {@code CTA_MARK} has one of some bits.
   *
   * @param mask the bits
   * @return instructions as {@link org.pinholed.kernel.netlink.NetlinkSocket#attachFilter} takes
   *     them
   */
  static long[] program(int mask) {
    return new long[] {
      instruction(BPF_LD_IMM, 0, 0, FIRST_ATTRIBUTE),
      instruction(BPF_LDX_IMM, 0, 0, ConntrackMessages.CTA_MARK),
      instruction(BPF_LD_W_ABS, 0, 0, FIND_ATTRIBUTE),
      // The kernel leaves a mark of 0 out: to the last instruction.
      instruction(BPF_JMP_JEQ_K, 4, 0, 0),
      instruction(BPF_MISC_TAX, 0, 0, 0),
      instruction(BPF_LD_W_IND, 0, 0, ATTRIBUTE_HEADER_BYTES),
      instruction(BPF_JMP_JSET_K, 0, 1, mask),
      instruction(BPF_RET_K, 0, 0, -1),
      instruction(BPF_RET_K, 0, 0, 0),
    };
  }

  /** Lets all datagrams pass. */
  static long[] all() {
    return new long[] {instruction(BPF_RET_K, 0, 0, -1)};
  }

  private static long instruction(int code, int ifTrue, int ifFalse, int k) {
    return (long) code << 48
        | (long) ifTrue << 40
        | (long) ifFalse << 32
        | Integer.toUnsignedLong(k);
  }
}
