package org.pinholed.agent.lifecycle;

import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.metrics.AgentMetrics;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.agent.worker.QueueWorkers;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says that parents vanished from the conntrack table with neither FIN nor RST: somebody flushed
 * it, or deleted their entries, or they timed out. However many go at once, that is one line. Owned
 * by one thread.
 */
final class LostParents {
  /** So long at most it is waited for more before the line. */
  private static final int MAX_TICKS = 8;

  private static final Logger LOG = LoggerFactory.getLogger(LostParents.class);

  private final QueueWorkers workers;
  private final AgentEvents events;
  private final AgentMetrics metrics;
  private int told;
  private int seen;
  private int ticks;

  LostParents(QueueWorkers workers, AgentEvents events, AgentMetrics metrics) {
    this.workers = workers;
    this.events = events;
    this.metrics = metrics;
  }

  /** Looks whether there are more, and tells when no more come. */
  void tick() {
    int now = workers.lostParents();
    if (now != seen && ++ticks < MAX_TICKS) {
      seen = now;
      return;
    }
    int lost = now - told;
    seen = now;
    told = now;
    ticks = 0;
    if (lost != 0) {
      tell(lost);
    }
  }

  private void tell(int lost) {
    int left = workers.parents();
    String text =
        "conntrack lost "
            + lost
            + " of "
            + (lost + left)
            + " parents with neither FIN nor RST ("
            + (left == 0 && lost > 1
                ? "all at once: the table was flushed, or a network device went down"
                : "deleted or timed out")
            + "): their pinholes are shut, each client needs a new control connection";
    LOG.warn("{}", text);
    metrics.parentsLost(lost);
    events.agent(AgentEvent.Kind.PARENTS_LOST, "conntrack", text);
  }
}
