package org.pinholed.kernel.nftables;

import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.pinholed.kernel.netlink.NetlinkChannel;
import org.pinholed.kernel.netlink.NetlinkConstants;
import org.pinholed.kernel.netlink.NetlinkReader;
import org.pinholed.kernel.netlink.NetlinkWriter;
import org.pinholed.kernel.netlink.Ranges;

/**
 * One transaction: all of its changes are made at once, or none.
 *
 * <p>Got from {@link NftClient#begin}, filled, and given to {@link NftClient#commit}; its buffer is
 * used again by the next one. Elements that follow each other in the same set share a message, so a
 * burst of them costs little more than one. Adding an element does not allocate. Not thread-safe.
 *
 * <p>It is long because each change of tables, chains, sets and elements is a method; all of them
 * write into one buffer, and elements that follow each other into one open message.
 */
public final class NftBatch {
  private static final int CREATE = NetlinkConstants.NLM_F_REQUEST | NetlinkConstants.NLM_F_CREATE;
  private static final int APPEND = CREATE | NetlinkConstants.NLM_F_APPEND;
  private static final int ELEMENT_LIST_MAX_BYTES = 32 * 1024; // nla_len has 16 bits
  // A pinhole with its translation, made, removed and added: twelve messages with an element each.
  private static final int ELEMENT_MAX_BYTES = 3072;
  private static final int END_BYTES =
      NetlinkConstants.HEADER_BYTES + NetlinkConstants.NFGENMSG_BYTES;
  private static final int NO_MESSAGE = -1;

  // The kernel keeps a day of nanoseconds for each in 64 bits.
  private static final int MOST_LOOKUPS = 100_000;
  private static final int CT_EXPRESSION_BYTES = 22; // of userdata

  private final NetlinkChannel channel;
  private final NetlinkWriter writer;
  private final NftExpressions expressions;
  private int firstSequence;
  private int lastMessageAt = NO_MESSAGE;
  private int nextSetId;
  private int openMessage = NO_MESSAGE;
  private int openFlags;
  private @Nullable NftTable openTable;
  private @Nullable NftSet openSet;
  private int openSince;
  private int lengthBytes;
  private boolean inRule;

  NftBatch(NetlinkChannel channel) {
    this.channel = channel;
    this.writer = channel.writer();
    this.expressions = new NftExpressions(this, writer);
  }

  // Forgets everything and starts a transaction.
  NftBatch begin() {
    writer.reset();
    firstSequence = channel.nextSequence();
    lastMessageAt = NO_MESSAGE;
    nextSetId = 1;
    openMessage = NO_MESSAGE;
    inRule = false;
    batchMessage(Nft.NFNL_MSG_BATCH_BEGIN);
    return this;
  }

  /**
   * Makes the transaction fail with {@code ERESTART} if the ruleset is not of this generation any
   * more. Call it first.
   *
   * @param generation as {@link NftClient#generation} told
   * @return this batch
   */
  public NftBatch onlyAtGeneration(int generation) {
    if (lastMessageAt != NO_MESSAGE) {
      throw new IllegalStateException("not the first of the batch");
    }
    writer.reset();
    writer.beginNfnetlink(
        0,
        Nft.NFNL_MSG_BATCH_BEGIN,
        NetlinkConstants.NLM_F_REQUEST,
        firstSequence,
        0,
        Nft.NFNL_SUBSYS_NFTABLES);
    writer.attr32be(Nft.NFNL_BATCH_GENID, generation).endMessage();
    return this;
  }

  /**
   * Makes a table; no error if it is there.
   *
   * @param table its name
   * @param comment shown by {@code nft list}; empty for none
   * @return this batch
   */
  public NftBatch addTable(NftTable table, String comment) {
    message(Nft.NFT_MSG_NEWTABLE, CREATE, table.family())
        .attrBytes(Nft.NFTA_TABLE_NAME, table.nameBytes())
        .attr32be(Nft.NFTA_TABLE_FLAGS, 0);
    comment(Nft.NFTA_TABLE_USERDATA, Nft.UDATA_COMMENT, comment);
    writer.endMessage();
    return this;
  }

  // Makes a table that only this socket can change and that goes with it; for probes.
  NftBatch addOwnedTable(NftTable table) {
    message(Nft.NFT_MSG_NEWTABLE, CREATE, table.family())
        .attrBytes(Nft.NFTA_TABLE_NAME, table.nameBytes())
        .attr32be(Nft.NFTA_TABLE_FLAGS, Nft.NFT_TABLE_F_OWNER)
        .endMessage();
    return this;
  }

  /**
   * Removes a table with all that is in it. {@code ENOENT} if there is none: add it before in the
   * same batch.
   *
   * @param table its name
   * @return this batch
   */
  public NftBatch deleteTable(NftTable table) {
    message(Nft.NFT_MSG_DELTABLE, NetlinkConstants.NLM_F_REQUEST, table.family())
        .attrBytes(Nft.NFTA_TABLE_NAME, table.nameBytes())
        .endMessage();
    return this;
  }

  /**
   * Makes a chain at a hook, with policy accept; no error if it is there already.
   *
   * @param table the table
   * @param chain its name
   * @param base where it hangs
   * @return this batch
   */
  public NftBatch addBaseChain(NftTable table, String chain, BaseChain base) {
    message(Nft.NFT_MSG_NEWCHAIN, CREATE, table.family())
        .attrBytes(Nft.NFTA_CHAIN_TABLE, table.nameBytes())
        .attrBytes(Nft.NFTA_CHAIN_NAME, Nft.nameBytes("chain", chain))
        .attrString(Nft.NFTA_CHAIN_TYPE, base.type().word())
        .attr32be(Nft.NFTA_CHAIN_POLICY, NftExpressions.NF_ACCEPT)
        .beginNested(Nft.NFTA_CHAIN_HOOK)
        .attr32be(Nft.NFTA_HOOK_HOOKNUM, base.hook().number())
        .attr32be(Nft.NFTA_HOOK_PRIORITY, base.priority())
        .endNested()
        .endMessage();
    return this;
  }

  /**
   * Makes a chain that rules can jump to; no error if it is there already.
   *
   * @param table the table
   * @param chain its name
   * @return this batch
   */
  public NftBatch addChain(NftTable table, String chain) {
    message(Nft.NFT_MSG_NEWCHAIN, CREATE, table.family())
        .attrBytes(Nft.NFTA_CHAIN_TABLE, table.nameBytes())
        .attrBytes(Nft.NFTA_CHAIN_NAME, Nft.nameBytes("chain", chain))
        .endMessage();
    return this;
  }

  /**
   * Removes all rules of a chain.
   *
   * @param table the table
   * @param chain its name
   * @return this batch
   */
  public NftBatch flushChain(NftTable table, String chain) {
    message(Nft.NFT_MSG_DELRULE, NetlinkConstants.NLM_F_REQUEST, table.family())
        .attrBytes(Nft.NFTA_RULE_TABLE, table.nameBytes())
        .attrBytes(Nft.NFTA_RULE_CHAIN, Nft.nameBytes("chain", chain))
        .endMessage();
    return this;
  }

  /**
   * Starts a rule at the end of a chain.
   *
   * @param table the table
   * @param chain the chain's name
   * @return its expressions, to be filled and ended by {@link NftExpressions#endRule}
   */
  public NftExpressions addRule(NftTable table, String chain) {
    return rule(table, chain, APPEND);
  }

  /**
   * Starts a rule before all others of a chain.
   *
   * @param table the table
   * @param chain the chain's name
   * @return its expressions, to be filled and ended by {@link NftExpressions#endRule}
   */
  public NftExpressions insertRule(NftTable table, String chain) {
    return rule(table, chain, CREATE); // without NLM_F_APPEND the kernel puts it first
  }

  private NftExpressions rule(NftTable table, String chain, int flags) {
    message(Nft.NFT_MSG_NEWRULE, flags, table.family())
        .attrBytes(Nft.NFTA_RULE_TABLE, table.nameBytes())
        .attrBytes(Nft.NFTA_RULE_CHAIN, Nft.nameBytes("chain", chain))
        .beginNested(Nft.NFTA_RULE_EXPRESSIONS);
    inRule = true;
    return expressions.beginRule();
  }

  /**
   * Removes one rule; {@code ENOENT} if it is gone.
   *
   * @param rule as it was listed
   * @return this batch
   */
  public NftBatch deleteRule(NftRule rule) {
    message(Nft.NFT_MSG_DELRULE, NetlinkConstants.NLM_F_REQUEST, rule.table().family())
        .attrBytes(Nft.NFTA_RULE_TABLE, rule.table().nameBytes())
        .attrBytes(Nft.NFTA_RULE_CHAIN, Nft.nameBytes("chain", rule.chain()))
        .attr64be(Nft.NFTA_RULE_HANDLE, rule.handle())
        .endMessage();
    return this;
  }

  void endRule(boolean compat, String comment) {
    writer.endNested();
    if (compat) {
      // nft_compat reads the protocol that the target would be bound to; 0 is any
      writer
          .beginNested(Nft.NFTA_RULE_COMPAT)
          .attr32be(Nft.NFTA_RULE_COMPAT_PROTO, 0)
          .attr32be(Nft.NFTA_RULE_COMPAT_FLAGS, 0)
          .endNested();
    }
    comment(Nft.NFTA_RULE_USERDATA, Nft.UDATA_COMMENT, comment);
    writer.endMessage();
    inRule = false;
  }

  /**
   * Makes a set or map. {@code EEXIST} if there is one of that name and another shape (kernels
   * before 6.3 do not look).
   *
   * @param table the table
   * @param set its shape
   * @return this batch
   */
  public NftBatch addSet(NftTable table, NftSet set) {
    message(Nft.NFT_MSG_NEWSET, CREATE, table.family())
        .attrBytes(Nft.NFTA_SET_TABLE, table.nameBytes())
        .attrBytes(Nft.NFTA_SET_NAME, set.nameBytes())
        .attr32be(Nft.NFTA_SET_FLAGS, set.flags())
        .attr32be(Nft.NFTA_SET_KEY_TYPE, set.keyType())
        .attr32be(Nft.NFTA_SET_KEY_LEN, set.keyLengthBytes());
    if (set.isMap()) {
      writer
          .attr32be(Nft.NFTA_SET_DATA_TYPE, set.valueType())
          .attr32be(Nft.NFTA_SET_DATA_LEN, set.valueLengthBytes());
    }
    writer.attr32be(Nft.NFTA_SET_ID, nextSetId++);
    if (set.sizeElements() > 0) {
      writer
          .beginNested(Nft.NFTA_SET_DESC)
          .attr32be(Nft.NFTA_SET_DESC_SIZE, set.sizeElements())
          .endNested();
    }
    // NFTA_SET_DESC_CONCAT is for interval sets; without NFT_SET_CONCAT the kernel refuses it, and
    // nft(8) leaves it away for hash sets too: KEY_TYPE says all that it needs to print the fields
    setUserdata(set);
    if (set.isFoundOnce()) {
      // the kernel copies it to each element that is added without an expression of its own
      limit(Nft.NFTA_SET_EXPR, 1);
    }
    writer.endMessage();
    return this;
  }

  private void limit(int attribute, int burst) {
    writer
        .beginNested(attribute)
        .attrString(Nft.NFTA_EXPR_NAME, "limit")
        .beginNested(Nft.NFTA_EXPR_DATA)
        .attr64be(Nft.NFTA_LIMIT_RATE, 1)
        .attr64be(Nft.NFTA_LIMIT_UNIT, TimeUnit.DAYS.toSeconds(1))
        .attr32be(Nft.NFTA_LIMIT_BURST, burst)
        .attr32be(Nft.NFTA_LIMIT_TYPE, Nft.NFT_LIMIT_PKTS)
        .endNested()
        .endNested();
  }

  // What nft(8) needs to print keys, values and the comment: libnftnl's TLVs.
  private void setUserdata(NftSet set) {
    String comment = set.comment();
    int lengthBytes =
        6
            + (set.isMap() ? 6 : 0)
            + (set.isKeyedByCt() ? 10 + CT_EXPRESSION_BYTES * set.key().size() : 0)
            + (comment.isEmpty() ? 0 : 3 + checkedLength(comment));
    writer
        .attrHeader(Nft.NFTA_SET_USERDATA, lengthBytes)
        .raw8(Nft.UDATA_SET_KEYBYTEORDER)
        .raw8(4)
        .raw32host(set.keyByteOrder());
    if (set.isMap()) {
      writer.raw8(Nft.UDATA_SET_DATABYTEORDER).raw8(4).raw32host(set.valueByteOrder());
    }
    if (set.isKeyedByCt()) {
      typeOfKey(set);
    }
    if (!comment.isEmpty()) {
      text(Nft.UDATA_SET_COMMENT, comment);
    }
    writer.pad();
  }

  // "typeof ct id . ct direction": a tree of TLVs, each of type, length and value.
  private void typeOfKey(NftSet set) {
    int fieldsBytes = CT_EXPRESSION_BYTES * set.key().size();
    writer.raw8(Nft.UDATA_SET_KEY_TYPEOF).raw8(8 + fieldsBytes);
    number(0, Nft.EXPR_CONCAT).raw8(1).raw8(fieldsBytes);
    for (int field = 0; field < set.key().size(); field++) {
      writer.raw8(field).raw8(CT_EXPRESSION_BYTES - 2);
      number(0, Nft.EXPR_CT).raw8(1).raw8(12);
      number(0, set.key().get(field).ctKey());
      number(1, -1); // of the packet's own direction
    }
  }

  private NetlinkWriter number(int tlv, int value) {
    return writer.raw8(tlv).raw8(4).raw32host(value);
  }

  /**
   * Removes all elements of a set.
   *
   * @param table the table
   * @param set the set
   * @return this batch
   */
  public NftBatch flushSet(NftTable table, NftSet set) {
    message(Nft.NFT_MSG_DELSETELEM, NetlinkConstants.NLM_F_REQUEST, table.family())
        .attrBytes(Nft.NFTA_SET_ELEM_LIST_TABLE, table.nameBytes())
        .attrBytes(Nft.NFTA_SET_ELEM_LIST_SET, set.nameBytes())
        .endMessage();
    return this;
  }

  /**
   * Adds an element. One that is there with the same value stays as it is, except that Linux 6.12
   * and later takes over timeout and expiration if both are sent; with another value: {@code
   * EEXIST}.
   *
   * @param table the table
   * @param set the set
   * @param key the key, of the set's length
   * @param value the value; null for a set
   * @param timeoutMs its timeout in milliseconds; 0 for none (a set without timeouts takes only 0)
   * @param expirationMs how much of the timeout is left, in milliseconds, 1..timeoutMs; 0 for all
   * @param comment up to 128 ASCII characters; empty for none
   * @return this batch
   */
  public NftBatch addElement(
      NftTable table,
      NftSet set,
      NftValue key,
      @Nullable NftValue value,
      long timeoutMs,
      long expirationMs,
      String comment) {
    return addElement(table, set, key, value, timeoutMs, expirationMs, comment, 0);
  }

  /**
   * As {@link #addElement(NftTable, NftSet, NftValue, NftValue, long, long, String)}; of lookups by
   * rules only some find the element, for every other one it is as if there were none ({@code limit
   * rate 1/day burst N packets}). It is asked under a lock of the element, so it holds also if
   * several processors look at the same time. One that is there already keeps what is left of its
   * limit. Only where {@link NftFeatures#foundOnce} says so.
   *
   * @param table the table
   * @param set the set, with {@link NftSet.Builder#changedByRules}
   * @param key the key
   * @param value the value; null for a set
   * @param timeoutMs its timeout in milliseconds; 0 for none
   * @param expirationMs how much of the timeout is left, in milliseconds; 0 for all
   * @param comment up to 128 ASCII characters; empty for none
   * @param lookups how many find it, 1..100000, and one more each day; 0 for no limit
   * @return this batch
   */
  public NftBatch addElement(
      NftTable table,
      NftSet set,
      NftValue key,
      @Nullable NftValue value,
      long timeoutMs,
      long expirationMs,
      String comment,
      int lookups) {
    Ranges.require("lookups", lookups, 0, MOST_LOOKUPS);
    openElements(Nft.NFT_MSG_NEWSETELEM, CREATE, table, set);
    writer.beginNested(Nft.NFTA_LIST_ELEM);
    key(set, key);
    if (set.isMap() != (value != null)) {
      throw new IllegalArgumentException("value of " + set);
    }
    if (value != null) {
      writer.beginNested(Nft.NFTA_SET_ELEM_DATA);
      value.writeTo(writer, Nft.NFTA_DATA_VALUE, set.valueLengthBytes());
      writer.endNested();
    }
    if (timeoutMs > 0) {
      writer.attr64be(Nft.NFTA_SET_ELEM_TIMEOUT, timeoutMs);
    }
    if (expirationMs > 0) {
      writer.attr64be(Nft.NFTA_SET_ELEM_EXPIRATION, expirationMs);
    }
    comment(Nft.NFTA_SET_ELEM_USERDATA, Nft.UDATA_COMMENT, comment);
    if (lookups > 0) {
      limit(Nft.NFTA_SET_ELEM_EXPR, lookups);
    }
    writer.endNested();
    return this;
  }

  /**
   * Removes an element; {@code ENOENT} fails the whole batch if it is gone or expired.
   *
   * @param table the table
   * @param set the set
   * @param key the key
   * @return this batch
   */
  public NftBatch deleteElement(NftTable table, NftSet set, NftValue key) {
    return removeElement(Nft.NFT_MSG_DELSETELEM, table, set, key);
  }

  /**
   * Removes an element if it is there. Only where {@link NftFeatures#destroyMessages} says so.
   *
   * @param table the table
   * @param set the set
   * @param key the key
   * @return this batch
   */
  public NftBatch destroyElement(NftTable table, NftSet set, NftValue key) {
    return removeElement(Nft.NFT_MSG_DESTROYSETELEM, table, set, key);
  }

  /**
   * Removes an element if it is there, and has the kernel tell whether it was: {@link
   * NftClient#commit(NftElementHandler)} hears of each element that was removed. Only where {@link
   * NftFeatures#destroyMessages} says so.
   *
   * @param table the table
   * @param set the set
   * @param key the key
   * @return this batch
   */
  public NftBatch destroyElementAndTell(NftTable table, NftSet set, NftValue key) {
    return removeElement(
        Nft.NFT_MSG_DESTROYSETELEM,
        NetlinkConstants.NLM_F_REQUEST | NetlinkConstants.NLM_F_ECHO,
        table,
        set,
        key);
  }

  private NftBatch removeElement(int message, NftTable table, NftSet set, NftValue key) {
    return removeElement(message, NetlinkConstants.NLM_F_REQUEST, table, set, key);
  }

  private NftBatch removeElement(int message, int flags, NftTable table, NftSet set, NftValue key) {
    openElements(message, flags, table, set);
    writer.beginNested(Nft.NFTA_LIST_ELEM);
    key(set, key);
    writer.endNested();
    return this;
  }

  private void key(NftSet set, NftValue key) {
    writer.beginNested(Nft.NFTA_SET_ELEM_KEY);
    key.writeTo(writer, Nft.NFTA_DATA_VALUE, set.keyLengthBytes());
    writer.endNested();
  }

  /**
   * Makes a {@code ct expectation} object; no error if the same is there already.
   *
   * <p>Assigning it gives the connection the helper extension, and so with NAT the sequence
   * adjustment. That is all that one with size 0, which nft(8) refuses, does before Linux 7.2;
   * later kernels expect something in any case ({@link NftFeatures#sequenceAdjustment}).
   *
   * @param table the table
   * @param object its name
   * @param expectation what it expects
   * @return this batch
   */
  public NftBatch addExpectationObject(
      NftTable table, String object, ExpectationObject expectation) {
    message(Nft.NFT_MSG_NEWOBJ, CREATE, table.family())
        .attrBytes(Nft.NFTA_OBJ_TABLE, table.nameBytes())
        .attrBytes(Nft.NFTA_OBJ_NAME, Nft.nameBytes("object", object))
        .attr32be(Nft.NFTA_OBJ_TYPE, Nft.NFT_OBJECT_CT_EXPECT)
        .beginNested(Nft.NFTA_OBJ_DATA)
        .attr16be(Nft.NFTA_CT_EXPECT_L3PROTO, expectation.family().code())
        .attr8(Nft.NFTA_CT_EXPECT_L4PROTO, expectation.protocol())
        .attr16be(Nft.NFTA_CT_EXPECT_DPORT, expectation.destinationPort())
        .attr32host(Nft.NFTA_CT_EXPECT_TIMEOUT, expectation.timeoutMs())
        .attr8(Nft.NFTA_CT_EXPECT_SIZE, expectation.size())
        .endNested()
        .endMessage();
    return this;
  }

  /**
   * Adds a {@code ct helper} object; one that is there must be for the same helper.
   *
   * @param table the table
   * @param object its name
   * @param helper name of a helper that the kernel knows, at most 15 characters
   * @param protocol the IP protocol number of the connections that it is assigned to
   * @return this
   */
  public NftBatch addHelperObject(NftTable table, String object, String helper, int protocol) {
    message(Nft.NFT_MSG_NEWOBJ, CREATE, table.family())
        .attrBytes(Nft.NFTA_OBJ_TABLE, table.nameBytes())
        .attrBytes(Nft.NFTA_OBJ_NAME, Nft.nameBytes("object", object))
        .attr32be(Nft.NFTA_OBJ_TYPE, Nft.NFT_OBJECT_CT_HELPER)
        .beginNested(Nft.NFTA_OBJ_DATA)
        .attrBytes(Nft.NFTA_CT_HELPER_NAME, Nft.nameBytes("helper", helper))
        .attr8(Nft.NFTA_CT_HELPER_L4PROTO, protocol)
        .endNested()
        .endMessage();
    return this;
  }

  /**
   * Whether one more element surely fits; if not, commit and begin the next batch.
   *
   * @return false when the buffer is nearly full
   */
  public boolean hasRoom() {
    return writer.remainingBytes() >= ELEMENT_MAX_BYTES + END_BYTES;
  }

  /**
   * Whether nothing was asked yet.
   *
   * @return true until the first change
   */
  public boolean isEmpty() {
    return lastMessageAt == NO_MESSAGE;
  }

  // Ends the transaction: only its last message asks for an acknowledgement.
  void end() {
    if (inRule || isEmpty()) {
      throw new IllegalStateException(inRule ? "rule not ended" : "empty batch");
    }
    closeElements();
    ByteBuffer buffer = writer.buffer();
    int flags = buffer.getShort(lastMessageAt + 6) | NetlinkConstants.NLM_F_ACK;
    buffer.putShort(lastMessageAt + 6, (short) flags);
    batchMessage(Nft.NFNL_MSG_BATCH_END);
    lengthBytes = writer.lengthBytes();
  }

  // Says in words what a message of the batch that was sent last wanted, for example "add element
  // pinholed once4". The index is NetlinkException.failedMessage(): 0 is the begin of the batch.
  // Walks the buffer, so only for errors.
  String describe(int index) {
    NetlinkReader reader = new NetlinkReader().wrap(writer.buffer(), 0, lengthBytes);
    for (int i = 0; i <= index; i++) {
      reader.nextMessage();
    }
    int message = reader.type() & 0xff;
    if (index < 1 || reader.type() >> 8 != Nft.NFNL_SUBSYS_NFTABLES) {
      return "transaction"; // refused as a whole, or it is not known which message
    }
    StringBuilder words = new StringBuilder(verb(message));
    int nameType = message == Nft.NFT_MSG_NEWCHAIN ? Nft.NFTA_CHAIN_NAME : 2;
    reader.enterNfnetlink();
    while (reader.nextAttribute()) {
      int type = reader.attributeType();
      if (type == 1 || (type == nameType && !isTable(message))) {
        words.append(' ').append(reader.string());
      }
    }
    return words.toString();
  }

  private static boolean isTable(int message) {
    return message <= Nft.NFT_MSG_DELTABLE;
  }

  private static String verb(int message) {
    return switch (message) {
      case Nft.NFT_MSG_NEWTABLE -> "add table";
      case Nft.NFT_MSG_DELTABLE -> "delete table";
      case Nft.NFT_MSG_NEWCHAIN -> "add chain";
      case Nft.NFT_MSG_NEWRULE -> "add rule";
      case Nft.NFT_MSG_DELRULE -> "delete rule";
      case Nft.NFT_MSG_NEWSET -> "add set";
      case Nft.NFT_MSG_NEWSETELEM -> "add element";
      case Nft.NFT_MSG_DELSETELEM -> "delete element";
      case Nft.NFT_MSG_DESTROYSETELEM -> "destroy element";
      case Nft.NFT_MSG_NEWOBJ -> "add object";
      default -> "message type " + message;
    };
  }

  private NetlinkWriter message(int message, int flags, NftFamily family) {
    if (inRule) {
      throw new IllegalStateException("rule not ended");
    }
    closeElements();
    lastMessageAt = writer.lengthBytes();
    return writer.beginNfnetlink(
        Nft.NFNL_SUBSYS_NFTABLES, message, flags, channel.nextSequence(), family.code(), 0);
  }

  private void openElements(int message, int flags, NftTable table, NftSet set) {
    boolean same =
        openMessage == message && openFlags == flags && table.equals(openTable) && openSet == set;
    if (same && writer.lengthBytes() - openSince < ELEMENT_LIST_MAX_BYTES) {
      return;
    }
    message(message, flags, table.family())
        .attrBytes(Nft.NFTA_SET_ELEM_LIST_TABLE, table.nameBytes())
        .attrBytes(Nft.NFTA_SET_ELEM_LIST_SET, set.nameBytes())
        .beginNested(Nft.NFTA_SET_ELEM_LIST_ELEMENTS);
    openMessage = message;
    openFlags = flags;
    openTable = table;
    openSet = set;
    openSince = writer.lengthBytes();
  }

  private void closeElements() {
    if (openMessage != NO_MESSAGE) {
      writer.endNested().endMessage();
      openMessage = NO_MESSAGE;
    }
  }

  private void batchMessage(int type) {
    writer
        .beginNfnetlink(
            0, type, NetlinkConstants.NLM_F_REQUEST, firstSequence, 0, Nft.NFNL_SUBSYS_NFTABLES)
        .endMessage();
  }

  private void comment(int attribute, int tlv, String comment) {
    if (comment.isEmpty()) {
      return;
    }
    writer.attrHeader(attribute, 3 + checkedLength(comment));
    text(tlv, comment);
    writer.pad();
  }

  private static int checkedLength(String comment) {
    if (comment.length() > Nft.COMMENT_MAX_BYTES) {
      throw new IllegalArgumentException(
          "comment: " + comment.length() + " characters (expected: ..128)");
    }
    return comment.length();
  }

  // A TLV of userdata: type, length, NUL-terminated text. Allocates nothing.
  private void text(int tlv, String text) {
    writer.raw8(tlv).raw8(text.length() + 1);
    for (int i = 0; i < text.length(); i++) {
      char character = text.charAt(i);
      // nft list puts it between quotes, and its output must be good input again
      boolean plain = character >= ' ' && character < 0x7f && character != '"';
      writer.raw8(plain ? character : '?');
    }
    writer.raw8(0);
  }
}
