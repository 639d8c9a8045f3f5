package org.pinholed.it.lab;

import java.util.Map;

/** A server of many connections. */
public final class Answerer {
  private final PeerCalls peer;
  private final int id;

  Answerer(PeerCalls peer, int id) {
    this.peer = peer;
    this.id = id;
  }

  /** How many connections it has accepted in all. */
  public int accepted() {
    return peer.call("answered", Map.of("id", id)).path("accepted").asInt();
  }

  /** How many lines it has read in all. */
  public int lines() {
    return peer.call("answered", Map.of("id", id)).path("lines").asInt();
  }
}
