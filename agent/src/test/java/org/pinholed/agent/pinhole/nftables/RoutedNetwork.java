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
final class RoutedNetwork implements AutoCloseable {
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

  final NamespaceThread client;
  final NamespaceThread router;
  final NamespaceThread server;

  RoutedNetwork(String prefix) throws IOException {
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

  static InetAddress address(String text) throws IOException {
    return InetAddress.getByName(text);
  }

  /** A UDP socket of one end. */
  static DatagramSocket udp(NamespaceThread where, String address, int port) throws IOException {
    return where.call(
        () -> {
          DatagramSocket socket = new DatagramSocket(null);
          socket.bind(new InetSocketAddress(address(address), port));
          socket.setSoTimeout(LATE_MS);
          return socket;
        });
  }

  static void send(DatagramSocket from, String address, int port) throws IOException {
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

  /** Where the next datagram came from. */
  static InetSocketAddress receive(DatagramSocket at) throws IOException {
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
