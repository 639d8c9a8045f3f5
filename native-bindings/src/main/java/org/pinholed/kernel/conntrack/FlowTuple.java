package org.pinholed.kernel.conntrack;

import java.net.Inet6Address;
import java.net.InetAddress;

/**
 * One direction of a flow, as the conntrack keeps it.
 *
 * @param protocol the IP protocol number, 0..255
 * @param source where its packets come from
 * @param sourcePort 0..65535; 0 for a protocol without ports, for example ICMP
 * @param destination where they go, of the same family as the source
 * @param destinationPort 0..65535; 0 for a protocol without ports
 */
public record FlowTuple(
    int protocol,
    InetAddress source,
    int sourcePort,
    InetAddress destination,
    int destinationPort) {
  /** Refuses numbers outside their range and addresses of two families. */
  public FlowTuple {
    check("protocol", protocol, 255);
    check("sourcePort", sourcePort, 65535);
    check("destinationPort", destinationPort, 65535);
    if (source instanceof Inet6Address != destination instanceof Inet6Address) {
      throw new IllegalArgumentException(
          "destination: " + destination.getHostAddress() + " (expected: family of the source)");
    }
  }

  /**
   * The same flow seen from the other side, without address translation.
   *
   * @return a tuple with source and destination exchanged
   */
  public FlowTuple inverse() {
    return new FlowTuple(protocol, destination, destinationPort, source, sourcePort);
  }

  /**
   * Whether the addresses are IPv6.
   *
   * @return false for IPv4
   */
  public boolean isIpv6() {
    return source instanceof Inet6Address;
  }

  private static void check(String field, int value, int most) {
    if (value < 0 || value > most) {
      throw new IllegalArgumentException(field + ": " + value + " (expected: 0.." + most + ")");
    }
  }
}
