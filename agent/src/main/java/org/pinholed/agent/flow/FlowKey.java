package org.pinholed.agent.flow;

import java.net.Inet6Address;
import java.net.InetAddress;
import org.pinholed.agent.limit.SecretHash;
import org.pinholed.agent.packet.AddressHalves;
import org.pinholed.agent.packet.PacketView;

/**
 * Source, destination, ports and protocol as a packet says them. Mutable only so that one probe key
 * can look up packets without allocating; what is in a table is never changed.
 */
public final class FlowKey {
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
    key.sourceHigh = AddressHalves.high(source);
    key.sourceLow = AddressHalves.low(source);
    key.destinationHigh = AddressHalves.high(destination);
    key.destinationLow = AddressHalves.low(destination);
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
    long hash = SecretHash.of(portsAndProtocol);
    hash = SecretHash.and(hash, sourceHigh);
    hash = SecretHash.and(hash, sourceLow);
    hash = SecretHash.and(hash, destinationHigh);
    return (int) SecretHash.and(hash, destinationLow);
  }
}
