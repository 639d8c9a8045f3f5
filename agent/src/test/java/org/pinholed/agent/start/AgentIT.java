package org.pinholed.agent.start;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.expectation.PastExpectation;
import org.pinholed.agent.pinhole.BackendException;
import org.pinholed.agent.pinhole.ForwardingBackend;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.pinhole.nftables.NftablesBackend;
import org.pinholed.agent.pinhole.nftables.NftablesOptions;
import org.pinholed.agent.report.RecordedEvents;
import org.pinholed.agent.report.RecordedMetrics;
import org.pinholed.agent.view.AgentControl;
import org.pinholed.agent.view.ClearReport;
import org.pinholed.agent.view.ControlException;
import org.pinholed.agent.view.ExpectationRow;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.SessionRow;
import org.pinholed.agent.view.StatusReport;
import org.pinholed.agent.view.TraceLine;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.Transport;
import org.pinholed.helper.ftp.FtpProtocol;
import org.pinholed.kernel.testing.NamespaceThread;

/**
 * The agent against the kernel: an FTP server on the router itself, a client in a second namespace.
 */
@SuppressWarnings("NullAway.Init")
class AgentIT {
  private static final int QUEUE = 41;
  private static final String SERVER = "198.51.100.1";
  private static final String CLIENT = "198.51.100.2";
  private static final List<HelperProtocol> PROTOCOLS = List.of(new FtpProtocol());
  private static NamespaceThread router;
  private static NamespaceThread peer;

  private final RecordedEvents log = new RecordedEvents();
  private final RecordedMetrics metrics = new RecordedMetrics();
  private final List<AutoCloseable> opened = new ArrayList<>();

  @BeforeAll
  static void openNamespaces() throws IOException {
    router = NamespaceThread.open("cta-router");
    peer = NamespaceThread.open("cta-peer");
    router.exec(
        "ip", "link", "add", "cta0", "type", "veth", "peer", "name", "cta1", "netns", "cta-peer");
    router.exec("ip", "address", "add", SERVER + "/24", "dev", "cta0");
    router.exec("ip", "link", "set", "cta0", "up");
    peer.exec("ip", "address", "add", CLIENT + "/24", "dev", "cta1");
    peer.exec("ip", "link", "set", "cta1", "up");
  }

  @AfterAll
  static void closeNamespaces() throws IOException {
    router.close();
    peer.close();
  }

  @AfterEach
  void close() throws Exception {
    for (int i = opened.size() - 1; i >= 0; i--) {
      opened.get(i).close();
    }
    if (hasTable()) {
      router.exec("nft", "delete table inet pinholed");
    }
    // Without a table nobody sees connections end; the next agent would go on with them.
    router.exec("conntrack", "-F");
  }

  private static HelperEntry entry(int id, int port) {
    return new HelperEntry(id, "ftp", Transport.TCP, port, true, Duration.ofSeconds(30), Map.of());
  }

  private static AgentConfig config(AgentConfig.OnStop onStop, HelperEntry... helpers) {
    AgentConfig base = AgentConfig.DEFAULT;
    return new AgentConfig(
        List.of(helpers),
        base.backend(),
        base.rules(),
        base.asymmetricRouting(),
        new AgentConfig.Queues(QUEUE, 2, 1024, 1 << 20, 64),
        MarkBits.DEFAULT,
        base.limits(),
        new AgentConfig.Fail(AgentConfig.OnFailure.PASS, AgentConfig.OnFailure.PASS, onStop),
        base.acceptRules(),
        base.control(),
        base.metrics(),
        base.eventLog());
  }

  private Agent start(AgentConfig config) throws IOException {
    return start(config, NftablesBackend.open(NftablesOptions.of(config)));
  }

  private Agent start(AgentConfig config, PinholeBackend backend) throws IOException {
    Agent agent = new Agent(config, PROTOCOLS, backend, log, metrics);
    opened.add(agent);
    return agent;
  }

  private Agent inRouter(AgentConfig config) throws IOException {
    return router.call(() -> start(config));
  }

  private Agent agentOnPort21() throws IOException {
    return inRouter(config(AgentConfig.OnStop.REMOVE, entry(1, 21)));
  }

  private static boolean hasTable() throws IOException {
    return router.exec("nft", "list tables").contains("inet pinholed");
  }

  private static String elements() throws IOException {
    return router.exec("nft", "list map inet pinholed once4");
  }

  /** Both ends of an FTP control connection; each line goes through the agent. */
  private final class Dialogue {
    private final Socket client;
    private final Socket server;
    private final BufferedReader atClient;
    private final BufferedReader atServer;

    Dialogue(int port) throws IOException {
      ServerSocket listener =
          router.call(
              () -> {
                ServerSocket socket = new ServerSocket();
                socket.setReuseAddress(true);
                socket.bind(new InetSocketAddress(SERVER, port));
                return socket;
              });
      try (listener) {
        listener.setSoTimeout(10_000);
        client =
            peer.call(
                () -> {
                  Socket socket = new Socket();
                  socket.connect(new InetSocketAddress(SERVER, port), 10_000);
                  return socket;
                });
        opened.add(client);
        server = listener.accept();
        opened.add(server);
      }
      atClient = lines(client);
      atServer = lines(server);
    }

    private BufferedReader lines(Socket socket) throws IOException {
      socket.setSoTimeout(10_000);
      return new BufferedReader(
          new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII));
    }

    /** Returns when the server has the line, and so when its packet got its verdict. */
    Dialogue client(String line) throws IOException {
      client.getOutputStream().write((line + "\r\n").getBytes(StandardCharsets.US_ASCII));
      assertEquals(line, atServer.readLine());
      return this;
    }

    Dialogue server(String line) throws IOException {
      server.getOutputStream().write((line + "\r\n").getBytes(StandardCharsets.US_ASCII));
      assertEquals(line, atClient.readLine());
      return this;
    }

    Dialogue passive() throws IOException {
      return server("220 ready")
          .client("USER joe")
          .server("230 welcome")
          .client("PASV")
          .server("227 Entering Passive Mode (198,51,100,1,117,48)");
    }

    void clientCloses() throws IOException {
      client.shutdownOutput();
      assertEquals(null, atServer.readLine());
    }

    void serverCloses() throws IOException {
      server.shutdownOutput();
      assertEquals(null, atClient.readLine());
    }
  }

  @Test
  void dialogue_passive_pinholeIsInTheKernelWhenTheClientHasTheReply() throws Exception {
    Agent agent = agentOnPort21();
    Dialogue dialogue = new Dialogue(21).passive();

    String elements = elements();
    assertTrue(elements.contains(CLIENT + " . " + SERVER + " . 30000"), elements);
    List<ExpectationRow> rows = agent.expectations(ListingFilter.ALL);
    assertEquals(List.of("pending"), rows.stream().map(ExpectationRow::state).toList());
    List<SessionRow> sessions = agent.sessions(ListingFilter.ALL);
    assertEquals(1, sessions.size());
    assertFalse(sessions.get(0).opaque());
    assertEquals(rows.get(0).parentSerial(), sessions.get(0).serial());
    dialogue.clientCloses();
    assertTrue(elements().contains("30000"), "who closed one side may still get data");
    dialogue.serverCloses();

    assertFalse(elements().contains("30000"), "shut before the client has the last FIN");
    assertEquals(List.of(), agent.expectations(ListingFilter.ALL));
    assertEquals(List.of(), agent.sessions(ListingFilter.ALL));
  }

  @Test
  void clear_withAFilter_shutWhenItReturnsAndLoggedAsCleared() throws Exception {
    Agent agent = agentOnPort21();
    new Dialogue(21).passive();
    String serial = agent.sessions(ListingFilter.ALL).get(0).serial();
    ListingFilter other = new ListingFilter(null, "sip", null);
    assertEquals(new ClearReport(0, 0), agent.clear(other));
    assertTrue(elements().contains("30000"));

    assertEquals(new ClearReport(1, 1), agent.clear(new ListingFilter(null, null, serial)));
    assertFalse(elements().contains("30000"));
    assertEquals(List.of(), agent.sessions(ListingFilter.ALL));
    agent.close(); // says what is left to say
    assertEquals(List.of("created 227", "cleared 227"), log.words());
    PastExpectation past = agent.history().ended().get(0);
    assertEquals("cleared 227", past.end().word() + " " + past.announcement().word());
    assertEquals(serial, past.parent().serial());
  }

  @Test
  void helpers_addedAndDeletedAtRunTime_readFromTheFirstByteAndShutAtOnce() throws Exception {
    Agent agent = agentOnPort21();
    agent.addHelper(entry(2, 2121));
    new Dialogue(2121).passive();
    assertTrue(elements().contains("30000"));
    assertEquals(2, agent.helpers().size());

    agent.deleteHelper(2);
    assertFalse(elements().contains("30000"));
    assertEquals(List.of(), agent.sessions(ListingFilter.ALL));
    assertThrows(ControlException.class, () -> agent.deleteHelper(2));
    assertThrows(ControlException.class, () -> agent.addHelper(entry(3, 21)), "port 21 is taken");

    agent.setHelperEnabled(1, false);
    new Dialogue(21).passive();
    assertEquals(List.of(), agent.sessions(ListingFilter.ALL));
    assertEquals(List.of(), agent.status().helpers());
  }

  @Test
  void trace_count_endsByItself() throws Exception {
    Agent agent = agentOnPort21();
    BlockingQueue<TraceLine> lines = new LinkedBlockingQueue<>();
    try (AgentControl.Trace trace =
        agent.trace(new ListingFilter(null, null, null, null, 21, Set.of()), 2, lines::add)) {
      new Dialogue(21).server("220 ready").client("NOOP");
      TraceLine last = lines.poll(10, TimeUnit.SECONDS);
      while (last != null && !(last.packet() == 2 && last.step().equals("verdict"))) {
        last = lines.poll(10, TimeUnit.SECONDS);
      }

      assertTrue(last != null, "the verdict of the second packet");
      assertEquals(0, lines.size(), "nothing of the third");
      assertTrue(trace.isDone());
    }
  }

  @Test
  void status_afterADialogue_counts() throws Exception {
    Agent agent = agentOnPort21();
    agent.setMetricsAddress("127.0.0.1:1");
    new Dialogue(21).passive();
    agent.sessions(ListingFilter.ALL); // answered when the batch of the last packet is counted
    StatusReport status = agent.status();

    assertEquals("nftables", status.backend());
    assertEquals(List.of("ftp/tcp/21"), status.helpers());
    assertEquals(1, agent.parents());
    assertEquals(0, agent.opaqueParents());
    assertTrue(status.packets() >= 4, status.packets() + " packets");
    assertEquals(0, status.queueDropped());
    assertEquals(Integer.valueOf(1), status.expectations().get("pending"));
    assertEquals("127.0.0.1:1", status.metricsAddress());
  }

  @Test
  void reload_helpersAndLimits_inForce() throws Exception {
    Agent agent = agentOnPort21();
    assertThrows(ControlException.class, agent::reload, "there is no file");
    AgentConfig base = config(AgentConfig.OnStop.KEEP, entry(1, 21), entry(2, 2121));
    AgentConfig wanted =
        new AgentConfig(
            base.helpers(),
            base.backend(),
            base.rules(),
            base.asymmetricRouting(),
            base.queues(),
            base.marks(),
            new AgentConfig.Limits(1, 1, 1, 1, 1, 1024, 16 << 20, HelperLimits.DEFAULT),
            base.fail(),
            base.acceptRules(),
            base.control(),
            base.metrics(),
            base.eventLog());
    agent.setConfigSource(() -> wanted);
    List<String> changes = agent.reload();

    assertEquals(
        List.of(
            "limits.expectationsPerParent: 8 -> 1",
            "limits.expectationsPerSource: 1024 -> 1",
            "limits.expectations: 16384 -> 1",
            "limits.parents: 65536 -> 1",
            "limits.parentsPerSource: 4096 -> 1",
            "limits.halfOpen: 262144 -> 1024",
            "fail.onStop: remove -> keep",
            "helpers[2]: added, ftp/tcp/2121"),
        changes);
    assertEquals(List.of(), agent.reload(), "the same again");
    new Dialogue(2121).passive();
    assertEquals(1, agent.expectations(ListingFilter.ALL).size());
    agent.close();
    assertTrue(hasTable(), "fail.onStop is keep now");
  }

  @Test
  void reload_whatNeedsARestart_refusedAndNothingChanged() throws Exception {
    Agent agent = agentOnPort21();
    AgentConfig base = config(AgentConfig.OnStop.REMOVE, entry(1, 2121));
    AgentConfig wanted =
        new AgentConfig(
            base.helpers(),
            base.backend(),
            base.rules(),
            base.asymmetricRouting(),
            new AgentConfig.Queues(QUEUE, 1, 1024, 1 << 20, 64),
            base.marks(),
            base.limits(),
            base.fail(),
            base.acceptRules(),
            base.control(),
            base.metrics(),
            base.eventLog());
    agent.setConfigSource(() -> wanted);
    ControlException refused = assertThrows(ControlException.class, agent::reload);

    assertEquals("queues.count: 2 -> 1 needs a restart; nothing was changed", refused.getMessage());
    assertEquals(List.of("ftp/tcp/21"), agent.status().helpers());
  }

  @Test
  void close_remove_nothingIsLeftAndConnectionsGoOn() throws Exception {
    Agent agent = agentOnPort21();
    Dialogue dialogue = new Dialogue(21).passive();
    assertTrue(hasTable());
    agent.close();

    assertFalse(hasTable());
    dialogue.client("NOOP").server("200 ok");
  }

  @Test
  void new_queueTaken_refusedAndTheOthersTableStays() throws Exception {
    Agent first = agentOnPort21();
    IOException refused = assertThrows(IOException.class, this::agentOnPort21);

    assertTrue(
        String.valueOf(refused.getMessage()).contains("queue " + QUEUE), refused.getMessage());
    assertTrue(hasTable());
    new Dialogue(21).passive();
    assertEquals(1, first.sessions(ListingFilter.ALL).size());
  }

  @Test
  void new_failsAtTheLastStep_nothingIsLeft() throws Exception {
    AgentConfig config = config(AgentConfig.OnStop.REMOVE, entry(1, 21));
    IOException refused =
        assertThrows(
            IOException.class,
            () ->
                router.call(
                    () ->
                        start(
                            config,
                            new Unwatchable(NftablesBackend.open(NftablesOptions.of(config))))));

    assertEquals("cannot be watched", refused.getMessage());
    assertFalse(hasTable());
    agentOnPort21(); // and the queue is free
  }

  /** A backend of which only the watch fails. */
  private static final class Unwatchable extends ForwardingBackend {
    Unwatchable(PinholeBackend real) {
      super(real);
    }

    @Override
    public void watch(Runnable changed, Runnable newsLost) throws BackendException {
      throw new BackendException("cannot be watched", 0, new IllegalStateException());
    }

    @Override
    public String watchProblem() {
      return "cannot be watched";
    }
  }
}
