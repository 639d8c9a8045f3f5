package org.pinholed.agent.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.ArrayList;
import java.util.Map;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.nat.WithheldReason;

class MetricsSummaryTest {
  private final PrometheusMetrics metrics = new PrometheusMetrics(new FixedGauges(), "1.2.3");

  @AfterEach
  void close() {
    metrics.close();
  }

  @Test
  void counters_areNamedByTheirLabels() {
    metrics.event(AgentEvent.Kind.CREATED, "ftp");
    metrics.event(AgentEvent.Kind.CREATED, "ftp");
    metrics.withheld(WithheldReason.PART_OF_AN_EDIT);
    Map<String, Number> summary = metrics.summary();
    assertEquals(2L, summary.get("expectations.ftp.created"));
    assertEquals(1L, summary.get("withheldPackets.partOfAnEdit"));
    assertEquals(101L, summary.get("packets.5"));
  }

  @Test
  void aZero_isLeftOutIfItHasLabels() {
    Map<String, Number> summary = metrics.summary();
    assertEquals(0L, summary.get("backendErrors"));
    assertFalse(summary.containsKey("overruns.queue"), summary::toString);
  }

  @Test
  void ofAHistogram_isTheMean() {
    metrics.verdictLatency(50_000, 1);
    metrics.verdictLatency(150_000, 1);
    metrics.transaction(7_000, false);
    Map<String, Number> summary = metrics.summary();
    assertEquals(100L, summary.get("verdictLatency.meanMicros"));
    assertEquals(7L, summary.get("transaction.error.meanMicros"));
    assertFalse(summary.containsKey("transaction.ok.meanMicros"), summary::toString);
  }

  @Test
  void theVirtualMachineAndGauges_areLeftOut_andNamesAreSorted() {
    Map<String, Number> summary = metrics.summary();
    assertFalse(summary.toString().contains("jvm"), summary::toString);
    assertFalse(summary.containsKey("parents"), summary::toString);
    assertEquals(
        new ArrayList<>(new TreeSet<>(summary.keySet())), new ArrayList<>(summary.keySet()));
  }
}
