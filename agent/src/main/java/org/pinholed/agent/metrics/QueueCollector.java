package org.pinholed.agent.metrics;

import io.prometheus.client.Collector;
import io.prometheus.client.CounterMetricFamily;
import io.prometheus.client.GaugeMetricFamily;
import java.util.List;

/** The metrics of the packet queues, one series each. Thread-safe. */
final class QueueCollector extends Collector {
  private static final List<String> LABELS = List.of("queue");

  private final AgentGauges gauges;

  QueueCollector(AgentGauges gauges) {
    this.gauges = gauges;
  }

  @Override
  public List<MetricFamilySamples> collect() {
    CounterMetricFamily packets = counter("pinholed_packets", "Packets received from the queue");
    CounterMetricFamily dropped =
        counter("pinholed_queue_dropped", "Packets that found the queue full");
    CounterMetricFamily userDropped =
        counter(
            "pinholed_queue_user_dropped",
            "Packets that found the receive buffer of the queue full");
    GaugeMetricFamily held =
        new GaugeMetricFamily("pinholed_queue_held", "Packets that the kernel holds now", LABELS);
    GaugeMetricFamily turn =
        new GaugeMetricFamily(
            "pinholed_worker_turn_seconds",
            "How long the worker of the queue has been on its present turn",
            LABELS);
    for (AgentGauges.QueueNumbers queue : gauges.queues()) {
      List<String> label = List.of(Integer.toString(queue.queue()));
      packets.addMetric(label, (double) queue.packets());
      dropped.addMetric(label, (double) queue.dropped());
      userDropped.addMetric(label, (double) queue.userDropped());
      held.addMetric(label, (double) queue.held());
      turn.addMetric(label, queue.turnSeconds());
    }
    return List.of(packets, dropped, userDropped, held, turn);
  }

  private static CounterMetricFamily counter(String name, String help) {
    return new CounterMetricFamily(name, help, LABELS);
  }
}
