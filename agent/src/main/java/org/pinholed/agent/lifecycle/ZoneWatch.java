package org.pinholed.agent.lifecycle;

import org.pinholed.agent.pinhole.BackendException;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Says once that control connections are not read because they are in a conntrack zone. */
final class ZoneWatch {
  private static final Logger LOG = LoggerFactory.getLogger(ZoneWatch.class);
  private static final long EVERY_NS = 5_000_000_000L;

  private long lookedNs;
  private boolean looked;
  private boolean told;

  /**
   * Looks now and then, until there was something to say.
   *
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @param backend asked for it
   * @throws BackendException if the kernel refuses
   */
  void tick(long nowNs, PinholeBackend backend) throws BackendException {
    if (told || (looked && nowNs - lookedNs < EVERY_NS)) {
      return;
    }
    looked = true;
    lookedNs = nowNs;
    if (backend.leavesZonesAlone()) {
      told = true;
      LOG.warn(
          "control connections in a conntrack zone (ct zone set, -j CT --zone) are not read and"
              + " open nothing: addresses of two zones must not be mixed up");
    }
  }
}
