package org.pinholed.agent.packet;

import java.net.InetAddress;
import java.nio.ByteBuffer;

/**
 * The halves of addresses as {@link PacketView} has them: an IPv4 address has those of its mapped
 * IPv6 address (RFC 4291 section 2.5.5.2).
 */
public final class AddressHalves {
  /** Stands above the four bytes of an IPv4 address. */
  static final long IPV4_MAPPED_PREFIX = 0x0000ffff00000000L;

  private static final int IPV4_BYTES = 4;

  private AddressHalves() {}

  /**
   * The first eight bytes.
   *
   * @param address any
   * @return 0 of an IPv4 address
   */
  public static long high(InetAddress address) {
    byte[] bytes = address.getAddress();
    return bytes.length == IPV4_BYTES ? 0 : ByteBuffer.wrap(bytes).getLong();
  }

  /**
   * The last eight bytes.
   *
   * @param address any
   * @return of an IPv4 address its bytes behind {@code ffff}
   */
  public static long low(InetAddress address) {
    byte[] bytes = address.getAddress();
    return bytes.length == IPV4_BYTES
        ? IPV4_MAPPED_PREFIX | Integer.toUnsignedLong(ByteBuffer.wrap(bytes).getInt())
        : ByteBuffer.wrap(bytes).getLong(Long.BYTES);
  }
}
