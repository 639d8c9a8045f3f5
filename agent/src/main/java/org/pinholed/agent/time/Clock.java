package org.pinholed.agent.time;

/**
 * What time it is, for everything that happens to flows and expectations. It is given to whoever
 * needs it, so that a replay of packets runs by the time of the packets.
 *
 * <p>What waits for a peer on a socket of its own (control, metrics, service manager, nftables),
 * and how often a log repeats itself, goes by {@link #SYSTEM}: nobody replays that.
 */
public interface Clock {
  /** The clock of the machine. */
  Clock SYSTEM = new SystemClock();

  /**
   * Time that never goes back, for intervals.
   *
   * @return nanoseconds since some moment; may be negative and may wrap, so only differences count
   */
  long nanoTime();

  /**
   * The time of day, for people; it may jump.
   *
   * @return microseconds since the beginning of 1970, UTC
   */
  long epochMicros();
}
