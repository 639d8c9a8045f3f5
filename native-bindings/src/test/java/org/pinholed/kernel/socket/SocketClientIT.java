package org.pinholed.kernel.socket;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.pinholed.kernel.testing.NamespaceThread;

/** A machine of its own, on which nothing listens but what the test opens. */
@SuppressWarnings("NullAway.Init")
class SocketClientIT {
  private static NamespaceThread namespace;

  @BeforeAll
  static void open() throws IOException {
    namespace = NamespaceThread.open("pha-socket");
    namespace.exec("ip", "link", "set", "lo", "up");
    namespace.exec("ip", "addr", "add", "192.0.2.1/32", "dev", "lo");
    namespace.exec("ip", "addr", "add", "2001:db8::1/128", "dev", "lo", "nodad");
  }

  @AfterAll
  static void close() throws IOException {
    namespace.close();
  }

  private static Set<String> listening() throws IOException {
    Set<String> found = new TreeSet<>();
    try (SocketClient client = SocketClient.open()) {
      client.listening(
          socket ->
              found.add(
                  (socket.protocol() == 6 ? "tcp " : "udp ")
                      + socket.address().getHostAddress()
                      + ' '
                      + socket.port()));
    }
    return found;
  }

  @Test
  void whatTakesPacketsFromAnybody_isListed_andNothingElse() throws IOException {
    InetAddress four = InetAddress.getByName("192.0.2.1");
    InetAddress six = InetAddress.getByName("2001:db8::1");
    namespace.call(
        () -> {
          assertEquals(Set.of(), listening());
          try (ServerSocket server = new ServerSocket(4001, 1, four);
              ServerSocket everywhere = new ServerSocket(4002);
              Socket connected = new Socket(four, 4001);
              DatagramSocket datagrams = new DatagramSocket(new InetSocketAddress(six, 4003));
              DatagramSocket toOne = new DatagramSocket(new InetSocketAddress(four, 4004));
              DatagramSocket all = new DatagramSocket(4005)) {
            toOne.connect(new InetSocketAddress(four, 9));
            assertEquals(4001, server.getLocalPort());
            assertEquals(4002, everywhere.getLocalPort());
            assertEquals(4001, connected.getPort());
            assertEquals(4003, datagrams.getLocalPort());
            assertEquals(4005, all.getLocalPort());
            assertEquals(
                Set.of(
                    "tcp 192.0.2.1 4001",
                    "tcp 0:0:0:0:0:0:0:0 4002",
                    "udp 2001:db8:0:0:0:0:0:1 4003",
                    "udp 0:0:0:0:0:0:0:0 4005"),
                listening());
          }
          assertEquals(Set.of(), listening());
          return true;
        });
  }
}
