package org.pinholed.agent.event;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.pinholed.helper.Endpoint;

@Timeout(30)
class JsonEventLogTest {
  private static Endpoint endpoint(String address, int port) {
    return new Endpoint(new InetSocketAddress(address, port).getAddress(), port);
  }

  private static final long TIME_MICROS = 1_792_000_000_000_042L;

  @TempDir Path folder = Path.of("");

  private static AgentEvent numbered(long id) {
    return new AgentEvent(
        TIME_MICROS,
        AgentEvent.Kind.CREATED,
        "ftp",
        0,
        "0000002a",
        null,
        id,
        null,
        null,
        null,
        null,
        "",
        "",
        "",
        0);
  }

  private static String numberedLine(long id) {
    return "{\"time\":\"2026-10-14T17:46:40.000042Z\",\"event\":\"created\",\"helper\":\"ftp\","
        + "\"policyId\":0,\"serial\":\"0000002a\",\"expectationId\":"
        + id
        + "}";
  }

  /** Waits for what another thread is about to do; the test's timeout ends it. */
  private static void await(BooleanSupplier condition) {
    while (!condition.getAsBoolean()) {
      LockSupport.parkNanos(100_000);
    }
  }

  private static List<String> linesOf(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (NoSuchFileException e) {
      return List.of();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void write_everyField_hasItsName() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    EventJson.write(
        new AgentEvent(
            TIME_MICROS,
            AgentEvent.Kind.PARENT_CLOSED,
            "ftp",
            25,
            "0000002a",
            "0000002b",
            7,
            endpoint("192.0.2.10", 40000),
            endpoint("198.51.100.20", 21),
            endpoint("2001:db8::1", 0),
            endpoint("2001:db8::2", 50000),
            "call 1",
            "portBelow1024",
            "a \"b\"\n\u001b[31m\u2028",
            0),
        out);
    assertEquals(
        """
        {"time":"2026-10-14T17:46:40.000042Z","event":"parentClosed","helper":"ftp",\
        "policyId":25,"serial":"0000002a","childSerial":"0000002b","expectationId":7,\
        "client":{"address":"192.0.2.10","port":40000},\
        "server":{"address":"198.51.100.20","port":21},\
        "source":{"address":"2001:db8::1","port":0},\
        "destination":{"address":"2001:db8::2","port":50000},\
        "label":"call 1","reason":"portBelow1024","detail":"a \\"b\\"\\n\\u001B[31m\\u2028"}
        """,
        out.toString(StandardCharsets.UTF_8));
  }

  private static String written(AgentEvent.Kind kind, ChildTraffic traffic) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    EventJson.write(
        new AgentEvent(
            TIME_MICROS,
            kind,
            "ftp",
            25,
            "0000002a",
            "0000002b",
            7,
            null,
            null,
            endpoint("192.0.2.10", 40001),
            endpoint("198.51.100.20", 50000),
            "",
            "finished",
            "",
            0,
            traffic),
        out);
    return out.toString(StandardCharsets.UTF_8);
  }

  @Test
  void write_childEnded_hasWhatTheKernelCounted() throws IOException {
    assertEquals(
        """
        {"time":"2026-10-14T17:46:40.000042Z","event":"childEnded","helper":"ftp","policyId":25,\
        "serial":"0000002a","childSerial":"0000002b","expectationId":7,\
        "source":{"address":"192.0.2.10","port":40001},\
        "destination":{"address":"198.51.100.20","port":50000},"transport":"tcp",\
        "translatedSource":{"address":"203.0.113.9","port":1025},\
        "began":"2026-10-14T17:46:38.000042Z","lastedMillis":2000,\
        "sent":{"packets":5,"bytes":300},"received":{"packets":9,"bytes":8192000000},\
        "reason":"finished"}
        """,
        written(
            AgentEvent.Kind.CHILD_ENDED,
            new ChildTraffic(
                "tcp",
                endpoint("203.0.113.9", 1025),
                null,
                TIME_MICROS - 2_000_000,
                2000,
                new ChildTraffic.Count(5, 300),
                new ChildTraffic.Count(9, 8_192_000_000L))));
  }

  @Test
  void write_childWithoutAccounting_saysSoAtItsEndOnly() throws IOException {
    ChildTraffic traffic = new ChildTraffic("udp", null, null, 0, -1, null, null);
    assertTrue(written(AgentEvent.Kind.CHILD_ENDED, traffic).contains("\"counted\":false"));
    assertFalse(written(AgentEvent.Kind.CHILD_BEGAN, traffic).contains("counted"));
  }

  @Test
  void write_anEventOfNoParent_hasTimeAndEventOnly() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    EventJson.write(
        new AgentEvent(
            0,
            AgentEvent.Kind.TABLE_REPAIRED,
            "",
            0,
            "",
            null,
            0,
            null,
            null,
            null,
            null,
            "",
            "",
            "",
            0),
        out);
    assertEquals(
        "{\"time\":\"1970-01-01T00:00:00.000000Z\",\"event\":\"tableRepaired\"}\n",
        out.toString(StandardCharsets.UTF_8));
  }

  @Test
  void close_writesWhatIsWaiting_modeIs0640() throws IOException {
    Path file = folder.resolve("events.jsonl");
    try (JsonEventLog log = JsonEventLog.open(file.toString())) {
      for (int i = 1; i <= 1000; i++) {
        log.onEvent(numbered(i));
      }
    }
    List<String> lines = linesOf(file);
    assertEquals(1000, lines.size());
    assertEquals(numberedLine(1), lines.get(0));
    assertEquals(numberedLine(1000), lines.get(999));
    assertEquals("rw-r-----", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
  }

  @Test
  void open_aFileThatIsThere_appendsAndKeepsItsMode() throws IOException {
    Path file = folder.resolve("events.jsonl");
    Files.writeString(file, "before\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-rw-r--"));
    try (JsonEventLog log = JsonEventLog.open(file.toString())) {
      log.onEvent(numbered(1));
    }
    assertEquals(List.of("before", numberedLine(1)), linesOf(file));
    assertEquals("rw-rw-r--", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
  }

  @Test
  void open_aFileThatAKilledAgentLeft_beginsANewLine() throws IOException {
    Path file = folder.resolve("events.json");
    Files.writeString(file, numberedLine(1) + "\n" + "{\"time\":\"20");
    try (JsonEventLog log = JsonEventLog.open(file.toString())) {
      log.onEvent(numbered(2));
      log.onEvent(numbered(3));
    }

    assertEquals(
        List.of(numberedLine(1), "{\"time\":\"20", numberedLine(2), numberedLine(3)),
        linesOf(file));
  }

  @Test
  void onEvent_theFileWasMovedAway_goesOnInANewOne() throws IOException {
    Path file = folder.resolve("events.jsonl");
    Path rotated = folder.resolve("events.jsonl.1");
    try (JsonEventLog log = JsonEventLog.open(file.toString())) {
      log.onEvent(numbered(1));
      await(() -> linesOf(file).size() == 1);
      Files.move(file, rotated);
      log.onEvent(numbered(2));
      await(() -> linesOf(file).size() == 1);
      assertEquals(0, log.lost());
    }
    assertEquals(List.of(numberedLine(1)), linesOf(rotated));
    assertEquals(List.of(numberedLine(2)), linesOf(file));
  }

  @Test
  void onEvent_theQueueIsFull_theLogSaysHowManyAreMissing() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    JsonEventLog log = new JsonEventLog(null, out, () -> TIME_MICROS, 4);
    for (int i = 1; i <= 10; i++) {
      log.onEvent(numbered(i));
    }
    assertEquals(6, log.lost());
    log.start();
    log.close();
    assertEquals(
        List.of(
            numberedLine(1),
            numberedLine(2),
            numberedLine(3),
            numberedLine(4),
            "{\"time\":\"2026-10-14T17:46:40.000042Z\",\"event\":\"eventsLost\",\"lost\":6}"),
        out.toString(StandardCharsets.UTF_8).lines().toList());
  }

  @Test
  void onEvent_theReaderOfStandardOutputIsStuck_doesNotBlock() throws IOException {
    CountDownLatch stuck = new CountDownLatch(1);
    CountDownLatch release = new CountDownLatch(1);
    ByteArrayOutputStream written = new ByteArrayOutputStream();
    OutputStream out =
        new OutputStream() {
          @Override
          public void write(int b) throws IOException {
            write(new byte[] {(byte) b}, 0, 1);
          }

          @Override
          public void write(byte[] bytes, int offset, int length) throws IOException {
            stuck.countDown();
            try {
              release.await();
            } catch (InterruptedException e) {
              throw new IOException(e);
            }
            written.write(bytes, offset, length);
          }
        };
    JsonEventLog log = new JsonEventLog(null, out, () -> TIME_MICROS, 16);
    log.start();
    log.onEvent(numbered(1));
    await(() -> stuck.getCount() == 0);
    for (int i = 2; i <= 1000; i++) {
      log.onEvent(numbered(i));
    }
    assertEquals(999 - 16, log.lost());
    release.countDown();
    log.close();
    List<String> lines = written.toString(StandardCharsets.UTF_8).lines().toList();
    assertEquals(18, lines.size());
    assertTrue(lines.stream().anyMatch(line -> line.endsWith("\"lost\":983}")), lines.toString());
  }

  @Test
  void onEvent_theDiskIsFull_isCountedAndTheAgentGoesOn() throws IOException {
    try (JsonEventLog log = JsonEventLog.open("/dev/full")) {
      log.onEvent(numbered(1));
      await(() -> log.lost() == 1);
      log.onEvent(numbered(2));
      await(() -> log.lost() == 2);
    }
  }

  @Test
  void onEvent_theFolderWentAwayAndCameBack_theLogSaysHowManyAreMissing() throws IOException {
    Path inner = Files.createDirectory(folder.resolve("log"));
    Path file = inner.resolve("events.jsonl");
    try (JsonEventLog log = JsonEventLog.open(file.toString())) {
      Files.delete(file);
      Files.delete(inner);
      log.onEvent(numbered(1));
      await(() -> log.lost() == 1);
      Files.createDirectory(inner);
      log.onEvent(numbered(2));
    }
    List<String> lines = linesOf(file);
    assertTrue(lines.contains(numberedLine(2)), lines.toString());
    assertEquals(1, new ObjectMapper().readTree(lines.get(lines.size() - 1)).path("lost").asInt());
  }

  @Test
  void reopen_alsoTheSameFile_losesNothing() throws IOException {
    Path file = folder.resolve("events.jsonl");
    try (JsonEventLog log = JsonEventLog.open(file.toString())) {
      log.onEvent(numbered(1));
      log.reopen();
      log.onEvent(numbered(2));
    }
    assertEquals(List.of(numberedLine(1), numberedLine(2)), linesOf(file));
  }

  @Test
  void open_aFolder_isRefused() {
    assertThrows(IOException.class, () -> JsonEventLog.open(folder.toString()));
  }

  @Test
  void onEvent_afterClose_isCounted() throws IOException {
    JsonEventLog log = JsonEventLog.open(folder.resolve("events.jsonl").toString());
    log.close();
    log.onEvent(numbered(1));
    assertEquals(1, log.lost());
  }
}
