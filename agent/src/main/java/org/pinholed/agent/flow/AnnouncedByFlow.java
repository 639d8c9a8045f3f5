package org.pinholed.agent.flow;

import org.pinholed.agent.event.AgentEvent;

/** What flows announced, so that it ends with them. */
@FunctionalInterface
public interface AnnouncedByFlow {
  /**
   * Ends everything that a flow announced.
   *
   * @param over the flow
   * @param kind why, for log and counters
   */
  void endAll(Flow over, AgentEvent.Kind kind);
}
