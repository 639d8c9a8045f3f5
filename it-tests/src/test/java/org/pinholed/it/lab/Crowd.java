package org.pinholed.it.lab;

import java.util.Map;

/** Many client connections. */
public final class Crowd implements AutoCloseable {
  private final PeerCalls peer;
  private final int id;
  private final int count;

  Crowd(PeerCalls peer, int id, int count) {
    this.peer = peer;
    this.id = id;
    this.count = count;
  }

  /** How many were established in time. */
  public int count() {
    return count;
  }

  /** Reads what has come and throws it away. */
  public int drain() {
    return peer.call("drain", Map.of("id", id)).path("size").asInt();
  }

  @Override
  public void close() {
    peer.call("close", Map.of("id", id));
  }
}
