package org.pinholed.it.lab;

import java.net.InetAddress;
import java.net.UnknownHostException;

/**
 * An address and a port.
 *
 * @param host numeric address, with a zone where it needs one ({@code fe80::2%c0})
 * @param port 1..65535
 */
public record Endpoint(String host, int port) {
  /** Whether both mean the same place; IPv6 addresses may be written in more than one way. */
  public boolean isSameAs(Endpoint other) {
    try {
      return port == other.port
          && InetAddress.getByName(host).equals(InetAddress.getByName(other.host));
    } catch (UnknownHostException e) {
      throw new AssertionError("no address: " + host + ", " + other.host, e);
    }
  }
}
