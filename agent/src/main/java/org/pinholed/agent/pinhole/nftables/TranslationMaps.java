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
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nftables.BaseChain;
import org.pinholed.kernel.nftables.ExpectationObject;
import org.pinholed.kernel.nftables.NftBatch;
import org.pinholed.kernel.nftables.NftClient;
import org.pinholed.kernel.nftables.NftElementView;
import org.pinholed.kernel.nftables.NftExpressions;
import org.pinholed.kernel.nftables.NftExpressions.Compare;
import org.pinholed.kernel.nftables.NftExpressions.Ct;
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
 * <p>Only connections that a pinhole has marked are looked up. {@code dnat} has the pinhole's own
 * key; {@code snat} the key of the same packet behind it.
 */
final class TranslationMaps {
  static final String CHAIN_PREROUTING = "natprerouting";
  static final String CHAIN_OUTPUT = "natoutput";
  static final String CHAIN_POSTROUTING = "natpostrouting";

  private static final String SEQUENCE_ADJUSTMENT = "seqadj";
  private static final int PRIORITY_DNAT = -101;
  private static final int PRIORITY_SNAT = 99;
  private static final int TCP = 6;

  private final NftTable table;
  private final int childBit;
  private final NftSet dnat4;
  private final NftSet dnat6;
  private final NftSet snat4;
  private final NftSet snat6;
  private final @Nullable ExpectationObject sequenceAdjustment;

  TranslationMaps(NftTable table, NftablesOptions options, NftFeatures features) {
    this.table = table;
    this.sequenceAdjustment = features.sequenceAdjustment();
    this.childBit = options.marks().child();
    int size = options.mapSizeElements();
    dnat4 = map("dnat4", NftField.IPV4_ADDR, size, NftField.IPV4_ADDR, NftField.INET_SERVICE);
    dnat6 = map("dnat6", NftField.IPV6_ADDR, size, NftField.IPV6_ADDR, NftField.INET_SERVICE);
    snat4 = map("snat4", NftField.IPV4_ADDR, size, NftField.IPV4_ADDR);
    snat6 = map("snat6", NftField.IPV6_ADDR, size, NftField.IPV6_ADDR);
  }

  private static NftSet map(String name, NftField address, int size, NftField... value) {
    return NftSet.named(name, NftField.INET_PROTO, address, address, NftField.INET_SERVICE)
        .mapsTo(value)
        .timeouts()
        .size(size)
        .comment("protocol . source . destination . port of a child")
        .build();
  }

  List<NftSet> sets() {
    return List.of(dnat4, dnat6, snat4, snat6);
  }

  void addSets(NftBatch batch) {
    for (NftSet set : sets()) {
      batch.addSet(table, set);
    }
    if (sequenceAdjustment != null) {
      batch.addExpectationObject(table, SEQUENCE_ADJUSTMENT, sequenceAdjustment);
    }
  }

  /** How many rules this adds to the chain of pinholes. */
  int rulesForPinholes() {
    return sequenceAdjustment == null ? 0 : 1;
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
      NftExpressions rule =
          batch
              .addRule(table, PinholeMaps.CHAIN_PINHOLES)
              .loadMeta(Meta.L4PROTO, 0)
              .compare8(0, Compare.EQUAL, TCP);
      PacketTuple.port(rule, 0)
          .lookup(tcpPorts, 0)
          .assignExpectation(SEQUENCE_ADJUSTMENT)
          .comment("expects nothing; lets payload change its length")
          .endRule();
    }
    for (boolean ipv6 : new boolean[] {false, true}) {
      NftFamily family = ipv6 ? NftFamily.IP6 : NftFamily.IP;
      int value = PacketTuple.registers(ipv6, true);
      int port = value + PacketTuple.addressBytes(ipv6) / 4;
      for (String chain : List.of(CHAIN_PREROUTING, CHAIN_OUTPUT)) {
        ofChild(batch, chain, ipv6)
            .lookup(ipv6 ? dnat6 : dnat4, 0, value)
            .counter()
            .destinationNat(family, value, port)
            .endRule();
      }
      ofChild(batch, CHAIN_POSTROUTING, ipv6)
          .lookup(ipv6 ? snat6 : snat4, 0, value)
          .counter()
          .sourceNat(family, value)
          .endRule();
    }
  }

  /** Begins a rule for marked connections, with the key of the packet in the registers from 0. */
  private NftExpressions ofChild(NftBatch batch, String chain, boolean ipv6) {
    NftExpressions rule =
        PacketTuple.family(batch.addRule(table, chain), ipv6)
            .loadCt(Ct.MARK, 0)
            .mask32host(0, childBit)
            .compare32host(0, Compare.NOT_EQUAL, 0);
    return PacketTuple.load(rule, ipv6, true);
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
    return isIpv6(pinhole) ? dnat6 : dnat4;
  }

  /** The map that translates sources of children like that of a pinhole. */
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
    InetAddress source = Objects.requireNonNull(pinhole.source());
    return into.reset()
        .put8(pinhole.transport().protocolNumber())
        .putBytes(source.getAddress())
        .putBytes(destination.getAddress())
        .put16be(port);
  }

  /** All translations that stand in the kernel. */
  Found read(NftClient client) throws NetlinkException {
    Found found = new Found();
    for (NftSet set : sets()) {
      boolean ipv6 = set == dnat6 || set == snat6;
      int length = PacketTuple.addressBytes(ipv6);
      boolean destination = set == dnat4 || set == dnat6;
      client.dumpElements(table, set, element -> found.take(element, length, destination));
    }
    return found;
  }

  /** What was found in the maps, by key. */
  static final class Found {
    private final Map<PinholeKey, Endpoint> destinations = new HashMap<>();
    private final Map<PinholeKey, InetAddress> sources = new HashMap<>();

    private void take(NftElementView element, int length, boolean destination) {
      try {
        PinholeKey key =
            new PinholeKey(
                element.key8(0),
                InetAddress.getByAddress(element.keyBytes(4, length)),
                InetAddress.getByAddress(element.keyBytes(4 + length, length)),
                element.key16be(4 + 2 * length));
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
      InetAddress from = pinhole.source();
      if (from == null) {
        return pinhole;
      }
      int protocol = pinhole.transport().protocolNumber();
      Endpoint inside =
          destinations.get(new PinholeKey(protocol, from, pinhole.destination(), pinhole.port()));
      InetAddress source =
          inside == null
              ? sources.get(new PinholeKey(protocol, from, pinhole.destination(), pinhole.port()))
              : sources.get(new PinholeKey(protocol, from, inside.address(), inside.port()));
      if (inside == null && source == null) {
        return pinhole;
      }
      return pinhole.withTranslation(new ChildTranslation(inside, source));
    }
  }
}
