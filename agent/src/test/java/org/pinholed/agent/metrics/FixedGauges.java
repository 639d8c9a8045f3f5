package org.pinholed.agent.metrics;

import java.util.List;

/** Gauges with a different number each. */
record FixedGauges() implements AgentGauges {
  @Override
  public long packets() {
    return 101;
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
  public int orphans() {
    return 109;
  }

  @Override
  public List<ExpectationCount> expectations() {
    return List.of(
        new ExpectationCount("ftp", "pending", 104), new ExpectationCount("ftp", "matched", 105));
  }

  @Override
  public long queueDropped() {
    return 106;
  }

  @Override
  public long queueUserDropped() {
    return 107;
  }

  @Override
  public long eventsLost() {
    return 108;
  }
}
