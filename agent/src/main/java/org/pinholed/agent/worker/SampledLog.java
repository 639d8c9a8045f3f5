package org.pinholed.agent.worker;

import org.slf4j.Logger;

/**
 * Logs a kind of trouble at once the first time, then at most once a minute with the number of
 * times that were not shown. What strangers can cause must not fill a disk. Not thread-safe.
 */
final class SampledLog {
  private static final long MINUTE_NS = 60_000_000_000L;

  private final Logger log;
  private final String what;
  private boolean shown;
  private long shownNs;
  private long notShown;

  SampledLog(Logger log, String what) {
    this.log = log;
    this.what = what;
  }

  void warn(String detail) {
    long nowNs = System.nanoTime();
    if (shown && nowNs - shownNs < MINUTE_NS) {
      notShown++;
      return;
    }
    if (notShown > 0) {
      log.warn("{}: {} ({} more since the last line)", what, detail, notShown);
    } else {
      log.warn("{}: {}", what, detail);
    }
    shown = true;
    shownNs = nowNs;
    notShown = 0;
  }
}
