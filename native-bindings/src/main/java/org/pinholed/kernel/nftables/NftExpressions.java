package org.pinholed.kernel.nftables;

import org.pinholed.kernel.netlink.NetlinkWriter;
import org.pinholed.kernel.netlink.Ranges;

/**
 * The expressions of one rule, written straight into the batch.
 *
 * <p>Registers are 32-bit slots, numbered 0..15 as {@code NFT_REG32_00..15}; a longer value takes
 * the slots behind it too. An expression that does not match ends the rule. Got from {@link
 * NftBatch#addRule}; not thread-safe; of no use after {@link #endRule}.
 *
 * <p>It is long because each expression is a method and each word of the kernel a constant, and a
 * rule is written by calling one behind the other.
 */
public final class NftExpressions {
  static final int NF_ACCEPT = 1;

  private static final int NFT_NAT_SNAT = 0; // enum nft_nat_types
  private static final int NFT_NAT_DNAT = 1;
  private static final int NFT_BYTEORDER_NTOH = 0;
  private static final int NFT_RANGE_EQ = 0;
  static final int NFT_REG_VERDICT = 0;
  private static final int NFT_REG32_00 = 8;
  private static final int REGISTERS = 16;
  private static final int NFT_JUMP = -3;
  private static final int NFT_GOTO = -4;
  private static final int NF_DROP = 0;
  private static final int NFT_RETURN = -5;
  private static final int NFQ_FLAG_BYPASS = 1;
  private static final int NFT_QUEUE_FLAG_BYPASS = 1;
  private static final int XT_CONNMARK_REVISION = 1;
  private static final int XT_CONNMARK_INFO_BYTES = 16; // struct xt_connmark_mtinfo1, XT_ALIGN
  private static final int XT_NFQUEUE_REVISION = 3;
  private static final int XT_NFQUEUE_INFO_BYTES = 8; // struct xt_NFQ_info_v3 is 6, XT_ALIGN

  private final NftBatch batch;
  private final NetlinkWriter writer;
  private boolean compat;
  private String comment = "";

  NftExpressions(NftBatch batch, NetlinkWriter writer) {
    this.batch = batch;
    this.writer = writer;
  }

  NftExpressions beginRule() {
    compat = false;
    comment = "";
    return this;
  }

  /** What {@code meta} can load here, {@code enum nft_meta_keys}. */
  public enum Meta {
    /** {@code meta iiftype}: hardware type of the interface it came in by, host order, 2 bytes. */
    IIFTYPE(8),
    /** {@code meta oiftype}: hardware type of the interface it leaves by, host order, 2 bytes. */
    OIFTYPE(9),
    /** {@code meta nfproto}: 2 for IPv4, 10 for IPv6, 1 byte. */
    NFPROTO(15),
    /** {@code meta l4proto}: protocol behind extension headers, 1 byte. */
    L4PROTO(16);

    private final int key;

    Meta(int key) {
      this.key = key;
    }
  }

  /** What {@code ct} can load here, {@code enum nft_ct_keys}. */
  public enum Ct {
    /** {@code ct state}, a bit mask in host order, 4 bytes; {@link #STATE_NEW}. */
    STATE(0),
    /** {@code ct direction}, 1 byte: {@link Direction}. */
    DIRECTION(1),
    /** {@code ct status}, a bit mask in host order, 4 bytes; {@link #STATUS_NAT}. */
    STATUS(2),
    /** {@code ct mark}, host order, 4 bytes. */
    MARK(3),
    /** {@code ct original|reply proto-src}, network order, 2 bytes; wants a direction. */
    PROTO_SRC(11),
    /** {@code ct original|reply proto-dst}, network order, 2 bytes; wants a direction. */
    PROTO_DST(12),
    /** {@code ct zone}, host order, 2 bytes ({@code CONFIG_NF_CONNTRACK_ZONES}). */
    ZONE(17),
    /** {@code ct original|reply ip saddr}, 4 bytes; wants a direction. */
    SRC_IP(19),
    /** {@code ct original|reply ip daddr}, 4 bytes; wants a direction. */
    DST_IP(20),
    /** {@code ct original|reply ip6 saddr}, 16 bytes; wants a direction. */
    SRC_IP6(21),
    /** {@code ct original|reply ip6 daddr}, 16 bytes; wants a direction. */
    DST_IP6(22),
    /** {@code ct id}, network order, 4 bytes. */
    ID(23);

    /** {@code NF_CT_STATE_BIT(IP_CT_RELATED)}. */
    public static final int STATE_RELATED = 4;

    /** {@code NF_CT_STATE_BIT(IP_CT_NEW)}. */
    public static final int STATE_NEW = 8;

    /** {@code IPS_NAT_MASK}: source or destination is translated. */
    public static final int STATUS_NAT = 0x30;

    /** {@code IPS_EXPECTED}: another connection announced it. */
    public static final int STATUS_EXPECTED = 1;

    /** {@code IPS_HELPER}: a rule gave it a helper. */
    public static final int STATUS_HELPER = 0x2000;

    /** {@code IPS_CONFIRMED}: the first packet has passed, so others can find the connection. */
    public static final int STATUS_CONFIRMED = 8;

    private final int key;

    Ct(int key) {
      this.key = key;
    }
  }

  /** A direction of a connection, {@code IP_CT_DIR_*}. */
  public enum Direction {
    /** As the first packet went. */
    ORIGINAL(0),
    /** The other way. */
    REPLY(1);

    private final int code;

    Direction(int code) {
      this.code = code;
    }
  }

  /** Where a payload offset counts from, {@code enum nft_payload_bases}. */
  public enum Base {
    /** {@code @nh}: the IP header. */
    NETWORK(1),
    /** {@code @th}: the TCP or UDP header; does not match on later fragments. */
    TRANSPORT(2),
    /** {@code @ih}: what is behind the TCP or UDP header; does not match if there is nothing. */
    INNER(3);

    private final int code;

    Base(int code) {
      this.code = code;
    }
  }

  /** How a register is compared, {@code enum nft_cmp_ops}. */
  public enum Compare {
    /** Equal. */
    EQUAL(0),
    /** Not equal. */
    NOT_EQUAL(1),
    /** Greater or equal, byte by byte. */
    AT_LEAST(5);

    private final int code;

    Compare(int code) {
      this.code = code;
    }
  }

  /** What a rule does with an element, {@code enum nft_dynset_ops}. */
  public enum ElementOperation {
    /** Adds it if it is not there. */
    ADD(0),
    /** Adds it or starts its timeout again. */
    UPDATE(1),
    /** Removes it (Linux 5.5). */
    DELETE(2);

    private final int code;

    ElementOperation(int code) {
      this.code = code;
    }
  }

  /**
   * Loads meta data of the packet.
   *
   * @param what which
   * @param register 0..15
   * @return these expressions
   */
  public NftExpressions loadMeta(Meta what, int register) {
    begin("meta").attr32be(2, what.key).attr32be(1, register(register));
    return end();
  }

  /**
   * Loads a value of the connection.
   *
   * @param what one that has no direction
   * @param register 0..15
   * @return these expressions
   */
  public NftExpressions loadCt(Ct what, int register) {
    begin("ct").attr32be(2, what.key).attr32be(1, register(register));
    return end();
  }

  /**
   * Loads a value of one direction of the connection.
   *
   * @param what one that has a direction
   * @param direction which
   * @param register 0..15
   * @return these expressions
   */
  public NftExpressions loadCt(Ct what, Direction direction, int register) {
    begin("ct").attr32be(2, what.key).attr32be(1, register(register)).attr8(3, direction.code);
    return end();
  }

  /**
   * Sets {@code ct mark}.
   *
   * @param register 0..15, where the value is, in host order
   * @return these expressions
   */
  public NftExpressions storeCtMark(int register) {
    begin("ct").attr32be(2, Ct.MARK.key).attr32be(4, register(register));
    return end();
  }

  /**
   * Loads bytes of the packet; the rule ends if they are not there.
   *
   * @param base where the offset counts from
   * @param offsetBytes 0..255
   * @param lengthBytes 1..16
   * @param register 0..15
   * @return these expressions
   */
  public NftExpressions loadPayload(Base base, int offsetBytes, int lengthBytes, int register) {
    begin("payload")
        .attr32be(1, register(register))
        .attr32be(2, base.code)
        .attr32be(3, offsetBytes)
        .attr32be(4, lengthBytes);
    return end();
  }

  /**
   * Masks a value of four bytes in place.
   *
   * @param register 0..15
   * @param mask in host order, as the value is
   * @return these expressions
   */
  public NftExpressions mask32host(int register, int mask) {
    beginMask(register, 4);
    writer.beginNested(4).attr32host(Nft.NFTA_DATA_VALUE, mask).endNested();
    writer.beginNested(5).attr32host(Nft.NFTA_DATA_VALUE, 0).endNested();
    return end();
  }

  /**
   * Clears and sets bits of a value of four bytes in place.
   *
   * @param register 0..15
   * @param clear the bits that are 0 afterwards, in host order, as the value is
   * @param set the bits that are 1 afterwards
   * @return these expressions
   */
  public NftExpressions change32host(int register, int clear, int set) {
    beginMask(register, 4);
    writer.beginNested(4).attr32host(Nft.NFTA_DATA_VALUE, ~(clear | set)).endNested();
    writer.beginNested(5).attr32host(Nft.NFTA_DATA_VALUE, set).endNested();
    return end();
  }

  /**
   * Masks a value of one byte in place.
   *
   * @param register 0..15
   * @param mask 0..255
   * @return these expressions
   */
  public NftExpressions mask8(int register, int mask) {
    return change8(register, mask, 0);
  }

  /**
   * Flips bits of a value of one byte in place.
   *
   * @param register 0..15
   * @param bits 0..255
   * @return these expressions
   */
  public NftExpressions flip8(int register, int bits) {
    return change8(register, 0xff, bits);
  }

  private NftExpressions change8(int register, int mask, int flipped) {
    beginMask(register, 1);
    writer.beginNested(4).attr8(Nft.NFTA_DATA_VALUE, mask).endNested();
    writer.beginNested(5).attr8(Nft.NFTA_DATA_VALUE, flipped).endNested();
    return end();
  }

  private void beginMask(int register, int lengthBytes) {
    begin("bitwise")
        .attr32be(1, register(register))
        .attr32be(2, register(register))
        .attr32be(3, lengthBytes);
  }

  /**
   * Goes on only if a value of one byte compares so.
   *
   * @param register 0..15
   * @param compare how
   * @param value 0..255
   * @return these expressions
   */
  public NftExpressions compare8(int register, Compare compare, int value) {
    beginCompare(register, compare).attr8(Nft.NFTA_DATA_VALUE, value).endNested();
    return end();
  }

  /**
   * Goes on only if a value of two bytes in network order compares so.
   *
   * @param register 0..15
   * @param compare how
   * @param value 0..65535
   * @return these expressions
   */
  public NftExpressions compare16be(int register, Compare compare, int value) {
    beginCompare(register, compare).attr16be(Nft.NFTA_DATA_VALUE, value).endNested();
    return end();
  }

  /**
   * Goes on only if a value of two bytes in host order compares so.
   *
   * @param register 0..15
   * @param compare how
   * @param value 0..65535
   * @return these expressions
   */
  public NftExpressions compare16host(int register, Compare compare, int value) {
    beginCompare(register, compare)
        .attrHeader(Nft.NFTA_DATA_VALUE, 2)
        .raw16host(value)
        .pad()
        .endNested();
    return end();
  }

  /**
   * Goes on only if a value of four bytes in host order compares so.
   *
   * @param register 0..15
   * @param compare how
   * @param value any 32 bits
   * @return these expressions
   */
  public NftExpressions compare32host(int register, Compare compare, int value) {
    beginCompare(register, compare).attr32host(Nft.NFTA_DATA_VALUE, value).endNested();
    return end();
  }

  private NetlinkWriter beginCompare(int register, Compare compare) {
    return begin("cmp").attr32be(1, register(register)).attr32be(2, compare.code).beginNested(3);
  }

  /**
   * Goes on only if a value of four bytes in network order compares so.
   *
   * @param register 0..15
   * @param compare how
   * @param value any 32 bits
   * @return these expressions
   */
  public NftExpressions compare32be(int register, Compare compare, int value) {
    beginCompare(register, compare).attr32be(Nft.NFTA_DATA_VALUE, value).endNested();
    return end();
  }

  /**
   * Spreads a value of four bytes evenly over numbers from 0, by {@code jhash}.
   *
   * @param register 0..15, where the value is
   * @param modulus how many numbers, 2 or more
   * @param seed any 32 bits; without one the kernel would take a random one for each rule, and
   *     rules of one chain would not agree
   * @param target 0..15, where the number goes, in host order
   * @return these expressions
   */
  public NftExpressions hash(int register, int modulus, int seed, int target) {
    begin("hash")
        .attr32be(1, register(register))
        .attr32be(2, register(target))
        .attr32be(3, 4)
        .attr32be(4, modulus)
        .attr32be(5, seed);
    return end();
  }

  /**
   * Puts a constant into a register.
   *
   * @param register 0..15
   * @param value in host order
   * @return these expressions
   */
  public NftExpressions load32host(int register, int value) {
    begin("immediate").attr32be(1, register(register)).beginNested(2);
    writer.attr32host(Nft.NFTA_DATA_VALUE, value).endNested();
    return end();
  }

  /**
   * Turns a value of four bytes from network order into the order of the machine, for example a
   * {@code ct id}, so that nft(8) shows it as what it is among {@link NftField#MARK} and the like.
   *
   * @param register 0..15
   * @return these expressions
   */
  public NftExpressions toHostOrder32(int register) {
    begin("byteorder")
        .attr32be(1, register(register))
        .attr32be(2, register(register))
        .attr32be(3, NFT_BYTEORDER_NTOH)
        .attr32be(4, 4)
        .attr32be(5, 4);
    return end();
  }

  /**
   * Puts a constant of two bytes in network order into a register, for example a port.
   *
   * @param register 0..15
   * @param value 0..65535
   * @return these expressions
   */
  public NftExpressions load16be(int register, int value) {
    begin("immediate").attr32be(1, register(register)).beginNested(2);
    writer.attr16be(Nft.NFTA_DATA_VALUE, value).endNested();
    return end();
  }

  /**
   * Goes on only if a value of two bytes in network order is in a range, for example a port.
   *
   * @param register 0..15
   * @param first 0..65535
   * @param last first..65535
   * @return these expressions
   */
  public NftExpressions range16be(int register, int first, int last) {
    begin("range").attr32be(1, register(register)).attr32be(2, NFT_RANGE_EQ);
    writer.beginNested(3).attr16be(Nft.NFTA_DATA_VALUE, first).endNested();
    writer.beginNested(4).attr16be(Nft.NFTA_DATA_VALUE, last).endNested();
    return end();
  }

  /**
   * Goes on only if the key is in the set.
   *
   * @param set a set
   * @param keyRegister 0..15, the first of the key
   * @return these expressions
   */
  public NftExpressions lookup(NftSet set, int keyRegister) {
    begin("lookup").attrBytes(1, set.nameBytes()).attr32be(2, register(keyRegister));
    return end();
  }

  /**
   * Goes on only if the key is in the map, with its value.
   *
   * @param map a map
   * @param keyRegister 0..15, the first of the key
   * @param valueRegister 0..15, where the value goes
   * @return these expressions
   */
  public NftExpressions lookup(NftSet map, int keyRegister, int valueRegister) {
    begin("lookup")
        .attrBytes(1, map.nameBytes())
        .attr32be(2, register(keyRegister))
        .attr32be(3, register(valueRegister));
    return end();
  }

  /**
   * Changes an element of a set that has {@link NftSet.Builder#changedByRules}. The rule goes on
   * whether or not the element was there.
   *
   * @param operation what to do
   * @param set a set
   * @param keyRegister 0..15, the first of the key
   * @param timeoutMs of a new element; 0 for the set's own
   * @return these expressions
   */
  public NftExpressions changeElement(
      ElementOperation operation, NftSet set, int keyRegister, long timeoutMs) {
    beginDynset(operation, set, keyRegister);
    return endDynset(timeoutMs);
  }

  /**
   * Changes an element of a map that has {@link NftSet.Builder#changedByRules}. A deletion wants a
   * value too ({@code EINVAL} without), though it does not look at it.
   *
   * @param operation what to do
   * @param map a map
   * @param keyRegister 0..15, the first of the key
   * @param valueRegister 0..15, the first of the value
   * @param timeoutMs of a new element; 0 for the map's own
   * @return these expressions
   */
  public NftExpressions changeElement(
      ElementOperation operation, NftSet map, int keyRegister, int valueRegister, long timeoutMs) {
    beginDynset(operation, map, keyRegister);
    writer.attr32be(5, register(valueRegister));
    return endDynset(timeoutMs);
  }

  private void beginDynset(ElementOperation operation, NftSet set, int keyRegister) {
    begin("dynset")
        .attrBytes(1, set.nameBytes())
        .attr32be(3, operation.code)
        .attr32be(4, register(keyRegister));
  }

  private NftExpressions endDynset(long timeoutMs) {
    if (timeoutMs > 0) {
      writer.attr64be(6, timeoutMs);
    }
    return end();
  }

  /**
   * Counts packets and bytes that got this far.
   *
   * @return these expressions
   */
  public NftExpressions counter() {
    begin("counter");
    return end();
  }

  /**
   * Assigns a {@code ct expectation} object to the connection.
   *
   * @param object the name of the object in this table
   * @return these expressions
   */
  public NftExpressions assignExpectation(String object) {
    begin("objref")
        .attr32be(1, Nft.NFT_OBJECT_CT_EXPECT)
        .attrBytes(2, Nft.nameBytes("object", object));
    return end();
  }

  /**
   * {@code ct helper set}: the connection gets a helper, if its first packet has not passed yet and
   * it has none.
   *
   * @param object name of a {@code ct helper} object of the table
   * @return this
   */
  public NftExpressions assignHelper(String object) {
    begin("objref")
        .attr32be(1, Nft.NFT_OBJECT_CT_HELPER)
        .attrBytes(2, Nft.nameBytes("object", object));
    return end();
  }

  /**
   * Translates the source address of the connection, in a chain of type nat. The port stays if it
   * is free. Ends the rule.
   *
   * @param family {@link NftFamily#IP} or {@link NftFamily#IP6}
   * @param addressRegister 0..15, where the address is
   * @return these expressions
   */
  public NftExpressions sourceNat(NftFamily family, int addressRegister) {
    beginNat(NFT_NAT_SNAT, family).attr32be(3, register(addressRegister));
    return end();
  }

  /**
   * Translates the source address and port of the connection, in a chain of type nat. Ends the
   * rule.
   *
   * @param family {@link NftFamily#IP} or {@link NftFamily#IP6}
   * @param addressRegister 0..15, where the address is
   * @param portRegister 0..15, where the port is
   * @return these expressions
   */
  public NftExpressions sourceNat(NftFamily family, int addressRegister, int portRegister) {
    beginNat(NFT_NAT_SNAT, family)
        .attr32be(3, register(addressRegister))
        .attr32be(5, register(portRegister));
    return end();
  }

  /**
   * Translates the destination address and port of the connection, in a chain of type nat. Ends the
   * rule.
   *
   * @param family {@link NftFamily#IP} or {@link NftFamily#IP6}
   * @param addressRegister 0..15, where the address is
   * @param portRegister 0..15, where the port is
   * @return these expressions
   */
  public NftExpressions destinationNat(NftFamily family, int addressRegister, int portRegister) {
    beginNat(NFT_NAT_DNAT, family)
        .attr32be(3, register(addressRegister))
        .attr32be(5, register(portRegister));
    return end();
  }

  /**
   * Translates the destination address of the connection, in a chain of type nat. The port stays.
   * Ends the rule.
   *
   * @param family {@link NftFamily#IP} or {@link NftFamily#IP6}
   * @param addressRegister 0..15, where the address is
   * @return these expressions
   */
  public NftExpressions destinationNat(NftFamily family, int addressRegister) {
    beginNat(NFT_NAT_DNAT, family).attr32be(3, register(addressRegister));
    return end();
  }

  private NetlinkWriter beginNat(int type, NftFamily family) {
    return begin("nat").attr32be(1, type).attr32be(2, family.code());
  }

  /**
   * Goes back to the chain that jumped here; in a base chain: accepts.
   *
   * @return these expressions
   */
  public NftExpressions returnToCaller() {
    return verdict(NFT_RETURN, "");
  }

  /**
   * Accepts the packet for this base chain.
   *
   * @return these expressions
   */
  public NftExpressions accept() {
    return verdict(NF_ACCEPT, "");
  }

  /**
   * Goes on if some bits of the connection's mark are set, by the xtables match {@code connmark}:
   * iptables-nft refuses a table whose rules it does not know, and that is the one it knows.
   *
   * @param bits all of them must be set
   * @return these expressions
   */
  public NftExpressions matchConnmark(int bits) {
    compat = true;
    begin("match")
        .attrString(1, "connmark")
        .attr32be(2, XT_CONNMARK_REVISION)
        .attrHeader(3, XT_CONNMARK_INFO_BYTES)
        .raw32host(bits)
        .raw32host(bits)
        .raw32host(0)
        .raw32host(0);
    return end();
  }

  /**
   * Drops the packet.
   *
   * @return these expressions
   */
  public NftExpressions drop() {
    return verdict(NF_DROP, "");
  }

  /**
   * Goes through another chain and comes back.
   *
   * @param chain the name of a chain of this table
   * @return these expressions
   */
  public NftExpressions jump(String chain) {
    return verdict(NFT_JUMP, chain);
  }

  /**
   * Goes to another chain for good.
   *
   * @param chain the name of a chain of this table
   * @return these expressions
   */
  public NftExpressions goTo(String chain) {
    return verdict(NFT_GOTO, chain);
  }

  private NftExpressions verdict(int code, String chain) {
    begin("immediate").attr32be(1, NFT_REG_VERDICT).beginNested(2);
    writer.beginNested(Nft.NFTA_DATA_VERDICT).attr32be(Nft.NFTA_VERDICT_CODE, code);
    if (!chain.isEmpty()) {
      writer.attrBytes(Nft.NFTA_VERDICT_CHAIN, Nft.nameBytes("chain", chain));
    }
    writer.endNested().endNested();
    return end();
  }

  /**
   * Gives the packet to user space by nf_tables' own expression.
   *
   * @param queueNumber 0..65535
   * @param bypass whether the packet is accepted if nobody listens, or dropped
   * @return these expressions
   */
  public NftExpressions queue(int queueNumber, boolean bypass) {
    begin("queue")
        .attr16be(1, queueNumber)
        .attr16be(2, 1)
        .attr16be(3, bypass ? NFT_QUEUE_FLAG_BYPASS : 0);
    return end();
  }

  /**
   * Gives the packet to user space by the xtables target {@code NFQUEUE}, for kernels without
   * {@code NFT_QUEUE}.
   *
   * @param queueNumber 0..65535
   * @param bypass whether the packet is accepted if nobody listens, or dropped
   * @return these expressions
   */
  public NftExpressions queueByTarget(int queueNumber, boolean bypass) {
    compat = true;
    begin("target")
        .attrString(1, "NFQUEUE")
        .attr32be(2, XT_NFQUEUE_REVISION)
        .attrHeader(3, XT_NFQUEUE_INFO_BYTES)
        .raw16host(queueNumber)
        .raw16host(1)
        .raw16host(bypass ? NFQ_FLAG_BYPASS : 0)
        .raw16host(0);
    return end();
  }

  /**
   * Says what the rule is for, shown by {@code nft list}.
   *
   * @param text up to 128 ASCII characters
   * @return these expressions
   */
  public NftExpressions comment(String text) {
    comment = text;
    return this;
  }

  /**
   * Ends the rule.
   *
   * @return the batch
   */
  public NftBatch endRule() {
    batch.endRule(compat, comment);
    return batch;
  }

  private NetlinkWriter begin(String name) {
    return writer
        .beginNested(Nft.NFTA_LIST_ELEM)
        .attrString(Nft.NFTA_EXPR_NAME, name)
        .beginNested(Nft.NFTA_EXPR_DATA);
  }

  private NftExpressions end() {
    writer.endNested().endNested();
    return this;
  }

  private static int register(int slot) {
    Ranges.require("register", slot, 0, REGISTERS - 1);
    return NFT_REG32_00 + slot;
  }
}
