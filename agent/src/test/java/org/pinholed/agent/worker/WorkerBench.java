package org.pinholed.agent.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.ExpectationHistory;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.flow.Flow;
import org.pinholed.agent.flow.HelperTable;
import org.pinholed.agent.flow.KernelFlowFinder;
import org.pinholed.agent.flow.LongWork;
import org.pinholed.agent.flow.ParentOwners;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.pinhole.ScriptedBackend;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.agent.report.RecordedEvents;
import org.pinholed.agent.report.RecordedMetrics;
import org.pinholed.agent.shared.SharedStates;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.trace.TraceHub;
import org.pinholed.agent.view.ExpectationRow;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.worker.FakeConntrackKernel.Connection;
import org.pinholed.helper.EntryLimits;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.Transport;
import org.pinholed.helper.ftp.FtpProtocol;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nfqueue.PacketQueue;
import org.pinholed.kernel.nfqueue.PacketSource;
import org.pinholed.kernel.nfqueue.QueueOptions;
import org.pinholed.kernel.route.RouteClient;

/** A worker with everything around it, driven by hand: one {@link #turn} is one batch. */
public final class WorkerBench {
  /** The mark bits of these tests. */
  public static final MarkBits MARKS = MarkBits.DEFAULT;

  private static final int BATCH_PACKETS = 64;

  /** How many packets may wait for the ends of messages. */
  static final int MOST_HELD_PACKETS = 40;

  private final List<HelperProtocol> protocols;
  private final Transport transport;
  private final ScriptedBackend backend;
  private final List<List<String>> openAtVerdicts = new ArrayList<>();
  private final FakeQueueKernel queueKernel;
  private final FakeConntrackKernel conntrack;
  private final FakeRouteKernel routes = new FakeRouteKernel();
  private final FakePorts ports = new FakePorts();
  private final RecordedEvents log = new RecordedEvents();
  private final RecordedMetrics metrics = new RecordedMetrics();
  private final AgentEvents events;
  private final TraceHub traces = new TraceHub();
  private final ExpectationTable table;
  private final ParentOwners owners;
  private final QueueWorker worker;
  private boolean kernelMaySayMore;
  private Runnable atNextVerdict = () -> {};

  /**
   * Makes a worker that reads FTP on port 21.
   *
   * @throws NetlinkException never
   */
  public WorkerBench() throws NetlinkException {
    this(new FtpProtocol(), AgentConfig.Limits.DEFAULT, Duration.ofSeconds(30));
  }

  /**
   * Makes a worker that reads a protocol on port 21.
   *
   * @param protocol the protocol
   * @param limits the limits
   * @param timeout of expectations, null for as long as their parent
   * @throws NetlinkException never
   */
  public WorkerBench(HelperProtocol protocol, AgentConfig.Limits limits, @Nullable Duration timeout)
      throws NetlinkException {
    this(
        protocol,
        timeout,
        new ScriptedBackend(),
        new FakeConntrackKernel(),
        new ExpectationTable(limits),
        new ParentOwners(limits),
        false,
        Clock.SYSTEM);
  }

  /**
   * Makes a worker that reads FTP on port 21 whatever device a packet comes in by.
   *
   * @return its bench
   * @throws NetlinkException never
   */
  static WorkerBench asymmetric() throws NetlinkException {
    AgentConfig.Limits limits = AgentConfig.Limits.DEFAULT;
    return new WorkerBench(
        new FtpProtocol(),
        Duration.ofSeconds(30),
        new ScriptedBackend(),
        new FakeConntrackKernel(),
        new ExpectationTable(limits),
        new ParentOwners(limits),
        true,
        Clock.SYSTEM);
  }

  /**
   * Makes a worker that reads FTP on port 21 by a time of its own.
   *
   * @param clock what time it is
   * @return its bench
   * @throws NetlinkException never
   */
  static WorkerBench at(Clock clock) throws NetlinkException {
    return at(new FtpProtocol(), clock);
  }

  /**
   * Makes a worker that reads a protocol on port 21 by a time of its own.
   *
   * @param protocol the protocol
   * @param clock what time it is
   * @return its bench
   * @throws NetlinkException never
   */
  static WorkerBench at(HelperProtocol protocol, Clock clock) throws NetlinkException {
    AgentConfig.Limits limits = AgentConfig.Limits.DEFAULT;
    return new WorkerBench(
        protocol,
        Duration.ofSeconds(30),
        new ScriptedBackend(),
        new FakeConntrackKernel(),
        new ExpectationTable(limits),
        new ParentOwners(limits),
        false,
        clock);
  }

  /**
   * Makes another worker that reads FTP on port 21, over the same kernel, as the next process does.
   *
   * @param before the worker before
   * @return a bench with a table of its own
   * @throws NetlinkException never
   */
  public static WorkerBench after(WorkerBench before) throws NetlinkException {
    return new WorkerBench(
        new FtpProtocol(),
        Duration.ofSeconds(30),
        before.backend,
        before.conntrack,
        new ExpectationTable(AgentConfig.Limits.DEFAULT),
        new ParentOwners(AgentConfig.Limits.DEFAULT),
        false,
        Clock.SYSTEM);
  }

  /**
   * Makes a worker that reads a protocol over UDP on port 21.
   *
   * @param protocol the protocol
   * @param limits the limits
   * @param clock what time it is
   * @return its bench
   * @throws NetlinkException never
   */
  static WorkerBench datagrams(HelperProtocol protocol, AgentConfig.Limits limits, Clock clock)
      throws NetlinkException {
    return new WorkerBench(
        protocol,
        Transport.UDP,
        Duration.ofSeconds(30),
        new ScriptedBackend(),
        new FakeConntrackKernel(),
        new ExpectationTable(limits),
        new ParentOwners(limits),
        false,
        clock,
        UnaryOperator.identity());
  }

  /**
   * Makes another worker that reads the same protocol over the same transport, over the same
   * kernel, as the next process does.
   *
   * @return a bench with a table of its own
   * @throws NetlinkException never
   */
  WorkerBench nextProcess() throws NetlinkException {
    return new WorkerBench(
        protocols.get(0),
        transport,
        Duration.ofSeconds(30),
        backend,
        conntrack,
        new ExpectationTable(AgentConfig.Limits.DEFAULT),
        new ParentOwners(AgentConfig.Limits.DEFAULT),
        false,
        Clock.SYSTEM,
        UnaryOperator.identity());
  }

  /**
   * Makes a worker that reads a protocol on port 21 and gets some of its packets elsewhere.
   *
   * @param protocol the protocol
   * @param transport by what it goes
   * @param source gets the queue of this bench; the worker reads from what it returns
   * @return its bench
   * @throws NetlinkException never
   */
  static WorkerBench over(
      HelperProtocol protocol, Transport transport, UnaryOperator<PacketSource> source)
      throws NetlinkException {
    AgentConfig.Limits limits = AgentConfig.Limits.DEFAULT;
    return new WorkerBench(
        protocol,
        transport,
        Duration.ofSeconds(30),
        new ScriptedBackend(),
        new FakeConntrackKernel(),
        new ExpectationTable(limits),
        new ParentOwners(limits),
        false,
        Clock.SYSTEM,
        source);
  }

  private WorkerBench(
      HelperProtocol protocol,
      @Nullable Duration timeout,
      ScriptedBackend backend,
      FakeConntrackKernel conntrack,
      ExpectationTable table,
      ParentOwners owners,
      boolean asymmetricRouting,
      Clock clock)
      throws NetlinkException {
    this(
        protocol,
        Transport.TCP,
        timeout,
        backend,
        conntrack,
        table,
        owners,
        asymmetricRouting,
        clock,
        UnaryOperator.identity());
  }

  private WorkerBench(
      HelperProtocol protocol,
      Transport transport,
      @Nullable Duration timeout,
      ScriptedBackend backend,
      FakeConntrackKernel conntrack,
      ExpectationTable table,
      ParentOwners owners,
      boolean asymmetricRouting,
      Clock clock,
      UnaryOperator<PacketSource> source)
      throws NetlinkException {
    protocols = List.of(protocol);
    this.transport = transport;
    events = new AgentEvents(log, metrics, new ExpectationHistory(clock), clock);
    this.backend = backend;
    this.conntrack = conntrack;
    this.table = table;
    this.owners = owners;
    HelperTable helpers =
        helpers(new HelperEntry(1, protocol.name(), transport, 21, true, timeout, Map.of()));
    table.setEntryLimits(helpers.entryLimits());
    owners.setEntryLimits(helpers.entryLimits());
    queueKernel = new FakeQueueKernel(this::atVerdict);
    ConntrackClient ownConntrack = ConntrackClient.open(conntrack);
    PinholeBackend.Session ownPinholes = backend.openSession();
    worker =
        new QueueWorker(
            new WorkerSockets(
                source.apply(
                    PacketQueue.open(
                        new QueueOptions(
                            0,
                            1024,
                            65531,
                            true,
                            false,
                            1 << 16,
                            BATCH_PACKETS,
                            Duration.ofSeconds(1)),
                        queueKernel)),
                ownConntrack,
                new KernelFlowFinder(ownConntrack, ownPinholes),
                RouteClient.open(routes),
                ports,
                ownPinholes),
            new WorkerOptions(
                asymmetricRouting, true, id -> backend.queueOf(id) == 0, MARKS, MOST_HELD_PACKETS),
            helpers,
            new WorkerShared(table, owners, events, metrics, traces, clock));
  }

  private void atVerdict() {
    openAtVerdicts.add(backend.open());
    atNextVerdict.run();
    atNextVerdict = () -> {};
  }

  /** Does something when the next verdict is given, as the kernel does with a first datagram. */
  void atNextVerdict(Runnable what) {
    atNextVerdict = what;
  }

  /**
   * Makes another worker of the same agent: with a queue, a conntrack and a log of its own.
   *
   * @return its bench
   * @throws NetlinkException never
   */
  WorkerBench anotherWorker() throws NetlinkException {
    return new WorkerBench(
        protocols.get(0),
        Duration.ofSeconds(30),
        backend,
        new FakeConntrackKernel(),
        table,
        owners,
        false,
        Clock.SYSTEM);
  }

  /**
   * Puts limits of the one entry of the bench in force, as a reload does.
   *
   * @param limits those that the entry says itself
   */
  public void limitEntry(EntryLimits limits) {
    Map<Integer, EntryLimits> byEntry = Map.of(1, limits.or(protocols.get(0).limits()));
    table.setEntryLimits(byEntry);
    owners.setEntryLimits(byEntry);
  }

  static HelperEntry entry(int id, String name, @Nullable Duration timeout) {
    return new HelperEntry(id, name, Transport.TCP, 21, true, timeout, Map.of());
  }

  /**
   * The helpers that its worker reads with.
   *
   * @return one entry
   */
  public HelperTable helpersInForce() {
    return worker().helpers();
  }

  /** From the next turn on the entry in force only observes. */
  public void observe() {
    HelperEntry[] observed =
        worker.helpers().entries().stream()
            .map(entry -> entry.withMode(HelperEntry.Mode.OBSERVE))
            .toArray(HelperEntry[]::new);
    workers().setHelpers(helpers(observed), AgentConfig.Limits.DEFAULT);
    turn();
  }

  HelperTable helpers(HelperEntry... entries) {
    return new HelperTable(List.of(entries), protocols, HelperLimits.DEFAULT, new SharedStates());
  }

  /**
   * The worker as the only one of an agent.
   *
   * @return those of this bench
   */
  public QueueWorkers workers() {
    return new QueueWorkers(List.of(worker), owners);
  }

  QueueWorkers with(WorkerBench other) {
    return new QueueWorkers(List.of(worker, other.worker), owners);
  }

  /** Lets the worker read what was delivered and give verdicts; then the kernel says no more. */
  public void turn() {
    worker.turn();
    if (!kernelMaySayMore) {
      finishEnded();
    }
  }

  /**
   * Delivers packets, without devices, and lets the worker read all of them in one {@link #turn}.
   *
   * @param packets each from the IP header on
   */
  void turnWith(byte[]... packets) {
    for (byte[] packet : packets) {
      queueKernel.deliver(packet);
    }
    turn();
  }

  /**
   * Ends parents, as the worker does when an operator clears them.
   *
   * @param connection their conntrack; unknown ones are ignored
   * @param kind why
   */
  public void end(Connection connection, AgentEvent.Kind kind) {
    for (Flow flow : worker.flows().all()) {
      if (flow.parent().identity().equals(connection.identity())) {
        worker.flows().endAndDistrust(flow, kind);
      }
    }
  }

  /**
   * Looks whether the kernel still has a conntrack that is said to be gone.
   *
   * @param connection which; unknown ones are ignored
   */
  public void endIfGone(Connection connection) {
    worker.checks().check(new LongWork.Check(connection.identity(), false));
  }

  /** From now on only the lifecycle thread says what ends are over. */
  public void kernelMaySayMore() {
    kernelMaySayMore = true;
  }

  /** Lets the worker read, while the kernel may have more to say. */
  public void turnOfWorkerOnly() {
    worker.turn();
  }

  /** As the lifecycle thread does, once it has read all events. */
  private void finishEnded() {
    long nowNs = System.nanoTime();
    for (ExpectationTable.Ending ended = table.nextEnded(nowNs);
        ended != null;
        ended = table.nextEnded(nowNs)) {
      events.expectation(ended.why(), ended.expectation(), "");
    }
  }

  /** Fails unless every packet got exactly one verdict. */
  public void assertVerdicts() {
    assertEquals(List.of(), queueKernel.held(), "packets without a verdict");
    assertEquals(List.of(), queueKernel.violations());
  }

  /**
   * Rows of the expectation table.
   *
   * @return by id
   */
  public List<ExpectationRow> rows() {
    return table.list(ListingFilter.ALL, System.nanoTime());
  }

  /**
   * The worker.
   *
   * @return the one of this bench
   */
  public QueueWorker worker() {
    return worker;
  }

  /**
   * The kernel's pinholes.
   *
   * @return the backend of the worker
   */
  public ScriptedBackend backend() {
    return backend;
  }

  /**
   * The kernel's queue.
   *
   * @return the one of the worker
   */
  public FakeQueueKernel queue() {
    return queueKernel;
  }

  /**
   * The kernel's conntrack table.
   *
   * @return the one that the worker asks
   */
  public FakeConntrackKernel conntrack() {
    return conntrack;
  }

  /**
   * The kernel's routing tables.
   *
   * @return those that the worker asks
   */
  FakeRouteKernel routes() {
    return routes;
  }

  /**
   * The ports of this machine.
   *
   * @return those that the worker asks for
   */
  FakePorts ports() {
    return ports;
  }

  /**
   * The expectation table.
   *
   * @return the one of the worker
   */
  public ExpectationTable table() {
    return table;
  }

  /**
   * Log and counters.
   *
   * @return what the worker reports to
   */
  public AgentEvents events() {
    return events;
  }

  /**
   * The log.
   *
   * @return what was reported
   */
  public RecordedEvents log() {
    return log;
  }

  /**
   * The counters.
   *
   * @return what was counted
   */
  public RecordedMetrics metrics() {
    return metrics;
  }

  /**
   * The running traces.
   *
   * @return those of the worker
   */
  public TraceHub traces() {
    return traces;
  }

  /**
   * What was open at the moment when each verdict message arrived.
   *
   * @return pinholes as {@link ScriptedBackend#text}
   */
  public List<List<String>> openAtVerdicts() {
    return openAtVerdicts;
  }
}
