package org.pinholed.agent.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.pinhole.ChildTranslation;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.time.Clock;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.kernel.netlink.NetlinkException;

/** Leases of a range of ports of servers and for clients that are translated. */
class TranslatedLeaseTest {
  private static final InetSocketAddress CLIENT = DatagramDialogue.CLIENT;
  private static final InetSocketAddress SERVER = DatagramDialogue.SERVER;
  private static final int FIRST = 49152;

  private final List<Optional<Endpoint>> answers = new ArrayList<>();
  private final WorkerBench bench;

  TranslatedLeaseTest() throws NetlinkException {
    bench =
        WorkerBench.datagrams(
            new LambdaProtocol(
                (direction, text, facts, out) -> {
                  if (direction == Direction.REPLY) {
                    ExpectationRequest lease =
                        ExpectationRequest.builder(
                                "lease",
                                direction,
                                new Endpoint(facts.server().address(), FIRST),
                                LambdaProtocol.Word.SAID)
                            .many()
                            .portsUpTo(49160, 4)
                            .build();
                    answers.addAll(out.expectGroup(List.of(lease)));
                  }
                }),
            AgentConfig.Limits.DEFAULT,
            Clock.SYSTEM);
  }

  private static InetSocketAddress at(String address, int port) {
    return new InetSocketAddress(address, port);
  }

  private void announce(
      InetSocketAddress client, InetSocketAddress server, String clientSeen, String serverSeen) {
    int id = client.getPort();
    new DatagramDialogue(
            bench,
            client,
            server,
            clientSeen.isEmpty() ? client : at(clientSeen, client.getPort()),
            serverSeen.isEmpty() ? server : at(serverSeen, server.getPort()),
            id,
            25)
        .client("hello")
        .server("lease");
  }

  private Pinhole lease(InetAddress destination) {
    String text =
        "LEASE TCP "
            + CLIENT.getAddress().getHostAddress()
            + " > "
            + destination.getHostAddress()
            + ":"
            + FIRST;
    Pinhole found = bench.backend().find(text);
    assertNotNull(found, bench.backend().open().toString());
    return found;
  }

  /** What the message says stays: the ports are those that the server knows. */
  @ParameterizedTest
  @CsvSource({
    "'', ''",
    "203.0.113.9, ''",
    "'', 203.0.113.5",
    "203.0.113.9, 203.0.113.5",
  })
  void leadsToTheServer_withTheSourceThatItKnows(String clientSeen, String serverSeen) {
    announce(CLIENT, SERVER, clientSeen, serverSeen);
    InetAddress outside =
        serverSeen.isEmpty() ? SERVER.getAddress() : at(serverSeen, 1).getAddress();
    Pinhole lease = lease(outside);
    assertEquals(49160, lease.lastPort());
    assertEquals(4, lease.connections());
    assertEquals(translation(clientSeen, serverSeen), lease.translation());
    assertEquals(new Endpoint(outside, FIRST), answers.get(0).orElse(null));
    assertEquals(List.of("created said"), bench.log().words());
    bench.assertVerdicts();
  }

  private static @Nullable ChildTranslation translation(String clientSeen, String serverSeen) {
    Endpoint inside = serverSeen.isEmpty() ? null : new Endpoint(SERVER.getAddress(), FIRST);
    InetAddress source = clientSeen.isEmpty() ? null : at(clientSeen, 1).getAddress();
    return inside == null && source == null ? null : new ChildTranslation(inside, source);
  }

  @Test
  void ofTwoServersBehindOneAddress_aClientHasThatOfTheFirst() {
    InetSocketAddress other = at("198.51.100.77", SERVER.getPort());
    String outside = "203.0.113.5";
    announce(CLIENT, SERVER, "", outside);
    announce(at(CLIENT.getAddress().getHostAddress(), 5555), other, "", outside);
    assertEquals(List.of("created said", "refused rangeLeadsElsewhere"), bench.log().words());
    assertNull(answers.get(1).orElse(null));
    ChildTranslation translation = lease(at(outside, 1).getAddress()).translation();
    assertNotNull(translation);
    assertEquals(new Endpoint(SERVER.getAddress(), FIRST), translation.inside());

    announce(at("192.0.2.99", 5556), other, "", outside);
    assertEquals(2, bench.backend().open().size(), "another client is told apart");
    // the same server once more: both hold it together
    announce(at(CLIENT.getAddress().getHostAddress(), 5557), SERVER, "", outside);
    assertEquals(2, bench.backend().open().size());
    assertEquals(3, bench.rows().size());
  }
}
