package org.pinholed.agent.lifecycle;

import java.time.Duration;
import org.pinholed.agent.service.ServiceManager;
import org.pinholed.agent.worker.QueueWorker;
import org.pinholed.agent.worker.QueueWorkers;

/**
 * Pings the service manager's watchdog as long as the duty cycle of every worker turns. If one
 * stands still, its control connections do too, and the manager starts the agent anew. Beaten by
 * the events thread in its own duty cycle, so that this one must turn as well. Owned by that
 * thread.
 */
public final class Heartbeat {
  /** An idle worker turns every 250 ms; less than a few of those would say nothing. */
  private static final long LEAST_PATIENCE_MS = 1000;

  private static final int PINGS_PER_INTERVAL = 4;

  private final QueueWorkers workers;
  private final ServiceManager manager;
  private final long patienceMs;
  private final long pauseNs;
  private long nextNs;

  /**
   * Makes the heartbeat of an agent.
   *
   * @param workers all of them
   * @param manager pinged if it has a watchdog
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  public Heartbeat(QueueWorkers workers, ServiceManager manager, long nowNs) {
    nextNs = nowNs;
    this.workers = workers;
    this.manager = manager;
    Duration interval = manager.watchdog();
    patienceMs =
        Math.max(LEAST_PATIENCE_MS, Math.min(WorkerWatch.STUCK_MS, interval.toMillis() / 2));
    pauseNs = interval.toNanos() / PINGS_PER_INTERVAL;
  }

  /**
   * Pings if it is time and all workers turn.
   *
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  void beat(long nowNs) {
    if (pauseNs == 0 || nowNs - nextNs < 0) {
      return;
    }
    for (QueueWorker worker : workers.all()) {
      if (worker.turnMs(nowNs) >= patienceMs) {
        return;
      }
    }
    nextNs = nowNs + pauseNs;
    manager.ping();
  }
}
