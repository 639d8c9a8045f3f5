package org.pinholed.it.lab;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** A connection of the kernel's TCP. */
public final class Connection implements AutoCloseable {
  /** Over links that lose, a packet is sent at least once a second until it arrives. */
  private static final Duration PATIENCE = Duration.ofSeconds(15);

  private final PeerCalls peer;
  private final int id;
  private final int port;
  private final String remoteHost;

  Connection(PeerCalls peer, int id, int port, String remoteHost) {
    this.peer = peer;
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
    peer.call("send", Map.of("id", id, "data", text));
  }

  /** Sends text in pieces that end at the given offsets; each piece is a segment of its own. */
  public void sendCut(String text, List<Integer> cuts) {
    peer.call("send", Map.of("id", id, "data", text, "cuts", cuts));
  }

  /** The next line with its end, or {@link PeerException} after 15 seconds. */
  public String line() {
    return line(PATIENCE);
  }

  /** The next line with its end, or {@link PeerException} after that time. */
  public String line(Duration patience) {
    return peer.call("line", Map.of("id", id, "timeout", PeerCalls.seconds(patience)))
        .path("data")
        .asText();
  }

  /** The next bytes in Latin-1: so many, or fewer if the stream or the time ends before. */
  public String take(int count, Duration patience) {
    return peer.call(
            "take", Map.of("id", id, "count", count, "timeout", PeerCalls.seconds(patience)))
        .path("data")
        .asText();
  }

  /** Reads to the end of the stream. */
  public Received readAll() {
    JsonNode answer = peer.call("read_all", Map.of("id", id));
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
        peer.call(
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
                PeerCalls.seconds(deadline)));
    return new Blasted(answer.path("answers").asInt(), answer.path("seconds").asDouble());
  }

  /** Sends a FIN and goes on reading. */
  public void shutdownOutput() {
    peer.call("shutdown", Map.of("id", id));
  }

  /** Closes with a reset instead of a FIN. */
  public void reset() {
    peer.call("close", Map.of("id", id, "reset", true));
  }

  @Override
  public void close() {
    peer.call("close", Map.of("id", id));
  }
}
