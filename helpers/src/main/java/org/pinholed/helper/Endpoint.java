package org.pinholed.helper;

import java.net.InetAddress;

/**
 * An address and a port.
 *
 * @param address an IPv4 or IPv6 address
 * @param port 0..65535; 0 only where a port means "any"
 */
public record Endpoint(InetAddress address, int port) {
  /** Refuses a port outside its range. */
  public Endpoint {
    Ranges.require("port", port, 0, 65535);
  }

  /**
   * Whether the address is an IPv6 address.
   *
   * @return true for 16 bytes of address
   */
  public boolean isIpv6() {
    return address instanceof java.net.Inet6Address;
  }

  @Override
  public String toString() {
    String host = AddressText.of(address);
    return isIpv6() ? "[" + host + "]:" + port : host + ":" + port;
  }
}
