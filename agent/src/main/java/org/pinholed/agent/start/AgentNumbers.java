package org.pinholed.agent.start;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.event.JsonEventLog;
import org.pinholed.agent.metrics.AgentGauges;
import org.pinholed.agent.pinhole.AcceptRuleState;

/**
 * What the metrics ask of the agent. The agent needs the metrics first, so it is attached when it
 * runs; until then there is nothing to count.
 */
public final class AgentNumbers implements AgentGauges {
  private final @Nullable JsonEventLog eventLog;
  private volatile @Nullable Agent agent;

  /**
   * Makes it without an agent.
   *
   * @param eventLog whose lost lines are counted; null if there is none
   */
  public AgentNumbers(@Nullable JsonEventLog eventLog) {
    this.eventLog = eventLog;
  }

  /**
   * From now on it tells of an agent.
   *
   * @param running the agent
   */
  public void attach(Agent running) {
    agent = running;
  }

  @Override
  public List<QueueNumbers> queues() {
    Agent now = agent;
    if (now == null) {
      return List.of();
    }
    return now.queues().stream()
        .map(
            queue ->
                new QueueNumbers(
                    queue.queue(),
                    queue.packets(),
                    queue.held(),
                    queue.dropped(),
                    queue.userDropped(),
                    queue.turnMs() / 1e3))
        .toList();
  }

  @Override
  public int parents() {
    Agent now = agent;
    return now == null ? 0 : now.parents();
  }

  @Override
  public int opaqueParents() {
    Agent now = agent;
    return now == null ? 0 : now.opaqueParents();
  }

  @Override
  public int halfOpen() {
    Agent now = agent;
    return now == null ? 0 : now.halfOpen();
  }

  @Override
  public long bufferedBytes() {
    Agent now = agent;
    return now == null ? 0 : now.bufferedBytes();
  }

  @Override
  public int orphans() {
    Agent now = agent;
    return now == null ? 0 : now.orphans();
  }

  @Override
  public boolean watchesTable() {
    Agent now = agent;
    return now != null && now.watchesTable();
  }

  @Override
  public double acceptRulePresent() {
    Agent now = agent;
    return switch (now == null ? AcceptRuleState.Presence.UNKNOWN : now.acceptRule().presence()) {
      case PRESENT -> 1;
      case ABSENT -> 0;
      case UNKNOWN -> Double.NaN;
    };
  }

  @Override
  public List<ExpectationCount> expectations() {
    Agent now = agent;
    if (now == null) {
      return List.of();
    }
    List<ExpectationCount> list = new ArrayList<>();
    now.expectationsByHelper()
        .forEach(
            (helper, states) ->
                states.forEach(
                    (state, count) -> list.add(new ExpectationCount(helper, state, count))));
    return list;
  }

  @Override
  public AgentConfig.@Nullable Limits limits() {
    Agent now = agent;
    return now == null ? null : now.config().limits();
  }

  @Override
  public long eventsLost() {
    return eventLog == null ? 0 : eventLog.lost();
  }
}
