package org.pinholed.agent.pinhole.nftables;

import org.pinholed.kernel.nftables.NftBatch;
import org.pinholed.kernel.nftables.NftExpressions;
import org.pinholed.kernel.nftables.NftExpressions.Base;
import org.pinholed.kernel.nftables.NftExpressions.Compare;
import org.pinholed.kernel.nftables.NftExpressions.Ct;
import org.pinholed.kernel.nftables.NftFeatures;
import org.pinholed.kernel.nftables.NftTable;

/**
 * The rules for control packets with SYN, which begin a flow or pretend to: what must hold also
 * while no agent reads. Immutable.
 *
 * <p>Bytes in a SYN are never read, so they mark the flow as begun unseen; and a SYN+ACK may begin
 * another connection on the conntrack of an earlier one, so it takes back that the flow is proven.
 * The agent puts that right when it reads a SYN+ACK that begins nothing.
 */
final class SynRules {
  static final String CHAIN_BEGIN = "begin";

  private static final int SYN_ACK = 0x12;
  private static final int TCP_HEADER_LENGTH_OFFSET = 12;
  private static final int TCP_HEADER_LENGTH = 0xf0;
  private static final int TCP_HEADER_WORDS_MIN = 5;
  private static final int TCP_HEADER_WORDS_MAX = 15;
  private static final int IPV4_LENGTH_OFFSET = 2;
  private static final int IPV4_HEADER_BYTES = 20;
  private static final int IPV6_LENGTH_OFFSET = 4;

  private final NftTable table;
  private final NftablesOptions options;
  private final NftFeatures features;

  SynRules(NftTable table, NftablesOptions options, NftFeatures features) {
    this.table = table;
    this.options = options;
    this.features = features;
  }

  void addRules(NftBatch batch) {
    int vetted = options.marks().vetted();
    int opaque = options.marks().opaque();
    int proven = options.marks().proven();
    if (!features.innerHeader()) {
      addBareSyns(batch, false);
      addBareSyns(batch, true);
    }
    synWithPayload(batch)
        .loadCt(Ct.MARK, 0)
        .mask32host(0, vetted | opaque)
        .compare32host(0, Compare.NOT_EQUAL, vetted)
        .loadCt(Ct.MARK, 0)
        .change32host(0, vetted, opaque | proven)
        .storeCtMark(0)
        .counter()
        .returnToCaller()
        .comment("its first bytes are not read, so the others are not either")
        .endRule();
    if (options.diverts()) {
      // a flow that is read does not end by this: anybody can forge it
      Diversion.queue(synWithPayload(batch));
    }
    flags(batch, SYN_ACK)
        .loadCt(Ct.MARK, 0)
        .mask32host(0, opaque | proven)
        .compare32host(0, Compare.EQUAL, proven)
        .loadCt(Ct.MARK, 0)
        .change32host(0, proven, 0)
        .storeCtMark(0)
        .comment("perhaps of another connection than was proven")
        .endRule();
    if (options.diverts()) {
      Diversion.queue(flags(batch, SYN_ACK));
    }
  }

  /** How many rules there are in the chain. */
  int rules() {
    int bare = 2 * (TCP_HEADER_WORDS_MAX - TCP_HEADER_WORDS_MIN + 1);
    return (options.diverts() ? 4 : 2) + (features.innerHeader() ? 0 : bare);
  }

  private NftExpressions synWithPayload(NftBatch batch) {
    NftExpressions rule = flags(batch, Diversion.SYN);
    return features.innerHeader()
        ? Diversion.withPayload(rule)
        : rule; // else those without are gone
  }

  /**
   * Lets a SYN go that ends with its TCP header, on kernels that cannot look behind that. One with
   * IP options or extension headers passes for one with payload.
   */
  private void addBareSyns(NftBatch batch, boolean ipv6) {
    for (int words = TCP_HEADER_WORDS_MIN; words <= TCP_HEADER_WORDS_MAX; words++) {
      PacketTuple.family(flags(batch, Diversion.SYN), ipv6)
          .loadPayload(Base.NETWORK, ipv6 ? IPV6_LENGTH_OFFSET : IPV4_LENGTH_OFFSET, 2, 0)
          .compare16be(0, Compare.EQUAL, 4 * words + (ipv6 ? 0 : IPV4_HEADER_BYTES))
          .loadPayload(Base.TRANSPORT, TCP_HEADER_LENGTH_OFFSET, 1, 0)
          .mask8(0, TCP_HEADER_LENGTH)
          .compare8(0, Compare.EQUAL, words << 4)
          .returnToCaller()
          .endRule();
    }
  }

  /** Begins a rule for packets that have of the flags SYN and ACK those in {@code value} only. */
  private NftExpressions flags(NftBatch batch, int value) {
    return Diversion.flags(batch.addRule(table, CHAIN_BEGIN), SYN_ACK, value);
  }
}
