package org.pinholed.agent.pinhole.nftables;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.pinhole.ChildTranslation;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeKey;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nftables.BaseChain;
import org.pinholed.kernel.nftables.ExpectationObject;
import org.pinholed.kernel.nftables.NftBatch;
import org.pinholed.kernel.nftables.NftClient;
import org.pinholed.kernel.nftables.NftElementView;
import org.pinholed.kernel.nftables.NftExpressions;
import org.pinholed.kernel.nftables.NftExpressions.Compare;
import org.pinholed.kernel.nftables.NftExpressions.Ct;
import org.pinholed.kernel.nftables.NftExpressions.ElementOperation;
import org.pinholed.kernel.nftables.NftExpressions.Meta;
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
 * <p>Only connections that a pinhole has marked are looked up. {@code dnat} and {@code dnatany}
 * have the pinhole's own key; {@code snat} the key of the same packet behind it. The source of what
 * may come from any source is never translated.
 *
 * <p>A packet takes out its pinhole, and not the translation that belongs to it, which may still
 * stand when a pinhole for any source is opened for the same port. Whoever that one lets in is
 * looked up in {@code dnat} first; so the rule that finds him takes out what stands there for his
 * packet.
 */
final class TranslationMaps {
  static final String CHAIN_PREROUTING = "natprerouting";
  static final String CHAIN_OUTPUT = "natoutput";
  static final String CHAIN_POSTROUTING = "natpostrouting";

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
  private final @Nullable ExpectationObject sequenceAdjustment;

  TranslationMaps(NftTable table, NftablesOptions options, NftFeatures features) {
    this.table = table;
    this.sequenceAdjustment = features.sequenceAdjustment();
    this.childBit = options.marks().child();
    this.readBit = options.marks().read();
    int size = options.mapSizeElements();
    dnat4 = destinationMap("dnat4", NftField.IPV4_ADDR, size);
    dnat6 = destinationMap("dnat6", NftField.IPV6_ADDR, size);
    dnatAny4 = anyMap("dnatany4", NftField.IPV4_ADDR, size);
    dnatAny6 = anyMap("dnatany6", NftField.IPV6_ADDR, size);
    snat4 = map("snat4", NftField.IPV4_ADDR, size, NftField.IPV4_ADDR).build();
    snat6 = map("snat6", NftField.IPV6_ADDR, size, NftField.IPV6_ADDR).build();
  }

  private static NftSet destinationMap(String name, NftField address, int size) {
    return map(name, address, size, address, NftField.INET_SERVICE).changedByRules().build();
  }

  private static NftSet.Builder map(String name, NftField address, int size, NftField... value) {
    return NftSet.named(name, NftField.INET_PROTO, address, address, NftField.INET_SERVICE)
        .mapsTo(value)
        .timeouts()
        .size(size)
        .comment("protocol . source . destination . port of a child");
  }

  private static NftSet anyMap(String name, NftField address, int size) {
    return NftSet.named(name, NftField.INET_PROTO, address, NftField.INET_SERVICE)
        .mapsTo(address, NftField.INET_SERVICE)
        .timeouts()
        .size(size)
        .comment("protocol . destination . port of a child from any source")
        .build();
  }

  List<NftSet> sets() {
    return List.of(dnat4, dnat6, dnatAny4, dnatAny6, snat4, snat6);
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
    return 4;
  }

  /** Goes on in a rule: takes out what translates a packet to the child of an earlier pinhole. */
  void forgetEarlier(NftExpressions rule, boolean ipv6) {
    int destination = PacketTuple.registers(ipv6, true);
    int port = destination + PacketTuple.addressBytes(ipv6) / 4;
    PacketTuple.load(rule, ipv6, true);
    PacketTuple.destination(rule, ipv6, destination); // the kernel wants some value
    PacketTuple.port(rule, port)
        .changeElement(ElementOperation.DELETE, ipv6 ? dnat6 : dnat4, 0, destination, 0);
  }

  List<String> chains() {
    return List.of(CHAIN_PREROUTING, CHAIN_OUTPUT, CHAIN_POSTROUTING);
  }

  void addChains(NftBatch batch) {
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
      PacketTuple.port(ofTcp(batch.addRule(table, PinholeMaps.CHAIN_PINHOLES)), 0)
          .lookup(tcpPorts, 0)
          .assignExpectation(SEQUENCE_ADJUSTMENT)
          .comment(ADJUSTS)
          .endRule();
      ofTcp(hasMark(batch.addRule(table, PinholeMaps.CHAIN_CHILD), readBit))
          .assignExpectation(SEQUENCE_ADJUSTMENT)
          .comment(ADJUSTS)
          .endRule();
    }
    for (boolean ipv6 : new boolean[] {false, true}) {
      NftFamily family = ipv6 ? NftFamily.IP6 : NftFamily.IP;
      for (String chain : List.of(CHAIN_PREROUTING, CHAIN_OUTPUT)) {
        for (boolean withSource : new boolean[] {true, false}) {
          NftSet one = ipv6 ? dnat6 : dnat4;
          NftSet any = ipv6 ? dnatAny6 : dnatAny4;
          int value = PacketTuple.registers(ipv6, withSource);
          ofChild(batch, chain, ipv6, withSource)
              .lookup(withSource ? one : any, 0, value)
              .counter()
              .destinationNat(family, value, value + PacketTuple.addressBytes(ipv6) / 4)
              .endRule();
        }
      }
      int value = PacketTuple.registers(ipv6, true);
      ofChild(batch, CHAIN_POSTROUTING, ipv6, true)
          .lookup(ipv6 ? snat6 : snat4, 0, value)
          .counter()
          .sourceNat(family, value)
          .endRule();
    }
  }

  private static NftExpressions ofTcp(NftExpressions rule) {
    return rule.loadMeta(Meta.L4PROTO, 0)
        .compare8(0, Compare.EQUAL, Transport.TCP.protocolNumber());
  }

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
  }

  /** Adds the translation of a child's destination; to its own one if it has none. */
  void addDestination(
      NftBatch batch, Pinhole pinhole, long expirationMs, NftValue key, NftValue value) {
    ChildTranslation translation = pinhole.translation();
    Endpoint inside = translation == null ? null : translation.inside();
    if (inside == null) {
      inside = new Endpoint(pinhole.destination(), pinhole.port());
    }
    value.reset().putBytes(inside.address().getAddress()).put16be(inside.port());
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
        inside(pinhole, key),
        value,
        pinhole.timeoutMs(),
        expirationMs,
        "");
  }

  /** The map that translates destinations of children like that of a pinhole. */
  NftSet destinations(Pinhole pinhole) {
    if (pinhole.source() == null) {
      return isIpv6(pinhole) ? dnatAny6 : dnatAny4;
    }
    return isIpv6(pinhole) ? dnat6 : dnat4;
  }

  /** The map that translates sources of children like that of a pinhole, if it has one source. */
  NftSet sources(Pinhole pinhole) {
    return isIpv6(pinhole) ? snat6 : snat4;
  }

  private static boolean isIpv6(Pinhole pinhole) {
    return pinhole.destination() instanceof Inet6Address;
  }

  /** The key of the child's first packet as it comes. */
  NftValue outside(Pinhole pinhole, NftValue into) {
    return key(pinhole, pinhole.destination(), pinhole.port(), into);
  }

  /** The key of the child's first packet when its destination was translated. */
  NftValue inside(Pinhole pinhole, NftValue into) {
    ChildTranslation translation = pinhole.translation();
    Endpoint inside = translation == null ? null : translation.inside();
    return inside == null
        ? outside(pinhole, into)
        : key(pinhole, inside.address(), inside.port(), into);
  }

  private static NftValue key(Pinhole pinhole, InetAddress destination, int port, NftValue into) {
    into.reset().put8(pinhole.transport().protocolNumber());
    InetAddress source = pinhole.source();
    if (source != null) {
      into.putBytes(source.getAddress());
    }
    return into.putBytes(destination.getAddress()).put16be(port);
  }

  /** Whether there can be a translation of the child of a pinhole. */
  static boolean mayTranslate(Pinhole pinhole) {
    return pinhole.kind() != Pinhole.Kind.LEASE;
  }

  /** All translations that stand in the kernel. */
  Found read(NftClient client) throws NetlinkException {
    Found found = new Found();
    for (NftSet set : sets()) {
      boolean ipv6 = set == dnat6 || set == dnatAny6 || set == snat6;
      int length = PacketTuple.addressBytes(ipv6);
      boolean destination = set != snat4 && set != snat6;
      boolean withSource = set != dnatAny4 && set != dnatAny6;
      client.dumpElements(
          table, set, element -> found.take(element, length, destination, withSource));
    }
    return found;
  }

  /** What was found in the maps, by key. */
  static final class Found {
    private final Map<PinholeKey, Endpoint> destinations = new HashMap<>();
    private final Map<PinholeKey, InetAddress> sources = new HashMap<>();

    private void take(NftElementView element, int length, boolean destination, boolean withSource) {
      try {
        int destinationAt = withSource ? 4 + length : 4;
        PinholeKey key =
            new PinholeKey(
                element.key8(0),
                withSource ? InetAddress.getByAddress(element.keyBytes(4, length)) : null,
                InetAddress.getByAddress(element.keyBytes(destinationAt, length)),
                element.key16be(destinationAt + length));
        InetAddress address = InetAddress.getByAddress(element.valueBytes(0, length));
        if (destination) {
          byte[] port = element.valueBytes(length, 2);
          destinations.put(key, new Endpoint(address, (port[0] & 0xff) << 8 | (port[1] & 0xff)));
        } else {
          sources.put(key, address);
        }
      } catch (UnknownHostException e) {
        throw new IllegalStateException(e); // thrown for other lengths than 4 and 16 only
      }
    }

    /** A pinhole with the translation of its child, if there is one. */
    Pinhole complete(Pinhole pinhole) {
      if (!mayTranslate(pinhole)) {
        return pinhole;
      }
      InetAddress from = pinhole.source();
      int protocol = pinhole.transport().protocolNumber();
      PinholeKey outside = new PinholeKey(protocol, from, pinhole.destination(), pinhole.port());
      Endpoint inside = destinations.get(outside);
      InetAddress source =
          inside == null
              ? sources.get(outside)
              : sources.get(new PinholeKey(protocol, from, inside.address(), inside.port()));
      if (inside == null && source == null) {
        return pinhole;
      }
      return pinhole.withTranslation(new ChildTranslation(inside, source));
    }
  }
}
