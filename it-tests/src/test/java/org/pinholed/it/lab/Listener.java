package org.pinholed.it.lab;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;

/** A listening socket. */
public final class Listener implements AutoCloseable {
  private final PeerCalls peer;
  private final int id;
  private final int port;

  Listener(PeerCalls peer, int id, int port) {
    this.peer = peer;
    this.id = id;
    this.port = port;
  }

  /** The port, 1..65535. */
  public int port() {
    return port;
  }

  /** The next connection, or {@link PeerException} after 15 seconds. */
  public Connection accept() {
    JsonNode answer = peer.call("accept", Map.of("id", id));
    return new Connection(
        peer, answer.path("id").asInt(), answer.path("port").asInt(), answer.path("host").asText());
  }

  /** Plays the server of conversations; see {@link Peer#converse}. */
  public void converse(List<RpcTalk> talks) {
    peer.call("converse", Map.of("id", id, "conversations", RpcTalk.steps(talks)));
  }

  @Override
  public void close() {
    peer.call("close", Map.of("id", id));
  }
}
