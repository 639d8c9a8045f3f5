package org.pinholed.helper;

/** The two directions of a parent flow, in conntrack's words. */
public enum Direction {
  /** From the host that began the flow (the client) to the other. */
  ORIGINAL,
  /** The way back, from the server to the client. */
  REPLY;

  /**
   * The other direction.
   *
   * @return REPLY for ORIGINAL and the other way round
   */
  public Direction opposite() {
    return this == ORIGINAL ? REPLY : ORIGINAL;
  }
}
