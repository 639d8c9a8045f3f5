package org.pinholed.agent.pinhole.nftables;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.pinhole.FlowOrigin;
import org.pinholed.agent.pinhole.HelperPort;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.FlowTuple;

/** What the kernel writes down of first datagrams, with every translation. */
@SuppressWarnings("NullAway.Init")
class FlowMapsIT {
  private static final int UDP = 17;

  private RoutedNetwork network;
  private PinholeBackend backend;
  private PinholeBackend.Session session;
  private ConntrackClient conntrack;

  @BeforeEach
  void open() throws IOException {
    network = new RoutedNetwork("flm");
    start(10_000);
    conntrack = network.router().call(ConntrackClient::open);
  }

  private void start(int mapSizeElements) throws IOException {
    NftablesOptions options =
        new NftablesOptions("pinholed", 7, 1, true, MarkBits.DEFAULT, mapSizeElements);
    backend = network.router().call(() -> NftablesBackend.open(options));
    backend.install(List.of(new HelperPort(Transport.UDP, 5060)));
    session = network.router().call(backend::openSession);
  }

  @AfterEach
  void close() throws Exception {
    session.close();
    backend.close();
    conntrack.close();
    network.close();
  }

  private static Endpoint endpoint(String address, int port) throws IOException {
    return new Endpoint(RoutedNetwork.address(address), port);
  }

  /** The conntrack of a datagram as the server saw it. */
  private ConntrackEntry confirmed(InetSocketAddress from, String to, int port) throws IOException {
    return conntrack
        .get(new FlowTuple(UDP, RoutedNetwork.address(to), port, from.getAddress(), from.getPort()))
        .orElseThrow();
  }

  @ParameterizedTest
  @CsvSource({
    "'', 192.0.2.2, 198.51.100.2, 198.51.100.2, 5060",
    "masquerade, 192.0.2.2, 198.51.100.2, 198.51.100.2, 5060",
    "dnat ip to 198.51.100.3:5070, 192.0.2.2, 192.0.2.1, 198.51.100.3, 5070",
    "masquerade dnat ip to 198.51.100.3:5070, 192.0.2.2, 192.0.2.1, 198.51.100.3, 5070",
    "'', 2001:db8:1::2, 2001:db8:2::2, 2001:db8:2::2, 5060",
    "masquerade, 2001:db8:1::2, 2001:db8:2::2, 2001:db8:2::2, 5060",
    "dnat ip6 to [2001:db8:2::3]:5070, 2001:db8:1::2, 2001:db8:1::1, 2001:db8:2::3, 5070",
    "masquerade dnat ip6 to [2001:db8:2::3]:5070, 2001:db8:1::2, 2001:db8:1::1, 2001:db8:2::3,"
        + " 5070",
  })
  void firstDatagram_isFoundAsItCame(
      String rules, String client, String sentTo, String server, int port) throws IOException {
    network.translate(rules, 5060);
    try (DatagramSocket at = RoutedNetwork.udp(network.server(), server, port);
        DatagramSocket from = RoutedNetwork.udp(network.client(), client, 5062)) {
      RoutedNetwork.send(from, sentTo, 5060);
      InetSocketAddress seen = RoutedNetwork.receive(at);
      ConntrackEntry entry = confirmed(seen, server, port);
      FlowOrigin origin =
          session.originOf(new Endpoint(seen.getAddress(), seen.getPort()), endpoint(server, port));
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
      assertNotNull(session.originOf(client, endpoint(RoutedNetwork.SERVER, 5060)));
      assertNull(session.originOf(endpoint(RoutedNetwork.SERVER, 5060), client));
      assertNull(session.originOf(client, endpoint(RoutedNetwork.SERVER, 5061)));
      String counted = network.router().exec("nft", "list", "chain", "inet", "pinholed", "flows");
      assertTrue(counted.contains("counter packets 1 "), counted);
    }
  }

  /** The same packet, but of another conntrack: the earlier one must not be believed. */
  @Test
  void laterFlowWithTheSamePacket_takesThePlaceOfTheEarlierOne() throws IOException {
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
      FlowOrigin earlier = session.originOf(outside, server);
      network.router().exec("conntrack", "-D", "-p", "udp", "--orig-port-src", "5062");
      RoutedNetwork.send(second, RoutedNetwork.SERVER, 5060);
      assertEquals(7000, RoutedNetwork.receive(at).getPort());
      FlowOrigin now = session.originOf(outside, server);
      assertNotNull(now);
      assertNotEquals(earlier, now);
      assertEquals(endpoint(RoutedNetwork.CLIENT2, 5063), now.source());
    }
  }

  @Test
  void fullMap_dropsNothing_andIsNotWritten() throws Exception {
    session.close();
    backend.remove();
    backend.close();
    start(4);
    try (DatagramSocket at = RoutedNetwork.udp(network.server(), RoutedNetwork.SERVER, 5060)) {
      int found = 0;
      for (int port = 6000; port < 6020; port++) {
        try (DatagramSocket from =
            RoutedNetwork.udp(network.client(), RoutedNetwork.CLIENT, port)) {
          RoutedNetwork.send(from, RoutedNetwork.SERVER, 5060);
          assertEquals(port, RoutedNetwork.receive(at).getPort(), "it passes all the same");
        }
        if (session.originOf(
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
          session.originOf(
              endpoint(RoutedNetwork.CLIENT, 5062), endpoint(RoutedNetwork.ROUTER_INSIDE, 5060));
      assertNotNull(origin);
      assertEquals(endpoint(RoutedNetwork.CLIENT, 5062), origin.source());
    }
  }
}
