package org.pinholed.agent.metrics;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.binder.MeterBinder;
import io.micrometer.core.instrument.binder.jvm.ClassLoaderMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.config.MeterFilter;
import io.micrometer.prometheus.PrometheusConfig;
import io.micrometer.prometheus.PrometheusMeterRegistry;
import io.prometheus.client.CollectorRegistry;
import io.prometheus.client.hotspot.StandardExports;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.limit.Limit;
import org.pinholed.agent.nat.WithheldReason;
import org.pinholed.agent.packet.UnreadableReason;
import org.pinholed.agent.pinhole.NoExpectation;
import org.pinholed.helper.ExplainedWord;
import org.pinholed.helper.HelperWord;
import org.pinholed.helper.Reason;

/**
 * Keeps the agent's metrics for Prometheus; docs/metrics.md has the table of names.
 *
 * <p>Thread-safe. Once a series exists, counting allocates nothing. Labels are enums but for
 * helpers, of which there are at most {@value #MAX_HELPERS}: what comes later is counted as {@code
 * other}. Owned by the lifecycle, which closes it after the server that shows it.
 */
// Micrometer calls its registry for the simpleclient deprecated, in favour of one for the newer
// client, whose names of some metrics are others.
@SuppressWarnings("deprecation")
public final class PrometheusMetrics implements AgentMetrics, AutoCloseable {
  /** How many helpers have series of their own. */
  static final int MAX_HELPERS = 64;

  private static final String OTHER = "other";

  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final JvmGcMetrics gc = new JvmGcMetrics();
  private final LongAdder accepted = new LongAdder();
  private final LongAdder changed = new LongAdder();
  private final LongAdder dropped = new LongAdder();
  private final LatencyHistogram.Series verdictLatency;
  private final LatencyHistogram.Series transactionOk;
  private final LatencyHistogram.Series transactionFailed;
  private final Counter backendErrors;
  private final Counter tableRepairs;
  private final Counter resyncs;
  private final Counter workerStuck;
  private final Counter parentsLost;
  private final Counter marksPutBack;
  private final Counter misrouted;
  private final Map<String, OfHelper> helpers = new ConcurrentHashMap<>();
  private final ByWord<Limit> limits =
      new ByWord<>("pinholed.limits", "Times that a configured limit was reached", "limit");
  private final ByWord<NoExpectation> withoutExpectation =
      new ByWord<>(
          "pinholed.pinholes.without.expectation",
          "Pinholes that stand, or were to stand, without an expectation of the kernel",
          "reason");
  private final ByWord<UnreadableReason> unreadable =
      new ByWord<>(
          "pinholed.unreadable.packets",
          "Packets that could not be taken apart and passed",
          "reason");
  private final ByWord<WithheldReason> withheld =
      new ByWord<>(
          "pinholed.withheld.packets",
          "Packets of translated flows that were dropped or cut, to be sent again",
          "reason");
  private final ByWord<ReceivingSocket> receiveErrors =
      new ByWord<>(
          "pinholed.receive.errors",
          "Times that receiving failed for another reason than a full buffer",
          "socket");
  private final ByWord<ReceivingSocket> overruns =
      new ByWord<>(
          "pinholed.overruns",
          "Times that a receive buffer was full and messages were lost",
          "socket");
  private final ByWord<ExpectationAction> expectationActions =
      new ByWord<>(
          "pinholed.kernel.expectations",
          "Times that something was done about the kernel's expectations of ct expectation objects",
          "action");

  /**
   * Makes the registry with all its meters.
   *
   * @param gauges what is asked for at each scrape
   * @param version version of the program
   */
  public PrometheusMetrics(AgentGauges gauges, String version) {
    // Only collectors that run beside the program have phases; the agent's serial one has none.
    registry.config().meterFilter(MeterFilter.denyNameStartsWith("jvm.gc.concurrent"));
    for (Verdict verdict : Verdict.values()) {
      FunctionCounter.builder("pinholed.verdicts", packetsOf(verdict), LongAdder::sum)
          .description("Packets by what became of them")
          .tags("verdict", verdict.word())
          .register(registry);
    }
    LatencyHistogram latency =
        new LatencyHistogram(
            "pinholed_verdict_latency_seconds",
            "How long packets were held, from receipt to verdict",
            List.of());
    verdictLatency = latency.series(List.of());
    LatencyHistogram transactions =
        new LatencyHistogram(
            "pinholed_transaction_seconds",
            "How long the kernel took to change pinholes",
            List.of("outcome"));
    transactionOk = transactions.series(List.of("ok"));
    transactionFailed = transactions.series(List.of("error"));
    collectors().register(latency);
    collectors().register(transactions);
    backendErrors = counter("pinholed.backend.errors", "Changes that the kernel refused");
    tableRepairs =
        counter("pinholed.table.repairs", "Repairs of the table after somebody else changed it");
    resyncs = counter("pinholed.resyncs", "State read again after kernel events were lost");
    workerStuck = counter("pinholed.worker.stuck", "Times that a packet worker stood still");
    parentsLost =
        counter("pinholed.parents.lost", "Parents whose conntracks vanished before they ended");
    marksPutBack =
        counter(
            "pinholed.marks.put.back", "Times that another rule had changed the mark of a parent");
    misrouted =
        counter(
            "pinholed.misrouted.packets",
            "Packets that were not read: they came in by a device that does not lead back to their"
                + " sender");
    // A rate sees nothing of a series whose first value is already 1, so they begin with 0.
    limits.begin(Limit.values());
    withoutExpectation.begin(NoExpectation.values());
    unreadable.begin(UnreadableReason.values());
    withheld.begin(WithheldReason.values());
    receiveErrors.begin(ReceivingSocket.QUEUE, ReceivingSocket.CONNTRACK);
    overruns.begin(ReceivingSocket.values());
    expectationActions.begin(ExpectationAction.values());
    GaugeSeries.bind(gauges, registry);
    Gauge.builder("pinholed.build.info", () -> 1)
        .description("Always 1; the labels say what runs")
        .tags("version", version, "java", Runtime.version().toString())
        .register(registry);
    for (MeterBinder binder :
        List.of(gc, new JvmMemoryMetrics(), new JvmThreadMetrics(), new ClassLoaderMetrics())) {
      binder.bindTo(registry);
    }
    // The names that every program with a client of Prometheus has, and dashboards ask for.
    collectors().register(new StandardExports());
  }

  CollectorRegistry collectors() {
    return registry.getPrometheusRegistry();
  }

  /**
   * All metrics in the text format of Prometheus 0.0.4.
   *
   * @return what a scrape would show
   */
  public String scrape() {
    return registry.scrape();
  }

  /**
   * The agent's own counters and mean times, for people.
   *
   * @return by name, for example {@code expectations.ftp.created}, in alphabetical order
   */
  public Map<String, Number> summary() {
    return MetricsSummary.of(collectors());
  }

  @Override
  public void verdicts(Verdict verdict, int packets) {
    packetsOf(verdict).add(packets);
  }

  @Override
  public void verdictLatency(long nanos, int packets) {
    verdictLatency.record(nanos, packets);
  }

  @Override
  public void transaction(long nanos, boolean ok) {
    (ok ? transactionOk : transactionFailed).record(nanos, 1);
  }

  /**
   * {@inheritDoc}
   *
   * <p>What comes with a reason, a limit or a number is counted by {@link #reason}, {@link #limit}
   * and {@link #parentsLost} only.
   */
  @Override
  public void event(AgentEvent.Kind kind, String helper) {
    switch (kind) {
      case CREATED, MATCHED, EXPIRED, REPLACED, CLOSED, PARENT_CLOSED, CLEARED ->
          ofHelper(helper).outcome(kind).increment();
      case BACKEND_ERROR -> backendErrors.increment();
      case TABLE_REPAIRED -> tableRepairs.increment();
      case RESYNCED -> resyncs.increment();
      case WORKER_STUCK -> workerStuck.increment();
      case MARKS_PUT_BACK -> marksPutBack.increment();
      case REFUSED,
          MALFORMED,
          PART_OPAQUE,
          OPAQUE,
          MISROUTED,
          LIMIT,
          ACCEPT_RULE_GONE,
          ACCEPT_RULE_BACK,
          ADOPTED,
          PARENTS_LOST,
          CHILD_BEGAN,
          CHILD_ENDED -> {}
    }
  }

  @Override
  public void message(String helper, HelperWord word) {
    ofHelper(helper).messages.of(word).increment();
  }

  @Override
  public void rewrittenField(String helper, HelperWord field) {
    ofHelper(helper).fields.of(field).increment();
  }

  @Override
  public void reason(String helper, Reason reason) {
    ofHelper(helper).reason(reason).increment();
  }

  @Override
  public void limit(Limit limit) {
    limits.of(limit).increment();
  }

  @Override
  public void withoutExpectation(NoExpectation why) {
    withoutExpectation.of(why).increment();
  }

  @Override
  public void unreadablePacket(UnreadableReason reason) {
    unreadable.of(reason).increment();
  }

  @Override
  public void misroutedPacket() {
    misrouted.increment();
  }

  @Override
  public void withheld(WithheldReason reason) {
    withheld.of(reason).increment();
  }

  @Override
  public void parentsLost(int parents) {
    parentsLost.increment(parents);
  }

  @Override
  public void receiveError(ReceivingSocket socket) {
    receiveErrors.of(socket).increment();
  }

  @Override
  public void expectations(ExpectationAction action) {
    expectationActions.of(action).increment();
  }

  @Override
  public void overrun(ReceivingSocket socket) {
    overruns.of(socket).increment();
  }

  @Override
  public void close() {
    gc.close();
    registry.close();
  }

  private LongAdder packetsOf(Verdict verdict) {
    return switch (verdict) {
      case ACCEPT -> accepted;
      case CHANGED -> changed;
      case DROP -> dropped;
    };
  }

  private Counter counter(String name, String description, String... tags) {
    return Counter.builder(name).description(description).tags(tags).register(registry);
  }

  private OfHelper ofHelper(String helper) {
    OfHelper known = helpers.get(helper);
    return known != null
        ? known
        : helpers.computeIfAbsent(helpers.size() < MAX_HELPERS - 1 ? helper : OTHER, OfHelper::new);
  }

  /** Counters of one name with one label. */
  private final class ByWord<W extends Enum<W> & ExplainedWord> {
    private final String name;
    private final String description;
    private final String label;
    private final Map<W, Counter> counters = new ConcurrentHashMap<>();

    private ByWord(String name, String description, String label) {
      this.name = name;
      this.description = description;
      this.label = label;
    }

    /** Registers some, so that they show with 0. */
    @SafeVarargs
    private void begin(W... words) {
      for (W word : words) {
        of(word);
      }
    }

    private Counter of(W word) {
      Counter counter = counters.get(word);
      return counter != null ? counter : counters.computeIfAbsent(word, this::make);
    }

    private Counter make(W word) {
      return counter(name, description, label, word.word());
    }
  }

  /** Counters of one name and helper, by words of the helper. They are enums, so never many. */
  private final class ByHelperWord {
    private final String name;
    private final String description;
    private final String helper;
    private final String label;
    private final Map<HelperWord, Counter> counters = new ConcurrentHashMap<>();

    private ByHelperWord(String name, String description, String helper, String label) {
      this.name = name;
      this.description = description;
      this.helper = helper;
      this.label = label;
    }

    private Counter of(HelperWord word) {
      Counter counter = counters.get(word);
      return counter != null ? counter : counters.computeIfAbsent(word, this::make);
    }

    private Counter make(HelperWord word) {
      return counter(name, description, "helper", helper, label, word.word());
    }
  }

  /** The series of one helper. */
  private final class OfHelper {
    private final String helper;
    private final Map<AgentEvent.Kind, Counter> outcomes = new ConcurrentHashMap<>();
    private final Map<Reason, Counter> reasons = new ConcurrentHashMap<>();

    private final ByHelperWord messages;
    private final ByHelperWord fields;

    private OfHelper(String helper) {
      this.helper = helper;
      messages =
          new ByHelperWord(
              "pinholed.messages", "Messages that a helper understood", helper, "word");
      fields =
          new ByHelperWord(
              "pinholed.rewritten.fields",
              "Fields of messages that a helper had changed",
              helper,
              "field");
    }

    private Counter outcome(AgentEvent.Kind kind) {
      Counter counter = outcomes.get(kind);
      return counter != null ? counter : outcomes.computeIfAbsent(kind, this::make);
    }

    private Counter make(AgentEvent.Kind kind) {
      return counter(
          "pinholed.expectations",
          "What became of expectations",
          "helper",
          helper,
          "outcome",
          kind.word());
    }

    private Counter reason(Reason reason) {
      Counter counter = reasons.get(reason);
      return counter != null ? counter : reasons.computeIfAbsent(reason, this::make);
    }

    private Counter make(Reason reason) {
      String name =
          switch (reason.kind()) {
            case REFUSED -> "pinholed.refused";
            case MALFORMED -> "pinholed.malformed";
            case PART_OPAQUE -> "pinholed.part.opaque";
            case OPAQUE -> "pinholed.opaque";
          };
      String description =
          switch (reason.kind()) {
            case REFUSED -> "Announcements that were not opened";
            case MALFORMED -> "Flows that broke their protocol";
            case PART_OPAQUE -> "Messages that are encrypted, in flows that are read";
            case OPAQUE -> "Flows that no helper can read";
          };
      return counter(name, description, "helper", helper, "reason", reason.word());
    }
  }
}
