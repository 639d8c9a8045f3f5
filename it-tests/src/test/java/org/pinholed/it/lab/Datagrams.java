package org.pinholed.it.lab;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A bound UDP socket of the kernel's. What is longer than the MTU of the link is sent in fragments.
 */
public final class Datagrams implements AutoCloseable {
  private final PeerCalls peer;
  private final int id;
  private final Endpoint local;

  Datagrams(PeerCalls peer, int id, Endpoint local) {
    this.peer = peer;
    this.id = id;
    this.local = local;
  }

  /** Where it is bound. */
  public Endpoint local() {
    return local;
  }

  /** Sends one. */
  public void send(Endpoint to, String data) {
    send(to, data, 1);
  }

  /** Sends equal ones, one after the other as fast as they go. */
  public void send(Endpoint to, String data, int count) {
    peer.call(
        "datagram_send",
        Map.of("id", id, "host", to.host(), "port", to.port(), "data", data, "count", count));
  }

  /** The next one, or {@link PeerException} after 15 seconds. */
  public Datagram receive() {
    Duration patience = Duration.ofSeconds(15);
    return receive(patience)
        .orElseThrow(() -> new PeerException("nothing came to " + local + " in " + patience));
  }

  /** The next one, or empty if none comes in time. */
  public Optional<Datagram> receive(Duration patience) {
    return receive(1, patience).stream().findFirst();
  }

  /** What comes until there are so many, or the time is over. */
  public List<Datagram> receive(int most, Duration patience) {
    JsonNode answer =
        peer.call(
            "datagram_receive",
            Map.of("id", id, "wanted", most, "timeout", PeerCalls.seconds(patience)));
    List<Datagram> came = new ArrayList<>();
    for (JsonNode one : answer.path("datagrams")) {
      Endpoint from = new Endpoint(one.path("host").asText(), one.path("port").asInt());
      came.add(new Datagram(one.path("data").asText(), from));
    }
    return came;
  }

  @Override
  public void close() {
    peer.call("close", Map.of("id", id));
  }
}
