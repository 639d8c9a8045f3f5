package org.pinholed.agent.pinhole.nftables;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.kernel.testing.NamespaceThread;

/** A client, a router and a server: three namespaces, both families. */
public final class RoutedNetwork implements AutoCloseable {
  static final String CLIENT = "192.0.2.2";
  static final String CLIENT2 = "192.0.2.3";
  static final String ROUTER_INSIDE = "192.0.2.1";
  static final String SERVER = "198.51.100.2";
  static final String SERVER2 = "198.51.100.3";
  static final String ROUTER_OUTSIDE = "198.51.100.1";
  static final String CLIENT6 = "2001:db8:1::2";
  static final String SERVER6 = "2001:db8:2::2";
  static final String SERVER62 = "2001:db8:2::3";
  static final String ROUTER_OUTSIDE6 = "2001:db8:2::1";

  private static final int LATE_MS = 3000;

  private final NamespaceThread client;
  private final NamespaceThread router;
  private final NamespaceThread server;

  /**
   * Makes the namespaces.
   *
   * @param prefix of their names, three letters
   * @throws IOException if this process may not do it
   */
  public RoutedNetwork(String prefix) throws IOException {
    String unique = prefix + ProcessHandle.current().pid();
    client = NamespaceThread.open(unique + "c");
    router = NamespaceThread.open(unique + "r");
    server = NamespaceThread.open(unique + "s");
    for (NamespaceThread each : List.of(client, router, server)) {
      // link-local addresses are good at once: neighbours are asked for from them
      each.exec("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0");
    }
    link("cli", unique + "c", client, List.of(CLIENT, CLIENT2), CLIENT6);
    link("srv", unique + "s", server, List.of(SERVER, SERVER2), SERVER6);
    server.exec("ip", "address", "add", SERVER62 + "/64", "dev", "srv", "nodad");
    address("cli", ROUTER_INSIDE, "2001:db8:1::1");
    address("srv", ROUTER_OUTSIDE, ROUTER_OUTSIDE6);
    client.exec("ip", "route", "add", "default", "via", ROUTER_INSIDE);
    client.exec("ip", "-6", "route", "add", "default", "via", "2001:db8:1::1");
    server.exec("ip", "route", "add", "default", "via", ROUTER_OUTSIDE);
    server.exec("ip", "-6", "route", "add", "default", "via", ROUTER_OUTSIDE6);
    router.exec("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1");
  }

  /**
   * The client's namespace.
   *
   * @return open until {@link #close}
   */
  public NamespaceThread client() {
    return client;
  }

  /**
   * The router's namespace.
   *
   * @return open until {@link #close}
   */
  public NamespaceThread router() {
    return router;
  }

  /**
   * The server's namespace.
   *
   * @return open until {@link #close}
   */
  public NamespaceThread server() {
    return server;
  }

  /**
   * Gives UDP flows from the client the mark 0x19 and translates them.
   *
   * @param rules empty, {@code masquerade}, {@code dnat ...} or both in that order
   * @param port that they go to
   * @throws IOException if nft refuses
   */
  public void translate(String rules, int port) throws IOException {
    int dnat = rules.indexOf("dnat");
    router.exec(
        "nft",
        String.join(
            "\n",
            "table inet nat {",
            "chain pre { type nat hook prerouting priority dstnat;",
            "iif cli udp dport "
                + port
                + " ct mark set 0x19 "
                + (dnat < 0 ? "" : rules.substring(dnat)),
            "}",
            "chain post { type nat hook postrouting priority srcnat;",
            rules.startsWith("masquerade") ? "oif srv masquerade" : "",
            "}",
            "}"));
  }

  private void link(String name, String namespace, NamespaceThread end, List<String> v4, String v6)
      throws IOException {
    router.exec(
        "ip", "link", "add", name, "type", "veth", "peer", "name", name, "netns", namespace);
    for (String address : v4) {
      end.exec("ip", "address", "add", address + "/24", "dev", name);
    }
    end.exec("ip", "address", "add", v6 + "/64", "dev", name, "nodad");
    end.exec("ip", "link", "set", name, "up");
    router.exec("ip", "link", "set", name, "up");
  }

  private void address(String device, String v4, String v6) throws IOException {
    router.exec("ip", "address", "add", v4 + "/24", "dev", device);
    router.exec("ip", "address", "add", v6 + "/64", "dev", device, "nodad");
  }

  /**
   * An address.
   *
   * @param text as numbers
   * @return the address
   * @throws IOException if it is none
   */
  public static InetAddress address(String text) throws IOException {
    return InetAddress.getByName(text);
  }

  /**
   * A UDP socket of one end.
   *
   * @param where whose
   * @param address its address
   * @param port its port
   * @return an open socket
   * @throws IOException if it cannot be had
   */
  public static DatagramSocket udp(NamespaceThread where, String address, int port)
      throws IOException {
    return where.call(
        () -> {
          DatagramSocket socket = new DatagramSocket(null);
          socket.bind(new InetSocketAddress(address(address), port));
          socket.setSoTimeout(LATE_MS);
          return socket;
        });
  }

  /**
   * Sends a datagram.
   *
   * @param from the socket
   * @param address where to
   * @param port where to
   * @throws IOException if it does not leave
   */
  public static void send(DatagramSocket from, String address, int port) throws IOException {
    byte[] bytes = "hello".getBytes(StandardCharsets.US_ASCII);
    from.send(new DatagramPacket(bytes, bytes.length, address(address), port));
  }

  /** Where the next datagram came from; null if none comes within a second or so. */
  static @Nullable InetSocketAddress receive(DatagramSocket at, int waitMs) throws IOException {
    DatagramPacket packet = new DatagramPacket(new byte[100], 100);
    at.setSoTimeout(waitMs);
    try {
      at.receive(packet);
    } catch (SocketTimeoutException e) {
      return null;
    }
    return (InetSocketAddress) packet.getSocketAddress();
  }

  /**
   * Waits for a datagram.
   *
   * @param at the socket
   * @return where it came from
   * @throws IOException if receiving fails
   */
  public static InetSocketAddress receive(DatagramSocket at) throws IOException {
    InetSocketAddress from = receive(at, LATE_MS);
    if (from == null) {
      throw new AssertionError("no datagram came to " + at.getLocalSocketAddress());
    }
    return from;
  }

  @Override
  public void close() throws IOException {
    client.close();
    router.close();
    server.close();
  }
}
