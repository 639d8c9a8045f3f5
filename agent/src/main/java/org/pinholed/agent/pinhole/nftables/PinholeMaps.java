package org.pinholed.agent.pinhole.nftables;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.pinhole.OwnedPinhole;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PortRange;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.nftables.BaseChain;
import org.pinholed.kernel.nftables.NftBatch;
import org.pinholed.kernel.nftables.NftElementView;
import org.pinholed.kernel.nftables.NftExpressions;
import org.pinholed.kernel.nftables.NftExpressions.Base;
import org.pinholed.kernel.nftables.NftExpressions.Compare;
import org.pinholed.kernel.nftables.NftExpressions.Ct;
import org.pinholed.kernel.nftables.NftExpressions.ElementOperation;
import org.pinholed.kernel.nftables.NftExpressions.Meta;
import org.pinholed.kernel.nftables.NftFeatures;
import org.pinholed.kernel.nftables.NftField;
import org.pinholed.kernel.nftables.NftSet;
import org.pinholed.kernel.nftables.NftTable;
import org.pinholed.kernel.nftables.NftValue;

/**
 * The maps that hold pinholes, the rules that look new connections up in them, and the way from a
 * pinhole to an element and back. Immutable; may be shared between threads.
 *
 * <p>A rule that finds a connection sets its mark and does no more: it accepts nothing. Of TCP only
 * a SYN begins one. Lookup and removal of a once-pinhole are two steps, and two processors can be
 * between them at the same time. So each element also has a limit, which lets one lookup find it.
 *
 * <p>A lease has two ports in its key, the lowest and the highest of its range. Which range a
 * packet belongs to is decided by rules, one for each range and family (chain {@value
 * #CHAIN_LEASES}): sets of intervals are copied at every transaction. How many connections come
 * through is the element's own limit.
 *
 * <p>nft lists all of it as it would be written by hand, but its version 1.0.6 aborts when it reads
 * back a deletion from a map with a key of more than 16 bytes ({@code once6}); see ADR 0007.
 */
final class PinholeMaps {
  static final String CHAIN_PREROUTING = "prerouting";
  static final String CHAIN_OUTPUT = "output";
  static final String CHAIN_PINHOLES = "pinholes";
  static final String CHAIN_LEASES = "leases";
  static final String CHAIN_CHILD = "child";

  private static final int PRIORITY_MANGLE = -150;
  private static final int TCP_FLAGS_OFFSET = 13;
  private static final int SYN = 0x02;
  private static final int FIN_SYN_RST_ACK = 0x17;

  private final NftTable table;
  private final List<Map> maps;
  private final boolean conntrackZones;
  private final boolean limits;
  private final int childBit;

  /** Of a connection that the kernel expected the first packet is not new but related. */
  private final int states;

  /** One map: a kind of pinhole in one family. */
  private record Map(Pinhole.Kind kind, boolean ipv6, NftSet set) {
    boolean hasSource() {
      return kind != Pinhole.Kind.OPEN_ANY;
    }
  }

  PinholeMaps(NftTable table, NftablesOptions options, NftFeatures features) {
    int sizeElements = options.mapSizeElements();
    int open = options.openSizeElements();
    this.table = table;
    this.conntrackZones = features.conntrackZones();
    boolean foundOnce = features.foundOnce();
    this.limits = foundOnce;
    this.childBit = options.marks().child();
    this.states = options.expects() ? Ct.STATE_NEW | Ct.STATE_RELATED : Ct.STATE_NEW;
    maps =
        List.of(
            map(Pinhole.Kind.ONCE, false, "once4", sizeElements, foundOnce),
            map(Pinhole.Kind.OPEN, false, "open4", open, false),
            map(Pinhole.Kind.OPEN_ANY, false, "openany4", open, false),
            map(Pinhole.Kind.LEASE, false, "lease4", sizeElements, false),
            map(Pinhole.Kind.ONCE, true, "once6", sizeElements, foundOnce),
            map(Pinhole.Kind.OPEN, true, "open6", open, false),
            map(Pinhole.Kind.OPEN_ANY, true, "openany6", open, false),
            map(Pinhole.Kind.LEASE, true, "lease6", sizeElements, false));
  }

  private static Map map(
      Pinhole.Kind kind, boolean ipv6, String name, int sizeElements, boolean foundOnce) {
    NftField address = ipv6 ? NftField.IPV6_ADDR : NftField.IPV4_ADDR;
    NftField protocol = NftField.INET_PROTO;
    NftField port = NftField.INET_SERVICE;
    NftSet.Builder builder =
        switch (kind) {
          case ONCE ->
              NftSet.named(name, protocol, address, address, port)
                  .changedByRules()
                  .comment("protocol . source . destination . port; one connection each");
          case OPEN ->
              NftSet.named(name, protocol, address, address, port)
                  .comment("protocol . source . destination . port");
          case OPEN_ANY ->
              NftSet.named(name, protocol, address, port)
                  .comment("protocol . destination . port, from any source");
          case LEASE ->
              NftSet.named(name, protocol, address, address, port, port)
                  .changedByRules() // else the kernel takes no limits of single elements
                  .comment("protocol . source . destination . lowest . highest port");
        };
    if (foundOnce) {
      builder.foundOnce();
    }
    return new Map(kind, ipv6, builder.mapsTo(NftField.MARK).timeouts().size(sizeElements).build());
  }

  List<NftSet> sets() {
    return maps.stream().map(Map::set).toList();
  }

  NftSet setOf(Pinhole pinhole) {
    return mapOf(pinhole).set();
  }

  private Map mapOf(Pinhole pinhole) {
    boolean ipv6 = !(pinhole.destination() instanceof Inet4Address);
    for (Map map : maps) {
      if (map.kind() == pinhole.kind() && map.ipv6() == ipv6) {
        return map;
      }
    }
    throw new IllegalStateException("no map for " + pinhole.kind());
  }

  NftValue key(Pinhole pinhole, NftValue into) {
    into.reset().put8(pinhole.transport().protocolNumber());
    InetAddress source = pinhole.source();
    if (source != null) {
      into.putBytes(source.getAddress());
    }
    into.putBytes(pinhole.destination().getAddress()).put16be(pinhole.port());
    return pinhole.kind() == Pinhole.Kind.LEASE ? into.put16be(pinhole.lastPort()) : into;
  }

  /** How many lookups the element of a pinhole lets find it; 0 for any number. */
  int lookups(Pinhole pinhole) {
    return limits ? pinhole.connections() : 0;
  }

  /** An element as a pinhole; null if nobody could have made it of a pinhole. */
  @Nullable OwnedPinhole read(NftSet set, NftElementView element) {
    for (Map map : maps) {
      if (map.set() == set) {
        return read(map, element);
      }
    }
    throw new IllegalArgumentException("not a map of pinholes: " + set);
  }

  private static @Nullable OwnedPinhole read(Map map, NftElementView element) {
    Transport transport = Transport.of(element.key8(0));
    int length = PacketTuple.addressBytes(map.ipv6());
    int destinationAt = map.hasSource() ? 4 + length : 4;
    boolean isLease = map.kind() == Pinhole.Kind.LEASE;
    int port = element.key16be(destinationAt + length);
    int lastPort = isLease ? element.key16be(destinationAt + length + 4) : port;
    // anybody with the privilege can add elements that no agent would
    if (transport == null || port == 0 || element.timeoutMs() < 1) {
      return null;
    }
    try {
      Pinhole pinhole =
          new Pinhole(
              map.kind(),
              transport,
              map.hasSource() ? InetAddress.getByAddress(element.keyBytes(4, length)) : null,
              InetAddress.getByAddress(element.keyBytes(destinationAt, length)),
              port,
              lastPort,
              isLease ? element.lookups() : 0,
              element.value32host(),
              element.timeoutMs(),
              element.comment(),
              null,
              null);
      return new OwnedPinhole(pinhole, element.expirationMs());
    } catch (UnknownHostException | IllegalArgumentException e) {
      return null; // an IPv4-mapped IPv6 address, a comment that is too long, ports the wrong way
    }
  }

  /** Makes the maps; they keep their elements if they are there. */
  void addSets(NftBatch batch) {
    for (Map map : maps) {
      batch.addSet(table, map.set());
    }
  }

  List<String> chains() {
    return List.of(CHAIN_CHILD, CHAIN_LEASES, CHAIN_PINHOLES, CHAIN_PREROUTING, CHAIN_OUTPUT);
  }

  void addChains(NftBatch batch) {
    batch
        .addChain(table, CHAIN_CHILD)
        .addChain(table, CHAIN_LEASES)
        .addChain(table, CHAIN_PINHOLES)
        .addBaseChain(
            table, CHAIN_PREROUTING, new BaseChain(BaseChain.Hook.PREROUTING, PRIORITY_MANGLE))
        .addBaseChain(table, CHAIN_OUTPUT, new BaseChain(BaseChain.Hook.OUTPUT, PRIORITY_MANGLE));
  }

  void addRules(NftBatch batch, TranslationMaps translations) {
    if (conntrackZones) {
      // an address in a zone is not the one that was announced, though it looks the same
      batch
          .addRule(table, CHAIN_PINHOLES)
          .loadCt(Ct.ZONE, 0)
          .compare16host(0, Compare.NOT_EQUAL, 0)
          .returnToCaller()
          .comment("in a conntrack zone")
          .endRule();
    }
    // conntrack takes a lone ACK for a new connection too (nf_conntrack_tcp_loose)
    batch
        .addRule(table, CHAIN_PINHOLES)
        .loadMeta(Meta.L4PROTO, 0)
        .compare8(0, Compare.EQUAL, Transport.TCP.protocolNumber())
        .loadPayload(Base.TRANSPORT, TCP_FLAGS_OFFSET, 1, 0)
        .mask8(0, FIN_SYN_RST_ACK)
        .compare8(0, Compare.NOT_EQUAL, SYN)
        .returnToCaller()
        .endRule();
    // Every datagram is of a new connection until one comes back. The agent may have changed the
    // mark
    // of a child that it reads since the first one.
    isChild(
            batch
                .addRule(table, CHAIN_PINHOLES)
                .loadMeta(Meta.L4PROTO, 0)
                .compare8(0, Compare.EQUAL, Transport.UDP.protocolNumber()))
        .returnToCaller()
        .comment("found already")
        .endRule();
    for (Map map : maps) {
      if (map.kind() != Pinhole.Kind.LEASE) {
        NftExpressions rule = PacketTuple.family(batch.addRule(table, CHAIN_PINHOLES), map.ipv6());
        PacketTuple.load(rule, map.ipv6(), map.hasSource());
        endLookup(rule, map, PacketTuple.registers(map.ipv6(), map.hasSource()), translations);
      }
    }
    // all that a packet of an established connection costs here is this one test
    for (String chain : List.of(CHAIN_PREROUTING, CHAIN_OUTPUT)) {
      batch
          .addRule(table, chain)
          .loadCt(Ct.STATE, 0)
          .mask32host(0, states)
          .compare32host(0, Compare.NOT_EQUAL, 0)
          .jump(CHAIN_PINHOLES)
          .endRule();
    }
  }

  /** Writes what comes last: leases, for what no other pinhole is for. */
  void addLeases(NftBatch batch, Collection<PortRange> ranges, TranslationMaps translations) {
    batch.addRule(table, CHAIN_PINHOLES).goTo(CHAIN_LEASES).endRule();
    addRanges(batch, ranges, translations);
  }

  /** Writes the rules of other ranges than before. */
  void setRanges(NftBatch batch, Collection<PortRange> ranges, TranslationMaps translations) {
    batch.flushChain(table, CHAIN_LEASES);
    addRanges(batch, ranges, translations);
  }

  /** How many rules there are for leases. */
  static int leaseRules(Collection<PortRange> ranges) {
    return 1 + 2 * ranges.size();
  }

  private NftExpressions isChild(NftExpressions rule) {
    return rule.loadCt(Ct.MARK, 0).mask32host(0, childBit).compare32host(0, Compare.NOT_EQUAL, 0);
  }

  private void addRanges(
      NftBatch batch, Collection<PortRange> ranges, TranslationMaps translations) {
    // a SYN that is sent again must not take another place of the limit
    isChild(batch.addRule(table, CHAIN_LEASES)).returnToCaller().comment("found already").endRule();
    for (PortRange range : ranges) {
      for (Map map : maps) {
        if (map.kind() == Pinhole.Kind.LEASE) {
          NftExpressions rule = PacketTuple.family(batch.addRule(table, CHAIN_LEASES), map.ipv6());
          PacketTuple.lease(rule, map.ipv6(), range);
          endLookup(rule, map, PacketTuple.registers(map.ipv6(), true) + 1, translations);
        }
      }
    }
  }

  private static void endLookup(
      NftExpressions rule, Map map, int mark, TranslationMaps translations) {
    rule.lookup(map.set(), 0, mark).storeCtMark(mark);
    if (map.kind() == Pinhole.Kind.ONCE) {
      // the kernel wants a value to delete by; loaded anew so that nft lists a plain "ct mark"
      rule.loadCt(Ct.MARK, mark).changeElement(ElementOperation.DELETE, map.set(), 0, mark, 0);
    }
    if (map.kind() == Pinhole.Kind.OPEN_ANY || map.kind() == Pinhole.Kind.LEASE) {
      translations.forgetEarlier(rule, map.ipv6());
    }
    rule.counter().goTo(CHAIN_CHILD).endRule();
  }
}
