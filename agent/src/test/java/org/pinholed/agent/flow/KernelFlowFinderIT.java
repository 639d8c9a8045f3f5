package org.pinholed.agent.flow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.pinhole.nftables.DivertingRouter;
import org.pinholed.agent.pinhole.nftables.EveryTranslation;
import org.pinholed.agent.pinhole.nftables.RoutedNetwork;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.nfqueue.PacketQueue;
import org.pinholed.kernel.nfqueue.QueueOptions;
import org.pinholed.kernel.nfqueue.QueuedPacketView;

/** Real datagrams in the queue, the first one and later ones, with every translation. */
@SuppressWarnings("NullAway.Init")
class KernelFlowFinderIT {
  private static final int UDP = 17;
  private static final int TURNS = 100;

  private final PacketView packet = new PacketView();
  private RoutedNetwork network;
  private DivertingRouter router;
  private PacketQueue queue;
  private KernelFlowFinder finder;

  @BeforeEach
  void open() throws IOException {
    network = new RoutedNetwork("kff");
    queue =
        network
            .router()
            .call(
                () ->
                    PacketQueue.open(
                        new QueueOptions(
                            DivertingRouter.QUEUE,
                            100,
                            65531,
                            false,
                            true,
                            1 << 20,
                            16,
                            Duration.ofMillis(100))));
    router = new DivertingRouter(network, 10_000);
    finder = new KernelFlowFinder(router.conntrack(), router.session());
  }

  @AfterEach
  void close() throws Exception {
    queue.close();
    router.close();
    network.close();
  }

  /** Finds the flow of the next packet in the queue and lets the packet go. */
  private FlowFinder.@Nullable Found next() throws IOException {
    List<FlowFinder.@Nullable Found> found = new ArrayList<>();
    for (int turn = 0; turn < TURNS && found.isEmpty(); turn++) {
      queue.receive(
          queued -> {
            assertNull(
                packet.wrap(queued.buffer(), queued.payloadOffset(), queued.payloadLengthBytes()));
            // whether the kernel can or not: both ways must find the same
            assertEquals(queue.features().conntrack(), queued.conntrackLengthBytes() > 0);
            found.add(find(queued));
            queue.accept(queued.packetId());
          });
      queue.flush();
    }
    assertEquals(1, found.size());
    return found.get(0);
  }

  private FlowFinder.@Nullable Found find(QueuedPacketView queued) {
    try {
      return finder.find(packet, queued);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @EveryTranslation
  void everyDatagram_isFound_withTheSameIdentity(
      String rules, String client, String sentTo, String server, int port) throws IOException {
    network.translate(rules, 5060);
    try (DatagramSocket at = RoutedNetwork.udp(network.server(), server, port);
        DatagramSocket from = RoutedNetwork.udp(network.client(), client, 5062)) {
      RoutedNetwork.send(from, sentTo, 5060);
      FlowFinder.Found first = next();
      InetSocketAddress seen = RoutedNetwork.receive(at);
      assertNotNull(first);
      assertFalse(first.confirmed());
      assertEquals(
          new FlowTuple(
              UDP, RoutedNetwork.address(client), 5062, RoutedNetwork.address(sentTo), 5060),
          first.entry().original());
      assertEquals(!rules.isEmpty(), first.entry().isTranslated());
      assertEquals(0x19, first.entry().mark());

      RoutedNetwork.send(from, sentTo, 5060);
      FlowFinder.Found second = next();
      RoutedNetwork.receive(at);
      assertNotNull(second);
      assertTrue(second.confirmed());
      assertEquals(first.entry().identity(), second.entry().identity());

      RoutedNetwork.send(at, seen.getAddress().getHostAddress(), seen.getPort());
      FlowFinder.Found answer = next();
      RoutedNetwork.receive(from);
      assertNotNull(answer);
      assertTrue(answer.confirmed());
      assertEquals(first.entry().identity(), answer.entry().identity());
    }
  }
}
