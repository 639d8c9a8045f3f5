package org.pinholed.it.lab;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.EOFException;
import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Sockets of one host, moved step by step from the test: a small Python program in the namespace
 * ({@code lab/peer.py}) does what the methods say and answers.
 *
 * <p>Every operation is bounded in time. Not thread-safe: one peer does one thing at once; a test
 * that wants two things at once starts two peers.
 */
public final class NamespacePeer implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final AtomicInteger COUNTER = new AtomicInteger();

  /** Over links that lose, a packet is sent at least once a second until it arrives. */
  private static final double DEFAULT_TIMEOUT_SECONDS = 15;

  private final Process process;
  private final Writer requests;
  private final BufferedReader answers;
  private final Path errors;

  private NamespacePeer(Process process, Path errors) {
    this.process = process;
    this.errors = errors;
    requests = process.outputWriter(StandardCharsets.UTF_8);
    answers = process.inputReader(StandardCharsets.UTF_8);
  }

  /** Starts a peer on a host. */
  public static NamespacePeer start(Lab lab, Lab.Host host) {
    Path script = lab.resource("peer.py");
    Path errors = lab.workFolder().resolve("peer-" + COUNTER.incrementAndGet() + ".err");
    return new NamespacePeer(
        lab.startPiped(host, errors, "/usr/bin/python3", script.toString()), errors);
  }

  /** The peer could not do it: timed out, refused, closed by the other side. */
  public static final class PeerException extends RuntimeException {
    private static final long serialVersionUID = 1;

    PeerException(String message) {
      super(message);
    }
  }

  /** Listens on an address; port 0 lets the kernel choose. */
  public Listener listen(String host, int port) {
    JsonNode answer = call("listen", Map.of("host", host, "port", port));
    return new Listener(answer.path("id").asInt(), answer.path("port").asInt());
  }

  /** Connects, or throws {@link PeerException}. */
  public Connection connect(String source, String host, int port) {
    return dial(source, host, port, Duration.ofSeconds(15));
  }

  /** Connects from a port of choice, or throws {@link PeerException}. */
  public Connection connectFrom(String source, int sourcePort, String host, int port) {
    JsonNode answer =
        call(
            "connect",
            Map.of("source", source, "sourcePort", sourcePort, "host", host, "port", port));
    return new Connection(answer.path("id").asInt(), answer.path("port").asInt(), host);
  }

  /**
   * Tries to connect, as somebody does who wants to know whether a door is open.
   *
   * @return the connection, or empty if nothing came back in time or the peer refused
   */
  public Optional<Connection> tryConnect(String source, String host, int port, Duration patience) {
    try {
      return Optional.of(dial(source, host, port, patience));
    } catch (PeerException e) {
      return Optional.empty();
    }
  }

  private Connection dial(String source, String host, int port, Duration patience) {
    double seconds = patience.toMillis() / 1000.0;
    JsonNode answer =
        call("connect", Map.of("source", source, "host", host, "port", port, "timeout", seconds));
    return new Connection(answer.path("id").asInt(), answer.path("port").asInt(), host);
  }

  /**
   * Makes a TCP connection by hand, whose segments the test orders and repeats; the kernel's resets
   * for it must be dropped on this host ({@link #silenceResets}).
   */
  public RawConnection rawConnect(String source, int sourcePort, String host, int port) {
    JsonNode answer =
        call(
            "raw_connect",
            Map.of("source", source, "sourcePort", sourcePort, "host", host, "port", port));
    return new RawConnection(answer.path("id").asInt());
  }

  /** Sends one ACK for a connection that there is not. */
  public void rawAck(String source, int sourcePort, String host, int port) {
    call("raw_ack", Map.of("source", source, "sourcePort", sourcePort, "host", host, "port", port));
  }

  /** Waits by hand for a connection to a port that nobody in the kernel listens on. */
  public RawConnection rawListen(String host, int port) {
    return rawListen(host, port, 65000, false);
  }

  /**
   * The same with a window, 0..65535 bytes, and perhaps with timestamps (RFC 7323) in all segments.
   */
  public RawConnection rawListen(String host, int port, int window, boolean timestamps) {
    JsonNode answer =
        call(
            "raw_listen",
            Map.of("host", host, "port", port, "window", window, "timestamps", timestamps));
    return new RawConnection(answer.path("id").asInt());
  }

  /** Listens and takes data that come with a SYN, if the host's sysctl allows it. */
  public Listener listenFastOpen(String host, int port) {
    JsonNode answer = call("listen", Map.of("host", host, "port", port, "fastOpen", true));
    return new Listener(answer.path("id").asInt(), answer.path("port").asInt());
  }

  /** Connects with data in the SYN, if the host's sysctl allows it. */
  public Connection connectFastOpen(String source, String host, int port, String data) {
    JsonNode answer =
        call("connect", Map.of("source", source, "host", host, "port", port, "data", data));
    return new Connection(answer.path("id").asInt(), answer.path("port").asInt(), host);
  }

  /** Drops the resets of a host's kernel that leave from a range of ports. */
  public static void silenceResets(Lab lab, Lab.Host host, String ports) {
    String rules =
        "table inet quiet { chain out { type filter hook output priority 0;"
            + " meta mark 0 tcp sport "
            + ports
            + " tcp flags & rst == rst drop; }; }";
    lab.runWithInput(host, Duration.ofSeconds(10), rules, "nft", "-f", "-").orFail();
  }

  /**
   * Serves thousands of control connections: a greeting, then for each line the reply of its first
   * four letters, or that of {@code *}.
   */
  public Answerer answerer(String host, int port, String greeting, Map<String, String> replies) {
    JsonNode answer =
        call(
            "answerer",
            Map.of("host", host, "port", port, "greeting", greeting, "replies", replies));
    return new Answerer(answer.path("id").asInt());
  }

  /** Opens many connections, sends the text on each, and keeps them open. */
  public Crowd crowd(String host, int port, int count, String text, Duration deadline) {
    return crowdFrom("", host, port, count, text, deadline);
  }

  /** Opens many connections from one address, as {@link #crowd} does. */
  public Crowd crowdFrom(
      String source, String host, int port, int count, String text, Duration deadline) {
    JsonNode answer =
        call(
            "crowd",
            Map.of(
                "source",
                source,
                "host",
                host,
                "port",
                port,
                "count",
                count,
                "data",
                text,
                "deadline",
                deadline.toSeconds()));
    return new Crowd(answer.path("id").asInt(), answer.path("count").asInt());
  }

  private JsonNode call(String operation, Map<String, ?> arguments) {
    ObjectNode request = JSON.valueToTree(arguments);
    request.put("op", operation);
    try {
      requests.write(request + "\n");
      requests.flush();
      String line = answers.readLine();
      if (line == null) {
        throw new EOFException("end of answers");
      }
      JsonNode answer = JSON.readTree(line);
      if (answer.has("error")) {
        throw new PeerException(
            operation + ": " + answer.path("error").asText() + " " + answer.path("text").asText());
      }
      return answer;
    } catch (IOException e) {
      throw new IllegalStateException("the peer ended at " + operation + ": " + complaint(), e);
    }
  }

  private String complaint() {
    try {
      return Files.readString(errors);
    } catch (IOException e) {
      return e.toString();
    }
  }

  @Override
  public void close() {
    Lab.kill(process);
  }

  /** A listening socket. */
  public final class Listener implements AutoCloseable {
    private final int id;
    private final int port;

    private Listener(int id, int port) {
      this.id = id;
      this.port = port;
    }

    /** The port, 1..65535. */
    public int port() {
      return port;
    }

    /** The next connection, or {@link PeerException} after 15 seconds. */
    public Connection accept() {
      JsonNode answer = call("accept", Map.of("id", id));
      return new Connection(
          answer.path("id").asInt(), answer.path("port").asInt(), answer.path("host").asText());
    }

    @Override
    public void close() {
      call("close", Map.of("id", id));
    }
  }

  /** A connection of the kernel's TCP. */
  public final class Connection implements AutoCloseable {
    private final int id;
    private final int port;
    private final String remoteHost;

    private Connection(int id, int port, String remoteHost) {
      this.id = id;
      this.port = port;
      this.remoteHost = remoteHost;
    }

    /** The other end's address, as it shows here. */
    public String remoteHost() {
      return remoteHost;
    }

    /** The client's port of this connection. */
    public int port() {
      return port;
    }

    /** Sends text in one piece. */
    public void send(String text) {
      call("send", Map.of("id", id, "data", text));
    }

    /** Sends text in pieces that end at the given offsets; each piece is a segment of its own. */
    public void sendCut(String text, List<Integer> cuts) {
      call("send", Map.of("id", id, "data", text, "cuts", cuts));
    }

    /** The next line with its end, or {@link PeerException} after 15 seconds. */
    public String line() {
      return call("line", Map.of("id", id, "timeout", DEFAULT_TIMEOUT_SECONDS))
          .path("data")
          .asText();
    }

    /** Reads to the end of the stream. */
    public Received readAll() {
      JsonNode answer = call("read_all", Map.of("id", id));
      return new Received(answer.path("size").asLong(), answer.path("sha256").asText());
    }

    /**
     * Sends the lines as fast as they go and reads what comes back.
     *
     * @param inSegments whether each line is a segment of its own, or TCP packs them
     * @param answers how many lines to wait for
     */
    public Blasted blast(List<String> lines, boolean inSegments, int answers, Duration deadline) {
      JsonNode answer =
          call(
              "blast",
              Map.of(
                  "id",
                  id,
                  "lines",
                  lines,
                  "segments",
                  inSegments,
                  "answers",
                  answers,
                  "deadline",
                  deadline.toMillis() / 1000.0));
      return new Blasted(answer.path("answers").asInt(), answer.path("seconds").asDouble());
    }

    /** Sends a FIN and goes on reading. */
    public void shutdownOutput() {
      call("shutdown", Map.of("id", id));
    }

    /** Closes with a reset instead of a FIN. */
    public void reset() {
      call("close", Map.of("id", id, "reset", true));
    }

    @Override
    public void close() {
      call("close", Map.of("id", id));
    }
  }

  /**
   * A device of this host, and who is at the other end of its wire.
   *
   * @param device its name
   * @param routerMac the router's hardware address, {@code aa:bb:cc:dd:ee:ff}
   */
  public record Wire(String device, String routerMac) {}

  /**
   * Where a segment says it comes from.
   *
   * @param host numeric address
   * @param port 1..65535
   */
  public record Origin(String host, int port) {}

  /** A connection whose segments are made by the test. */
  public final class RawConnection implements AutoCloseable {
    private final int id;

    private RawConnection(int id) {
      this.id = id;
    }

    /** Waits for the peer's SYN and answers it. */
    public void accept() {
      call("raw_accept", Map.of("id", id));
    }

    /** Sends one segment with the bytes that stand at this offset of the stream. */
    public void segment(int offset, String bytes) {
      call("raw_send", Map.of("id", id, "offset", offset, "data", bytes));
    }

    /** Sends a FIN that stands at this offset of the stream. */
    public void fin(int offset) {
      call("raw_send", Map.of("id", id, "offset", offset, "data", "", "fin", true));
    }

    /** Sends a segment whose timestamp is so old that the receiver drops it (RFC 7323). */
    public void oldSegment(int offset, String bytes) {
      call("raw_send", Map.of("id", id, "offset", offset, "data", bytes, "ageMs", 500_000));
    }

    /** Sends a RST that stands at this offset of the stream. */
    public void reset(int offset) {
      call("raw_send", Map.of("id", id, "offset", offset, "data", "", "reset", true));
    }

    /** Lets the peer send so many bytes from now on. */
    public void window(int offset, int bytes) {
      call("raw_window", Map.of("id", id, "offset", offset, "window", bytes));
    }

    /** Waits for the peer's next segment, whatever it is. */
    public void awaitSegment() {
      call("raw_await_segment", Map.of("id", id));
    }

    /**
     * Sends a segment in the name of the other end, with the numbers that it would use now, and
     * waits until the router has sent it back here, where it is thrown away.
     *
     * @param wire where it is sent
     * @param source the other end's own address and port, before any translation
     * @param offset from the other end's next byte
     * @param data its payload
     * @param flags of the TCP header
     */
    public void forge(Wire wire, Origin source, int offset, String data, int flags) {
      call(
          "raw_forge",
          Map.of(
              "id",
              id,
              "device",
              wire.device(),
              "mac",
              wire.routerMac(),
              "source",
              source.host(),
              "sourcePort",
              source.port(),
              "offset",
              offset,
              "data",
              data,
              "flags",
              flags));
    }

    /** Sends a SYN in the name of a client that knows nothing of it, and answers it. */
    public void forgeOpening(Wire wire, Origin source) {
      call(
          "raw_forge_opening",
          Map.of(
              "id",
              id,
              "device",
              wire.device(),
              "mac",
              wire.routerMac(),
              "source",
              source.host(),
              "sourcePort",
              source.port()));
    }

    /**
     * Goes on alone with a connection that {@link #forgeOpening} opened, as both ends. The first
     * reply is the greeting.
     */
    public void forgeDialogue(Wire wire, List<String> commands, List<String> replies) {
      call(
          "raw_forge_dialogue",
          Map.of(
              "id",
              id,
              "device",
              wire.device(),
              "mac",
              wire.routerMac(),
              "commands",
              commands,
              "replies",
              replies));
    }

    /** Waits until the peer has acknowledged the stream up to this offset. */
    public void awaitAcked(int offset) {
      call("raw_await_acked", Map.of("id", id, "offset", offset));
    }

    /** The next line with its end, acknowledged. */
    public String line() {
      return call("line", Map.of("id", id)).path("data").asText();
    }

    @Override
    public void close() {
      call("close", Map.of("id", id));
    }
  }

  /** A server of many connections. */
  public final class Answerer {
    private final int id;

    private Answerer(int id) {
      this.id = id;
    }

    /** How many connections it has accepted in all. */
    public int accepted() {
      return call("answered", Map.of("id", id)).path("accepted").asInt();
    }

    /** How many lines it has read in all. */
    public int lines() {
      return call("answered", Map.of("id", id)).path("lines").asInt();
    }
  }

  /** Many client connections. */
  public final class Crowd implements AutoCloseable {
    private final int id;
    private final int count;

    private Crowd(int id, int count) {
      this.id = id;
      this.count = count;
    }

    /** How many were established in time. */
    public int count() {
      return count;
    }

    /** Reads what has come and throws it away. */
    public int drain() {
      return call("drain", Map.of("id", id)).path("size").asInt();
    }

    @Override
    public void close() {
      call("close", Map.of("id", id));
    }
  }

  /**
   * What was read to the end of a stream.
   *
   * @param lengthBytes how much it was
   * @param sha256 its checksum, lower-case hex
   */
  public record Received(long lengthBytes, String sha256) {}

  /**
   * How a blast went.
   *
   * @param answers lines that came back
   * @param seconds how long it took
   */
  public record Blasted(int answers, double seconds) {}
}
