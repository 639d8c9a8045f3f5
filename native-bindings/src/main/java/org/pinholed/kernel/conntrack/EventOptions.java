package org.pinholed.kernel.conntrack;

import java.time.Duration;

/**
 * Which events are wanted and how long to wait for them.
 *
 * @param newFlows tell of new connections
 * @param endedFlows tell of connections that were removed from the table
 * @param markMask only connections that have one of these bits in their mark, sorted out in the
 *     kernel; 0 for all
 * @param receiveBufferBytes of the socket, 4096 or more
 * @param receiveTimeout how long a receive waits, 1 ms to 1 h
 */
public record EventOptions(
    boolean newFlows,
    boolean endedFlows,
    int markMask,
    int receiveBufferBytes,
    Duration receiveTimeout) {
  private static final Duration SHORTEST = Duration.ofMillis(1);
  private static final Duration LONGEST = Duration.ofHours(1);

  /** Refuses a subscription to nothing and sizes outside their range. */
  public EventOptions {
    if (!newFlows && !endedFlows) {
      throw new IllegalArgumentException("endedFlows: false (expected: true without newFlows)");
    }
    if (receiveBufferBytes < 4096) {
      throw new IllegalArgumentException(
          "receiveBufferBytes: " + receiveBufferBytes + " (expected: 4096..)");
    }
    if (receiveTimeout.compareTo(SHORTEST) < 0 || receiveTimeout.compareTo(LONGEST) > 0) {
      throw new IllegalArgumentException(
          "receiveTimeout: " + receiveTimeout + " (expected: 1 ms..1 h)");
    }
  }
}
