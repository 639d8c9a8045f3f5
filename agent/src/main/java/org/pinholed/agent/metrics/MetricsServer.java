package org.pinholed.agent.metrics;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.pace.SampledLog;
import org.pinholed.agent.time.Clock;
import org.pinholed.helper.AddressText;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Shows the metrics by HTTP at {@code /metrics}: one request a connection (RFC 9112 section 9.6,
 * {@code Connection: close}).
 *
 * <p>Whoever can reach the port must not be able to keep Prometheus out by connections on which
 * nothing is asked, or on which the answer is not read. So at most {@value #MOST_CONNECTIONS} are
 * open at a time, a newer one takes the place of the oldest, and a request must be there within
 * {@value #REQUEST_MS} ms. Its threads are daemons; owned by the lifecycle, which closes it.
 */
public final class MetricsServer implements AutoCloseable {
  /** Connections that are open at a time. */
  static final int MOST_CONNECTIONS = 16;

  /** For how long a request may be on its way. */
  static final int REQUEST_MS = 2000;

  /** What a request may take, with all its fields. */
  static final int MOST_REQUEST_BYTES = 8192;

  private static final Logger LOG = LoggerFactory.getLogger(MetricsServer.class);
  private static final int BACKLOG = 128;
  private static final long RETRY_MS = 100;
  private static final String HTML = "text/html; charset=utf-8";

  private static final String LANDING_PAGE =
      """
      <!DOCTYPE html>
      <html lang="en"><head><title>pinholed</title></head><body>
      <h1>pinholed</h1>
      <p>Session helpers for FTP, SIP and DCE-RPC on this router.</p>
      <ul><li><a href="/metrics">Metrics</a> for Prometheus</li>
      <li><a href="/-/healthy">Health</a>: answers while the agent runs</li></ul>
      <p>More is told by <code>pinholectl status</code> and <code>pinholectl doctor</code>.</p>
      </body></html>
      """;

  private static final String TEXT = "text/plain; charset=utf-8";

  /** The text format of Prometheus. */
  private static final String METRICS = "text/plain; version=0.0.4; charset=utf-8";

  private final PrometheusMetrics metrics;
  private final ServerSocket listener;
  private final InetAddress address;
  private final ExecutorService threads;
  private final SampledLog troubles = new SampledLog(LOG, "metrics");

  /** The oldest first; guarded by itself. */
  private final Deque<Socket> open = new ArrayDeque<>();

  private volatile boolean closed;

  private MetricsServer(PrometheusMetrics metrics, ServerSocket listener, InetAddress address) {
    this.metrics = metrics;
    this.listener = listener;
    this.address = address;
    AtomicInteger number = new AtomicInteger();
    // Some more than connections: the thread of one that was closed a moment ago still ends.
    this.threads =
        new ThreadPoolExecutor(
            0,
            2 * MOST_CONNECTIONS,
            10,
            TimeUnit.SECONDS,
            new SynchronousQueue<>(),
            work -> daemon(work, "pinholed-metrics-" + number.getAndIncrement()));
  }

  private static Thread daemon(Runnable work, String name) {
    Thread thread = new Thread(work, name);
    thread.setDaemon(true);
    return thread;
  }

  /**
   * Starts a server.
   *
   * @param metrics what it shows
   * @param config where it listens; whether it is enabled is not asked
   * @return the running server
   * @throws IOException if the address or port cannot be had; the message names the key
   */
  public static MetricsServer start(PrometheusMetrics metrics, AgentConfig.Metrics config)
      throws IOException {
    InetAddress address = InetAddress.getByName(config.address());
    ServerSocket listener = new ServerSocket();
    try {
      listener.bind(new InetSocketAddress(address, config.port()), BACKLOG);
    } catch (BindException e) {
      listener.close();
      throw new IOException(
          "metrics.address and metrics.port: "
              + show(address, config.port())
              + ": "
              + e.getMessage()
              + " (expected: an address of this host and a free port; metrics.enabled: false does"
              + " without)",
          e);
    }
    MetricsServer server = new MetricsServer(metrics, listener, address);
    daemon(server::accept, "pinholed-metrics").start();
    return server;
  }

  /**
   * Where it listens.
   *
   * @return address and port, the port that was taken if 0 was configured
   */
  public String address() {
    return show(address, listener.getLocalPort());
  }

  @Override
  public void close() {
    closed = true;
    closeQuietly(listener);
    synchronized (open) {
      open.forEach(MetricsServer::closeQuietly);
      open.clear();
    }
    threads.shutdown();
  }

  private void accept() {
    while (!closed) {
      try {
        serve(listener.accept());
      } catch (IOException e) {
        if (!closed) {
          troubles.warn(e.toString()); // no file descriptor left, for example
          pause();
        }
      }
    }
  }

  private static void pause() {
    try {
      TimeUnit.MILLISECONDS.sleep(RETRY_MS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void serve(Socket connection) {
    Socket oldest = null;
    synchronized (open) {
      if (open.size() >= MOST_CONNECTIONS) {
        oldest = open.poll();
      }
      open.add(connection);
    }
    if (oldest != null) {
      closeQuietly(oldest); // ends the reading or writing of its thread
    }
    try {
      threads.execute(() -> answer(connection));
    } catch (java.util.concurrent.RejectedExecutionException e) {
      forget(connection); // its client asks again
    }
  }

  private void forget(Socket connection) {
    synchronized (open) {
      open.remove(connection);
    }
    closeQuietly(connection);
  }

  private void answer(Socket connection) {
    try {
      connection.setTcpNoDelay(true);
      String request = request(connection);
      if (request != null) {
        respond(connection, request);
      }
    } catch (IOException e) {
      LOG.debug("a client of the metrics went away: {}", e.toString());
    } catch (RuntimeException e) {
      troubles.warn(e.toString());
    } finally {
      forget(connection);
    }
  }

  /** Reads the whole request and returns its first line; null if it did not come in time. */
  private static @Nullable String request(Socket connection) throws IOException {
    long deadlineNs = Clock.SYSTEM.nanoTime() + TimeUnit.MILLISECONDS.toNanos(REQUEST_MS);
    byte[] bytes = new byte[MOST_REQUEST_BYTES];
    int length = 0;
    InputStream in = connection.getInputStream();
    while (length < bytes.length) {
      long leftMs = TimeUnit.NANOSECONDS.toMillis(deadlineNs - Clock.SYSTEM.nanoTime());
      if (leftMs <= 0) {
        return null;
      }
      connection.setSoTimeout((int) leftMs);
      int read;
      try {
        read = in.read(bytes, length, bytes.length - length);
      } catch (SocketTimeoutException e) {
        return null;
      }
      if (read < 0) {
        return null;
      }
      length += read;
      String text = new String(bytes, 0, length, StandardCharsets.ISO_8859_1);
      if (text.contains("\r\n\r\n") || text.contains("\n\n")) {
        return text.lines().findFirst().orElse("");
      }
    }
    return "";
  }

  private void respond(Socket connection, String request) throws IOException {
    String[] words = request.split(" ", -1);
    if (words.length != 3 || !words[2].startsWith("HTTP/1.")) {
      send(connection, "400 Bad Request", TEXT, "not a request of HTTP/1.1\n", true);
      return;
    }
    boolean head = words[0].equals("HEAD");
    if (!head && !words[0].equals("GET")) {
      send(connection, "405 Method Not Allowed", TEXT, "GET and HEAD only\n", true);
      return;
    }
    String path = words[1].replaceFirst("\\?.*", "");
    switch (path) {
      case "/" -> send(connection, "200 OK", HTML, LANDING_PAGE, !head);
      case "/metrics" -> send(connection, "200 OK", METRICS, metrics.scrape(), !head);
      case "/-/healthy" -> send(connection, "200 OK", TEXT, "good\n", !head);
      default -> send(connection, "404 Not Found", TEXT, "the metrics are at /metrics\n", !head);
    }
  }

  private static void send(
      Socket connection, String status, String type, String body, boolean withBody)
      throws IOException {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    String fields =
        "HTTP/1.1 "
            + status
            + "\r\nContent-Type: "
            + type
            + "\r\nContent-Length: "
            + bytes.length
            + (status.startsWith("405") ? "\r\nAllow: GET, HEAD" : "")
            + "\r\nConnection: close\r\n\r\n";
    OutputStream out = connection.getOutputStream();
    out.write(fields.getBytes(StandardCharsets.ISO_8859_1));
    if (withBody) {
      out.write(bytes);
    }
    out.flush();
    connection.shutdownOutput();
  }

  private static void closeQuietly(AutoCloseable resource) {
    try {
      resource.close();
    } catch (Exception e) {
      LOG.debug("close: {}", e.toString());
    }
  }

  private static String show(InetAddress address, int port) {
    String host = AddressText.of(address);
    return host.indexOf(':') >= 0 ? "[" + host + "]:" + port : host + ":" + port;
  }
}
