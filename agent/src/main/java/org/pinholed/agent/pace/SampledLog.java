package org.pinholed.agent.pace;

import java.util.function.LongSupplier;
import org.pinholed.agent.time.Clock;
import org.slf4j.Logger;

/**
 * Logs a kind of trouble at once the first time, then at most once a minute with the number of
 * times that were not shown. What strangers can cause must not fill a disk. Thread-safe.
 */
public final class SampledLog {
  private final Logger log;
  private final String what;
  private final LongSupplier clockNs;
  private final Pace pace = new Pace();

  /**
   * Makes a kind of line that was not written yet.
   *
   * @param log where to
   * @param what the trouble, the beginning of each line
   */
  public SampledLog(Logger log, String what) {
    this(log, what, Clock.SYSTEM::nanoTime);
  }

  SampledLog(Logger log, String what, LongSupplier clockNs) {
    this.log = log;
    this.what = what;
    this.clockNs = clockNs;
  }

  /**
   * Writes one line, or counts it.
   *
   * @param detail what happened this time
   */
  public void warn(String detail) {
    long notShown = pace.next(clockNs.getAsLong());
    if (notShown > 0) {
      log.warn("{}: {} ({} more since the last line)", what, detail, notShown);
    } else if (notShown == 0) {
      log.warn("{}: {}", what, detail);
    }
  }
}
