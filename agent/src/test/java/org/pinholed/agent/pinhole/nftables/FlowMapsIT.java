package org.pinholed.agent.pinhole.nftables;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.pinhole.FlowOrigin;
import org.pinholed.helper.Endpoint;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.FlowTuple;

/** What the kernel writes down of first datagrams, with every translation. */
@SuppressWarnings("NullAway.Init")
class FlowMapsIT {
  private static final int UDP = 17;

  private RoutedNetwork network;
  private DivertingRouter router;

  @BeforeEach
  void open() throws IOException {
    network = new RoutedNetwork("flm");
    router = new DivertingRouter(network, 10_000);
  }

  @AfterEach
  void close() throws Exception {
    router.close();
    network.close();
  }

  private static Endpoint endpoint(String address, int port) throws IOException {
    return new Endpoint(RoutedNetwork.address(address), port);
  }

  /** The conntrack of a datagram as the server saw it. */
  private ConntrackEntry confirmed(InetSocketAddress from, String to, int port) throws IOException {
    return router
        .conntrack()
        .get(new FlowTuple(UDP, RoutedNetwork.address(to), port, from.getAddress(), from.getPort()))
        .orElseThrow();
  }

  @EveryTranslation
  void firstDatagram_isFoundAsItCame(
      String rules, String client, String sentTo, String server, int port) throws IOException {
    network.translate(rules, 5060);
    try (DatagramSocket at = RoutedNetwork.udp(network.server(), server, port);
        DatagramSocket from = RoutedNetwork.udp(network.client(), client, 5062)) {
      RoutedNetwork.send(from, sentTo, 5060);
      InetSocketAddress seen = RoutedNetwork.receive(at);
      ConntrackEntry entry = confirmed(seen, server, port);
      FlowOrigin origin =
          router
              .session()
              .originOf(new Endpoint(seen.getAddress(), seen.getPort()), endpoint(server, port));
      assertEquals(
          new FlowOrigin(endpoint(client, 5062), endpoint(sentTo, 5060), entry.id(), 0x19), origin);
      assertEquals(rules.startsWith("masq"), !seen.getAddress().equals(from.getLocalAddress()));
    }
  }

  @Test
  void laterDatagrams_answersAndOtherPorts_areNotWrittenDown() throws IOException {
    try (DatagramSocket at = RoutedNetwork.udp(network.server(), RoutedNetwork.SERVER, 5060);
        DatagramSocket other = RoutedNetwork.udp(network.server(), RoutedNetwork.SERVER, 5061);
        DatagramSocket from = RoutedNetwork.udp(network.client(), RoutedNetwork.CLIENT, 5062)) {
      for (int i = 0; i < 3; i++) {
        RoutedNetwork.send(from, RoutedNetwork.SERVER, 5060);
        RoutedNetwork.receive(at);
      }
      RoutedNetwork.send(at, RoutedNetwork.CLIENT, 5062);
      RoutedNetwork.receive(from);
      RoutedNetwork.send(from, RoutedNetwork.SERVER, 5061);
      RoutedNetwork.receive(other);
      Endpoint client = endpoint(RoutedNetwork.CLIENT, 5062);
      assertNotNull(router.session().originOf(client, endpoint(RoutedNetwork.SERVER, 5060)));
      assertNull(router.session().originOf(endpoint(RoutedNetwork.SERVER, 5060), client));
      assertNull(router.session().originOf(client, endpoint(RoutedNetwork.SERVER, 5061)));
      String counted =
          network.router().exec("nft", "list", "chain", "inet", "pinholed", "flowwrite");
      assertTrue(counted.contains("counter packets 1 "), counted);
    }
  }

  /**
   * The same packet, but of another conntrack: the earlier one must not be believed. While the
   * earlier one may be in the queue the later one is dropped, else it would be taken for it.
   */
  @Test
  void laterFlowWithTheSamePacket_takesThePlaceOfTheEarlierOne_afterAWhile() throws IOException {
    network
        .router()
        .exec(
            "nft",
            """
        table ip nat {
          chain post {
            type nat hook postrouting priority srcnat;
            oif srv udp dport 5060 snat to 198.51.100.1:7000
          }
        }
        """);
    try (DatagramSocket at = RoutedNetwork.udp(network.server(), RoutedNetwork.SERVER, 5060);
        DatagramSocket first = RoutedNetwork.udp(network.client(), RoutedNetwork.CLIENT, 5062);
        DatagramSocket second = RoutedNetwork.udp(network.client(), RoutedNetwork.CLIENT2, 5063)) {
      Endpoint outside = endpoint(RoutedNetwork.ROUTER_OUTSIDE, 7000);
      Endpoint server = endpoint(RoutedNetwork.SERVER, 5060);
      RoutedNetwork.send(first, RoutedNetwork.SERVER, 5060);
      assertEquals(7000, RoutedNetwork.receive(at).getPort());
      FlowOrigin earlier = router.session().originOf(outside, server);
      network.router().exec("conntrack", "-D", "-p", "udp", "--orig-port-src", "5062");
      RoutedNetwork.send(first, RoutedNetwork.SERVER, 5060);
      assertEquals(7000, RoutedNetwork.receive(at).getPort(), "its own next flow passes at once");
      network.router().exec("conntrack", "-D", "-p", "udp", "--orig-port-src", "5062");
      int sent = 0;
      InetSocketAddress came = null;
      while (came == null && sent < 80) {
        RoutedNetwork.send(second, RoutedNetwork.SERVER, 5060);
        sent++;
        came = RoutedNetwork.receive(at, 250);
      }
      assertNotNull(came);
      assertEquals(7000, came.getPort());
      assertTrue(sent > 1, "not while the first may be in the queue");
      String counted = network.router().exec("nft", "list", "chain", "inet", "pinholed", "flows");
      assertTrue(counted.contains("counter packets " + (sent - 1) + " "), counted);
      FlowOrigin now = router.session().originOf(outside, server);
      assertNotNull(now);
      assertNotEquals(earlier, now);
      assertEquals(endpoint(RoutedNetwork.CLIENT2, 5063), now.source());
    }
  }

  @Test
  void fullMap_dropsNothing_andIsNotWritten() throws Exception {
    router.remove();
    router.close();
    router = new DivertingRouter(network, 4);
    try (DatagramSocket at = RoutedNetwork.udp(network.server(), RoutedNetwork.SERVER, 5060)) {
      int found = 0;
      for (int port = 6000; port < 6020; port++) {
        try (DatagramSocket from =
            RoutedNetwork.udp(network.client(), RoutedNetwork.CLIENT, port)) {
          RoutedNetwork.send(from, RoutedNetwork.SERVER, 5060);
          assertEquals(port, RoutedNetwork.receive(at).getPort(), "it passes all the same");
        }
        if (router
                .session()
                .originOf(
                    endpoint(RoutedNetwork.CLIENT, port), endpoint(RoutedNetwork.SERVER, 5060))
            != null) {
          found++;
        }
      }
      int all = found;
      // more than the map holds only if the machine stood still for as long as elements live
      assertTrue(all >= 4 && all < 20, () -> all + " found");
    }
  }

  @Test
  void datagramForTheRouterItself_isFoundToo() throws IOException {
    try (DatagramSocket at =
            RoutedNetwork.udp(network.router(), RoutedNetwork.ROUTER_INSIDE, 5060);
        DatagramSocket from = RoutedNetwork.udp(network.client(), RoutedNetwork.CLIENT, 5062)) {
      RoutedNetwork.send(from, RoutedNetwork.ROUTER_INSIDE, 5060);
      RoutedNetwork.receive(at);
      FlowOrigin origin =
          router
              .session()
              .originOf(
                  endpoint(RoutedNetwork.CLIENT, 5062),
                  endpoint(RoutedNetwork.ROUTER_INSIDE, 5060));
      assertNotNull(origin);
      assertEquals(endpoint(RoutedNetwork.CLIENT, 5062), origin.source());
    }
  }
}
