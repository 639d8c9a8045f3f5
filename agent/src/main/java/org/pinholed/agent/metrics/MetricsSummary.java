package org.pinholed.agent.metrics;

import io.prometheus.client.Collector.MetricFamilySamples;
import io.prometheus.client.Collector.MetricFamilySamples.Sample;
import io.prometheus.client.CollectorRegistry;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Makes from the agent's metrics what a person reads at a glance: counters without the zeros of
 * rare things, and of a histogram its mean in microseconds.
 *
 * <p>{@code pinholed_expectations_total{helper="ftp",outcome="created"}} becomes {@code
 * expectations.ftp.created}.
 */
final class MetricsSummary {
  private static final String OF_THE_AGENT = "pinholed_";
  private static final String COUNTER = "_total";
  private static final String SUM = "_seconds_sum";
  private static final String COUNT = "_seconds_count";

  private final Map<String, Number> numbers = new TreeMap<>();
  private final Map<String, Double> sums = new TreeMap<>();
  private final Map<String, Double> counts = new TreeMap<>();

  private MetricsSummary() {}

  /**
   * Reads the numbers as they stand.
   *
   * @param registry where the metrics are
   * @return by name, in alphabetical order
   */
  static Map<String, Number> of(CollectorRegistry registry) {
    MetricsSummary summary = new MetricsSummary();
    for (MetricFamilySamples family : Collections.list(registry.metricFamilySamples())) {
      if (family.name.startsWith(OF_THE_AGENT)) {
        family.samples.forEach(summary::add);
      }
    }
    return summary.withMeans();
  }

  private void add(Sample sample) {
    String name = sample.name.substring(OF_THE_AGENT.length());
    if (name.endsWith(SUM)) {
      sums.put(word(name, SUM, sample.labelValues), sample.value);
    } else if (name.endsWith(COUNT)) {
      counts.put(word(name, COUNT, sample.labelValues), sample.value);
    } else if (name.endsWith(COUNTER) && (sample.value != 0 || sample.labelValues.isEmpty())) {
      numbers.put(word(name, COUNTER, sample.labelValues), (long) sample.value);
    }
  }

  private Map<String, Number> withMeans() {
    sums.forEach(
        (name, sum) -> {
          double count = counts.getOrDefault(name, 0.0);
          if (count > 0) {
            numbers.put(name + ".meanMicros", Math.round(sum * 1e6 / count));
          }
        });
    return numbers;
  }

  private static String word(String name, String suffix, List<String> labelValues) {
    StringBuilder out = new StringBuilder(name.length());
    boolean upper = false;
    for (int i = 0; i < name.length() - suffix.length(); i++) {
      char c = name.charAt(i);
      if (c == '_') {
        upper = true;
      } else {
        out.append(upper ? Character.toUpperCase(c) : c);
        upper = false;
      }
    }
    labelValues.forEach(value -> out.append('.').append(value));
    return out.toString();
  }
}
