package org.pinholed.agent.start;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.pinhole.BackendException;
import org.pinholed.agent.pinhole.ForwardingBackend;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.pinhole.RewrittenDirection;
import org.pinholed.agent.pinhole.nftables.NftablesBackend;
import org.pinholed.agent.pinhole.nftables.NftablesOptions;
import org.pinholed.agent.report.RecordedEvents;
import org.pinholed.agent.report.RecordedMetrics;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.worker.LambdaProtocol;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.LeasedPorts;
import org.pinholed.helper.Lifetime;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.testing.NamespaceThread;

/**
 * Leases of a range of ports for some connections, with an agent and real ones: from a client to a
 * server on the router, whose firewall lets in new connections with the child bit only. Also where
 * the kernel does not count the connections, so that the agent alone does.
 */
@SuppressWarnings("NullAway.Init")
class LeasesIT {
  private static final int QUEUE = 45;
  private static final int PORT = 2100;
  private static final int FIRST = 49152;
  private static final int LAST = 49170;
  private static final String SERVER = "198.51.100.1";
  private static final String CLIENT = "198.51.100.2";
  private static final int PATIENCE_MS = 20_000;

  private final RecordedEvents log = new RecordedEvents();
  private final List<AutoCloseable> opened = new ArrayList<>();
  private NamespaceThread router;
  private NamespaceThread client;
  private Agent agent;

  @BeforeEach
  void openNamespaces() throws IOException {
    String unique = "lea" + ProcessHandle.current().pid();
    router = NamespaceThread.open(unique + "r");
    client = NamespaceThread.open(unique + "c");
    router.exec(
        "ip", "link", "add", "lea0", "type", "veth", "peer", "name", "lea1", "netns", unique + "c");
    router.exec("ip", "address", "add", SERVER + "/24", "dev", "lea0");
    router.exec("ip", "link", "set", "lea0", "up");
    client.exec("ip", "address", "add", CLIENT + "/24", "dev", "lea1");
    client.exec("ip", "link", "set", "lea1", "up");
    router.exec(
        "nft",
        """
        table inet operator {
          chain input {
            type filter hook input priority filter; policy accept;
            ct state established,related accept
            ct mark & 0x40000000 != 0 accept
            tcp dport 49152-49170 reject with tcp reset
          }
        }
        """);
  }

  @AfterEach
  void close() throws Exception {
    for (int i = opened.size() - 1; i >= 0; i--) {
      opened.get(i).close();
    }
    router.close();
    client.close();
  }

  private void startAgent(boolean counted, AgentConfig.OnStop onStop) throws IOException {
    AgentConfig base = AgentConfig.DEFAULT;
    HelperEntry entry =
        new HelperEntry(1, "test", Transport.TCP, PORT, true, Duration.ofSeconds(30), Map.of());
    AgentConfig config =
        new AgentConfig(
            List.of(entry),
            base.backend(),
            base.rules(),
            base.asymmetricRouting(),
            new AgentConfig.Queues(QUEUE, 1, 1024, 1 << 20, 64),
            MarkBits.DEFAULT,
            base.limits(),
            new AgentConfig.Fail(AgentConfig.OnFailure.PASS, AgentConfig.OnFailure.PASS, onStop),
            base.acceptRules(),
            base.control(),
            base.metrics(),
            base.eventLog());
    LambdaProtocol protocol =
        new LambdaProtocol(
            (direction, text, facts, out) -> {
              if (text.startsWith("lease ")) {
                int connections = Integer.parseInt(text.substring("lease ".length()).strip());
                out.proven();
                out.expect(
                    ExpectationRequest.builder(
                            "lease",
                            direction,
                            new Endpoint(facts.server().address(), FIRST),
                            LambdaProtocol.Word.SAID)
                        .many()
                        .lifetime(new Lifetime.WithOwner(null))
                        .portsUpTo(LAST, connections)
                        .build());
              }
            },
            List.of(new LeasedPorts(FIRST, LAST)));
    agent =
        router.call(
            () -> {
              PinholeBackend real = NftablesBackend.open(NftablesOptions.of(config));
              return new Agent(
                  config,
                  List.of(protocol),
                  counted ? real : new WithoutCounts(real),
                  log,
                  new RecordedMetrics());
            });
    opened.add(agent);
  }

  /** A control connection by which the server announces a lease. */
  private void announce(int connections) throws IOException {
    try (ServerSocket listener = listen(PORT)) {
      Socket atClient = connect(PORT);
      Socket atServer = listener.accept();
      opened.add(atClient);
      opened.add(atServer);
      String line = "lease " + connections;
      atServer.getOutputStream().write((line + "\n").getBytes(StandardCharsets.US_ASCII));
      BufferedReader lines =
          new BufferedReader(
              new InputStreamReader(atClient.getInputStream(), StandardCharsets.US_ASCII));
      assertEquals(line, lines.readLine(), "what was announced is open when its message arrives");
    }
  }

  private ServerSocket listen(int port) throws IOException {
    return router.call(
        () -> {
          ServerSocket socket = new ServerSocket();
          socket.setReuseAddress(true);
          socket.bind(new InetSocketAddress(SERVER, port));
          socket.setSoTimeout(PATIENCE_MS);
          return socket;
        });
  }

  private Socket connect(int port) throws IOException {
    return client.call(
        () -> {
          Socket socket = new Socket();
          socket.connect(new InetSocketAddress(SERVER, port), PATIENCE_MS);
          socket.setSoTimeout(PATIENCE_MS);
          return socket;
        });
  }

  /** Whether a connection comes through, by which port of the range it be. */
  private boolean passes(int port) throws IOException {
    try (ServerSocket listener = listen(port)) {
      Socket socket = connect(port);
      opened.add(socket);
      opened.add(listener.accept());
      return true;
    } catch (ConnectException e) {
      return false; // the firewall resets it
    }
  }

  private void awaitMatched(int count) throws Exception {
    long untilNs = System.nanoTime() + Duration.ofMillis(PATIENCE_MS).toNanos();
    while (log.words().stream().filter(word -> word.startsWith("matched")).count() < count) {
      assertTrue(System.nanoTime() - untilNs < 0, () -> log.words().toString());
      Thread.onSpinWait();
    }
  }

  /** What the kernel holds once the agent has told it: it tells right after the event. */
  private void awaitElement(@Nullable String comment) throws IOException {
    long untilNs = System.nanoTime() + Duration.ofMillis(PATIENCE_MS).toNanos();
    while (true) {
      String listing = router.exec("nft", "list", "map", "inet", "pinholed", "lease4");
      if (comment == null ? !listing.contains("timeout 1m") : listing.contains(comment)) {
        return;
      }
      assertTrue(System.nanoTime() - untilNs < 0, listing);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void lease_letsInSoManyAndNoMore(boolean countedByTheKernel) throws Exception {
    startAgent(countedByTheKernel, AgentConfig.OnStop.REMOVE);
    assertFalse(passes(FIRST), "before");
    announce(3);
    assertTrue(passes(FIRST + 1));
    awaitMatched(1);
    if (!countedByTheKernel) {
      awaitElement(" o#2 ");
    }
    assertTrue(passes(FIRST + 2));
    awaitMatched(2);
    assertTrue(passes(LAST));
    awaitMatched(3);
    awaitElement(null);
    assertFalse(passes(FIRST + 3));
    assertEquals(3, agent.expectations(ListingFilter.ALL).get(0).children());
  }

  @Test
  void lease_goesOnForTheRest_withTheNextAgent() throws Exception {
    startAgent(false, AgentConfig.OnStop.KEEP);
    announce(3);
    assertTrue(passes(FIRST + 1));
    awaitElement(" o#2 ");
    opened.remove(agent);
    agent.close();
    log.clear();
    startAgent(false, AgentConfig.OnStop.REMOVE);
    assertTrue(passes(FIRST + 2));
    awaitElement(" o#1 ");
    assertTrue(passes(FIRST + 3));
    awaitElement(null);
    assertFalse(passes(FIRST + 4));
  }

  @Test
  void lease_goesOnForTheRest_whenSomebodyRemovedTheTable() throws Exception {
    startAgent(true, AgentConfig.OnStop.REMOVE);
    announce(2);
    assertTrue(passes(FIRST + 1));
    awaitMatched(1);
    router.exec("nft", "delete table inet pinholed");
    long untilNs = System.nanoTime() + Duration.ofMillis(PATIENCE_MS).toNanos();
    while (!router.exec("nft", "list tables").contains("inet pinholed")) {
      assertTrue(System.nanoTime() - untilNs < 0, "not repaired");
    }
    awaitElement(" o#1 ");
    assertTrue(passes(FIRST + 2));
    assertFalse(passes(FIRST + 3));
  }

  /** A kernel that does not count connections of an element. */
  private static final class WithoutCounts extends ForwardingBackend {
    WithoutCounts(PinholeBackend real) {
      super(real);
    }

    private static List<Pinhole> anyNumber(Collection<Pinhole> pinholes) {
      return pinholes.stream().map(WithoutCounts::anyNumber).toList();
    }

    private static Pinhole anyNumber(Pinhole each) {
      return new Pinhole(
          each.kind(),
          each.transport(),
          each.source(),
          each.destination(),
          each.port(),
          each.lastPort(),
          0,
          each.mark(),
          each.timeoutMs(),
          each.comment(),
          each.translation(),
          each.parent());
    }

    @Override
    public Session openSession() throws BackendException {
      return new ForwardingSession(super.openSession()) {
        @Override
        public List<Pinhole> apply(
            List<Pinhole> close, List<Pinhole> open, List<RewrittenDirection> rewritten)
            throws BackendException {
          return super.apply(anyNumber(close), anyNumber(open), rewritten);
        }

        @Override
        public void renew(List<Pinhole> pinholes) throws BackendException {
          super.renew(anyNumber(pinholes));
        }
      };
    }

    @Override
    public boolean limitsConnections() {
      return false;
    }

    @Override
    public boolean repair(Collection<Pinhole> alive) throws BackendException {
      return super.repair(anyNumber(alive));
    }
  }
}
