package org.pinholed.agent.flow;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.security.SecureRandom;
import org.pinholed.agent.packet.PacketView;

/**
 * Source, destination, ports and protocol as a packet says them. Mutable only so that one probe key
 * can look up packets without allocating; what is in a table is never changed.
 */
public final class FlowKey {
  private static final long IPV4_MAPPED_PREFIX = 0x0000ffff00000000L;

  /** Strangers choose addresses and ports: without a secret they could choose collisions. */
  private static final long SEED = new SecureRandom().nextLong();

  private long sourceHigh;
  private long sourceLow;
  private long destinationHigh;
  private long destinationLow;

  /**
   * 1 for IPv6 in bit 40 (an IPv4-mapped IPv6 address has the halves of an IPv4 address), protocol
   * in bits 39..32, source port in 31..16, destination port in 15..0.
   */
  private long portsAndProtocol;

  /**
   * Makes this key the one of a packet.
   *
   * @param packet a readable packet
   * @return this key
   */
  FlowKey set(PacketView packet) {
    sourceHigh = packet.sourceHigh();
    sourceLow = packet.sourceLow();
    destinationHigh = packet.destinationHigh();
    destinationLow = packet.destinationLow();
    portsAndProtocol =
        portsAndProtocol(
            packet.isIpv6(), packet.protocol(), packet.sourcePort(), packet.destinationPort());
    return this;
  }

  /**
   * Makes the key of packets that go from one endpoint to another.
   *
   * @param protocol IP protocol number
   * @param source source address
   * @param sourcePort source port
   * @param destination destination address
   * @param destinationPort destination port
   * @return a new key
   */
  static FlowKey of(
      int protocol,
      InetAddress source,
      int sourcePort,
      InetAddress destination,
      int destinationPort) {
    FlowKey key = new FlowKey();
    key.sourceHigh = high(source);
    key.sourceLow = low(source);
    key.destinationHigh = high(destination);
    key.destinationLow = low(destination);
    key.portsAndProtocol =
        portsAndProtocol(source instanceof Inet6Address, protocol, sourcePort, destinationPort);
    return key;
  }

  private static long portsAndProtocol(
      boolean ipv6, int protocol, int sourcePort, int destinationPort) {
    return (ipv6 ? 1L << 40 : 0)
        | (long) protocol << 32
        | (long) sourcePort << 16
        | destinationPort;
  }

  private static long high(InetAddress address) {
    byte[] bytes = address.getAddress();
    return bytes.length == 4 ? 0 : u64(bytes, 0);
  }

  private static long low(InetAddress address) {
    byte[] bytes = address.getAddress();
    return bytes.length == 4 ? IPV4_MAPPED_PREFIX | u32(bytes, 0) : u64(bytes, 8);
  }

  private static long u64(byte[] bytes, int at) {
    return u32(bytes, at) << 32 | u32(bytes, at + 4);
  }

  private static long u32(byte[] bytes, int at) {
    return (bytes[at] & 0xffL) << 24
        | (bytes[at + 1] & 0xffL) << 16
        | (bytes[at + 2] & 0xffL) << 8
        | (bytes[at + 3] & 0xffL);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof FlowKey that
        && sourceLow == that.sourceLow
        && destinationLow == that.destinationLow
        && portsAndProtocol == that.portsAndProtocol
        && sourceHigh == that.sourceHigh
        && destinationHigh == that.destinationHigh;
  }

  @Override
  public int hashCode() {
    // One after the other: two halves of an address that went in together could be chosen so that
    // they cancel out, whatever the seed.
    long hash = mix(SEED ^ portsAndProtocol);
    hash = mix(hash ^ sourceHigh);
    hash = mix(hash ^ sourceLow);
    hash = mix(hash ^ destinationHigh);
    hash = mix(hash ^ destinationLow);
    return (int) hash;
  }

  /** The finalizer of SplitMix64: every bit of the input changes every bit of the result. */
  private static long mix(long value) {
    long mixed = (value ^ value >>> 30) * 0xbf58476d1ce4e5b9L;
    mixed = (mixed ^ mixed >>> 27) * 0x94d049bb133111ebL;
    return mixed ^ mixed >>> 31;
  }
}
