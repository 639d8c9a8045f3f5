package org.pinholed.agent.control;

import java.util.concurrent.atomic.AtomicLong;
import org.pinholed.agent.pace.SampledLog;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Counts peers that were turned away and logs the first at once, then one line a minute. */
final class RefusedPeers {
  private static final Logger LOG = LoggerFactory.getLogger(ControlServer.class);

  private final AtomicLong count = new AtomicLong();
  private final SampledLog log = new SampledLog(LOG, "control socket");

  long count() {
    return count.get();
  }

  void add(String peer, String why) {
    count.incrementAndGet();
    log.warn(peer + " refused: " + why);
  }
}
