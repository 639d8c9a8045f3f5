package org.pinholed.agent.pace;

import java.util.concurrent.TimeUnit;

/**
 * How long to wait after a failure that may come again at once: a millisecond at first, twice as
 * long each time, half a second at most, so that questions are still answered in time. Owned by one
 * thread.
 */
public final class BackOff {
  private static final long FIRST_NS = TimeUnit.MILLISECONDS.toNanos(1);
  private static final long LONGEST_NS = TimeUnit.MILLISECONDS.toNanos(500);

  private long waitNs;

  /** Begins anew: something worked. */
  public void reset() {
    waitNs = 0;
  }

  /**
   * How long to wait after one more failure.
   *
   * @return nanoseconds
   */
  public long next() {
    waitNs = waitNs == 0 ? FIRST_NS : Math.min(LONGEST_NS, 2 * waitNs);
    return waitNs;
  }

  /** Waits after one more failure; an interrupt ends it. */
  public void await() {
    try {
      TimeUnit.NANOSECONDS.sleep(next());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
