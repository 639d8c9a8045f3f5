package org.pinholed.agent.pinhole.nftables;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import org.pinholed.agent.pinhole.PortRange;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.nftables.NftExpressions;
import org.pinholed.kernel.nftables.NftExpressions.Base;
import org.pinholed.kernel.nftables.NftExpressions.Compare;
import org.pinholed.kernel.nftables.NftExpressions.Ct;
import org.pinholed.kernel.nftables.NftExpressions.Direction;
import org.pinholed.kernel.nftables.NftExpressions.Meta;

/** How rules take from a packet what the maps look up: protocol . source . destination . port. */
final class PacketTuple {
  private static final int NFPROTO_IPV4 = 2;
  private static final int NFPROTO_IPV6 = 10;
  private static final int IPV4_SOURCE_OFFSET = 12;
  private static final int IPV6_SOURCE_OFFSET = 8;
  private static final int DESTINATION_PORT_OFFSET = 2;

  private PacketTuple() {}

  /** Goes on for packets of one family only; takes register 0. */
  static NftExpressions transport(NftExpressions rule, Transport transport) {
    return rule.loadMeta(Meta.L4PROTO, 0).compare8(0, Compare.EQUAL, transport.protocolNumber());
  }

  static NftExpressions family(NftExpressions rule, boolean ipv6) {
    return rule.loadMeta(Meta.NFPROTO, 0)
        .compare8(0, Compare.EQUAL, ipv6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
  }

  /** Loads protocol, source if it is part of the key, destination and its port, from register 0. */
  static NftExpressions load(NftExpressions rule, boolean ipv6, boolean withSource) {
    int sourceAt = ipv6 ? IPV6_SOURCE_OFFSET : IPV4_SOURCE_OFFSET;
    int addressBytes = addressBytes(ipv6);
    int words = addressBytes / 4;
    rule.loadMeta(Meta.L4PROTO, 0);
    int register = 1;
    if (withSource) {
      rule.loadPayload(Base.NETWORK, sourceAt, addressBytes, register);
      register += words;
    }
    destination(rule, ipv6, register);
    return port(rule, register + words);
  }

  /** Loads the destination address. */
  static NftExpressions destination(NftExpressions rule, boolean ipv6, int register) {
    int sourceAt = ipv6 ? IPV6_SOURCE_OFFSET : IPV4_SOURCE_OFFSET;
    int addressBytes = addressBytes(ipv6);
    return rule.loadPayload(Base.NETWORK, sourceAt + addressBytes, addressBytes, register);
  }

  /** Loads source, its port, destination and its port, without protocol, from register 0. */
  static NftExpressions loadPorts(NftExpressions rule, boolean ipv6) {
    int words = addressBytes(ipv6) / 4;
    rule.loadPayload(
            Base.NETWORK, ipv6 ? IPV6_SOURCE_OFFSET : IPV4_SOURCE_OFFSET, addressBytes(ipv6), 0)
        .loadPayload(Base.TRANSPORT, 0, 2, words);
    destination(rule, ipv6, words + 1);
    return port(rule, 2 * words + 1);
  }

  /**
   * Goes on for packets to a range of ports, and loads the key of a lease of it from register 0:
   * protocol, source, destination, the lowest and the highest port.
   */
  static NftExpressions lease(NftExpressions rule, boolean ipv6, PortRange range) {
    port(rule, 0).range16be(0, range.first(), range.last());
    load(rule, ipv6, true);
    int lowest = registers(ipv6, true) - 1; // in the place of the packet's port
    return rule.load16be(lowest, range.first()).load16be(lowest + 1, range.last());
  }

  /**
   * Loads what the first packet of the connection was before it was translated, from register 0:
   * protocol, source, destination and its port.
   */
  static NftExpressions original(NftExpressions rule, boolean ipv6) {
    int words = addressBytes(ipv6) / 4;
    return rule.loadMeta(Meta.L4PROTO, 0)
        .loadCt(ipv6 ? Ct.SRC_IP6 : Ct.SRC_IP, Direction.ORIGINAL, 1)
        .loadCt(ipv6 ? Ct.DST_IP6 : Ct.DST_IP, Direction.ORIGINAL, 1 + words)
        .loadCt(Ct.PROTO_DST, Direction.ORIGINAL, 1 + 2 * words);
  }

  /**
   * Loads where the first packet of the connection came from before it was translated, from
   * register 0: protocol, source, its port, and the destination if it is part of the key.
   */
  static NftExpressions originalSource(NftExpressions rule, boolean ipv6, boolean withPeer) {
    int words = addressBytes(ipv6) / 4;
    rule.loadMeta(Meta.L4PROTO, 0)
        .loadCt(ipv6 ? Ct.SRC_IP6 : Ct.SRC_IP, Direction.ORIGINAL, 1)
        .loadCt(Ct.PROTO_SRC, Direction.ORIGINAL, 1 + words);
    return withPeer
        ? rule.loadCt(ipv6 ? Ct.DST_IP6 : Ct.DST_IP, Direction.ORIGINAL, 2 + words)
        : rule;
  }

  /** As {@link #lease}, by what the first packet was before it was translated. */
  static NftExpressions originalLease(NftExpressions rule, boolean ipv6, PortRange range) {
    rule.loadCt(Ct.PROTO_DST, Direction.ORIGINAL, 0).range16be(0, range.first(), range.last());
    int lowest = registers(ipv6, true) - 1;
    return original(rule, ipv6).load16be(lowest, range.first()).load16be(lowest + 1, range.last());
  }

  /** Loads the destination port. */
  static NftExpressions port(NftExpressions rule, int register) {
    return rule.loadPayload(Base.TRANSPORT, DESTINATION_PORT_OFFSET, 2, register);
  }

  /** The first register behind what {@link #load} fills. */
  static int registers(boolean ipv6, boolean withSource) {
    return 2 + (withSource ? 2 : 1) * addressBytes(ipv6) / 4;
  }

  /** An address of a key or value; one of 16 bytes stays one of IPv6, whatever they are. */
  static InetAddress address(byte[] bytes) throws UnknownHostException {
    return bytes.length == 16
        ? Inet6Address.getByAddress(null, bytes, -1)
        : InetAddress.getByAddress(bytes);
  }

  /** The length of an address. */
  static int addressBytes(boolean ipv6) {
    return ipv6 ? 16 : 4;
  }
}
