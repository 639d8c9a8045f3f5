package org.pinholed.agent.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.operate.doctor.DoctorSettings;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.TraceLine;
import org.pinholed.helper.text.Network;

/** Real sockets; the client is the JDK's own, not the one that pinholectl uses. */
@Timeout(60)
class ControlServerTest {
  private static final Map<String, Number> METRICS =
      Map.of("packets", 110L, "backendErrors", 0L, "expectations.ftp.created", 2L);
  private static final ControlLimits SMALL =
      new ControlLimits(
          1024,
          Duration.ofMillis(300),
          Duration.ofMillis(300),
          Duration.ofSeconds(2),
          new UserPlaces.Share(4, 4, 4),
          new UserPlaces.Share(2, 2, 2));

  private final FakeAgent agent = new FakeAgent();
  private final Path directory;
  private final Path run;
  private final Path socket;
  private ControlServer server;

  ControlServerTest(@TempDir Path directory) throws IOException {
    this.directory = directory;
    run = directory.resolve("run");
    socket = run.resolve("control.sock");
    server = open(ControlLimits.DEFAULT);
  }

  @AfterEach
  void close() throws IOException {
    server.close();
  }

  @Test
  void status_asked_oneRowAndDone() throws IOException {
    List<JsonFields> lines = ask("{\"command\":\"status\"}");
    assertEquals(2, lines.size());
    assertEquals(4711, lines.get(0).object("row").number("pid"));
    assertEquals("ftp/tcp/21", lines.get(0).object("row").list("helpers").get(0));
    assertTrue(lines.get(1).flag("done"));
    assertEquals(1, lines.get(1).number("count"));
  }

  /** What the doctor goes by. */
  @Test
  void config_asked_allIsThereWithItsDefaults() throws IOException {
    JsonFields config = ask("{\"command\":\"config\"}").get(0).object("row");
    DoctorSettings settings = DoctorSettings.of(config);
    assertTrue(
        settings.isLike(DoctorSettings.of(AgentConfig.DEFAULT.withHelpers(agent.helpers()))),
        settings::toString);
    assertEquals("pass", config.object("fail").text("queueFull"));
    assertEquals("/run/pinholed/control.sock", config.object("control").text("socket"));
    assertEquals(9765, config.object("metrics").number("port"));
  }

  @Test
  void expectations_filtered_onlyTheirRowsWithEveryRecordComponent() throws IOException {
    agent.expectations.add(FakeAgent.passive(1, 25));
    agent.expectations.add(FakeAgent.passive(2, 26));
    List<JsonFields> lines = ask("{\"command\":\"expectations\",\"policyId\":26}");
    assertEquals(2, lines.size());
    JsonFields row = lines.get(0).object("row");
    assertEquals(2, row.number("id"));
    assertEquals(JsonFields.NULL, row.value("childSerial"));
    assertEquals(40000, row.object("destination").number("port"));
    assertEquals(30, row.names().size());
  }

  @Test
  void expectations_manyRows_allArrive() throws IOException {
    for (int i = 0; i < 5000; i++) {
      agent.expectations.add(FakeAgent.passive(i, 1));
    }
    List<JsonFields> lines = ask("{\"command\":\"expectations\"}");
    assertEquals(5001, lines.size());
    assertEquals(4999, lines.get(4999).object("row").number("id"));
    assertEquals(5000, lines.get(5000).number("count"));
  }

  @Test
  void stats_agentsCountersAndWhatTheMetricsAdd() throws IOException {
    JsonFields row = ask("{\"command\":\"stats\"}").get(0).object("row");
    assertEquals(1234, row.number("packets"));
    assertEquals(2, row.number("expectations.ftp.created"));
    assertEquals(0L, row.value("backendErrors"));
  }

  @Test
  void trace_address_reachesTheAgentInItsOneForm() throws IOException {
    ask("{\"command\":\"trace\",\"timeoutSeconds\":1,\"address\":\"2001:DB8:0::0:2\"}");
    assertEquals(Network.parse("2001:db8::2"), agent.traces.get(0).address());
  }

  private void assertRefused(String request, String message) throws IOException {
    List<JsonFields> lines = ask(request);
    assertEquals(1, lines.size());
    assertTrue(lines.get(0).text("error").startsWith(message), lines.get(0)::toString);
    assertTrue(lines.get(0).number("code") > 0);
  }

  @Test
  void events_pageThenDone_sinceAndKinds() throws IOException {
    agent.events.onEvent(event(1_000_000, AgentEvent.Kind.REFUSED));
    agent.events.onEvent(event(2_000_000, AgentEvent.Kind.EXPIRED));
    List<JsonFields> all = ask("{\"command\":\"events\"}");
    assertEquals(3, all.size());
    assertEquals(
        "{\"time\":\"1970-01-01T00:00:01.000000Z\",\"event\":\"refused\",\"helper\":\"ftp\","
            + "\"policyId\":25,\"serial\":\"0000abcd\",\"reason\":\"why\",\"detail\":\"d\"}",
        all.get(0).object("row").toString());
    assertEquals(2, ask("{\"command\":\"events\",\"kinds\":[\"expired\"]}").size());
    assertEquals(2, ask("{\"command\":\"events\",\"since\":\"1970-01-01T00:00:02Z\"}").size());
    assertEquals(1, ask("{\"command\":\"events\",\"since\":\"10m\"}").size());
    assertRefused("{\"command\":\"events\",\"since\":\"yesterday\"}", "since: yesterday");
    assertRefused("{\"command\":\"events\",\"kinds\":[\"boom\"]}", "kinds: boom");
  }

  private static AgentEvent event(long micros, AgentEvent.Kind kind) {
    return new AgentEvent(
        micros, kind, "ftp", 25, "0000abcd", null, 0, null, null, null, null, "", "why", "d", 0);
  }

  @Test
  void explain_whatReachesTheAgent_andNothingKnownIsSaid() throws IOException {
    assertRefused("{\"command\":\"explain\"}", "nothing was announced yet");
    assertRefused(
        "{\"command\":\"explain\",\"what\":\"203.0.113.2:40000\"}",
        "nothing is known of 203.0.113.2:40000");
    assertRefused("{\"command\":\"explain\",\"what\":\"x y z\"}", "what: x y z (expected: last");
    assertTrue(agent.asked.get(0).isLast());
    assertEquals("203.0.113.2:40000", String.valueOf(agent.asked.get(1).destination()));
    assertEquals(10, agent.asked.get(1).most());
  }

  @Test
  void filter_byEnds_bothAndTheOtherWayRound() throws IOException {
    agent.sessions.add(FakeAgent.session(false)); // 198.51.100.2:40312 > 203.0.113.2:21
    agent.sessions.add(FakeAgent.sealedSession()); // 198.51.100.2:40313 > 203.0.113.2:135
    assertEquals(3, count("\"address\":\"198.51.100.0/24\""));
    assertEquals(2, count("\"port\":135"));
    assertEquals(2, count("\"address\":\"203.0.113.2\",\"port\":21"));
    assertEquals(1, count("\"address\":\"198.51.100.2\",\"port\":21"), "of the same end");
    assertEquals(2, count("\"address\":\"198.51.100.2\",\"port\":21,\"not\":[\"port\"]"));
    assertEquals(1, count("\"address\":\"203.0.113.2\",\"not\":[\"address\"]"));
    assertEquals(2, count("\"helper\":\"ftp\""));
    assertEquals(2, count("\"helper\":\"ftp\",\"not\":[\"helper\"]"));
    assertRefused("{\"command\":\"sessions\",\"not\":[\"port\"]}", "not: port");
    assertRefused("{\"command\":\"sessions\",\"not\":[\"colour\"]}", "not: colour");
    assertRefused("{\"command\":\"sessions\",\"address\":\"x\"}", "address: x");
  }

  private int count(String filter) throws IOException {
    return ask("{\"command\":\"sessions\"," + filter + "}").size();
  }

  @Test
  void filter_ofWhatIsNotThere_isSaid() throws IOException {
    agent.sessions.add(FakeAgent.session(false));
    for (String command : List.of("sessions", "expectations", "clear", "trace", "events")) {
      assertRefused(
          "{\"command\":\"" + command + "\",\"helper\":\"ftq\"}",
          "helper: ftq is none of the configured helpers (ftp)");
    }
    for (String command : List.of("sessions", "expectations", "clear")) {
      assertRefused(
          "{\"command\":\"" + command + "\",\"parentSerial\":\"ffffffff\"}",
          "no control connection has the serial ffffffff now");
    }
    assertEquals(1, ask("{\"command\":\"expectations\",\"parentSerial\":\"0000e39a\"}").size());
  }

  @Test
  void clearExpectation_thatOne() throws IOException {
    agent.expectations.add(FakeAgent.passive(1, 25));
    agent.expectations.add(FakeAgent.passive(2, 25));
    JsonFields report = ask("{\"command\":\"clearExpectation\",\"id\":2}").get(0).object("row");
    assertEquals(1, report.number("expectations"));
    assertEquals(1, agent.expectations.size());
    assertRefused("{\"command\":\"clearExpectation\",\"id\":0}", "id: 0");
  }

  @Test
  void sessions_opaque_onlyThose() throws IOException {
    agent.sessions.add(FakeAgent.session(false));
    agent.sessions.add(FakeAgent.session(true));
    assertEquals(3, ask("{\"command\":\"sessions\"}").size());
    List<JsonFields> lines = ask("{\"command\":\"sessions\",\"opaque\":true}");
    assertEquals(2, lines.size());
    assertEquals("authTls", lines.get(0).object("row").text("reason"));
  }

  @Test
  void sessions_opaque_alsoThoseWithPartsThatAreEncrypted() throws IOException {
    agent.sessions.add(FakeAgent.session(false));
    agent.sessions.add(FakeAgent.sealedSession());
    List<JsonFields> lines = ask("{\"command\":\"sessions\",\"opaque\":true}");
    assertEquals(2, lines.size());
    JsonFields row = lines.get(0).object("row");
    assertEquals(2, row.number("sealed"));
    assertEquals("IActivation opnum 0, server 203.0.113.2, level 6", row.text("sealedDetail"));
  }

  @Test
  void helpers_addListDisableDelete() throws IOException {
    assertTrue(
        ask("{\"command\":\"helpersAdd\",\"id\":2,\"name\":\"ftp\",\"port\":2121,"
                + "\"timeout\":\"parent\",\"options\":{\"loose\":true}}")
            .get(0)
            .flag("done"));
    assertTrue(ask("{\"command\":\"helpersDisable\",\"id\":2}").get(0).flag("done"));
    JsonFields row = ask("{\"command\":\"helpers\"}").get(1).object("row");
    assertEquals(
        "{\"id\":2,\"name\":\"ftp\",\"protocol\":\"tcp\",\"port\":2121,\"enabled\":false,"
            + "\"mode\":\"enforce\",\"timeout\":\"parent\",\"options\":{\"loose\":true}}",
        row.toString());
    assertTrue(ask("{\"command\":\"helpersDelete\",\"id\":2}").get(0).flag("done"));
    assertEquals(
        "there is no helper with id 2",
        ask("{\"command\":\"helpersDelete\",\"id\":2}").get(0).text("error"));
  }

  @Test
  void trace_countReached_linesThenDone() throws IOException {
    agent.traceLines.add(new TraceLine("2026-11-23T09:00:00.000001Z", 1, "-", "", "received", "a"));
    agent.traceLines.add(new TraceLine("2026-11-23T09:00:00.000002Z", 2, "-", "", "received", "b"));
    List<JsonFields> lines =
        ask("{\"command\":\"trace\",\"count\":2,\"port\":21,\"helper\":\"ftp\"}");
    assertEquals(3, lines.size());
    assertEquals("b", lines.get(1).object("row").text("text"));
    assertEquals(List.of(new ListingFilter(null, "ftp", null, null, 21, Set.of())), agent.traces);
  }

  @Test
  void trace_addressInAnyForm_filteredByTheOneThatPacketsHave() throws IOException {
    ask("{\"command\":\"trace\",\"timeoutSeconds\":1,\"address\":\"2001:DB8:0:0:1::7\"}");

    assertEquals(
        List.of(
            new ListingFilter(
                null, null, null, Network.parse("2001:db8::1:0:0:7"), null, Set.of())),
        agent.traces);
  }

  @Test
  void trace_timeout_ends() throws IOException {
    assertTrue(ask("{\"command\":\"trace\",\"timeoutSeconds\":1}").get(0).flag("done"));
  }

  @Test
  void trace_moreLinesThanQueue_saysHowManyWereLost() throws IOException {
    for (int i = 0; i < 5000; i++) {
      agent.traceLines.add(new TraceLine("t", i, "-", "", "received", "x"));
    }
    List<JsonFields> lines = ask("{\"command\":\"trace\",\"count\":5000}");
    JsonFields lost = lines.get(lines.size() - 2).object("row");
    assertEquals("lost", lost.text("step"));
    assertEquals("904 lines", lost.text("text"));
  }

  @Test
  void trace_clientGoes_traceIsClosed() throws Exception {
    try (SocketChannel client = connect()) {
      send(client, "{\"command\":\"trace\"}\n");
      while (agent.traces.isEmpty()) {
        Thread.onSpinWait();
      }
    }
    assertTrue(agent.traceClosed.await(10, TimeUnit.SECONDS));
  }

  @Test
  void parallel_clients_eachGetsItsOwnAnswer() throws Exception {
    for (int i = 0; i < 200; i++) {
      agent.expectations.add(FakeAgent.passive(i, i));
    }
    ExecutorService pool = Executors.newFixedThreadPool(8);
    try {
      List<Callable<Long>> tasks = new ArrayList<>();
      for (int i = 0; i < 64; i++) {
        int policy = i;
        tasks.add(
            () ->
                ask("{\"command\":\"expectations\",\"policyId\":" + policy + "}")
                    .get(0)
                    .object("row")
                    .number("id"));
      }
      long expected = 0;
      for (Future<Long> answer : pool.invokeAll(tasks)) {
        assertEquals(expected++, answer.get());
      }
    } finally {
      pool.shutdown();
    }
  }

  @Test
  void brokenAgent_internalError_serverGoesOn() throws IOException {
    agent.broken = true;
    assertEquals(
        "internal error, see the log of the agent",
        ask("{\"command\":\"status\"}").get(0).text("error"));
    agent.broken = false;
    assertTrue(ask("{\"command\":\"status\"}").get(1).flag("done"));
  }

  @Test
  void textFromTheWire_isAsciiInTheAnswer() throws IOException {
    agent.traceLines.add(new TraceLine("t", 1, "-", "", "received", "\u001b[2J\u009b1mä"));
    try (SocketChannel client = connect()) {
      send(client, "{\"command\":\"trace\",\"count\":1}\n");
      for (byte b : readAll(client)) {
        assertTrue(b == '\n' || (b >= 0x20 && b < 0x7f), "byte " + b);
      }
    }
  }

  @Nested
  class Refuses {
    @Test
    void aClearWithoutFilter() throws IOException {
      assertRefused("{\"command\":\"clear\"}", "clear: name a policyId");
      assertTrue(agent.clears.isEmpty());
    }

    @Test
    void aClearWithAMisspeltFilter() throws IOException {
      assertRefused("{\"command\":\"clear\",\"all\":true,\"policy\":25}", "policy: not known");
      assertTrue(agent.clears.isEmpty());
    }

    @Test
    void aClearOfAllThatNamesAPolicyToo() throws IOException {
      assertRefused("{\"command\":\"clear\",\"all\":true,\"policyId\":25}", "clear: all does not");
      assertTrue(agent.clears.isEmpty());
    }

    @Test
    void anUnknownCommand() throws IOException {
      assertRefused("{\"command\":\"format\"}", "command: format is not known");
    }

    @Test
    void numbersOutsideTheirRange() throws IOException {
      assertRefused("{\"command\":\"helpersDelete\",\"id\":0}", "id: 0 (expected: 1..65535)");
      assertRefused("{\"command\":\"helpersDelete\",\"id\":65536}", "id: 65536");
      assertRefused("{\"command\":\"helpersDelete\",\"id\":1.5}", "id: 1.5");
      assertRefused("{\"command\":\"helpersDelete\"}", "id: missing");
      assertRefused("{\"command\":\"expectations\",\"policyId\":-1}", "policyId: -1");
      assertRefused("{\"command\":\"trace\",\"count\":1000001}", "count: 1000001");
      for (String address : List.of("router", "1.2.3", "1.2.3.256", "a:b", "::1%eth0", ":::")) {
        assertRefused(
            "{\"command\":\"trace\",\"address\":\"" + address + "\"}", "address: " + address);
      }
      assertRefused(
          "{\"command\":\"helpersAdd\",\"id\":2,\"name\":\"ftp\",\"port\":1,\"timeout\":\"9h\"}",
          "timeout: 9h (expected: 1s..1h such as 30s, 1500ms, 2m or 1h; or parent)");
      assertRefused(
          "{\"command\":\"helpersAdd\",\"id\":2,\"name\":\"ftp\",\"port\":1,\"timeout\":\"0s\"}",
          "timeout: 0s");
      assertRefused("{\"command\":\"expectations\",\"parentSerial\":\"xyz\"}", "parentSerial: xyz");
    }

    @Test
    void whatIsNoJsonObject() throws IOException {
      for (String garbage :
          List.of(
              "",
              "x",
              "[]",
              "null",
              "{",
              "{}{}",
              "{\"command\":}",
              "{\"a\":1,\"a\":2}",
              "GET / HTTP/1.1",
              "{\"a\":" + "[".repeat(2000) + "}",
              "{\"a\":99999999999999999999999999}",
              "\u0000\u0001\u0002")) {
        assertRefused(garbage, "request is not one JSON object");
      }
    }

    @Test
    void randomBytes() throws IOException {
      Random random = new Random(42);
      for (int i = 0; i < 50; i++) {
        byte[] bytes = new byte[random.nextInt(200)];
        random.nextBytes(bytes);
        try (SocketChannel client = connect()) {
          client.write(ByteBuffer.wrap(bytes));
          client.shutdownOutput();
          readAll(client);
        }
      }
      assertTrue(ask("{\"command\":\"status\"}").get(1).flag("done"));
    }

    @Test
    void aRequestOneByteTooLong() throws IOException {
      restart(SMALL);
      String tooLong = "{\"command\":\"" + "x".repeat(1024) + "\"}";
      assertRefused(tooLong, "request is longer than 1024 bytes");
      String longest = "{\"command\":\"status\"" + " ".repeat(1023 - 20) + "}";
      assertEquals(1024, longest.length() + 1);
      assertTrue(ask(longest).get(1).flag("done"));
    }

    @Test
    void aRequestThatDoesNotEndInTime() throws IOException {
      restart(SMALL);
      try (SocketChannel client = connect()) {
        send(client, "{\"command\":");
        assertTrue(text(readAll(client)).contains("no whole request line within 300 ms"));
      }
    }

    @Test
    void aRequestThatDripsByteByByte() throws Exception {
      restart(SMALL);
      try (SocketChannel client = connect()) {
        long start = System.nanoTime();
        CountDownLatch answered = new CountDownLatch(1);
        Thread drip =
            new Thread(
                () -> {
                  try {
                    while (!answered.await(50, TimeUnit.MILLISECONDS)) {
                      send(client, " ");
                    }
                  } catch (IOException | InterruptedException e) {
                    // cut off, which is what is tested
                  }
                });
        drip.start();
        String answer = firstLine(client);
        answered.countDown();
        drip.join();
        assertTrue(answer.contains("no whole request line"), answer);
        assertTrue(System.nanoTime() - start < TimeUnit.SECONDS.toNanos(3));
      }
    }

    @Test
    void moreConnectionsThanPlaces() throws Exception {
      restart(SMALL);
      agent.statusGate = new CountDownLatch(1);
      agent.statusEntered = new CountDownLatch(4);
      List<SocketChannel> clients = new ArrayList<>();
      try {
        for (int i = 0; i < 4; i++) {
          SocketChannel client = connect();
          clients.add(client);
          send(client, "{\"command\":\"status\"}\n");
        }
        assertTrue(agent.statusEntered.await(10, TimeUnit.SECONDS));
        try (SocketChannel client = connect()) {
          assertTrue(firstLine(client).contains("more than 4 connections, try again"));
        }
        assertEquals(1, server.refusedPeers());
        agent.statusGate.countDown();
        for (SocketChannel client : clients) {
          assertTrue(text(readAll(client)).contains("\"done\":true"));
        }
      } finally {
        agent.statusGate.countDown();
        for (SocketChannel client : clients) {
          client.close();
        }
      }
    }

    @Test
    void moreTracesThanItsShareOfPlaces() throws Exception {
      restart(SMALL);
      try (SocketChannel first = connect();
          SocketChannel second = connect()) {
        send(first, "{\"command\":\"trace\"}\n");
        send(second, "{\"command\":\"trace\"}\n");
        while (agent.traces.size() < 2) {
          Thread.onSpinWait();
        }
        assertRefused(
            "{\"command\":\"trace\"}", "more than 2 traces and followed logs: one must end first");
        assertTrue(ask("{\"command\":\"status\"}").get(1).flag("done"));
      }
    }

    @Test
    void aClientThatDoesNotTakeItsAnswer() throws Exception {
      restart(SMALL);
      for (int i = 0; i < 20000; i++) {
        agent.expectations.add(FakeAgent.passive(i, 1));
      }
      try (SocketChannel client = connect()) {
        send(client, "{\"command\":\"expectations\"}\n");
        assertEquals(1, client.read(ByteBuffer.allocate(1))); // the answer began
        while (server.connections() > 0) {
          Thread.onSpinWait();
        }
        assertFalse(text(readAll(client)).contains("\"done\""));
      }
    }

    @Test
    void asASecondAgentOnTheSamePath() {
      IOException e = assertThrows(IOException.class, () -> open(SMALL));
      assertEquals("control socket: another agent answers on " + socket, e.getMessage());
      assertTrue(Files.exists(socket));
    }

    @Test
    void not_whereTheOtherHasHandedOver_andDoesNotEnd() throws IOException {
      ControlServer before = server;
      server = ControlServer.open(socket, group(), agent, () -> METRICS, true);
      before.close();
      assertTrue(Files.exists(socket), "the file is the new one's");
      try (SocketChannel client = connect()) {
        assertTrue(client.isConnected());
      }
    }

    @Test
    void aPathThatIsNoSocket() throws IOException {
      Path file = Files.createFile(directory.resolve("file"));
      IOException e =
          assertThrows(IOException.class, () -> ControlServer.open(file, group(), agent));
      assertEquals("control socket " + file + ": is there and no socket", e.getMessage());
    }

    @Test
    void aGroupThatDoesNotExist() throws IOException {
      Path other = directory.resolve("other.sock");
      IOException e =
          assertThrows(IOException.class, () -> ControlServer.open(other, "nosuchgroup", agent));
      assertEquals("control socket: there is no group nosuchgroup", e.getMessage());
      try (var files = Files.list(directory)) {
        assertEquals(List.of(run), files.toList());
      }
    }

    @Test
    void aPathLongerThanTheKernelTakes() {
      Path deep = directory.resolve("x".repeat(100)).resolve("control.sock");
      IOException e =
          assertThrows(IOException.class, () -> ControlServer.open(deep, group(), agent));
      assertTrue(String.valueOf(e.getMessage()).contains("the path is too long"), e::toString);
    }
  }

  @Nested
  class SocketFile {
    @Test
    void modeAndDirectory() throws IOException {
      String group = Files.readAttributes(run, PosixFileAttributes.class).group().getName();
      assertEquals(
          group.equals("root") ? "rw-------" : "rw-rw----", // nobody is asked in beside root
          PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)));
      assertEquals("rwxr-xr-x", PosixFilePermissions.toString(Files.getPosixFilePermissions(run)));
      try (var files = Files.list(run)) {
        assertEquals(List.of(socket), files.toList());
      }
    }

    @Test
    void unlinkedOnClose() throws IOException {
      server.close();
      assertFalse(Files.exists(socket));
      assertTrue(Files.isDirectory(run));
    }

    @Test
    void staleFileOfADeadAgent_isReplaced() throws IOException {
      server.close();
      ServerSocketChannel dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
      dead.bind(UnixDomainSocketAddress.of(socket));
      dead.close(); // the JDK leaves the file, like a killed agent
      assertTrue(Files.exists(socket));
      server = open(ControlLimits.DEFAULT);
      assertTrue(ask("{\"command\":\"status\"}").get(1).flag("done"));
    }

    @Test
    void newerAgentsFile_staysWhenTheOlderOneCloses() throws IOException {
      Files.delete(socket);
      try (ControlServer newer = open(ControlLimits.DEFAULT)) {
        server.close();
        assertTrue(Files.exists(newer.socket()));
        assertTrue(ask("{\"command\":\"status\"}").get(1).flag("done"));
      }
    }

    @Test
    void close_endsARunningTrace() throws Exception {
      try (SocketChannel client = connect()) {
        send(client, "{\"command\":\"trace\"}\n");
        while (agent.traces.isEmpty()) {
          Thread.onSpinWait();
        }
        server.close();
        assertTrue(agent.traceClosed.await(10, TimeUnit.SECONDS));
      }
    }
  }

  @Test
  void clear_byPolicy_reachesTheAgent() throws IOException {
    agent.sessions.add(FakeAgent.session(false));
    agent.expectations.add(FakeAgent.passive(1, 25));
    JsonFields row = ask("{\"command\":\"clear\",\"policyId\":25}").get(0).object("row");
    assertEquals(1, row.number("parents"));
    assertEquals(1, row.number("expectations"));
    assertEquals(List.of(new ListingFilter(25, null, null)), agent.clears);
  }

  private ControlServer open(ControlLimits limits) throws IOException {
    return ControlServer.open(
        org.pinholed.agent.control.SocketFile.prepare(socket, false),
        group(),
        agent,
        () -> METRICS,
        limits);
  }

  private void restart(ControlLimits limits) throws IOException {
    server.close();
    server = open(limits);
  }

  private static String group() throws IOException {
    return Files.readAttributes(
            Path.of("/proc/self"), java.nio.file.attribute.PosixFileAttributes.class)
        .group()
        .getName();
  }

  private SocketChannel connect() throws IOException {
    return SocketChannel.open(UnixDomainSocketAddress.of(socket));
  }

  private static void send(SocketChannel client, String text) throws IOException {
    client.write(ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
  }

  private List<JsonFields> ask(String request) throws IOException {
    try (SocketChannel client = connect()) {
      send(client, request + "\n");
      List<JsonFields> lines = new ArrayList<>();
      for (String line : text(readAll(client)).lines().toList()) {
        byte[] bytes = line.getBytes(StandardCharsets.UTF_8);
        lines.add(ControlJson.read(bytes, 0, bytes.length));
      }
      return lines;
    }
  }

  private static String firstLine(SocketChannel client) throws IOException {
    ByteBuffer one = ByteBuffer.allocate(1);
    StringBuilder line = new StringBuilder();
    while (client.read(one) > 0 && one.get(0) != '\n') {
      line.append((char) one.get(0));
      one.clear();
    }
    return line.toString();
  }

  private static byte[] readAll(SocketChannel client) throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    ByteBuffer buffer = ByteBuffer.allocate(8192);
    try {
      while (client.read(buffer) >= 0) {
        all.write(buffer.array(), 0, buffer.position());
        buffer.clear();
      }
    } catch (IOException e) {
      // the server closed while bytes of ours were unread: what came before counts
      return all.toByteArray();
    }
    return all.toByteArray();
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
