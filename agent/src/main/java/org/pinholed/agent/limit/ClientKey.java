package org.pinholed.agent.limit;

import java.net.InetAddress;
import java.nio.ByteBuffer;

/**
 * What counts as one client where clients share something: an IPv4 address, or the first 64 bits of
 * an IPv6 address, because whoever has one address of such a network has all of them (RFC 7421).
 */
public final class ClientKey {
  /** {@code 0:ffff::/32} is assigned to nobody, so no IPv6 address has these upper bits. */
  private static final long IPV4 = 0x0000_ffff_0000_0000L;

  private ClientKey() {}

  /**
   * The client of an address.
   *
   * @param address the client's own address: the source of conntrack's original tuple
   * @return a number of its own for each client
   */
  public static long of(InetAddress address) {
    ByteBuffer bytes = ByteBuffer.wrap(address.getAddress());
    return bytes.capacity() == 4 ? IPV4 | Integer.toUnsignedLong(bytes.getInt()) : bytes.getLong();
  }
}
