package org.pinholed.agent.control;

import java.time.Duration;

/**
 * What one client, one user, and all clients together, may cost the agent.
 *
 * @param requestBytes longest request line in bytes, its line feed included
 * @param requestTime in which a whole request must have come
 * @param stallTime for how long a client may take no byte of its answer
 * @param answerTime in which a whole answer must be taken; a trace is not bound by it
 * @param connections clients served at the same time
 * @param traces traces and followed events at the same time; fewer than connections, so that an
 *     operator can still ask
 */
record ControlLimits(
    int requestBytes,
    Duration requestTime,
    Duration stallTime,
    Duration answerTime,
    UserPlaces.Share connections,
    UserPlaces.Share traces) {
  static final ControlLimits DEFAULT =
      new ControlLimits(
          1 << 16,
          Duration.ofSeconds(5),
          Duration.ofSeconds(5),
          Duration.ofSeconds(60),
          new UserPlaces.Share(32, 28, 12),
          new UserPlaces.Share(8, 7, 4));
}
