package org.pinholed.agent.lifecycle;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.config.DurationParser;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.event.EventListener;
import org.pinholed.agent.event.SampledEvents;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.flow.FlowState;
import org.pinholed.agent.handover.HandOver;
import org.pinholed.agent.metrics.AgentMetrics;
import org.pinholed.agent.metrics.ReceivingSocket;
import org.pinholed.agent.pinhole.BackendException;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.agent.service.ServiceManager;
import org.pinholed.agent.trace.TraceHub;
import org.pinholed.agent.view.AgentControl;
import org.pinholed.agent.view.AuditRow;
import org.pinholed.agent.view.ClearReport;
import org.pinholed.agent.view.ControlException;
import org.pinholed.agent.view.ExpectationRow;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.QueueReport;
import org.pinholed.agent.view.SessionRow;
import org.pinholed.agent.view.StatusReport;
import org.pinholed.agent.view.TraceFilter;
import org.pinholed.agent.view.TraceLine;
import org.pinholed.agent.worker.HelperTable;
import org.pinholed.agent.worker.ParentOwners;
import org.pinholed.agent.worker.QueueWorker;
import org.pinholed.agent.worker.QueueWorkers;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.ConntrackEvents;
import org.pinholed.kernel.conntrack.EventOptions;
import org.pinholed.kernel.link.LinkEvents;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nfqueue.PacketQueue;
import org.pinholed.kernel.nfqueue.QueueFeatures;
import org.pinholed.kernel.nfqueue.QueueOptions;
import org.pinholed.kernel.nfqueue.QueueStatistics;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A running agent: its threads, its sockets, and what an operator can ask of it.
 *
 * <p>Thread-safe. What belongs to a packet worker is asked of its thread; what changes the agent as
 * a whole is done under one lock, one at a time.
 */
public final class Agent implements AgentControl, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Agent.class);

  /** A helper needs the payload whole; control packets of one segment are never longer. */
  private static final int COPY_RANGE_BYTES = 65531;

  private static final int EVENT_BUFFER_BYTES = 4 << 20;
  private static final Duration RECEIVE_TIMEOUT = Duration.ofMillis(250);
  private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(3);
  private static final Duration STOP_TIMEOUT = Duration.ofSeconds(2);

  private final List<HelperProtocol> protocols;
  private final PinholeBackend backend;
  private final ExpectationTable table;
  private final TraceHub traces = new TraceHub();
  private final AgentEvents events;
  private final ConntrackEvents kernelEventsSocket;
  private final ConntrackClient lifecycleConntrack;
  private final PinholeBackend.Session lifecyclePinholes;
  private final LinkWatch links;
  private final QueueFeatures queueFeatures;
  private final List<WorkerThread> workerThreads = new ArrayList<>();
  private final QueueWorkers workers;
  private final KernelEvents kernelEvents;
  private final List<Thread> threads = new ArrayList<>();
  private final SharedAudit audits = new SharedAudit(this::auditNow);
  private final long startedNs = System.nanoTime();
  private volatile AgentConfig config;
  private volatile HelperTable helpers;
  private volatile String metricsAddress = "";
  private volatile ServiceManager manager = ServiceManager.NONE;
  private boolean closed;
  private volatile ConfigSource source =
      () -> {
        throw new ControlException("this agent was started without a configuration file");
      };

  /** Where a reload finds the configuration. */
  public interface ConfigSource {
    /**
     * Reads the configuration again.
     *
     * @return the new one, checked
     * @throws ControlException if it is bad; the message names file, line and key
     */
    AgentConfig read() throws ControlException;
  }

  /**
   * Starts an agent in the network namespace of the calling thread. When this returns, control
   * packets are being read.
   *
   * @param config a checked configuration
   * @param protocols the protocols that can be read
   * @param backend what opens pinholes, owned by the agent from now on
   * @param log takes what happens
   * @param metrics counts it
   * @throws IOException if the kernel refuses something; nothing is left behind then
   */
  public Agent(
      AgentConfig config,
      List<HelperProtocol> protocols,
      PinholeBackend backend,
      EventListener log,
      AgentMetrics metrics)
      throws IOException {
    this(config, protocols, backend, log, metrics, () -> HandOver.NOTHING);
  }

  /**
   * Starts an agent in the place of another one, as above.
   *
   * @param config a checked configuration
   * @param protocols the protocols that can be read
   * @param backend what opens pinholes, owned by the agent from now on
   * @param log takes what happens
   * @param metrics counts it
   * @param before hands over the packet queues and flows of the other one
   * @throws IOException if the kernel refuses something, or the other one did not hand over
   */
  public Agent(
      AgentConfig config,
      List<HelperProtocol> protocols,
      PinholeBackend backend,
      EventListener log,
      AgentMetrics metrics,
      HandOver.Source before)
      throws IOException {
    this.config = config;
    this.protocols = List.copyOf(protocols);
    this.backend = backend;
    this.events = new AgentEvents(new SampledEvents(log), metrics);
    this.table = new ExpectationTable(config.limits());
    this.helpers = new HelperTable(config.helpers(), protocols, config.limits().stream());
    try (Acquired acquired = new Acquired()) {
      acquired.add(backend);
      int state = config.marks().stateMask();
      // First of all: a conntrack made while nobody listens never sends events (docs/kernel.md).
      kernelEventsSocket =
          acquired.add(
              ConntrackEvents.open(
                  new EventOptions(true, true, state, EVENT_BUFFER_BYTES, RECEIVE_TIMEOUT)));
      // From here on packets wait.
      HandOver left = before.take();
      InheritedQueues queues = acquired.add(InheritedQueues.open(queueOptions(config), left));
      queueFeatures = queues.all().get(0).features();
      lifecycleConntrack = acquired.add(ConntrackClient.open());
      links = acquired.add(new LinkWatch(LinkEvents.open(), startedNs));
      acquired.add(backend::remove);
      backend.install(helpers.ports());
      queues.repeatForNewDiversion();
      lifecyclePinholes = acquired.add(backend.openSession());
      ParentOwners owners = new ParentOwners(config.limits());
      for (PacketQueue queue : queues.all()) {
        workerThreads.add(
            acquired.add(
                WorkerThread.open(
                    queue,
                    backend,
                    (own, conntrack, routes, pinholes) ->
                        new QueueWorker(
                            own,
                            conntrack,
                            config.asymmetricRouting(),
                            routes,
                            pinholes,
                            table,
                            helpers,
                            owners,
                            config.marks(),
                            events,
                            metrics,
                            traces))));
      }
      workers = new QueueWorkers(workerThreads.stream().map(WorkerThread::worker).toList(), owners);
      kernelEvents =
          new KernelEvents(
              kernelEventsSocket,
              lifecycleConntrack,
              backend,
              lifecyclePinholes,
              table,
              workers,
              links,
              config.marks(),
              events,
              metrics);
      new Adoption(
              lifecycleConntrack,
              lifecyclePinholes,
              table,
              (entry, flowState, beginning) ->
                  workers
                      .all()
                      .get(backend.queueOf(entry.id()))
                      .flows()
                      .takeOver(entry, flowState, beginning),
              config.marks(),
              events,
              left)
          .run();
      backend.watch(kernelEvents::repair, () -> metrics.overrun(ReceivingSocket.NFTABLES));
      acquired.keep();
    }
    for (QueueWorker worker : workers.all()) {
      threads.add(thread("pinholed-worker-" + threads.size(), worker));
    }
    threads.add(thread("pinholed-events", kernelEvents));
    threads.forEach(Thread::start);
  }

  /** What was opened on the way to a running agent, closed again if the way ends early. */
  private static final class Acquired implements AutoCloseable {
    private final List<AutoCloseable> resources = new ArrayList<>();

    <T extends AutoCloseable> T add(T resource) {
      resources.add(resource);
      return resource;
    }

    void keep() {
      resources.clear();
    }

    @Override
    public void close() {
      for (int i = resources.size() - 1; i >= 0; i--) {
        closeQuietly(resources.get(i));
      }
    }
  }

  private static List<QueueOptions> queueOptions(AgentConfig config) {
    AgentConfig.Queues queues = config.queues();
    List<QueueOptions> options = new ArrayList<>();
    for (int index = 0; index < queues.workers(); index++) {
      options.add(
          new QueueOptions(
              queues.first() + index,
              queues.lengthPackets(),
              COPY_RANGE_BYTES,
              config.fail().queueFull() == AgentConfig.OnFailure.PASS,
              false,
              queues.receiveBufferBytes(),
              queues.batchPackets(),
              RECEIVE_TIMEOUT));
    }
    return options;
  }

  private static Thread thread(String name, Runnable body) {
    Thread thread = new Thread(body, name);
    thread.setDaemon(true);
    // A dead worker would hold up every control connection; a new process does better.
    thread.setUncaughtExceptionHandler(
        (dead, error) -> {
          LOG.error("thread {} died, the agent ends", dead.getName(), error);
          Runtime.getRuntime().halt(70);
        });
    return thread;
  }

  /**
   * Says where a reload finds the configuration.
   *
   * @param newSource reads and checks it
   */
  public void setConfigSource(ConfigSource newSource) {
    source = newSource;
  }

  /**
   * Says that the agent is ready, and from now on when it reloads and, if there is a watchdog, that
   * its workers turn.
   *
   * @param newManager whom to say it to
   */
  public void serveUnder(ServiceManager newManager) {
    manager = newManager;
    kernelEvents.setHeartbeat(new Heartbeat(workers, newManager));
    newManager.ready(statusLine());
  }

  private String statusLine() {
    return helpers.ports().size() + " helpers on, " + workers.all().size() + " packet queues";
  }

  /**
   * Says where the metrics are, for the status.
   *
   * @param address address and port
   */
  public void setMetricsAddress(String address) {
    metricsAddress = address;
  }

  // ---- What an operator asks ----------------------------------------------------------------

  @Override
  public StatusReport status() {
    AgentConfig now = config;
    Map<String, Integer> expectations = new LinkedHashMap<>();
    table
        .countByState()
        .forEach((state, count) -> expectations.put(state.name().toLowerCase(Locale.ROOT), count));
    Map<String, String> features = new LinkedHashMap<>(backend.probe());
    features.put(
        "queueFailOpen",
        queueFeatures.failOpen() ? "yes" : "no: a full queue drops control packets");
    Map<String, String> policies = new LinkedHashMap<>();
    policies.put(
        "agentDown", now.fail().agentDown() == AgentConfig.OnFailure.PASS ? "bypass" : "closed");
    policies.put(
        "queueFull", now.fail().queueFull() == AgentConfig.OnFailure.PASS ? "accept" : "drop");
    policies.put("onStop", now.fail().onStop().name().toLowerCase(Locale.ROOT));
    List<QueueReport> queues = queues();
    return new StatusReport(
        Version.text(),
        ProcessHandle.current().pid(),
        TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - startedNs),
        now.backend().name().toLowerCase(Locale.ROOT),
        helpers.entries().stream().filter(HelperEntry::enabled).map(Agent::describe).toList(),
        workers.parents(),
        workers.opaqueParents(),
        expectations,
        workers.packets(),
        workers.misrouted(),
        queues.stream().mapToLong(queue -> queue.dropped() + queue.userDropped()).sum(),
        queues,
        backend.watchProblem(),
        kernelEvents.repairs(),
        kernelEvents.lastError(),
        metricsAddress,
        features,
        policies);
  }

  private static String describeWhole(HelperEntry entry) {
    return entry.id()
        + " "
        + describe(entry)
        + " timeout "
        + DurationParser.formatTimeout(entry.timeout())
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
    long nowNs = System.nanoTime();
    List<QueueReport> reports = new ArrayList<>();
    for (QueueWorker worker : workers.all()) {
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

  @Override
  public List<ExpectationRow> expectations(ListingFilter filter) {
    return table.list(filter, System.nanoTime());
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

  /**
   * Parent flows that are read.
   *
   * @return as of the last batch
   */
  public int parents() {
    return workers.parents();
  }

  /**
   * Parent flows that are known and no longer read.
   *
   * @return as of the last batch
   */
  public int opaqueParents() {
    return workers.opaqueParents();
  }

  /**
   * What the streams of all parents keep.
   *
   * @return bytes, now
   */
  public long bufferedBytes() {
    return workers.bufferedBytes();
  }

  @Override
  public List<SessionRow> sessions(ListingFilter filter) throws ControlException {
    List<SessionRow> rows = await(workers.sessions(filter));
    rows.sort(Comparator.comparingLong(SessionRow::ageSeconds).reversed());
    return rows;
  }

  private static <T> T await(CompletableFuture<T> answer) throws ControlException {
    try {
      return answer.get(ANSWER_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ControlException("interrupted");
    } catch (ExecutionException e) {
      throw new ControlException("a packet worker failed: " + e.getCause());
    } catch (TimeoutException e) {
      throw new ControlException(
          "a packet worker did not answer within "
              + ANSWER_TIMEOUT.toSeconds()
              + " s; it is overloaded or stuck");
    }
  }

  @Override
  public ClearReport clear(ListingFilter filter) throws ControlException {
    List<ConntrackEntry> entries = await(workers.beginClear(filter));
    int expectations = expectations(filter).size();
    // The conntrack first: afterwards nothing of the flow proves anything any more.
    NetlinkException refusal = deleteConntracks(entries);
    await(workers.endParents(entries, AgentEvent.Kind.CLEARED));
    awaitTransaction();
    if (refusal != null) {
      throw new ControlException(
          "the pinholes are shut, but the kernel did not delete the conntrack: "
              + refusal.getMessage());
    }
    return new ClearReport(entries.size(), expectations);
  }

  /** What the kernel refuses is no reason to leave the others; the first refusal is told. */
  private static @Nullable NetlinkException deleteConntracks(List<ConntrackEntry> entries) {
    NetlinkException refusal = null;
    try (ConntrackClient client = ConntrackClient.open()) {
      for (ConntrackEntry entry : entries) {
        try {
          client.delete(entry.original(), entry.id());
        } catch (NetlinkException e) {
          refusal = refusal == null ? e : refusal;
        }
      }
    } catch (NetlinkException e) {
      return e;
    }
    return refusal;
  }

  @Override
  public List<AuditRow> audit() throws ControlException {
    return audits.ask();
  }

  private List<AuditRow> auditNow() throws IOException, ControlException {
    try (ConntrackClient client = ConntrackClient.open();
        PinholeBackend.Session pinholes = backend.openSession()) {
      Audit audit =
          new Audit(client, pinholes, table, this::parentEntries, helpers, config.marks());
      List<AuditRow> rows = audit.run();
      kernelEvents.orphans().set(rows);
      return rows;
    }
  }

  private List<ConntrackEntry> parentEntries() throws ControlException {
    return await(workers.entries(ListingFilter.ALL));
  }

  /**
   * Whether somebody looks after the table in the kernel.
   *
   * @return false if a change by others may stay unseen at present
   */
  public boolean watchesTable() {
    return backend.watchProblem().isEmpty();
  }

  /**
   * Pinholes in the kernel that no expectation waits for.
   *
   * @return as of the last look
   */
  public int orphans() {
    return kernelEvents.orphans().count();
  }

  @Override
  public List<HelperEntry> helpers() {
    return helpers.entries().stream().sorted(Comparator.comparingInt(HelperEntry::id)).toList();
  }

  @Override
  public synchronized void addHelper(HelperEntry entry) throws ControlException {
    List<HelperEntry> entries = new ArrayList<>(helpers.entries());
    entries.add(entry);
    putHelpersInForce(entries, config);
  }

  @Override
  public synchronized void deleteHelper(int id) throws ControlException {
    requireHelper(id);
    List<HelperEntry> entries = new ArrayList<>(helpers.entries());
    entries.removeIf(entry -> entry.id() == id);
    putHelpersInForce(entries, config);
  }

  @Override
  public synchronized void setHelperEnabled(int id, boolean enabled) throws ControlException {
    requireHelper(id);
    List<HelperEntry> entries = new ArrayList<>(helpers.entries());
    entries.replaceAll(entry -> entry.id() == id ? entry.withEnabled(enabled) : entry);
    putHelpersInForce(entries, config);
  }

  private void requireHelper(int id) throws ControlException {
    if (helpers.entries().stream().noneMatch(entry -> entry.id() == id)) {
      throw new ControlException("no helper has the id " + id);
    }
  }

  private void putHelpersInForce(List<HelperEntry> entries, AgentConfig base)
      throws ControlException {
    AgentConfig changed;
    HelperTable newHelpers;
    try {
      changed = base.withHelpers(entries);
      newHelpers = new HelperTable(entries, protocols, base.limits().stream());
    } catch (IllegalArgumentException e) {
      throw new ControlException(String.valueOf(e.getMessage()));
    }
    // The workers first: a flow on a new port must find its helper, or it would stay unread for
    // good.
    workers.setHelpers(newHelpers, changed.limits());
    try {
      backend.setPorts(newHelpers.ports());
    } catch (BackendException e) {
      workers.setHelpers(helpers, config.limits());
      throw new ControlException("the kernel did not change the diversion: " + e.getMessage());
    }
    helpers = newHelpers;
    config = changed;
    table.setLimits(changed.limits());
    await(workers.endWithoutHelper());
    awaitTransaction();
  }

  /** What the workers were asked to shut before is shut when this returns. */
  private void awaitTransaction() throws ControlException {
    // each answers questions of its next turn only behind the transaction
    await(workers.ask(QueueWorker::queueNumber));
  }

  @Override
  public Trace trace(TraceFilter filter, int packets, Consumer<TraceLine> lines) {
    return traces.subscribe(filter, packets, lines);
  }

  @Override
  public synchronized List<String> reload() throws ControlException {
    manager.reloading();
    try {
      return readConfigAgain();
    } finally {
      manager.ready(statusLine());
    }
  }

  private List<String> readConfigAgain() throws ControlException {
    AgentConfig old = config;
    AgentConfig wanted = source.read();
    requireSame("backend", old.backend(), wanted.backend());
    requireSame("asymmetricRouting", old.asymmetricRouting(), wanted.asymmetricRouting());
    requireSame("queues", old.queues(), wanted.queues());
    requireSame("marks", old.marks(), wanted.marks());
    requireSame("control", old.control(), wanted.control());
    requireSame("metrics", old.metrics(), wanted.metrics());
    requireSame("eventLog", old.eventLog(), wanted.eventLog());
    requireSame("fail.agentDown", old.fail().agentDown(), wanted.fail().agentDown());
    requireSame("fail.queueFull", old.fail().queueFull(), wanted.fail().queueFull());
    List<String> changes = new ArrayList<>();
    if (!old.helpers().equals(wanted.helpers())) {
      changes.add("helpers: " + wanted.helpers().stream().map(Agent::describeWhole).toList());
    }
    note(changes, "limits", old.limits(), wanted.limits());
    note(changes, "fail.onStop", old.fail().onStop(), wanted.fail().onStop());
    putHelpersInForce(wanted.helpers(), wanted);
    LOG.info("configuration read again: {}", changes.isEmpty() ? "no change" : changes);
    return changes;
  }

  private static void requireSame(String key, Object old, Object wanted) throws ControlException {
    if (!old.equals(wanted)) {
      throw new ControlException(
          key + ": a change needs a restart (now: " + old + ", in the file: " + wanted + ")");
    }
  }

  private static void note(List<String> changes, String key, Object old, Object wanted) {
    if (!old.equals(wanted)) {
      changes.add(key + ": " + wanted);
    }
  }

  // ---- The end ------------------------------------------------------------------------------

  /**
   * Stops the agent. No held packet is lost: diversion ends first, then what is queued is read, and
   * only then the queue is closed. Closing it again does nothing.
   */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    boolean remove = !keepsOnStop();
    if (remove) {
      try {
        backend.setPorts(List.of());
        awaitEmptyQueues();
      } catch (BackendException e) {
        LOG.warn("stop: {}", e.getMessage());
      }
    }
    workers.all().forEach(QueueWorker::stop);
    kernelEvents.stop();
    threads.forEach(Agent::join);
    if (remove) {
      try {
        backend.remove();
      } catch (BackendException e) {
        LOG.warn("stop: {}", e.getMessage());
      }
    }
    workerThreads.forEach(Agent::closeQuietly);
    closeQuietly(lifecyclePinholes);
    closeQuietly(links);
    closeQuietly(lifecycleConntrack);
    closeQuietly(kernelEventsSocket);
    closeQuietly(backend);
  }

  /**
   * The packet queues that are read, to be kept for the next process.
   *
   * @return their sockets, which stay open here
   */
  public List<HandOver.Queue> packetQueues() {
    return workerThreads.stream().map(WorkerThread::leave).toList();
  }

  /**
   * The socket of the conntrack events. Conntracks that are made while nobody has one never tell of
   * their end, so it is to be kept until the next process has its own.
   *
   * @return its descriptor, which stays open here
   */
  public int eventsDescriptor() {
    return kernelEventsSocket.descriptor();
  }

  /**
   * Whether a stop leaves everything in the kernel.
   *
   * @return as configured
   */
  public boolean keepsOnStop() {
    return config.fail().onStop() == AgentConfig.OnStop.KEEP;
  }

  /**
   * Stops reading and leaves everything to another process: pinholes, diversion, and the queues
   * with the packets that come from now on. {@link #close} does nothing any more; the sockets stay
   * open until this process ends.
   *
   * @return what the other process needs
   * @throws ControlException if this agent stops already
   */
  public synchronized HandOver handOver() throws ControlException {
    if (closed) {
      throw new ControlException("this agent stops already");
    }
    closed = true;
    closeQuietly(backend); // or it would repair what the other one changes
    workers.all().forEach(QueueWorker::stop);
    kernelEvents.stop();
    threads.forEach(Agent::join);
    List<HandOver.Queue> queues = new ArrayList<>();
    List<FlowState> flows = new ArrayList<>();
    for (int index = 0; index < workerThreads.size(); index++) {
      queues.add(workerThreads.get(index).leave());
      if (!threads.get(index).isAlive()) { // else nobody but it may look at its flows
        flows.addAll(workers.all().get(index).flows().states());
      }
    }
    return new HandOver(ProcessHandle.current().pid(), queues, flows, workers.halfOpenState());
  }

  private void awaitEmptyQueues() {
    long endNs = System.nanoTime() + STOP_TIMEOUT.toNanos();
    while (queues().stream().anyMatch(queue -> queue.held() > 0) && System.nanoTime() < endNs) {
      Thread.onSpinWait();
    }
  }

  private static void join(Thread thread) {
    try {
      thread.join(STOP_TIMEOUT.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (thread.isAlive()) {
      LOG.warn("stop: {} did not end in time", thread.getName());
    }
  }

  private static void closeQuietly(AutoCloseable resource) {
    try {
      resource.close();
    } catch (Exception e) {
      LOG.warn("close: {}", e.toString());
    }
  }
}
