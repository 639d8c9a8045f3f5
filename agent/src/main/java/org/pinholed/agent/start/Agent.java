package org.pinholed.agent.start;

import java.io.IOException;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.event.EventListener;
import org.pinholed.agent.event.EventRing;
import org.pinholed.agent.event.SampledEvents;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.ExpectationHistory;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.expectation.Owner;
import org.pinholed.agent.flow.HelperTable;
import org.pinholed.agent.handover.HandOver;
import org.pinholed.agent.lifecycle.Heartbeat;
import org.pinholed.agent.metrics.AgentMetrics;
import org.pinholed.agent.operate.Audit;
import org.pinholed.agent.operate.OwnerListing;
import org.pinholed.agent.operate.SessionClear;
import org.pinholed.agent.operate.SharedAudit;
import org.pinholed.agent.operate.StatusView;
import org.pinholed.agent.operate.Stories;
import org.pinholed.agent.pinhole.AcceptRuleState;
import org.pinholed.agent.pinhole.BackendException;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.agent.report.Observations;
import org.pinholed.agent.service.ServiceManager;
import org.pinholed.agent.shared.SharedStates;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.trace.TraceHub;
import org.pinholed.agent.view.AgentControl;
import org.pinholed.agent.view.AuditRow;
import org.pinholed.agent.view.ClearReport;
import org.pinholed.agent.view.ControlException;
import org.pinholed.agent.view.EventFilter;
import org.pinholed.agent.view.EventPage;
import org.pinholed.agent.view.ExpectationRow;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.ObservedRow;
import org.pinholed.agent.view.OwnerRow;
import org.pinholed.agent.view.QueueReport;
import org.pinholed.agent.view.SessionRow;
import org.pinholed.agent.view.StatusReport;
import org.pinholed.agent.view.StoryFilter;
import org.pinholed.agent.view.StoryRow;
import org.pinholed.agent.view.TraceLine;
import org.pinholed.agent.worker.QueueWorkers;
import org.pinholed.agent.worker.WorkerAnswers;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A running agent: its threads, its sockets, and what an operator can ask of it.
 *
 * <p>{@link AgentParts} has the threads and sockets, {@link ConfigInForce} what may change while
 * they run, {@link StatusView} what is shown of them.
 *
 * <p>It is long because each question of an operator is a method here, which says who answers it.
 *
 * <p>Thread-safe. What belongs to a packet worker is asked of its thread; what changes the agent as
 * a whole is done under one lock, one at a time.
 */
public final class Agent implements AgentControl, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Agent.class);

  private final PinholeBackend backend;
  private final ExpectationTable table;
  private final Clock clock = Clock.SYSTEM;
  private final TraceHub traces = new TraceHub();
  private final ExpectationHistory history = new ExpectationHistory(clock);
  private final EventRing remembered;
  private final AgentParts parts;
  private final WorkerAnswers answers;
  private final ConfigInForce inForce;
  private final StatusView view;
  private final SessionClear clearing;
  private final OwnerListing owners;
  private final Observations observations;
  private final Stories stories;
  private final SharedAudit audits = new SharedAudit(this::auditNow);
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
    this.remembered = new EventRing(log);
    AgentEvents events =
        new AgentEvents(new SampledEvents(remembered, clock::nanoTime), metrics, history, clock);
    HelperTable helpers =
        new HelperTable(config.helpers(), protocols, config.limits().stream(), new SharedStates());
    this.backend = backend;
    this.table = new ExpectationTable(config.limits());
    this.parts =
        new AgentParts(
            config,
            helpers,
            backend,
            new AgentParts.Shared(table, events, metrics, traces, clock),
            before);
    QueueWorkers workers = parts.workers();
    this.answers = new WorkerAnswers(workers, clock);
    this.inForce =
        new ConfigInForce(
            config,
            helpers,
            backend,
            table,
            workers,
            answers,
            all -> parts.observe(all, config.marks().stateMask()));
    this.observations = events.observations();
    this.view = new StatusView(backend, table, parts, clock);
    this.owners = new OwnerListing(table, config.marks(), clock);
    this.clearing = new SessionClear(workers, answers, table);
    this.stories =
        new Stories(table, history, remembered, this::sessions, backend, config.marks(), clock);
    parts.start();
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
    parts.kernelEvents().setHeartbeat(new Heartbeat(parts.workers(), newManager, clock.nanoTime()));
    newManager.ready(statusLine());
  }

  private String statusLine() {
    return "helpers on: "
        + inForce.helpers().ports().size()
        + ", packet queues: "
        + parts.workers().all().size();
  }

  /**
   * Says where the metrics are, for the status.
   *
   * @param address address and port
   */
  public void setMetricsAddress(String address) {
    view.setMetricsAddress(address);
  }

  // ---- What an operator asks ----------------------------------------------------------------

  @Override
  public StatusReport status() {
    return view.status(inForce.config(), inForce.helpers());
  }

  /**
   * The packet queues with their workers.
   *
   * @return in the order of their numbers; the kernel's counters are 0 if they cannot be read
   */
  public List<QueueReport> queues() {
    return view.queues();
  }

  @Override
  public List<ExpectationRow> expectations(ListingFilter filter) {
    return table.list(filter, clock.nanoTime());
  }

  /**
   * The expectations that ended last and the announcements that were refused last.
   *
   * @return the same at every call
   */
  public ExpectationHistory history() {
    return history;
  }

  /**
   * How many expectations there are.
   *
   * @return by name of the helper and word of the state, as of now
   */
  public Map<String, Map<String, Integer>> expectationsByHelper() {
    return view.expectationsByHelper();
  }

  /**
   * Parent flows that are read.
   *
   * @return as of the last batch
   */
  public int parents() {
    return parts.workers().parents();
  }

  /**
   * Parent flows that are known and no longer read.
   *
   * @return as of the last batch
   */
  public int opaqueParents() {
    return parts.workers().opaqueParents();
  }

  /**
   * Flows that have not sent a byte yet, with those that are over and not yet the oldest of their
   * client.
   *
   * @return now
   */
  public int halfOpen() {
    return parts.workers().halfOpen();
  }

  /**
   * What the streams of all parents keep.
   *
   * @return bytes, now
   */
  public long bufferedBytes() {
    return parts.workers().bufferedBytes();
  }

  @Override
  public List<SessionRow> sessions(ListingFilter filter) throws ControlException {
    List<SessionRow> rows = answers.await(parts.workers().sessions(filter));
    rows.sort(Comparator.comparingLong(SessionRow::ageSeconds).reversed());
    return rows;
  }

  @Override
  public ClearReport clear(ListingFilter filter) throws ControlException {
    return clearing.clear(filter);
  }

  @Override
  public List<OwnerRow> owners(String kind) throws ControlException {
    return owners.list(kind);
  }

  @Override
  public ClearReport clearOwner(String kind, String id) throws ControlException {
    Owner owner = owners.find(kind, id);
    return owner == null ? new ClearReport(0, 0) : clearing.clear(owner);
  }

  @Override
  public ClearReport clearExpectation(long id) throws ControlException {
    Expectation expectation = table.row(id);
    if (expectation == null) {
      throw new ControlException(
          "there is no expectation " + id + " now (pinholectl expectations lists them)");
    }
    return clearing.clear(expectation);
  }

  @Override
  public List<AuditRow> audit() throws ControlException {
    return audits.ask();
  }

  @Override
  public List<ObservedRow> report() {
    return observations.rows();
  }

  private List<AuditRow> auditNow() throws IOException, ControlException {
    try (ConntrackClient client = ConntrackClient.open();
        PinholeBackend.Session pinholes = backend.openSession()) {
      Audit audit =
          new Audit(
              client,
              pinholes,
              table,
              this::parentEntries,
              inForce.helpers(),
              inForce.config().marks(),
              clock);
      List<AuditRow> rows = audit.run();
      parts.kernelEvents().orphans().set(rows);
      return rows;
    }
  }

  private List<ConntrackEntry> parentEntries() throws ControlException {
    return answers.await(parts.workers().entries(ListingFilter.ALL));
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
   * Whether the firewall accepts what the agent marks.
   *
   * @return as of the last look
   */
  public AcceptRuleState acceptRule() {
    return backend.acceptRule();
  }

  /**
   * Pinholes in the kernel that no expectation waits for.
   *
   * @return as of the last look
   */
  public int orphans() {
    return parts.kernelEvents().orphans().count();
  }

  @Override
  public AgentConfig config() {
    return inForce.config().withHelpers(helpers());
  }

  @Override
  public List<HelperEntry> helpers() {
    return inForce.helpers().entries().stream()
        .sorted(Comparator.comparingInt(HelperEntry::id))
        .toList();
  }

  @Override
  public synchronized void addHelper(HelperEntry entry) throws ControlException {
    inForce.addHelper(entry);
  }

  @Override
  public synchronized void deleteHelper(int id) throws ControlException {
    inForce.deleteHelper(id);
  }

  @Override
  public synchronized void setHelperEnabled(int id, boolean enabled) throws ControlException {
    inForce.setHelperEnabled(id, enabled);
  }

  @Override
  public Trace trace(ListingFilter filter, int packets, Consumer<TraceLine> lines) {
    return traces.subscribe(filter, packets, lines);
  }

  @Override
  public List<StoryRow> explain(StoryFilter filter) throws ControlException {
    return stories.explain(filter);
  }

  @Override
  public EventPage events(EventFilter filter, long after, long waitMs) throws InterruptedException {
    return remembered.page(filter, after, waitMs);
  }

  @Override
  public synchronized List<String> reload() throws ControlException {
    manager.reloading();
    try {
      return inForce.change(source.read());
    } finally {
      manager.ready(statusLine());
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
    parts.stop();
    if (remove) {
      try {
        backend.remove();
      } catch (BackendException e) {
        LOG.warn("stop: {}", e.getMessage());
      }
    }
    parts.close();
  }

  /**
   * The packet queues that are read, to be kept for the next process.
   *
   * @return their sockets, which stay open here
   */
  public List<HandOver.Queue> packetQueues() {
    return parts.packetQueues();
  }

  /**
   * The socket of the conntrack events. Conntracks that are made while nobody has one never tell of
   * their end, so it is to be kept until the next process has its own.
   *
   * @return its descriptor, which stays open here
   */
  public int eventsDescriptor() {
    return parts.eventsDescriptor();
  }

  /**
   * Whether a stop leaves everything in the kernel.
   *
   * @return as configured
   */
  public boolean keepsOnStop() {
    return inForce.config().fail().onStop() == AgentConfig.OnStop.KEEP;
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
    AgentParts.closeQuietly(backend); // or it would repair what the other one changes
    parts.stop();
    return new HandOver(
        ProcessHandle.current().pid(),
        parts.packetQueues(),
        parts.flowStates(),
        parts.workers().halfOpenState(),
        new HandOver.Beyond(
            inForce.helpers().shared().entries(clock.nanoTime()),
            table.announcedBeyondFlows(),
            table.living().read(parts.readChildren()),
            table.owners().kept(clock.nanoTime())));
  }

  private void awaitEmptyQueues() {
    long endNs = clock.nanoTime() + AgentParts.STOP_TIMEOUT.toNanos();
    while (queues().stream().anyMatch(queue -> queue.held() > 0) && clock.nanoTime() < endNs) {
      Thread.onSpinWait();
    }
  }
}
