package org.pinholed.agent.pinhole.nftables;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.pinhole.ChildTranslation;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PortRange;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nftables.BaseChain;
import org.pinholed.kernel.nftables.ExpectationObject;
import org.pinholed.kernel.nftables.NftBatch;
import org.pinholed.kernel.nftables.NftClient;
import org.pinholed.kernel.nftables.NftExpressions;
import org.pinholed.kernel.nftables.NftExpressions.Compare;
import org.pinholed.kernel.nftables.NftExpressions.Ct;
import org.pinholed.kernel.nftables.NftExpressions.ElementOperation;
import org.pinholed.kernel.nftables.NftFamily;
import org.pinholed.kernel.nftables.NftFeatures;
import org.pinholed.kernel.nftables.NftField;
import org.pinholed.kernel.nftables.NftSet;
import org.pinholed.kernel.nftables.NftTable;
import org.pinholed.kernel.nftables.NftValue;

/**
 * The maps that translate children of pinholes, right before the operator's own chains, and the
 * rule that lets the kernel shift sequence numbers of parents. Immutable; may be shared between
 * threads.
 *
 * <p>Only connections that a pinhole has marked are looked up. All have the pinhole's own key:
 * where the source is translated, the destination is already, and the packet is looked up by what
 * it was. The source of what may come from any source is never translated.
 *
 * <p>Whoever a pinhole for many leads to may send first, from the endpoint that it leads to. Such a
 * child leaves from the endpoint outside that was announced, and not from one that the operator's
 * rules or the kernel choose: {@code back} has it by the inside endpoint and the other end's
 * address, {@code backany} for pinholes for any source by the inside endpoint alone.
 *
 * <p>Children of leases keep their port; {@code leasednat} and {@code leasesnat} have the keys of
 * leases, with the lowest and the highest port of the range, and a rule for each range (see {@link
 * PinholeMaps}).
 *
 * <p>A packet takes out its pinhole, and not the translation that belongs to it, which may still
 * stand when a pinhole for any source or a lease is opened for the same port. Whoever that one lets
 * in is looked up in {@code dnat} and {@code snat} first; so the rule that finds him takes out what
 * stands there for his packet.
 *
 * <p>It is long because maps, rules and elements stand together: they must have the same keys, for
 * one source, for any and for leases.
 */
final class TranslationMaps {
  static final String CHAIN_PREROUTING = "natprerouting";
  static final String CHAIN_OUTPUT = "natoutput";
  static final String CHAIN_POSTROUTING = "natpostrouting";
  static final String CHAIN_LEASE_DESTINATIONS = "leasednat";
  static final String CHAIN_LEASE_SOURCES = "leasesnat";

  private static final String SEQUENCE_ADJUSTMENT = "seqadj";
  private static final int PRIORITY_DNAT = -101;
  private static final int PRIORITY_SNAT = 99;
  private static final String ADJUSTS = "expects nothing; lets payload change its length";

  private final NftTable table;
  private final int childBit;
  private final int readBit;
  private final NftSet dnat4;
  private final NftSet dnat6;
  private final NftSet dnatAny4;
  private final NftSet dnatAny6;
  private final NftSet snat4;
  private final NftSet snat6;
  private final NftSet leaseDnat4;
  private final NftSet leaseDnat6;
  private final NftSet leaseSnat4;
  private final NftSet leaseSnat6;
  private final NftSet back4;
  private final NftSet back6;
  private final NftSet backAny4;
  private final NftSet backAny6;
  private final @Nullable ExpectationObject sequenceAdjustment;
  private final boolean expects;

  TranslationMaps(NftTable table, NftablesOptions options, NftFeatures features) {
    this.table = table;
    this.sequenceAdjustment = features.sequenceAdjustment();
    this.expects = options.expects();
    this.childBit = options.marks().child();
    this.readBit = options.marks().read();
    int size = options.openSizeElements();
    dnat4 = destinationMap("dnat4", NftField.IPV4_ADDR, size);
    dnat6 = destinationMap("dnat6", NftField.IPV6_ADDR, size);
    dnatAny4 = anyMap("dnatany4", NftField.IPV4_ADDR, size);
    dnatAny6 = anyMap("dnatany6", NftField.IPV6_ADDR, size);
    snat4 = map("snat4", NftField.IPV4_ADDR, size, NftField.IPV4_ADDR);
    snat6 = map("snat6", NftField.IPV6_ADDR, size, NftField.IPV6_ADDR);
    int leases = options.mapSizeElements();
    leaseDnat4 = leaseMap("leasednat4", NftField.IPV4_ADDR, leases);
    leaseDnat6 = leaseMap("leasednat6", NftField.IPV6_ADDR, leases);
    leaseSnat4 = leaseMap("leasesnat4", NftField.IPV4_ADDR, leases);
    leaseSnat6 = leaseMap("leasesnat6", NftField.IPV6_ADDR, leases);
    back4 = backMap("back4", NftField.IPV4_ADDR, size);
    back6 = backMap("back6", NftField.IPV6_ADDR, size);
    backAny4 = backAnyMap("backany4", NftField.IPV4_ADDR, size);
    backAny6 = backAnyMap("backany6", NftField.IPV6_ADDR, size);
  }

  private static NftSet destinationMap(String name, NftField address, int size) {
    return map(name, address, size, address, NftField.INET_SERVICE);
  }

  private static NftSet map(String name, NftField address, int size, NftField... value) {
    return NftSet.named(name, NftField.INET_PROTO, address, address, NftField.INET_SERVICE)
        .changedByRules()
        .mapsTo(value)
        .timeouts()
        .size(size)
        .comment("protocol . source . destination . port of a child")
        .build();
  }

  private static NftSet leaseMap(String name, NftField address, int size) {
    NftField port = NftField.INET_SERVICE;
    return NftSet.named(name, NftField.INET_PROTO, address, address, port, port)
        .mapsTo(address)
        .timeouts()
        .size(size)
        .comment("protocol . source . destination . lowest . highest port of a lease")
        .build();
  }

  private static NftSet anyMap(String name, NftField address, int size) {
    return NftSet.named(name, NftField.INET_PROTO, address, NftField.INET_SERVICE)
        .mapsTo(address, NftField.INET_SERVICE)
        .timeouts()
        .size(size)
        .comment("protocol . destination . port of a child from any source")
        .build();
  }

  private static NftSet backMap(String name, NftField address, int size) {
    return NftSet.named(name, NftField.INET_PROTO, address, NftField.INET_SERVICE, address)
        .mapsTo(address, NftField.INET_SERVICE)
        .timeouts()
        .size(size)
        .comment("protocol . inside . port . other end of a child from inside")
        .build();
  }

  private static NftSet backAnyMap(String name, NftField address, int size) {
    return NftSet.named(name, NftField.INET_PROTO, address, NftField.INET_SERVICE)
        .mapsTo(address, NftField.INET_SERVICE)
        .timeouts()
        .size(size)
        .comment("protocol . inside . port of a child from inside, to any other end")
        .build();
  }

  List<NftSet> sets() {
    return List.of(
        dnat4,
        dnat6,
        dnatAny4,
        dnatAny6,
        snat4,
        snat6,
        leaseDnat4,
        leaseDnat6,
        leaseSnat4,
        leaseSnat6,
        back4,
        back6,
        backAny4,
        backAny6);
  }

  void addSets(NftBatch batch) {
    for (NftSet set : sets()) {
      batch.addSet(table, set);
    }
    if (sequenceAdjustment != null) {
      batch.addExpectationObject(table, SEQUENCE_ADJUSTMENT, sequenceAdjustment);
    }
  }

  /** How many rules this adds to the chain of pinholes, and how many to the one of children. */
  int rulesForPinholes() {
    return sequenceAdjustment == null ? 0 : 1;
  }

  /** How many rules there are in a chain for destinations of children. */
  static int destinationRules() {
    return 5;
  }

  /** How many rules there are in the chain for sources of children: three by family, transport. */
  static int sourceRules() {
    return 13;
  }

  /** How many rules there are in the chain for destinations of leases. */
  static int leaseDestinationRules(Collection<PortRange> ranges) {
    return 2 * ranges.size();
  }

  /** How many rules there are in the chain for sources of leases. */
  static int leaseSourceRules(Collection<PortRange> ranges) {
    return 4 * ranges.size();
  }

  /** Goes on in a rule: takes out what translates a packet to the child of an earlier pinhole. */
  void forgetEarlier(NftExpressions rule, boolean ipv6) {
    int destination = PacketTuple.registers(ipv6, true);
    int port = destination + PacketTuple.addressBytes(ipv6) / 4;
    PacketTuple.load(rule, ipv6, true);
    PacketTuple.destination(rule, ipv6, destination); // the kernel wants some value
    PacketTuple.port(rule, port)
        .changeElement(ElementOperation.DELETE, ipv6 ? dnat6 : dnat4, 0, destination, 0)
        .changeElement(ElementOperation.DELETE, ipv6 ? snat6 : snat4, 0, destination, 0);
  }

  List<String> chains() {
    return List.of(
        CHAIN_LEASE_DESTINATIONS,
        CHAIN_LEASE_SOURCES,
        CHAIN_PREROUTING,
        CHAIN_OUTPUT,
        CHAIN_POSTROUTING);
  }

  void addChains(NftBatch batch) {
    batch.addChain(table, CHAIN_LEASE_DESTINATIONS).addChain(table, CHAIN_LEASE_SOURCES);
    base(batch, CHAIN_PREROUTING, BaseChain.Hook.PREROUTING, PRIORITY_DNAT);
    base(batch, CHAIN_OUTPUT, BaseChain.Hook.OUTPUT, PRIORITY_DNAT);
    base(batch, CHAIN_POSTROUTING, BaseChain.Hook.POSTROUTING, PRIORITY_SNAT);
  }

  private void base(NftBatch batch, String chain, BaseChain.Hook hook, int priority) {
    batch.addBaseChain(table, chain, new BaseChain(BaseChain.Type.NAT, hook, priority));
  }

  void addRules(NftBatch batch, NftSet tcpPorts) {
    if (sequenceAdjustment != null) {
      // It opens nothing, but gives the connection the helper extension, and NAT then gives it the
      // one for sequence numbers.
      PacketTuple.port(
              withoutHelper(
                  PacketTuple.transport(
                      batch.addRule(table, PinholeMaps.CHAIN_PINHOLES), Transport.TCP)),
              0)
          .lookup(tcpPorts, 0)
          .assignExpectation(SEQUENCE_ADJUSTMENT)
          .comment(ADJUSTS)
          .endRule();
      withoutHelper(
              PacketTuple.transport(
                  hasMark(batch.addRule(table, PinholeMaps.CHAIN_CHILD), readBit), Transport.TCP))
          .assignExpectation(SEQUENCE_ADJUSTMENT)
          .comment(ADJUSTS)
          .endRule();
    }
    for (boolean ipv6 : new boolean[] {false, true}) {
      for (String chain : List.of(CHAIN_PREROUTING, CHAIN_OUTPUT)) {
        addDestinationRules(batch, chain, ipv6);
      }
      for (Transport transport : Transport.values()) {
        addBackRules(batch, transport, ipv6);
        int value = PacketTuple.registers(ipv6, true);
        NftExpressions rule = PacketTuple.family(batch.addRule(table, CHAIN_POSTROUTING), ipv6);
        PacketTuple.original(hasMark(PacketTuple.transport(rule, transport), childBit), ipv6)
            .lookup(ipv6 ? snat6 : snat4, 0, value)
            .counter()
            .sourceNat(family(ipv6), value)
            .endRule();
      }
    }
    for (String chain : List.of(CHAIN_PREROUTING, CHAIN_OUTPUT)) {
      hasMark(batch.addRule(table, chain), childBit).goTo(CHAIN_LEASE_DESTINATIONS).endRule();
    }
    hasMark(batch.addRule(table, CHAIN_POSTROUTING), childBit).goTo(CHAIN_LEASE_SOURCES).endRule();
  }

  /** Where parents get a helper that gives them the extension already, they need no object. */
  private NftExpressions withoutHelper(NftExpressions rule) {
    return expects
        ? rule.loadCt(Ct.STATUS, 0)
            .mask32host(0, Ct.STATUS_HELPER)
            .compare32host(0, Compare.EQUAL, 0)
        : rule;
  }

  /** They come before the rules that translate the source address alone. */
  private void addBackRules(NftBatch batch, Transport transport, boolean ipv6) {
    int words = PacketTuple.addressBytes(ipv6) / 4;
    for (boolean withPeer : new boolean[] {true, false}) {
      NftSet one = ipv6 ? back6 : back4;
      NftSet any = ipv6 ? backAny6 : backAny4;
      int value = PacketTuple.registers(ipv6, withPeer);
      NftExpressions rule = PacketTuple.family(batch.addRule(table, CHAIN_POSTROUTING), ipv6);
      PacketTuple.originalSource(
              hasMark(PacketTuple.transport(rule, transport), childBit), ipv6, withPeer)
          .lookup(withPeer ? one : any, 0, value)
          .counter()
          .sourceNat(family(ipv6), value, value + words)
          .endRule();
    }
  }

  private void addDestinationRules(NftBatch batch, String chain, boolean ipv6) {
    int words = PacketTuple.addressBytes(ipv6) / 4;
    for (boolean withSource : new boolean[] {true, false}) {
      NftSet one = ipv6 ? dnat6 : dnat4;
      NftSet any = ipv6 ? dnatAny6 : dnatAny4;
      int value = PacketTuple.registers(ipv6, withSource);
      ofChild(batch, chain, ipv6, withSource)
          .lookup(withSource ? one : any, 0, value)
          .counter()
          .destinationNat(family(ipv6), value, value + words)
          .endRule();
    }
  }

  /** Writes the rules of other ranges than before. */
  void setRanges(NftBatch batch, Collection<PortRange> ranges) {
    batch.flushChain(table, CHAIN_LEASE_DESTINATIONS).flushChain(table, CHAIN_LEASE_SOURCES);
    addRanges(batch, ranges);
  }

  /** Writes the rules that translate the children of leases. */
  void addRanges(NftBatch batch, Collection<PortRange> ranges) {
    for (PortRange range : ranges) {
      for (boolean ipv6 : new boolean[] {false, true}) {
        int address = PacketTuple.registers(ipv6, true) + 1;
        NftExpressions rule =
            PacketTuple.family(batch.addRule(table, CHAIN_LEASE_DESTINATIONS), ipv6);
        PacketTuple.lease(rule, ipv6, range)
            .lookup(ipv6 ? leaseDnat6 : leaseDnat4, 0, address)
            .counter()
            .destinationNat(family(ipv6), address)
            .endRule();
        for (Transport transport : Transport.values()) {
          rule = PacketTuple.family(batch.addRule(table, CHAIN_LEASE_SOURCES), ipv6);
          PacketTuple.originalLease(PacketTuple.transport(rule, transport), ipv6, range)
              .lookup(ipv6 ? leaseSnat6 : leaseSnat4, 0, address)
              .counter()
              .sourceNat(family(ipv6), address)
              .endRule();
        }
      }
    }
  }

  private static NftFamily family(boolean ipv6) {
    return ipv6 ? NftFamily.IP6 : NftFamily.IP;
  }

  /** Goes on for one transport: without it nft would not know what the port of conntrack is. */
  private static NftExpressions hasMark(NftExpressions rule, int bit) {
    return rule.loadCt(Ct.MARK, 0).mask32host(0, bit).compare32host(0, Compare.NOT_EQUAL, 0);
  }

  /** Begins a rule for marked connections, with the key of the packet in the registers from 0. */
  private NftExpressions ofChild(NftBatch batch, String chain, boolean ipv6, boolean withSource) {
    NftExpressions rule = PacketTuple.family(batch.addRule(table, chain), ipv6);
    return PacketTuple.load(hasMark(rule, childBit), ipv6, withSource);
  }

  /** Adds what translates the child of a pinhole. */
  void add(NftBatch batch, Pinhole pinhole, long expirationMs, NftValue key, NftValue value) {
    ChildTranslation translation = pinhole.translation();
    if (translation == null) {
      return;
    }
    if (translation.inside() != null) {
      addDestination(batch, pinhole, expirationMs, key, value);
    }
    if (translation.source() != null) {
      addSource(batch, pinhole, expirationMs, key, value);
    }
    if (hasWayBack(pinhole)) {
      addBack(batch, pinhole, expirationMs, key, value);
    }
  }

  /** Whether what a pinhole leads to may send first, and is seen outside at another endpoint. */
  static boolean hasWayBack(Pinhole pinhole) {
    ChildTranslation translation = pinhole.translation();
    return translation != null
        && translation.inside() != null
        && (pinhole.kind() == Pinhole.Kind.OPEN || pinhole.kind() == Pinhole.Kind.OPEN_ANY);
  }

  /** Adds what translates the source of a child that comes from inside. */
  void addBack(NftBatch batch, Pinhole pinhole, long expirationMs, NftValue key, NftValue value) {
    value.reset().putBytes(pinhole.destination().getAddress()).put16be(pinhole.port());
    batch.addElement(
        table, back(pinhole), inside(pinhole, key), value, pinhole.timeoutMs(), expirationMs, "");
  }

  /** The map that translates sources of children that come from where a pinhole leads to. */
  NftSet back(Pinhole pinhole) {
    if (pinhole.source() == null) {
      return isIpv6(pinhole) ? backAny6 : backAny4;
    }
    return isIpv6(pinhole) ? back6 : back4;
  }

  /** The key of the first packet of a child that comes from inside, as it comes. */
  NftValue inside(Pinhole pinhole, NftValue into) {
    ChildTranslation translation = Objects.requireNonNull(pinhole.translation());
    Endpoint inside = Objects.requireNonNull(translation.inside());
    into.reset()
        .put8(pinhole.transport().protocolNumber())
        .putBytes(inside.address().getAddress())
        .put16be(inside.port());
    InetAddress source = translation.source() == null ? pinhole.source() : translation.source();
    return source == null ? into : into.putBytes(source.getAddress());
  }

  /** Adds the translation of a child's destination; to its own one if it has none. */
  void addDestination(
      NftBatch batch, Pinhole pinhole, long expirationMs, NftValue key, NftValue value) {
    Endpoint inside = pinhole.leadsTo();
    value.reset().putBytes(inside.address().getAddress());
    if (pinhole.kind() != Pinhole.Kind.LEASE) {
      value.put16be(inside.port());
    }
    batch.addElement(
        table,
        destinations(pinhole),
        outside(pinhole, key),
        value,
        pinhole.timeoutMs(),
        expirationMs,
        "");
  }

  /** Adds the translation of a child's source; to its own one if it has none. */
  void addSource(NftBatch batch, Pinhole pinhole, long expirationMs, NftValue key, NftValue value) {
    ChildTranslation translation = pinhole.translation();
    InetAddress source = translation == null ? null : translation.source();
    if (source == null) {
      source = Objects.requireNonNull(pinhole.source());
    }
    value.reset().putBytes(source.getAddress());
    batch.addElement(
        table,
        sources(pinhole),
        outside(pinhole, key),
        value,
        pinhole.timeoutMs(),
        expirationMs,
        "");
  }

  /** The map that translates destinations of children like that of a pinhole. */
  NftSet destinations(Pinhole pinhole) {
    if (pinhole.kind() == Pinhole.Kind.LEASE) {
      return isIpv6(pinhole) ? leaseDnat6 : leaseDnat4;
    }
    if (pinhole.source() == null) {
      return isIpv6(pinhole) ? dnatAny6 : dnatAny4;
    }
    return isIpv6(pinhole) ? dnat6 : dnat4;
  }

  /** The map that translates sources of children like that of a pinhole, if it has one source. */
  NftSet sources(Pinhole pinhole) {
    if (pinhole.kind() == Pinhole.Kind.LEASE) {
      return isIpv6(pinhole) ? leaseSnat6 : leaseSnat4;
    }
    return isIpv6(pinhole) ? snat6 : snat4;
  }

  private static boolean isIpv6(Pinhole pinhole) {
    return pinhole.destination() instanceof Inet6Address;
  }

  /** The key of the child's first packet as it comes. */
  NftValue outside(Pinhole pinhole, NftValue into) {
    into.reset().put8(pinhole.transport().protocolNumber());
    InetAddress source = pinhole.source();
    if (source != null) {
      into.putBytes(source.getAddress());
    }
    into.putBytes(pinhole.destination().getAddress()).put16be(pinhole.port());
    return pinhole.kind() == Pinhole.Kind.LEASE ? into.put16be(pinhole.lastPort()) : into;
  }

  /** All translations that stand in the kernel. */
  FoundTranslations read(NftClient client) throws NetlinkException {
    FoundTranslations found = new FoundTranslations();
    for (boolean ipv6 : new boolean[] {false, true}) {
      int length = PacketTuple.addressBytes(ipv6);
      client.dumpElements(
          table, ipv6 ? dnat6 : dnat4, element -> found.destination(element, length, true));
      client.dumpElements(
          table, ipv6 ? dnatAny6 : dnatAny4, element -> found.destination(element, length, false));
      client.dumpElements(table, ipv6 ? snat6 : snat4, element -> found.source(element, length));
      client.dumpElements(
          table, ipv6 ? leaseDnat6 : leaseDnat4, element -> found.leased(element, length, true));
      client.dumpElements(
          table, ipv6 ? leaseSnat6 : leaseSnat4, element -> found.leased(element, length, false));
    }
    return found;
  }
}
