package org.pinholed.agent.lifecycle;

import java.util.HashSet;
import java.util.Set;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.agent.worker.QueueWorker;
import org.pinholed.agent.worker.QueueWorkers;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Notices workers whose duty cycle does not turn: their control connections stand still. Says so
 * once, and once more when they go on. Owned by one thread.
 */
final class WorkerWatch {
  /** A turn takes 250 ms if there is nothing to do, and a few if there is. */
  static final long STUCK_MS = 5000;

  private static final Logger LOG = LoggerFactory.getLogger(WorkerWatch.class);

  private final QueueWorkers workers;
  private final AgentEvents events;
  private final Set<QueueWorker> stuck = new HashSet<>();

  WorkerWatch(QueueWorkers workers, AgentEvents events) {
    this.workers = workers;
    this.events = events;
  }

  /**
   * Looks at all workers.
   *
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  void look(long nowNs) {
    for (QueueWorker worker : workers.all()) {
      long turnMs = worker.turnMs(nowNs);
      if (turnMs < STUCK_MS) {
        if (stuck.remove(worker)) {
          LOG.warn("the worker of queue {} goes on", worker.queueNumber());
        }
      } else if (stuck.add(worker)) {
        String text =
            "the worker of queue " + worker.queueNumber() + " stands still for " + turnMs + " ms";
        LOG.error("{}", text);
        events.agent(AgentEvent.Kind.WORKER_STUCK, "queue" + worker.queueNumber(), text);
      }
    }
  }
}
