package org.pinholed.agent.start;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.expectation.ReadChild;
import org.pinholed.agent.flow.FlowState;
import org.pinholed.agent.flow.HelperTable;
import org.pinholed.agent.flow.ParentOwners;
import org.pinholed.agent.handover.HandOver;
import org.pinholed.agent.lifecycle.AcceptRuleReport;
import org.pinholed.agent.lifecycle.Adoption;
import org.pinholed.agent.lifecycle.ExpectationWatch;
import org.pinholed.agent.lifecycle.InheritedQueues;
import org.pinholed.agent.lifecycle.KernelEvents;
import org.pinholed.agent.lifecycle.LinkWatch;
import org.pinholed.agent.lifecycle.TcpTimeouts;
import org.pinholed.agent.metrics.AgentMetrics;
import org.pinholed.agent.metrics.ReceivingSocket;
import org.pinholed.agent.operate.StatusView;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.trace.TraceHub;
import org.pinholed.agent.worker.QueueWorker;
import org.pinholed.agent.worker.QueueWorkers;
import org.pinholed.agent.worker.WorkerOptions;
import org.pinholed.agent.worker.WorkerShared;
import org.pinholed.agent.worker.WorkerThread;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.conntrack.AssignedHelper;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEvents;
import org.pinholed.kernel.conntrack.EventOptions;
import org.pinholed.kernel.conntrack.ExpectationClient;
import org.pinholed.kernel.link.LinkEvents;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nfqueue.PacketQueue;
import org.pinholed.kernel.nfqueue.QueueFeatures;
import org.pinholed.kernel.nfqueue.QueueOptions;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What an agent is made of: its sockets, its packet workers and its threads, opened in the one
 * order in which nothing is missed, and closed in the other.
 *
 * <p>Owned by the agent, which makes, stops and closes it, one at a time.
 */
final class AgentParts implements StatusView.Parts, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(AgentParts.class);

  /** A helper needs the payload whole; control packets of one segment are never longer. */
  private static final int COPY_RANGE_BYTES = 65531;

  /** Which part of a queue may be taken by packets that wait for the ends of messages. */
  private static final int HELD_SHARE = 8;

  private static final int EVENT_BUFFER_BYTES = 4 << 20;
  private static final Duration RECEIVE_TIMEOUT = Duration.ofMillis(250);

  /** How long an end is waited for. */
  static final Duration STOP_TIMEOUT = Duration.ofSeconds(2);

  private final PinholeBackend backend;
  private final ConntrackEvents eventsSocket;
  private final ConntrackClient conntrack;
  private final ExpectationClient expectations;
  private final PinholeBackend.Session pinholes;
  private final LinkWatch links;
  private final QueueFeatures queueFeatures;
  private final List<WorkerThread> workerThreads = new ArrayList<>();
  private final QueueWorkers workers;
  private final KernelEvents kernelEvents;
  private final List<Thread> threads = new ArrayList<>();

  /** What the parts share: who counts, who tells, and what waits. */
  record Shared(
      ExpectationTable table,
      AgentEvents events,
      AgentMetrics metrics,
      TraceHub traces,
      Clock clock) {
    private WorkerShared ofWorkers(ParentOwners owners) {
      return new WorkerShared(table, owners, events, metrics, traces, clock);
    }
  }

  /**
   * Opens everything in the network namespace of the calling thread, and takes over what an earlier
   * agent left. No thread runs yet.
   *
   * @param config a checked configuration
   * @param helpers its helpers
   * @param backend what opens pinholes; closed with the parts, also if this fails
   * @param shared what the parts share
   * @param before hands over the packet queues and flows of another agent
   * @throws IOException if the kernel refuses something, or the other one did not hand over;
   *     nothing is left open then
   */
  AgentParts(
      AgentConfig config,
      HelperTable helpers,
      PinholeBackend backend,
      Shared shared,
      HandOver.Source before)
      throws IOException {
    this.backend = backend;
    try (Acquired acquired = new Acquired()) {
      acquired.add(backend);
      int state = config.marks().stateMask();
      // First of all: a conntrack made while nobody listens never sends events (docs/kernel.md).
      eventsSocket =
          acquired.add(
              ConntrackEvents.open(
                  new EventOptions(
                      true,
                      true,
                      helpers.observes() ? 0 : state,
                      EVENT_BUFFER_BYTES,
                      RECEIVE_TIMEOUT)));
      // From here on packets wait.
      HandOver left = before.take();
      InheritedQueues queues = acquired.add(InheritedQueues.open(queueOptions(config), left));
      queueFeatures = queues.all().get(0).features();
      conntrack = acquired.add(ConntrackClient.open());
      links = acquired.add(new LinkWatch(LinkEvents.open(), shared.clock().nanoTime()));
      acquired.add(backend::remove);
      helpers.shared().restore(left.beyond().shared(), shared.clock().nanoTime());
      shared.table().holders().setLeased(helpers.leased());
      shared.table().setEntryLimits(helpers.entryLimits());
      backend.install(helpers.ports(), helpers.leased());
      queues.repeatForNewDiversion();
      pinholes = acquired.add(backend.openSession());
      expectations = acquired.add(ExpectationClient.open());
      forgetExpectationsOfBefore();
      ParentOwners owners = new ParentOwners(config.limits());
      owners.setEntryLimits(helpers.entryLimits());
      for (PacketQueue queue : queues.all()) {
        int index = workerThreads.size();
        workerThreads.add(acquired.add(openWorker(config, helpers, index, queue, owners, shared)));
      }
      workers = new QueueWorkers(workerThreads.stream().map(WorkerThread::worker).toList(), owners);
      kernelEvents =
          new KernelEvents(
              eventsSocket,
              conntrack,
              backend,
              pinholes,
              shared.table(),
              workers,
              links::look,
              TcpTimeouts.ofThisMachine(),
              helpers.shared(),
              config.marks(),
              shared.events(),
              shared.metrics(),
              shared.clock());
      kernelEvents.setObserves(helpers.observes());
      kernelEvents.watchExpectations(ExpectationWatch.Kernel.of(expectations));
      new Adoption(
              conntrack,
              pinholes,
              shared.table(),
              flow ->
                  workers.all().get(backend.queueOf(flow.entry().id())).takeover().takeOver(flow),
              helpers,
              config.marks(),
              shared.events(),
              left,
              shared.clock())
          .run();
      backend.tellOfAcceptRule(new AcceptRuleReport(shared.events())::take);
      backend.watch(kernelEvents::repair, () -> shared.metrics().overrun(ReceivingSocket.NFTABLES));
      acquired.keep();
    }
    for (QueueWorker worker : workers.all()) {
      threads.add(thread("pinholed-worker-" + threads.size(), worker));
    }
    threads.add(thread("pinholed-events", kernelEvents));
  }

  /**
   * What an agent before had the kernel expect ends with the pinholes that it stood beside: they
   * are gone if the table was replaced, and stand alone from now on if this agent has no
   * expectations.
   */
  private void forgetExpectationsOfBefore() throws IOException {
    if (!backend.expects() || pinholes.listOwned().isEmpty()) {
      expectations.removeAllOf(AssignedHelper.OWN_NAME);
    }
  }

  private WorkerThread openWorker(
      AgentConfig config,
      HelperTable helpers,
      int index,
      PacketQueue queue,
      ParentOwners owners,
      Shared shared)
      throws IOException {
    WorkerOptions options =
        new WorkerOptions(
            config.asymmetricRouting(),
            config.rules() == AgentConfig.Rules.AGENT,
            id -> backend.queueOf(id) == index,
            config.marks(),
            mostHeldPackets(config));
    return WorkerThread.open(
        queue, backend, own -> new QueueWorker(own, options, helpers, shared.ofWorkers(owners)));
  }

  /** Unfinished messages of some flows must not keep the packets of all others waiting. */
  private static int mostHeldPackets(AgentConfig config) {
    return Math.max(1, config.queues().lengthPackets() / HELD_SHARE);
  }

  private static List<QueueOptions> queueOptions(AgentConfig config) {
    AgentConfig.Queues queues = config.queues();
    List<QueueOptions> options = new ArrayList<>();
    boolean wantsConntrack =
        config.helpers().stream()
            .anyMatch(entry -> entry.enabled() && entry.transport() == Transport.UDP);
    for (int index = 0; index < queues.workers(); index++) {
      options.add(
          new QueueOptions(
              queues.first() + index,
              queues.lengthPackets(),
              COPY_RANGE_BYTES,
              config.fail().queueFull() == AgentConfig.OnFailure.PASS,
              wantsConntrack,
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

  void start() {
    threads.forEach(Thread::start);
  }

  @Override
  public QueueWorkers workers() {
    return workers;
  }

  KernelEvents kernelEvents() {
    return kernelEvents;
  }

  @Override
  public boolean queuesFailOpen() {
    return queueFeatures.failOpen();
  }

  @Override
  public long repairs() {
    return kernelEvents.repairs();
  }

  @Override
  public String lastError() {
    return kernelEvents.lastError();
  }

  /**
   * Has the kernel tell of all connections, or of ours alone.
   *
   * @throws NetlinkException if the kernel refuses
   */
  void observe(boolean all, int stateMask) throws NetlinkException {
    eventsSocket.listenTo(all ? 0 : stateMask);
    kernelEvents.setObserves(all);
  }

  /** The packet queues for another process; their sockets stay open here. */
  List<HandOver.Queue> packetQueues() {
    return workerThreads.stream().map(WorkerThread::leave).toList();
  }

  /** Descriptor of the socket of the conntrack events, which stays open here. */
  int eventsDescriptor() {
    return eventsSocket.descriptor();
  }

  /** What the kernel does not know of the flows. Only after {@link #stop}. */
  List<FlowState> flowStates() {
    List<FlowState> flows = new ArrayList<>();
    for (int index = 0; index < workerThreads.size(); index++) {
      if (!threads.get(index).isAlive()) { // else nobody but it may look at its flows
        flows.addAll(workers.all().get(index).flows().states());
      }
    }
    return flows;
  }

  /** The children that are read, only after {@link #stop}. */
  List<ReadChild> readChildren() {
    List<ReadChild> children = new ArrayList<>();
    for (int index = 0; index < workerThreads.size(); index++) {
      if (!threads.get(index).isAlive()) {
        children.addAll(workers.all().get(index).flows().readChildren());
      }
    }
    return children;
  }

  /** Ends all threads, each after what it is doing. */
  void stop() {
    workers.all().forEach(QueueWorker::stop);
    kernelEvents.stop();
    threads.forEach(AgentParts::join);
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

  /** Closes everything, only after {@link #stop}. */
  @Override
  public void close() {
    for (int index = 0; index < workerThreads.size(); index++) {
      if (!threads.get(index).isAlive()) { // nobody will read the queue: nothing may wait in it
        workerThreads.get(index).worker().releaseHeld();
      }
    }
    workerThreads.forEach(AgentParts::closeQuietly);
    closeQuietly(pinholes);
    closeQuietly(links);
    closeQuietly(expectations);
    closeQuietly(conntrack);
    closeQuietly(eventsSocket);
    closeQuietly(backend);
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

  static void closeQuietly(AutoCloseable resource) {
    try {
      resource.close();
    } catch (Exception e) {
      LOG.warn("close: {}", e.toString());
    }
  }
}
