package org.pinholed.agent.metrics;

import java.util.List;
import org.pinholed.agent.config.AgentConfig;

/** Gauges with a different number each. */
record FixedGauges() implements AgentGauges {
  @Override
  public List<QueueNumbers> queues() {
    return List.of(
        new QueueNumbers(5, 101, 109, 106, 107, 0.25), new QueueNumbers(6, 201, 209, 206, 207, 0));
  }

  @Override
  public int parents() {
    return 102;
  }

  @Override
  public int opaqueParents() {
    return 103;
  }

  @Override
  public int halfOpen() {
    return 111;
  }

  @Override
  public long bufferedBytes() {
    return 110;
  }

  @Override
  public int orphans() {
    return 109;
  }

  @Override
  public boolean watchesTable() {
    return true;
  }

  @Override
  public double acceptRulePresent() {
    return 1;
  }

  @Override
  public List<ExpectationCount> expectations() {
    return List.of(
        new ExpectationCount("ftp", "pending", 104), new ExpectationCount("ftp", "matched", 105));
  }

  @Override
  public AgentConfig.Limits limits() {
    return AgentConfig.Limits.DEFAULT;
  }

  @Override
  public long eventsLost() {
    return 108;
  }
}
