package org.pinholed.agent.operate;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.config.DurationParser;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.flow.HelperTable;
import org.pinholed.agent.pinhole.AcceptRuleState;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.view.QueueReport;
import org.pinholed.agent.view.StatusReport;
import org.pinholed.agent.view.Version;
import org.pinholed.agent.worker.QueueWorker;
import org.pinholed.agent.worker.QueueWorkers;
import org.pinholed.kernel.nfqueue.QueueStatistics;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What an operator sees of a running agent as a whole. Thread-safe; changes nothing. */
public final class StatusView {
  private static final Logger LOG = LoggerFactory.getLogger(StatusView.class);

  private final PinholeBackend backend;
  private final ExpectationTable table;
  private final Parts parts;
  private final long startedNs;
  private final Clock clock;
  private volatile String metricsAddress = "";

  /** What runs, as far as its state is told. */
  public interface Parts {
    /**
     * The packet workers.
     *
     * @return the same at every call
     */
    QueueWorkers workers();

    /**
     * Whether the kernel lets packets pass that a full queue does not take.
     *
     * @return false if it drops them
     */
    boolean queuesFailOpen();

    /**
     * How often the table was repaired.
     *
     * @return a count since the start
     */
    long repairs();

    /**
     * What failed last in the kernel.
     *
     * @return empty if nothing did
     */
    String lastError();
  }

  /**
   * Makes it.
   *
   * @param backend tells what the kernel can do
   * @param table the expectation table
   * @param parts what runs
   * @param clock what time it is
   */
  public StatusView(PinholeBackend backend, ExpectationTable table, Parts parts, Clock clock) {
    this.clock = clock;
    this.backend = backend;
    this.table = table;
    this.parts = parts;
    this.startedNs = clock.nanoTime();
  }

  /**
   * Says where metrics are to be had.
   *
   * @param address address and port; empty if nowhere
   */
  public void setMetricsAddress(String address) {
    metricsAddress = address;
  }

  /**
   * The whole of it.
   *
   * @param now the configuration in force
   * @param helpers its helpers
   * @return as of now
   */
  public StatusReport status(AgentConfig now, HelperTable helpers) {
    Map<String, Integer> expectations = new LinkedHashMap<>();
    table
        .countByState()
        .forEach((state, count) -> expectations.put(state.name().toLowerCase(Locale.ROOT), count));
    Map<String, String> features = new LinkedHashMap<>(backend.probe());
    features.put(
        "queueFailOpen", parts.queuesFailOpen() ? "yes" : "no: a full queue drops control packets");
    Map<String, String> policies = new LinkedHashMap<>();
    policies.put(
        "agentDown", now.fail().agentDown() == AgentConfig.OnFailure.PASS ? "bypass" : "closed");
    policies.put(
        "queueFull", now.fail().queueFull() == AgentConfig.OnFailure.PASS ? "accept" : "drop");
    policies.put("onStop", now.fail().onStop().name().toLowerCase(Locale.ROOT));
    List<QueueReport> queues = queues();
    AcceptRuleState acceptRule = backend.acceptRule();
    return new StatusReport(
        Version.text(),
        ProcessHandle.current().pid(),
        TimeUnit.NANOSECONDS.toSeconds(clock.nanoTime() - startedNs),
        now.backend().name().toLowerCase(Locale.ROOT),
        helpers.entries().stream().filter(HelperEntry::enabled).map(StatusView::describe).toList(),
        parts.workers().parents(),
        parts.workers().opaqueParents(),
        expectations,
        parts.workers().packets(),
        parts.workers().misrouted(),
        queues.stream().mapToLong(queue -> queue.dropped() + queue.userDropped()).sum(),
        queues,
        backend.watchProblem(),
        parts.repairs(),
        acceptRule.presence().name().toLowerCase(Locale.ROOT),
        acceptRule.text(),
        parts.lastError(),
        metricsAddress,
        features,
        policies);
  }

  /**
   * One helper with all of its settings.
   *
   * @param entry the helper
   * @return one line
   */
  public static String describeWhole(HelperEntry entry) {
    return entry.id()
        + " "
        + describe(entry)
        + " timeout "
        + DurationParser.formatTimeout(entry.timeout())
        + entry.limits()
        + (entry.isObserved() ? " observe" : "")
        + (entry.enabled() ? "" : " disabled");
  }

  private static String describe(HelperEntry entry) {
    return entry.name()
        + "/"
        + entry.transport().name().toLowerCase(Locale.ROOT)
        + "/"
        + entry.port();
  }

  /**
   * The packet queues with their workers.
   *
   * @return in the order of their numbers; the kernel's counters are 0 if they cannot be read
   */
  public List<QueueReport> queues() {
    Map<Integer, QueueStatistics> kernel = new HashMap<>();
    try {
      for (QueueStatistics statistics : QueueStatistics.all()) {
        kernel.put(statistics.queueNumber(), statistics);
      }
    } catch (IOException e) {
      LOG.debug("queue statistics: {}", e.toString());
    }
    long nowNs = clock.nanoTime();
    List<QueueReport> reports = new ArrayList<>();
    for (QueueWorker worker : parts.workers().all()) {
      int number = worker.queueNumber();
      QueueStatistics statistics =
          kernel.getOrDefault(number, new QueueStatistics(number, 0, 0, 0, 0, 0));
      reports.add(
          new QueueReport(
              number,
              worker.packets(),
              worker.parents(),
              worker.opaqueParents(),
              statistics.queued(),
              statistics.dropped(),
              statistics.userDropped(),
              worker.turnMs(nowNs)));
    }
    return reports;
  }

  /**
   * How many expectations there are.
   *
   * @return by name of the helper and word of the state, as of now
   */
  public Map<String, Map<String, Integer>> expectationsByHelper() {
    Map<String, Map<String, Integer>> words = new LinkedHashMap<>();
    table
        .countByHelper()
        .forEach(
            (helper, states) -> {
              Map<String, Integer> counts = new LinkedHashMap<>();
              states.forEach(
                  (state, count) -> counts.put(state.name().toLowerCase(Locale.ROOT), count));
              words.put(helper, counts);
            });
    return words;
  }
}
