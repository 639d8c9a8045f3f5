package org.pinholed.agent.replay;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import org.pinholed.agent.limit.SecretHash;
import org.pinholed.agent.packet.AddressHalves;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.kernel.conntrack.FlowTuple;

/**
 * The two ends and the protocol of a flow, whichever end sends: nothing is translated in a replay,
 * so one key finds both directions. Mutable only so that one probe looks up every packet without
 * allocating; what is in a table is never changed.
 */
final class TupleKey {
  private long lowerHigh;
  private long lowerLow;
  private long upperHigh;
  private long upperLow;

  /** 1 for IPv6 in bit 40, protocol in 39..32, lower end's port in 31..16, upper's in 15..0. */
  private long portsAndProtocol;

  /**
   * Makes this the key of a packet.
   *
   * @return whether the packet goes from the upper end to the lower one
   */
  boolean set(PacketView packet) {
    return set(
        packet.isIpv6(),
        packet.protocol(),
        packet.sourceHigh(),
        packet.sourceLow(),
        packet.sourcePort(),
        packet.destinationHigh(),
        packet.destinationLow(),
        packet.destinationPort());
  }

  /** Makes this the key of a tuple; answers as {@link #set(PacketView)}. */
  boolean set(FlowTuple tuple) {
    return set(
        tuple.isIpv6(),
        tuple.protocol(),
        AddressHalves.high(tuple.source()),
        AddressHalves.low(tuple.source()),
        tuple.sourcePort(),
        AddressHalves.high(tuple.destination()),
        AddressHalves.low(tuple.destination()),
        tuple.destinationPort());
  }

  private boolean set(
      boolean ipv6,
      int protocol,
      long sHigh,
      long sLow,
      int sPort,
      long dHigh,
      long dLow,
      int dPort) {
    int order = Long.compare(sHigh, dHigh);
    if (order == 0) {
      order = Long.compare(sLow, dLow);
    }
    if (order == 0) {
      order = Integer.compare(sPort, dPort);
    }
    boolean swapped = order > 0;
    lowerHigh = swapped ? dHigh : sHigh;
    lowerLow = swapped ? dLow : sLow;
    upperHigh = swapped ? sHigh : dHigh;
    upperLow = swapped ? sLow : dLow;
    portsAndProtocol =
        (ipv6 ? 1L << 40 : 0)
            | (long) protocol << 32
            | (long) (swapped ? dPort : sPort) << 16
            | (swapped ? sPort : dPort);
    return swapped;
  }

  TupleKey copy() {
    TupleKey copy = new TupleKey();
    copy.lowerHigh = lowerHigh;
    copy.lowerLow = lowerLow;
    copy.upperHigh = upperHigh;
    copy.upperLow = upperLow;
    copy.portsAndProtocol = portsAndProtocol;
    return copy;
  }

  int protocol() {
    return (int) (portsAndProtocol >> 32) & 0xff;
  }

  int port(boolean ofUpper) {
    return (int) (ofUpper ? portsAndProtocol : portsAndProtocol >> 16) & 0xffff;
  }

  InetAddress address(boolean ofUpper) {
    boolean ipv6 = portsAndProtocol >> 40 != 0;
    long high = ofUpper ? upperHigh : lowerHigh;
    long low = ofUpper ? upperLow : lowerLow;
    try {
      return ipv6
          ? Inet6Address.getByAddress(
              null, ByteBuffer.allocate(16).putLong(high).putLong(low).array(), -1)
          : InetAddress.getByAddress(ByteBuffer.allocate(4).putInt((int) low).array());
    } catch (UnknownHostException e) {
      throw new IllegalStateException(e); // thrown for other lengths than 4 and 16 only
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TupleKey that
        && portsAndProtocol == that.portsAndProtocol
        && lowerLow == that.lowerLow
        && upperLow == that.upperLow
        && lowerHigh == that.lowerHigh
        && upperHigh == that.upperHigh;
  }

  @Override
  public int hashCode() {
    long hash = SecretHash.of(portsAndProtocol);
    hash = SecretHash.and(hash, lowerHigh);
    hash = SecretHash.and(hash, lowerLow);
    hash = SecretHash.and(hash, upperHigh);
    return (int) SecretHash.and(hash, upperLow);
  }
}
