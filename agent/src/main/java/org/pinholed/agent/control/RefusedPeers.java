package org.pinholed.agent.control;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Counts peers that were turned away and logs the first at once, then one line a minute. */
final class RefusedPeers {
  private static final Logger LOG = LoggerFactory.getLogger(ControlServer.class);
  private static final long QUIET_NS = TimeUnit.MINUTES.toNanos(1);

  private final AtomicLong count = new AtomicLong();
  private long logged;
  private long nextLogNs = System.nanoTime();

  long count() {
    return count.get();
  }

  synchronized void add(String peer, String why) {
    long now = count.incrementAndGet();
    if (System.nanoTime() - nextLogNs >= 0) {
      LOG.warn("control socket: {} refused: {} ({} since the last line)", peer, why, now - logged);
      logged = now;
      nextLogNs = System.nanoTime() + QUIET_NS;
    }
  }
}
