package org.pinholed.agent.pinhole.nftables;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.pinholed.agent.pinhole.HelperPort;
import org.pinholed.agent.pinhole.RewrittenDirection;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.nftables.BaseChain;
import org.pinholed.kernel.nftables.NftBatch;
import org.pinholed.kernel.nftables.NftExpressions;
import org.pinholed.kernel.nftables.NftExpressions.Base;
import org.pinholed.kernel.nftables.NftExpressions.Compare;
import org.pinholed.kernel.nftables.NftExpressions.Ct;
import org.pinholed.kernel.nftables.NftExpressions.Direction;
import org.pinholed.kernel.nftables.NftExpressions.ElementOperation;
import org.pinholed.kernel.nftables.NftExpressions.Meta;
import org.pinholed.kernel.nftables.NftFeatures;
import org.pinholed.kernel.nftables.NftField;
import org.pinholed.kernel.nftables.NftSet;
import org.pinholed.kernel.nftables.NftTable;
import org.pinholed.kernel.nftables.NftValue;

/**
 * The rules that give control packets to the queue (docs/kernel.md): behind source NAT and before
 * confirmation, where the kernel's own helpers sit. Immutable.
 *
 * <p>Control packets are those of a helper's port, and those of children that are read, on any
 * port: whoever is neither costs one comparison of the mark and one look at the ports.
 *
 * <p>TCP: packets with payload, SYN+ACK (it has both initial sequence numbers), FIN and RST; pure
 * ACKs only of what was rewritten a moment ago. UDP: all. Of opaque flows only SYN+ACK, and nothing
 * of other children of pinholes and of flows in a conntrack zone. What the first datagram of a UDP
 * flow was before it was translated is written down first ({@link FlowMaps}); what carries SYN has
 * rules of its own ({@link SynRules}). The ports are in sets, so that they can change without a
 * change of chains, which would flush the queues.
 *
 * <p>The set {@code rewritten} has the directions in which a message was made longer or shorter a
 * moment ago, or was changed and may be longer than a segment. The next such message must wait
 * until the receiver has this one, or its text is kept until then, so the pure ACKs of the other
 * direction are queued too. And without a reader, where packets pass ({@code bypass}), those of
 * this direction do not: the sender may send the message again, and if that passed unchanged, the
 * receiver would take its last bytes for new ones, or miss some. A connection is named by its id:
 * what NAT does to addresses does not matter then. Directions whose receiver is asked how far it
 * has come after a kill are in it, too, for the sake of the answer, which is a pure ACK; where
 * nothing is translated their packets pass without a reader.
 *
 * <p>Where the firewall's own rules give packets to the queue, these here give none. They still say
 * of a flow what must be known when its packet is read, so they come before the earliest of such
 * rules.
 */
final class Diversion {
  static final String CHAIN_POSTROUTING = "postrouting";
  static final String CHAIN_INPUT = "input";
  static final String CHAIN_DIVERT = "divert";
  static final String CHAIN_QUEUES = "queues";
  static final String CHAIN_STRICT = "strict";

  /** The TCP flag. */
  static final int SYN = 0x02;

  private static final int PRIORITY_BEHIND_NAT = 300;

  /**
   * Right before the table mangle of iptables, where rules of others can give packets to queues.
   */
  private static final int PRIORITY_BEFORE_OTHERS = -151;

  private static final int ARPHRD_LOOPBACK = 772;
  private static final int TCP_FLAGS_OFFSET = 13;
  private static final int FIN_RST = 0x05;
  private static final int ZONED_MAX = 16;
  private static final long ZONED_MS = 3_600_000;

  private final NftTable table;
  private final NftablesOptions options;
  private final NftFeatures features;
  private final NftSet tcpPorts =
      NftSet.named("tcpports", NftField.INET_SERVICE).comment("ports of TCP helpers").build();
  private final NftSet udpPorts =
      NftSet.named("udpports", NftField.INET_SERVICE).comment("ports of UDP helpers").build();

  private final NftSet zoned =
      NftSet.named("zoned", NftField.INET_PROTO)
          .timeouts()
          .changedByRules()
          .size(ZONED_MAX)
          .comment("flows in a conntrack zone came by; not read")
          .build();

  /**
   * The kernel cannot look a connection up by more than its id, and two may have the same one. It
   * errs on the safe side: for the seconds that an element lives, the other connection is not
   * passed unread either, and its pure ACKs are queued. Nothing opens by it, and nothing ends.
   */
  private final NftSet rewritten;

  private final FlowMaps flows;
  private final SynRules syns;
  private final QueueChoice queues;

  Diversion(NftTable table, NftablesOptions options, NftFeatures features) {
    rewritten =
        NftSet.named("rewritten", NftField.CT_ID, NftField.CT_DIRECTION)
            .timeouts()
            .size(options.mapSizeElements())
            .comment("not passed unread, and its ACKs are queued")
            .build();
    queues = new QueueChoice(table, options, features);
    flows = new FlowMaps(table, options.mapSizeElements());
    syns = new SynRules(table, options, features);
    this.table = table;
    this.options = options;
    this.features = features;
  }

  NftSet tcpPorts() {
    return tcpPorts;
  }

  List<NftSet> sets() {
    List<NftSet> sets = new ArrayList<>(List.of(tcpPorts, udpPorts, zoned, rewritten));
    sets.addAll(flows.sets());
    return sets;
  }

  /** The rules for packets with SYN. */
  SynRules syns() {
    return syns;
  }

  /** Which of the queues a packet is given to. */
  QueueChoice queues() {
    return queues;
  }

  /** What the first datagrams of flows were before they were translated. */
  FlowMaps flows() {
    return flows;
  }

  void addSets(NftBatch batch) {
    for (NftSet set : sets()) {
      batch.addSet(table, set);
    }
  }

  void setPorts(NftBatch batch, Collection<HelperPort> ports) {
    batch.flushSet(table, tcpPorts).flushSet(table, udpPorts);
    NftValue value = new NftValue();
    for (Transport transport : Transport.values()) {
      for (HelperPort port : ports) {
        if (port.transport() == transport) {
          value.reset().put16be(port.port());
          batch.addElement(table, ports(transport), value, null, 0, 0, "");
        }
      }
    }
  }

  /** The ports of the helpers of a transport. */
  NftSet ports(Transport transport) {
    return transport == Transport.TCP ? tcpPorts : udpPorts;
  }

  /** The protocols of flows that were left alone within the last hour, because of their zones. */
  NftSet zoned() {
    return zoned;
  }

  List<String> chains() {
    return List.of(
        CHAIN_STRICT,
        CHAIN_QUEUES,
        SynRules.CHAIN_BEGIN,
        FlowMaps.CHAIN_WRITE,
        FlowMaps.CHAIN_FLOWS,
        CHAIN_DIVERT,
        CHAIN_POSTROUTING,
        CHAIN_INPUT);
  }

  void addChains(NftBatch batch) {
    int priority = options.diverts() ? PRIORITY_BEHIND_NAT : PRIORITY_BEFORE_OTHERS;
    batch
        .addChain(table, CHAIN_STRICT)
        .addChain(table, CHAIN_QUEUES)
        .addChain(table, SynRules.CHAIN_BEGIN)
        .addChain(table, FlowMaps.CHAIN_WRITE)
        .addChain(table, FlowMaps.CHAIN_FLOWS)
        .addChain(table, CHAIN_DIVERT)
        .addBaseChain(table, CHAIN_POSTROUTING, new BaseChain(BaseChain.Hook.POSTROUTING, priority))
        .addBaseChain(table, CHAIN_INPUT, new BaseChain(BaseChain.Hook.INPUT, priority));
  }

  void addRules(NftBatch batch) {
    addBase(batch, CHAIN_POSTROUTING, Meta.OIFTYPE);
    addBase(batch, CHAIN_INPUT, Meta.IIFTYPE);
    addDivert(batch);
    flows.addRules(batch);
    syns.addRules(batch);
    if (!options.diverts()) {
      return;
    }
    queues.addRules(batch, CHAIN_STRICT, false);
    if (options.bypass()) {
      addStrict(batch);
    }
    queues.addRules(batch, CHAIN_QUEUES, options.bypass());
  }

  /** How many rules there are in the chain that chooses a queue. */
  int queueRules() {
    return strictRules() + (options.diverts() && options.bypass() ? 1 : 0);
  }

  /** How many there are in the one that lets nothing pass without a reader. */
  int strictRules() {
    return options.diverts() ? options.queues() : 0;
  }

  /** What was rewritten a moment ago must not pass as it was, should the agent be gone. */
  private void addStrict(NftBatch batch) {
    batch
        .addRule(table, CHAIN_QUEUES)
        .loadCt(Ct.STATUS, 0)
        .mask32host(0, Ct.STATUS_NAT)
        .compare32host(0, Compare.NOT_EQUAL, 0)
        .loadCt(Ct.ID, 0)
        .loadCt(Ct.DIRECTION, 1)
        .lookup(rewritten, 0)
        .goTo(CHAIN_STRICT)
        .endRule();
  }

  /** The set of directions in which something was rewritten a moment ago. */
  NftSet rewritten() {
    return rewritten;
  }

  /** The key of a direction in {@link #rewritten()}. */
  static NftValue key(RewrittenDirection direction, NftValue into) {
    return into.reset().put32be(direction.conntrackId()).put8(direction.reply() ? 1 : 0);
  }

  private void addBase(NftBatch batch, String chain, Meta interfaceType) {
    batch
        .addRule(table, chain)
        .loadMeta(interfaceType, 0)
        .compare16host(0, Compare.EQUAL, ARPHRD_LOOPBACK)
        .returnToCaller()
        .endRule();
    int child = options.marks().child();
    int read = options.marks().read();
    batch
        .addRule(table, chain)
        .loadCt(Ct.MARK, 0)
        .mask32host(0, child | read)
        .compare32host(0, Compare.EQUAL, child | read)
        .goTo(CHAIN_DIVERT)
        .comment("a child that is read")
        .endRule();
    for (Transport transport : Transport.values()) {
      batch
          .addRule(table, chain)
          .loadMeta(Meta.L4PROTO, 0)
          .compare8(0, Compare.EQUAL, transport.protocolNumber())
          .loadCt(Ct.PROTO_DST, Direction.ORIGINAL, 0)
          .lookup(ports(transport), 0)
          .jump(CHAIN_DIVERT)
          .endRule();
    }
  }

  /** How many rules there are in the chain that chooses what is queued. */
  int divertRules() {
    int queueing = options.diverts() ? features.innerHeader() ? 4 : 2 : 0;
    return 4 + queueing + (features.conntrackZones() ? 2 : 0);
  }

  private void addDivert(NftBatch batch) {
    if (features.conntrackZones()) {
      // two flows may have the same addresses, in two zones: here everything goes by addresses
      batch
          .addRule(table, CHAIN_DIVERT)
          .loadCt(Ct.ZONE, 0)
          .compare16host(0, Compare.NOT_EQUAL, 0)
          .loadMeta(Meta.L4PROTO, 0)
          .changeElement(ElementOperation.UPDATE, zoned, 0, ZONED_MS)
          .counter()
          .returnToCaller()
          .comment("in a conntrack zone")
          .endRule();
      batch
          .addRule(table, CHAIN_DIVERT)
          .loadCt(Ct.ZONE, 0)
          .compare16host(0, Compare.NOT_EQUAL, 0)
          .returnToCaller()
          .comment("in a zone, and there was no memory to note it")
          .endRule();
    }
    batch
        .addRule(table, CHAIN_DIVERT)
        .loadCt(Ct.MARK, 0)
        .mask32host(0, options.marks().child() | options.marks().read())
        .compare32host(0, Compare.EQUAL, options.marks().child())
        .returnToCaller()
        .comment("a child")
        .endRule();
    flags(batch.addRule(table, CHAIN_DIVERT), SYN, SYN).goTo(SynRules.CHAIN_BEGIN).endRule();
    batch
        .addRule(table, CHAIN_DIVERT)
        .loadCt(Ct.MARK, 0)
        .mask32host(0, options.marks().opaque())
        .compare32host(0, Compare.NOT_EQUAL, 0)
        .returnToCaller()
        .comment("opaque")
        .endRule();
    protocol(batch, Transport.UDP)
        .loadCt(Ct.STATUS, 0)
        .mask32host(0, Ct.STATUS_CONFIRMED)
        .compare32host(0, Compare.EQUAL, 0)
        .jump(FlowMaps.CHAIN_FLOWS)
        .comment("the first datagram: ctnetlink does not know it yet")
        .endRule();
    if (!options.diverts()) {
      return;
    }
    queue(protocol(batch, Transport.UDP));
    if (!features.innerHeader()) {
      queue(protocol(batch, Transport.TCP)); // pure ACKs too, where they cannot be told
      return;
    }
    queue(withPayload(protocol(batch, Transport.TCP)));
    queue(
        protocol(batch, Transport.TCP)
            .loadPayload(Base.TRANSPORT, TCP_FLAGS_OFFSET, 1, 0)
            .mask8(0, FIN_RST)
            .compare8(0, Compare.NOT_EQUAL, 0));
    // What is left is pure ACKs.
    queue(
        protocol(batch, Transport.TCP)
            .loadCt(Ct.ID, 0)
            .loadCt(Ct.DIRECTION, 1)
            .flip8(1, 1)
            .lookup(rewritten, 0));
  }

  /** Goes on with a rule for TCP packets with some flags. */
  static NftExpressions flags(NftExpressions rule, int mask, int value) {
    return PacketTuple.transport(rule, Transport.TCP)
        .loadPayload(Base.TRANSPORT, TCP_FLAGS_OFFSET, 1, 0)
        .mask8(0, mask)
        .compare8(0, Compare.EQUAL, value);
  }

  /** Goes on with a rule for packets with something behind the transport header. */
  static NftExpressions withPayload(NftExpressions rule) {
    // loads only if there is payload: any byte is at least 0
    return rule.loadPayload(Base.INNER, 0, 1, 0).compare8(0, Compare.AT_LEAST, 0);
  }

  private NftExpressions protocol(NftBatch batch, Transport transport) {
    return PacketTuple.transport(batch.addRule(table, CHAIN_DIVERT), transport);
  }

  /** Ends a rule: what it is for is queued. */
  static void queue(NftExpressions rule) {
    rule.counter().goTo(CHAIN_QUEUES).endRule();
  }
}
