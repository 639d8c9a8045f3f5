package org.pinholed.agent.path;

import org.pinholed.agent.announce.Outcomes;
import org.pinholed.agent.flow.AgentReason;
import org.pinholed.agent.flow.Flow;
import org.pinholed.agent.flow.WorkerFlows;
import org.pinholed.agent.metrics.AgentMetrics;
import org.pinholed.agent.packet.UnreadableReason;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.helper.Direction;

/** What becomes of a flow whose helper threw. For the worker's thread only. */
final class HelperFaults {
  private final Batch batch;
  private final WorkerFlows flows;
  private final Outcomes outcomes;
  private final AgentEvents events;
  private final AgentMetrics metrics;

  HelperFaults(
      Batch batch, WorkerFlows flows, Outcomes outcomes, AgentEvents events, AgentMetrics metrics) {
    this.batch = batch;
    this.flows = flows;
    this.outcomes = outcomes;
    this.events = events;
    this.metrics = metrics;
  }

  /** Nobody knows what state a helper is in that threw: the flow is given up, with its pinholes. */
  void giveUp(Flow flow, RuntimeException e) {
    metrics.unreadablePacket(UnreadableReason.FAULT);
    batch.fault(e);
    if (!flow.readingEnded() && !flow.parent().hasEnded()) {
      outcomes.begin(flow, Direction.ORIGINAL, batch.beganNs());
      outcomes.report(AgentReason.HELPER_FAILED, 0);
      events.reason(flow.parent(), AgentReason.HELPER_FAILED, "");
      flows.endReading(flow, AgentReason.HELPER_FAILED, true);
    }
  }
}
