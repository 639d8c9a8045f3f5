package org.pinholed.agent.metrics;

import io.prometheus.client.Collector;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;

/**
 * A Prometheus histogram of durations with fixed buckets from 5 us to 1 s.
 *
 * <p>Micrometer's timer has no way to record a duration for a whole batch of packets at once, and
 * keeps a decaying maximum that costs more than the rest; this one is two additions. Thread-safe.
 */
final class LatencyHistogram extends Collector {
  private static final long[] BOUNDS_NS = {
    5_000,
    10_000,
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    20_000_000,
    50_000_000,
    100_000_000,
    200_000_000,
    500_000_000,
    1_000_000_000,
  };
  private static final double NS_PER_SECOND = 1e9;

  private final String name;
  private final String help;
  private final List<String> labelNames;
  private final List<Series> series = new ArrayList<>();

  LatencyHistogram(String name, String help, List<String> labelNames) {
    this.name = name;
    this.help = help;
    this.labelNames = labelNames;
  }

  // All series are made before the histogram is registered.
  Series series(List<String> labelValues) {
    Series made = new Series(labelValues);
    series.add(made);
    return made;
  }

  @Override
  public List<MetricFamilySamples> collect() {
    List<MetricFamilySamples.Sample> samples = new ArrayList<>();
    for (Series one : series) {
      one.addTo(samples);
    }
    return List.of(new MetricFamilySamples(name, Type.HISTOGRAM, help, samples));
  }

  /** One set of labels. */
  final class Series {
    private final List<String> labelValues;
    private final LongAdder[] buckets = new LongAdder[BOUNDS_NS.length + 1];
    private final LongAdder sumNs = new LongAdder();

    private Series(List<String> labelValues) {
      this.labelValues = labelValues;
      for (int i = 0; i < buckets.length; i++) {
        buckets[i] = new LongAdder();
      }
    }

    void record(long nanos, int times) {
      int bucket = 0;
      while (bucket < BOUNDS_NS.length && nanos > BOUNDS_NS[bucket]) {
        bucket++;
      }
      buckets[bucket].add(times);
      sumNs.add(nanos * times);
    }

    private void addTo(List<MetricFamilySamples.Sample> samples) {
      List<String> names = new ArrayList<>(labelNames);
      names.add("le");
      long cumulative = 0;
      for (int i = 0; i < buckets.length; i++) {
        cumulative += buckets[i].sum();
        List<String> values = new ArrayList<>(labelValues);
        values.add(i < BOUNDS_NS.length ? doubleToGoString(BOUNDS_NS[i] / NS_PER_SECOND) : "+Inf");
        samples.add(new MetricFamilySamples.Sample(name + "_bucket", names, values, cumulative));
      }
      samples.add(
          new MetricFamilySamples.Sample(name + "_count", labelNames, labelValues, cumulative));
      samples.add(
          new MetricFamilySamples.Sample(
              name + "_sum", labelNames, labelValues, sumNs.sum() / NS_PER_SECOND));
    }
  }
}
