package org.pinholed.agent.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.limit.Limit;
import org.pinholed.agent.nat.WithheldReason;
import org.pinholed.agent.packet.UnreadableReason;
import org.pinholed.helper.HelperWord;

@Timeout(60)
class MetricsServerTest {
  private static final Pattern TYPE = Pattern.compile("(?m)^# TYPE (\\w+) (\\w+)$");
  private static final Pattern SAMPLE = Pattern.compile("(?m)^(pinholed_\\w+)(?:\\{(.*)})? \\S+$");
  private static final Pattern LABEL = Pattern.compile("(\\w+)=\"");
  private static final Pattern ROW =
      Pattern.compile("(?m)^\\| `(\\w+)` \\| (\\w+) \\|([^|]*)\\| [^|]+ \\| [^|]+ \\|$");

  private static final AgentConfig.Metrics ANY_PORT = new AgentConfig.Metrics(true, "127.0.0.1", 0);

  private final PrometheusMetrics metrics = new PrometheusMetrics(new FixedGauges(), "1.2.3");

  private static String get(MetricsServer server) throws IOException, InterruptedException {
    HttpResponse<String> response =
        HttpClient.newHttpClient()
            .send(
                HttpRequest.newBuilder(URI.create("http://" + server.address() + "/metrics"))
                    .timeout(Duration.ofSeconds(20))
                    .build(),
                HttpResponse.BodyHandlers.ofString());
    assertEquals(200, response.statusCode());
    return response.body();
  }

  private void countEverything() {
    for (AgentMetrics.Verdict verdict : AgentMetrics.Verdict.values()) {
      metrics.verdicts(verdict, 1);
    }
    metrics.verdictLatency(1, 1);
    metrics.transaction(1, true);
    for (AgentEvent.Kind kind : AgentEvent.Kind.values()) {
      metrics.event(kind, "ftp");
    }
    for (SampleReason reason : SampleReason.values()) {
      metrics.reason("ftp", reason);
    }
    metrics.limit(Limit.PARENTS);
    metrics.unreadablePacket(UnreadableReason.TRUNCATED);
    metrics.withheld(WithheldReason.EARLY);
    metrics.message("ftp", SampleWord.PASV);
    metrics.rewrittenField("ftp", SampleWord.PASV);
    metrics.overrun(ReceivingSocket.QUEUE);
  }

  private enum SampleWord implements HelperWord {
    PASV;

    @Override
    public String word() {
      return name();
    }
  }

  @Test
  void everyMetric_isDocumentedWithItsTypeAndLabels_andNoOther()
      throws IOException, InterruptedException {
    countEverything();
    try (MetricsServer server = MetricsServer.start(metrics, ANY_PORT)) {
      String scraped = get(server);
      // The pause of a collection is known once one was, and reported by another thread.
      System.gc();
      while (!scraped.contains("jvm_gc_pause_seconds_count")) {
        scraped = get(server);
      }
      Map<String, String> shown = new TreeMap<>();
      Matcher type = TYPE.matcher(scraped);
      while (type.find()) {
        shown.put(type.group(1), type.group(2));
      }
      Map<String, String> documented = new TreeMap<>();
      Map<String, Set<String>> documentedLabels = new TreeMap<>();
      Matcher row = ROW.matcher(Files.readString(Path.of("..", "docs", "metrics.md")));
      while (row.find()) {
        documented.put(row.group(1), row.group(2));
        if (row.group(1).startsWith("pinholed_")) {
          documentedLabels.put(row.group(1), words(row.group(3)));
        }
      }
      assertEquals(String.join("\n", rows(documented)), String.join("\n", rows(shown)));
      assertEquals(documentedLabels, labels(scraped, shown.keySet()));
    }
    metrics.close();
  }

  private static Set<String> words(String cell) {
    Set<String> words = new TreeSet<>(Arrays.asList(cell.replaceAll("[`, ]+", " ").split(" ", -1)));
    words.remove("");
    return words;
  }

  private static Set<String> rows(Map<String, String> types) {
    Set<String> rows = new TreeSet<>();
    types.forEach((name, type) -> rows.add(name + " " + type));
    return rows;
  }

  private static Map<String, Set<String>> labels(String scraped, Set<String> families) {
    Map<String, Set<String>> labels = new TreeMap<>();
    Matcher sample = SAMPLE.matcher(scraped);
    while (sample.find()) {
      String name = sample.group(1);
      String family =
          families.contains(name) ? name : name.replaceFirst("_(bucket|count|sum)$", "");
      Set<String> names = labels.computeIfAbsent(family, key -> new TreeSet<>());
      String text = sample.group(2);
      Matcher label = LABEL.matcher(text == null ? "" : text);
      while (label.find()) {
        if (!label.group(1).equals("le")) {
          names.add(label.group(1));
        }
      }
    }
    return labels;
  }

  @Test
  void start_thePortIsTaken_theKeyIsNamed() throws IOException {
    try (MetricsServer first = MetricsServer.start(metrics, ANY_PORT)) {
      int port = URI.create("http://" + first.address()).getPort();
      IOException e =
          assertThrows(
              IOException.class,
              () -> MetricsServer.start(metrics, new AgentConfig.Metrics(true, "127.0.0.1", port)));
      assertEquals(
          "metrics.address and metrics.port: 127.0.0.1:"
              + port
              + ": Address already in use (expected: an address of this host and a free port;"
              + " metrics.enabled: false does without)",
          e.getMessage());
    }
  }

  private static String raw(MetricsServer server, String request) throws IOException {
    try (Socket socket = connect(server)) {
      socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static Socket connect(MetricsServer server) throws IOException {
    int port = URI.create("http://" + server.address()).getPort();
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), port);
    socket.setSoTimeout(20_000);
    return socket;
  }

  @Test
  void halfOpenRequests_doNotKeepPrometheusOut() throws IOException, InterruptedException {
    List<Socket> idle = new ArrayList<>();
    try (MetricsServer server = MetricsServer.start(metrics, ANY_PORT)) {
      for (int i = 0; i < 800; i++) {
        Socket socket = connect(server);
        socket.getOutputStream().write("GET /metrics HT".getBytes(StandardCharsets.US_ASCII));
        idle.add(socket);
        if (i % 200 == 199) {
          assertTrue(get(server).contains("pinholed_packets_total"), "after " + i);
        }
      }
      int threads =
          (int)
              Thread.getAllStackTraces().keySet().stream()
                  .filter(thread -> thread.getName().startsWith("pinholed-metrics-"))
                  .count();
      assertTrue(threads <= 2 * MetricsServer.MOST_CONNECTIONS, threads + " threads");
    } finally {
      for (Socket socket : idle) {
        socket.close();
      }
    }
  }

  @Test
  void requestThatNeverEnds_isGivenUp() throws IOException {
    try (MetricsServer server = MetricsServer.start(metrics, ANY_PORT);
        Socket socket = connect(server)) {
      socket
          .getOutputStream()
          .write("GET /metrics HTTP/1.1\r\n".getBytes(StandardCharsets.US_ASCII));
      assertEquals(-1, socket.getInputStream().read(), "closed by the server");
    }
  }

  @Test
  void otherRequests_areAnsweredInOneLine() throws IOException {
    try (MetricsServer server = MetricsServer.start(metrics, ANY_PORT)) {
      String fields = " HTTP/1.1\r\nHost: x\r\n\r\n";
      assertTrue(raw(server, "GET /metrics?name=x" + fields).startsWith("HTTP/1.1 200 OK\r\n"));
      assertTrue(raw(server, "GET /-/healthy" + fields).endsWith("\r\n\r\ngood\n"));
      assertTrue(raw(server, "HEAD /metrics" + fields).endsWith("Connection: close\r\n\r\n"));
      assertTrue(raw(server, "GET /etc/passwd" + fields).startsWith("HTTP/1.1 404 "));
      assertTrue(raw(server, "POST /metrics" + fields).startsWith("HTTP/1.1 405 "));
      assertTrue(raw(server, "USER joe\r\n\r\n").startsWith("HTTP/1.1 400 "));
      String endless = "GET / HTTP/1.1\r\nX: " + "x".repeat(MetricsServer.MOST_REQUEST_BYTES);
      assertTrue(
          raw(server, endless.substring(0, MetricsServer.MOST_REQUEST_BYTES))
              .startsWith("HTTP/1.1 400 "));
    }
  }

  @Test
  void start_anAddressOfAnotherHost_theKeyIsNamed() {
    String message =
        String.valueOf(
            assertThrows(
                    IOException.class,
                    () ->
                        MetricsServer.start(
                            metrics, new AgentConfig.Metrics(true, "203.0.113.77", 0)))
                .getMessage());
    assertTrue(
        message.startsWith("metrics.address and metrics.port: 203.0.113.77:0: Cannot assign"),
        message);
  }

  @Test
  void start_onIpv6_isShownInBrackets() throws IOException, InterruptedException {
    try (MetricsServer server =
        MetricsServer.start(metrics, new AgentConfig.Metrics(true, "::1", 0))) {
      assertTrue(server.address().startsWith("[::1]:"), server.address());
      assertTrue(get(server).contains("pinholed_packets_total{queue=\"5\",} 101.0"));
    }
  }
}
