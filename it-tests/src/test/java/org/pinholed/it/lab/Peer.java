package org.pinholed.it.lab;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * Sockets of one host, moved step by step from the test: a small Python program on the host ({@code
 * lab/peer.py}) does what the methods say and answers.
 *
 * <p>Every operation is bounded in time. Not thread-safe: one peer does one thing at once; a test
 * that wants two things at once starts two peers.
 */
public final class Peer implements AutoCloseable {
  private final PeerCalls calls;

  private Peer(PeerCalls calls) {
    this.calls = calls;
  }

  /** Starts a peer on a host. */
  public static Peer start(Lab lab, Lab.Host host) {
    return new Peer(PeerCalls.start(lab, host));
  }

  /** Listens on an address; port 0 lets the kernel choose. */
  public Listener listen(String host, int port) {
    JsonNode answer = calls.call("listen", Map.of("host", host, "port", port));
    return new Listener(calls, answer.path("id").asInt(), answer.path("port").asInt());
  }

  /** Connects, or throws {@link PeerException}. */
  public Connection connect(String source, String host, int port) {
    return dial(source, host, port, Duration.ofSeconds(15));
  }

  /** Connects from a port of choice, or throws {@link PeerException}. */
  public Connection connectFrom(String source, int sourcePort, String host, int port) {
    JsonNode answer =
        calls.call(
            "connect",
            Map.of("source", source, "sourcePort", sourcePort, "host", host, "port", port));
    return new Connection(calls, answer.path("id").asInt(), answer.path("port").asInt(), host);
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
    JsonNode answer =
        calls.call(
            "connect",
            Map.of(
                "source",
                source,
                "host",
                host,
                "port",
                port,
                "timeout",
                PeerCalls.seconds(patience)));
    return new Connection(calls, answer.path("id").asInt(), answer.path("port").asInt(), host);
  }

  /**
   * Plays the client of conversations, each over a connection of its own, one after the other; the
   * server's end is {@link Listener#converse}. What is heard must be what the other side says.
   *
   * @throws PeerException if it is not, or if a connection does not come through
   */
  public void converse(String source, String host, int port, List<RpcTalk> talks) {
    calls.call(
        "converse",
        Map.of(
            "source", source, "host", host, "port", port, "conversations", RpcTalk.steps(talks)));
  }

  /**
   * Tries to connect to many ports at once.
   *
   * @return those from which something came back in time, be it a refusal: no firewall is before
   *     them
   */
  public Set<Integer> reached(
      String source, String host, Collection<Integer> ports, Duration patience) {
    JsonNode answer =
        calls.call(
            "reached",
            Map.of(
                "source",
                source,
                "host",
                host,
                "ports",
                ports,
                "timeout",
                PeerCalls.seconds(patience)));
    Set<Integer> reached = new TreeSet<>();
    answer.path("ports").forEach(port -> reached.add(port.asInt()));
    return reached;
  }

  /**
   * Makes a TCP connection by hand, whose segments the test orders and repeats; the kernel's resets
   * for it must be dropped on this host ({@link RawConnection#silenceResets}).
   */
  public RawConnection rawConnect(String source, int sourcePort, String host, int port) {
    JsonNode answer =
        calls.call(
            "raw_connect",
            Map.of("source", source, "sourcePort", sourcePort, "host", host, "port", port));
    return new RawConnection(calls, answer.path("id").asInt());
  }

  /** Sends one ACK for a connection that there is not. */
  public void rawAck(String source, int sourcePort, String host, int port) {
    calls.call(
        "raw_ack", Map.of("source", source, "sourcePort", sourcePort, "host", host, "port", port));
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
        calls.call(
            "raw_listen",
            Map.of("host", host, "port", port, "window", window, "timestamps", timestamps));
    return new RawConnection(calls, answer.path("id").asInt());
  }

  /** Listens and takes data that come with a SYN, if the host's sysctl allows it. */
  public Listener listenFastOpen(String host, int port) {
    JsonNode answer = calls.call("listen", Map.of("host", host, "port", port, "fastOpen", true));
    return new Listener(calls, answer.path("id").asInt(), answer.path("port").asInt());
  }

  /** Connects with data in the SYN, if the host's sysctl allows it. */
  public Connection connectFastOpen(String source, String host, int port, String data) {
    JsonNode answer =
        calls.call("connect", Map.of("source", source, "host", host, "port", port, "data", data));
    return new Connection(calls, answer.path("id").asInt(), answer.path("port").asInt(), host);
  }

  /** Binds a UDP socket; port 0 lets the kernel choose. */
  public Datagrams datagrams(String host, int port) {
    JsonNode answer = calls.call("datagrams", Map.of("host", host, "port", port));
    Endpoint local = new Endpoint(host, answer.path("port").asInt());
    return new Datagrams(calls, answer.path("id").asInt(), local);
  }

  /** Sends a datagram that is made by hand, in anybody's name. */
  public void forge(ForgedDatagram datagram) {
    calls.call("datagram_forge", datagram.arguments());
  }

  /**
   * Serves thousands of control connections: a greeting, then for each line the reply of its first
   * four letters, or that of {@code *}.
   */
  public Answerer answerer(String host, int port, String greeting, Map<String, String> replies) {
    JsonNode answer =
        calls.call(
            "answerer",
            Map.of("host", host, "port", port, "greeting", greeting, "replies", replies));
    return new Answerer(calls, answer.path("id").asInt());
  }

  /** Opens many connections, sends the text on each, and keeps them open. */
  public Crowd crowd(String host, int port, int count, String text, Duration deadline) {
    return crowdFrom("", host, port, count, text, deadline);
  }

  /** Opens many connections from one address, as {@link #crowd} does. */
  public Crowd crowdFrom(
      String source, String host, int port, int count, String text, Duration deadline) {
    JsonNode answer =
        calls.call(
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
    return new Crowd(calls, answer.path("id").asInt(), answer.path("count").asInt());
  }

  @Override
  public void close() {
    calls.close();
  }
}
