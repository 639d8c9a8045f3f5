package org.pinholed.it.lab;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.util.UUID;

/**
 * A protocol tower of five floors (C706 appendix L).
 *
 * @param transport 7 for TCP, 8 for UDP
 * @param address the IPv4 address
 */
public record RpcTower(RpcInterface service, int transport, int port, String address) {
  /** The transport TCP. */
  public static final int TCP = 7;

  /** The transport UDP. */
  public static final int UDP = 8;

  /** A tower that means the server itself, over TCP. */
  public static RpcTower own(RpcInterface service, int port) {
    return new RpcTower(service, TCP, port, "0.0.0.0");
  }

  /**
   * The octets: little-endian in every format, the port and the address in network order. The
   * service is described in NDR, also where the mapper is asked in NDR64.
   */
  public String octets() {
    RpcWriter floors = new RpcWriter(RpcFormat.LITTLE);
    floors.raw("\5\0").raw("\23\0\15").raw(uuid(service.uuid())).raw(two(service.major()));
    floors.raw("\2\0\0\0");
    floors
        .raw("\23\0\15")
        .raw(uuid(RpcFormat.LITTLE.syntax()))
        .raw(two(RpcFormat.LITTLE.syntaxVersion()));
    floors.raw("\2\0\0\0");
    // Connections are of version 5 of the protocol, datagrams of version 4.
    floors.raw("\1\0").u8(transport == TCP ? 0x0b : 0x0a).raw("\2\0\0\0");
    floors.raw("\1\0").u8(transport).raw("\2\0").u8(port >> 8).u8(port);
    floors.raw("\1\0\11\4\0").raw(v4());
    return floors.text();
  }

  private static String uuid(UUID uuid) {
    return new RpcWriter(RpcFormat.LITTLE).uuid(uuid).text();
  }

  private static String two(int number) {
    return new RpcWriter(RpcFormat.LITTLE).u16(number).text();
  }

  private String v4() {
    try {
      return new String(InetAddress.getByName(address).getAddress(), StandardCharsets.ISO_8859_1);
    } catch (UnknownHostException e) {
      throw new AssertionError("no address: " + address, e);
    }
  }
}
