package org.pinholed.agent.flow;

import org.pinholed.agent.event.AgentEvent;

/** What flows announced, so that it ends with them. */
public interface AnnouncedByFlow {
  /**
   * Ends everything that a flow announced.
   *
   * @param over the flow
   * @param kind why, for log and counters
   */
  void endAll(Flow over, AgentEvent.Kind kind);

  /**
   * Ends also what a flow announced for owners beyond it before its conntrack was confirmed.
   *
   * @param refused the flow: what its conntrack is now says that it should not have been read
   * @param kind why, for log and counters
   */
  void endFirstOwned(Flow refused, AgentEvent.Kind kind);
}
