package org.pinholed.agent.metrics;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.prometheus.PrometheusMeterRegistry;
import io.prometheus.client.Collector;
import io.prometheus.client.CollectorRegistry;
import io.prometheus.client.GaugeMetricFamily;
import java.util.List;
import java.util.function.ToDoubleFunction;
import org.pinholed.agent.config.AgentConfig;

/** The series that nobody counts: the agent is asked for them at each scrape. */
// As in PrometheusMetrics.
@SuppressWarnings("deprecation")
final class GaugeSeries {
  private GaugeSeries() {}

  /**
   * Registers them.
   *
   * @param gauges whom to ask at each scrape
   * @param registry shows them
   */
  static void bind(AgentGauges gauges, PrometheusMeterRegistry registry) {
    CollectorRegistry collectors = registry.getPrometheusRegistry();
    collectors.register(new QueueCollector(gauges));
    FunctionCounter.builder("pinholed.events.lost", gauges, AgentGauges::eventsLost)
        .description("Events missing in the event log")
        .register(registry);
    Gauge.builder("pinholed.parents", gauges, AgentGauges::parents)
        .description("Parent flows")
        .strongReference(true)
        .tags("state", "read")
        .register(registry);
    Gauge.builder("pinholed.parents", gauges, AgentGauges::opaqueParents)
        .description("Parent flows")
        .strongReference(true)
        .tags("state", "opaque")
        .register(registry);
    Gauge.builder("pinholed.half.open", gauges, AgentGauges::halfOpen)
        .description("Connections that were answered and have not sent a byte yet")
        .strongReference(true)
        .register(registry);
    Gauge.builder("pinholed.buffered", gauges, AgentGauges::bufferedBytes)
        .description("Memory for unfinished lines and early segments")
        .baseUnit("bytes")
        .strongReference(true)
        .register(registry);
    Gauge.builder("pinholed.orphans", gauges, AgentGauges::orphans)
        .description("Pinholes in the kernel that no expectation waits for")
        .strongReference(true)
        .register(registry);
    Gauge.builder("pinholed.table.watched", gauges, all -> all.watchesTable() ? 1 : 0)
        .description("Whether the table is watched, so that changes by others are repaired")
        .strongReference(true)
        .register(registry);
    Gauge.builder("pinholed.accept.rule.present", gauges, AgentGauges::acceptRulePresent)
        .description("Whether the firewall accepts what is marked; NaN if that cannot be seen")
        .strongReference(true)
        .register(registry);
    limit(
        "pinholed.expectations.limit",
        "expectations that wait",
        gauges,
        registry,
        AgentConfig.Limits::expectations);
    limit(
        "pinholed.parents.limit",
        "parents that are read",
        gauges,
        registry,
        AgentConfig.Limits::parents);
    limit(
        "pinholed.half.open.limit",
        "connections that have not sent a byte yet",
        gauges,
        registry,
        AgentConfig.Limits::halfOpen);
    limit(
        "pinholed.buffered.limit.bytes",
        "memory for unfinished lines and early segments",
        gauges,
        registry,
        AgentConfig.Limits::bufferedBytes);
    collectors.register(
        new Collector() {
          @Override
          public List<MetricFamilySamples> collect() {
            GaugeMetricFamily active =
                new GaugeMetricFamily(
                    "pinholed_expectations_active",
                    "Expectations in the table",
                    List.of("helper", "state"));
            for (AgentGauges.ExpectationCount row : gauges.expectations()) {
              active.addMetric(List.of(row.helper(), row.state()), row.count());
            }
            return List.of(active);
          }
        });
  }

  private static void limit(
      String name,
      String of,
      AgentGauges gauges,
      PrometheusMeterRegistry registry,
      ToDoubleFunction<AgentConfig.Limits> value) {
    Gauge.builder(
            name,
            () -> {
              AgentConfig.Limits limits = gauges.limits();
              return limits == null ? Double.NaN : value.applyAsDouble(limits);
            })
        .description("Limit of " + of)
        .register(registry);
  }
}
