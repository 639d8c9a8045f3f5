package org.pinholed.agent.replay;

import org.pinholed.agent.time.Clock;

/** The time of a capture, which goes on with its packets and never back. Not thread-safe. */
final class CaptureClock implements Clock {
  private long epochNs;

  void set(long newEpochNs) {
    epochNs = newEpochNs;
  }

  @Override
  public long nanoTime() {
    return epochNs;
  }

  @Override
  public long epochMicros() {
    return epochNs / 1000;
  }
}
