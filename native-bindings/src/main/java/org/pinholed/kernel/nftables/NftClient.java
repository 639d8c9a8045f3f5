package org.pinholed.kernel.nftables;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.pinholed.kernel.netlink.NetlinkChannel;
import org.pinholed.kernel.netlink.NetlinkConstants;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.netlink.NetlinkReader;
import org.pinholed.kernel.netlink.NetlinkSocket;
import org.pinholed.kernel.netlink.NetlinkSocketOptions;
import org.pinholed.kernel.netlink.NetlinkWriter;

/**
 * Changes and reads nf_tables over one socket of its own.
 *
 * <p>Not thread-safe: one client per thread. Transactions of several clients are put in order by
 * the kernel. Whoever opened it closes it.
 */
public final class NftClient implements AutoCloseable {
  private static final int WRITER_BYTES = 192 * 1024; // under the default net.core.wmem_default
  private static final int ALL_FAMILIES = 0; // NFPROTO_UNSPEC
  private static final int NF_DROP = 0;
  private static final int DUMP = NetlinkConstants.NLM_F_REQUEST | NetlinkConstants.NLM_F_DUMP;

  private final NetlinkChannel channel;
  private final int portId;
  private final NftBatch batch;
  private final NftElementView element = new NftElementView();
  private final NftRuleReader ruleReader = new NftRuleReader();

  /**
   * Makes a client over a channel.
   *
   * @param channel closed with this client
   * @param portId address of its socket, to tell own notifications from others
   */
  public NftClient(NetlinkChannel channel, int portId) {
    this.channel = channel;
    this.portId = portId;
    this.batch = new NftBatch(channel);
  }

  /**
   * Opens a client in the network namespace of the calling thread.
   *
   * @return an open client
   * @throws NetlinkException if the kernel refuses a socket
   */
  public static NftClient open() throws NetlinkException {
    NetlinkSocket socket = NetlinkSocket.open(NetlinkSocketOptions.forRequests());
    return new NftClient(new NetlinkChannel(socket, WRITER_BYTES), socket.portId());
  }

  /**
   * The address of this client's socket, which notifications of its changes bear.
   *
   * @return {@code nl_pid}
   */
  public int portId() {
    return portId;
  }

  /**
   * Starts a transaction; one that was begun before and not committed is forgotten.
   *
   * @return the one batch of this client, empty
   */
  public NftBatch begin() {
    return batch.begin();
  }

  /**
   * The transaction that was begun last.
   *
   * @return the one batch of this client
   */
  public NftBatch batch() {
    return batch;
  }

  /**
   * Sends the transaction that was begun last and waits until the kernel has made it.
   *
   * @throws NetlinkException if it refuses: then nothing was changed; the text names the message
   *     that was refused
   */
  public void commit() throws NetlinkException {
    commit(element -> {});
  }

  /**
   * As {@link #commit()}, and tells which elements {@link NftBatch#destroyElementAndTell} removed.
   *
   * @param removed called for each of them, with what it was when it was removed
   * @throws NetlinkException as there
   */
  public void commit(NftElementHandler removed) throws NetlinkException {
    batch.end();
    try {
      channel.request("nftables", reader -> forRemoved(reader, removed));
    } catch (NetlinkException e) {
      NetlinkException named =
          new NetlinkException(
              "nftables: " + batch.describe(e.failedMessage()),
              e.errno(),
              e.kernelText(),
              e.failedMessage());
      named.initCause(e);
      throw named;
    }
  }

  /**
   * The number of the present ruleset; each transaction of anybody makes it one more.
   *
   * @return any 32 bits
   * @throws NetlinkException if the kernel refuses
   */
  public int generation() throws NetlinkException {
    get(Nft.NFT_MSG_GETGEN, 0).endMessage();
    int[] generation = new int[1];
    channel.get(
        "nftables: get generation",
        reader -> {
          reader.enterNfnetlink();
          while (reader.nextAttribute()) {
            if (reader.attributeType() == Nft.NFTA_GEN_ID) {
              generation[0] = reader.s32be();
            }
          }
        });
    return generation[0];
  }

  /**
   * Whether there is such a table, and its comment.
   *
   * @param table the table
   * @return its comment, which may be an empty string; nothing if there is no such table
   * @throws NetlinkException if the kernel refuses
   */
  public Optional<String> tableComment(NftTable table) throws NetlinkException {
    get(Nft.NFT_MSG_GETTABLE, table.family().code())
        .attrBytes(Nft.NFTA_TABLE_NAME, table.nameBytes())
        .endMessage();
    StringBuilder comment = new StringBuilder();
    boolean found =
        channel.get(
            "nftables: get table " + table,
            reader -> {
              reader.enterNfnetlink();
              while (reader.nextAttribute()) {
                if (reader.attributeType() == Nft.NFTA_TABLE_USERDATA) {
                  comment.append(
                      NftElementView.comment(
                          reader.buffer(),
                          reader.attributeOffset(),
                          reader.attributeLengthBytes()));
                }
              }
            });
    return found ? Optional.of(comment.toString()) : Optional.empty();
  }

  /**
   * Lists what a table holds. Nothing of it if there is no such table.
   *
   * @param table the table
   * @return names and numbers of rules
   * @throws NetlinkException if the kernel refuses
   */
  public NftInventory inventory(NftTable table) throws NetlinkException {
    Map<String, Integer> rulesByChain = new HashMap<>();
    Set<String> sets = new HashSet<>();
    beginDump(Nft.NFT_MSG_GETCHAIN, table).endMessage();
    channel.dump(
        "nftables: list chains of " + table,
        reader ->
            forName(
                reader,
                table,
                Nft.NFTA_CHAIN_TABLE,
                Nft.NFTA_CHAIN_NAME,
                name -> rulesByChain.merge(name, 0, Integer::sum)));
    beginDump(Nft.NFT_MSG_GETRULE, table)
        .attrBytes(Nft.NFTA_RULE_TABLE, table.nameBytes())
        .endMessage();
    channel.dump(
        "nftables: list rules of " + table,
        reader ->
            forName(
                reader,
                table,
                Nft.NFTA_RULE_TABLE,
                Nft.NFTA_RULE_CHAIN,
                name -> rulesByChain.merge(name, 1, Integer::sum)));
    if (tableComment(table).isPresent()) { // with a table that is not there, GETSET is an error
      beginDump(Nft.NFT_MSG_GETSET, table)
          .attrBytes(Nft.NFTA_SET_TABLE, table.nameBytes())
          .endMessage();
      channel.dump(
          "nftables: list sets of " + table,
          reader ->
              forName(
                  reader, table, Nft.NFTA_SET_TABLE, Nft.NFTA_SET_NAME, name -> sets.add(name)));
    }
    return new NftInventory(rulesByChain, sets);
  }

  /**
   * Lists the chains of all tables of the families that {@link NftFamily} has.
   *
   * @return in the order of the kernel
   * @throws NetlinkException if the kernel refuses
   */
  public List<NftChain> chains() throws NetlinkException {
    List<NftChain> chains = new ArrayList<>();
    beginDump(Nft.NFT_MSG_GETCHAIN, ALL_FAMILIES).endMessage();
    channel.dump("nftables: list chains", reader -> readChain(reader, chains));
    return chains;
  }

  private static void readChain(NetlinkReader reader, List<NftChain> into) {
    NftFamily family = NftFamily.of(reader.enterNfnetlink());
    String table = "";
    String name = "";
    int hook = -1;
    boolean drops = false;
    boolean translates = false;
    while (reader.nextAttribute()) {
      switch (reader.attributeType()) {
        case Nft.NFTA_CHAIN_TYPE -> translates = reader.string().equals("nat");
        case Nft.NFTA_CHAIN_TABLE -> table = reader.string();
        case Nft.NFTA_CHAIN_NAME -> name = reader.string();
        case Nft.NFTA_CHAIN_POLICY -> drops = reader.s32be() == NF_DROP;
        case Nft.NFTA_CHAIN_HOOK -> {
          reader.enterNested();
          while (reader.nextAttribute()) {
            if (reader.attributeType() == Nft.NFTA_HOOK_HOOKNUM) {
              hook = reader.s32be();
            }
          }
          reader.leaveNested();
        }
        default -> {}
      }
    }
    NftTable named = family == null ? null : NftTable.named(family, table);
    if (named != null && reader.ok() && Nft.isName(name)) {
      into.add(new NftChain(named, name, hook, drops && hook >= 0, translates));
    }
  }

  /**
   * Lists the rules of all tables of the families that {@link NftFamily} has.
   *
   * @return in their order within each chain
   * @throws NetlinkException if the kernel refuses
   */
  public List<NftRule> rules() throws NetlinkException {
    List<NftRule> rules = new ArrayList<>();
    beginDump(Nft.NFT_MSG_GETRULE, ALL_FAMILIES).endMessage();
    channel.dump("nftables: list rules", reader -> readRule(reader, rules));
    return rules;
  }

  private void readRule(NetlinkReader reader, List<NftRule> into) {
    NftRule rule = ruleReader.read(reader);
    if (rule != null) {
      into.add(rule);
    }
  }

  /**
   * Lists the elements of a set.
   *
   * @param table the table
   * @param set the set
   * @param handler called for each element that has not expired
   * @return false if the ruleset changed in between, so that elements may be missing or come twice
   * @throws NetlinkException {@code ENOENT} if there is no such set
   */
  public boolean dumpElements(NftTable table, NftSet set, NftElementHandler handler)
      throws NetlinkException {
    beginDump(Nft.NFT_MSG_GETSETELEM, table)
        .attrBytes(Nft.NFTA_SET_ELEM_LIST_TABLE, table.nameBytes())
        .attrBytes(Nft.NFTA_SET_ELEM_LIST_SET, set.nameBytes())
        .endMessage();
    return channel.dump(
        "nftables: list elements of " + table + " " + set, reader -> forElements(reader, handler));
  }

  /**
   * Looks one element up.
   *
   * @param table the table
   * @param set the set
   * @param key the key
   * @param handler called with the element if it is there
   * @return whether it is there and has not expired
   * @throws NetlinkException if the kernel refuses
   */
  public boolean getElement(NftTable table, NftSet set, NftValue key, NftElementHandler handler)
      throws NetlinkException {
    NetlinkWriter writer =
        get(Nft.NFT_MSG_GETSETELEM, table.family().code())
            .attrBytes(Nft.NFTA_SET_ELEM_LIST_TABLE, table.nameBytes())
            .attrBytes(Nft.NFTA_SET_ELEM_LIST_SET, set.nameBytes())
            .beginNested(Nft.NFTA_SET_ELEM_LIST_ELEMENTS)
            .beginNested(Nft.NFTA_LIST_ELEM)
            .beginNested(Nft.NFTA_SET_ELEM_KEY);
    key.writeTo(writer, Nft.NFTA_DATA_VALUE, set.keyLengthBytes());
    writer.endNested().endNested().endNested().endMessage();
    return channel.get(
        "nftables: get element of " + table + " " + set, reader -> forElements(reader, handler));
  }

  /**
   * What the kernel made of a {@code ct expectation} object; it does not keep every value that it
   * takes.
   *
   * @param table the table
   * @param object its name
   * @return the object; nothing if there is none
   * @throws NetlinkException if the kernel refuses
   */
  public Optional<ExpectationObject> expectationObject(NftTable table, String object)
      throws NetlinkException {
    get(Nft.NFT_MSG_GETOBJ, table.family().code())
        .attrBytes(Nft.NFTA_OBJ_TABLE, table.nameBytes())
        .attrBytes(Nft.NFTA_OBJ_NAME, Nft.nameBytes("object", object))
        .attr32be(Nft.NFTA_OBJ_TYPE, Nft.NFT_OBJECT_CT_EXPECT)
        .endMessage();
    List<ExpectationObject> found = new ArrayList<>(1);
    channel.get(
        "nftables: get object of " + table + " " + object,
        reader -> {
          reader.enterNfnetlink();
          while (reader.nextAttribute()) {
            if (reader.attributeType() == Nft.NFTA_OBJ_DATA) {
              reader.enterNested();
              readExpectation(reader).ifPresent(found::add);
              reader.leaveNested();
            }
          }
        });
    return found.stream().findFirst();
  }

  // The reader stands before the first attribute of the object's data.
  private static Optional<ExpectationObject> readExpectation(NetlinkReader reader) {
    NftFamily family = NftFamily.IP;
    int protocol = 0;
    int port = 0;
    int timeoutMs = 0;
    int size = 0;
    while (reader.nextAttribute()) {
      switch (reader.attributeType()) {
        case Nft.NFTA_CT_EXPECT_L3PROTO ->
            family = reader.u16be() == NftFamily.IP6.code() ? NftFamily.IP6 : NftFamily.IP;
        case Nft.NFTA_CT_EXPECT_L4PROTO -> protocol = reader.u8();
        case Nft.NFTA_CT_EXPECT_DPORT -> port = reader.u16be();
        case Nft.NFTA_CT_EXPECT_TIMEOUT -> timeoutMs = reader.s32host();
        case Nft.NFTA_CT_EXPECT_SIZE -> size = reader.u8();
        default -> {}
      }
    }
    boolean readable = reader.ok() && protocol > 0 && timeoutMs >= 0;
    return readable
        ? Optional.of(new ExpectationObject(family, protocol, port, timeoutMs, size))
        : Optional.empty();
  }

  @Override
  public void close() {
    channel.close();
  }

  private NetlinkWriter get(int message, int family) {
    NetlinkWriter writer = channel.writer().reset();
    return writer.beginNfnetlink(
        Nft.NFNL_SUBSYS_NFTABLES,
        message,
        NetlinkConstants.NLM_F_REQUEST,
        channel.nextSequence(),
        family,
        0);
  }

  private NetlinkWriter beginDump(int message, NftTable table) {
    return beginDump(message, table.family().code());
  }

  private NetlinkWriter beginDump(int message, int family) {
    NetlinkWriter writer = channel.writer().reset();
    return writer.beginNfnetlink(
        Nft.NFNL_SUBSYS_NFTABLES, message, DUMP, channel.nextSequence(), family, 0);
  }

  private void forRemoved(NetlinkReader reader, NftElementHandler handler) {
    int message = reader.type() & 0xff;
    if (reader.type() >> 8 == Nft.NFNL_SUBSYS_NFTABLES
        && (message == Nft.NFT_MSG_DELSETELEM || message == Nft.NFT_MSG_DESTROYSETELEM)) {
      forElements(reader, handler);
    }
  }

  private void forElements(NetlinkReader reader, NftElementHandler handler) {
    reader.enterNfnetlink();
    while (reader.nextAttribute()) {
      if (reader.attributeType() == Nft.NFTA_SET_ELEM_LIST_ELEMENTS) {
        reader.enterNested();
        while (reader.nextAttribute()) {
          if (element.wrap(reader)) {
            handler.onElement(element);
          }
        }
        reader.leaveNested();
      }
    }
  }

  private static void forName(
      NetlinkReader reader,
      NftTable table,
      int tableAttribute,
      int nameAttribute,
      java.util.function.Consumer<String> action) {
    int family = reader.enterNfnetlink();
    String name = "";
    boolean sameTable = family == table.family().code();
    while (reader.nextAttribute()) {
      if (reader.attributeType() == tableAttribute) {
        sameTable &= reader.string().equals(table.name());
      } else if (reader.attributeType() == nameAttribute) {
        name = reader.string();
      }
    }
    if (sameTable) {
      action.accept(name);
    }
  }
}
