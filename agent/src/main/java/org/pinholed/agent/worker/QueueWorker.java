package org.pinholed.agent.worker;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiConsumer;
import java.util.function.IntPredicate;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.pinholed.agent.announce.LivingChildren;
import org.pinholed.agent.announce.MessageEdits;
import org.pinholed.agent.announce.OutcomeTrace;
import org.pinholed.agent.announce.Outcomes;
import org.pinholed.agent.announce.PinholeTransaction;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.flow.DatagramBeginnings;
import org.pinholed.agent.flow.Flow;
import org.pinholed.agent.flow.FlowBeginnings;
import org.pinholed.agent.flow.FlowFinder;
import org.pinholed.agent.flow.FlowMaker;
import org.pinholed.agent.flow.FlowMarks;
import org.pinholed.agent.flow.FlowOwner;
import org.pinholed.agent.flow.FlowTakeover;
import org.pinholed.agent.flow.HelperTable;
import org.pinholed.agent.flow.LongWork;
import org.pinholed.agent.flow.NetworkDevices;
import org.pinholed.agent.flow.ParentChecks;
import org.pinholed.agent.flow.ParentOwners;
import org.pinholed.agent.flow.WorkerFlows;
import org.pinholed.agent.metrics.AgentMetrics;
import org.pinholed.agent.metrics.ReceivingSocket;
import org.pinholed.agent.pace.BackOff;
import org.pinholed.agent.pace.SampledLog;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.packet.UnreadableReason;
import org.pinholed.agent.path.DatagramRewrites;
import org.pinholed.agent.path.EditsByTransport;
import org.pinholed.agent.path.HeldMessages;
import org.pinholed.agent.path.PacketPath;
import org.pinholed.agent.path.ReversePath;
import org.pinholed.agent.path.Rewrites;
import org.pinholed.agent.path.TcpPath;
import org.pinholed.agent.path.UdpPath;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.trace.TraceHub;
import org.pinholed.agent.trace.Tracer;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nfqueue.PacketHandler;
import org.pinholed.kernel.nfqueue.PacketSource;
import org.pinholed.kernel.nfqueue.QueuedPacketView;
import org.pinholed.kernel.route.RouteClient;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The duty cycle of one packet queue: receive a batch, hand every packet to the path of its
 * transport, bring the pinholes of the batch into the kernel in one transaction, and only then give
 * the verdicts.
 *
 * <p>The thread that runs {@link #run} owns the queue, the flows and their helpers. Everybody else
 * asks it with {@link #post} and {@link #ask}.
 *
 * <p>It is long because it puts together everything that a packet meets on its way, once for each
 * queue; what happens there is in the paths.
 */
public final class QueueWorker implements Runnable, PacketHandler, FlowOwner {
  private static final Logger LOG = LoggerFactory.getLogger(QueueWorker.class);

  /** How late a message may be found to be held too long. */
  private static final Duration WHILE_HOLDING = Duration.ofMillis(20);

  private final PacketSource queue;
  private final AgentMetrics metrics;
  private final AgentEvents events;
  private final Tracer tracer;
  private final LivingChildren children;
  private final Outcomes outcomes;
  private final WorkerFlows flows;
  private final FlowMaker maker;
  private final FlowTakeover takeover;
  private final ParentChecks checks;
  private final BatchVerdicts verdicts;
  private final ReversePath reversePath;
  private final HeldMessages heldMessages;
  private final PacketPath tcp;
  private final PacketPath udp;
  private final DatagramBeginnings datagrams;
  private final PacketView packet = new PacketView();
  private final SampledLog faults = new SampledLog(LOG, "packet not read, a fault of the agent");
  private final Inbox inbox = new Inbox(this::wake);
  private final LongWork longWork = new LongWork();
  private final BackOff receiveBackOff = new BackOff();
  private final AtomicLong packets = new AtomicLong();
  private final Clock clock;
  private volatile boolean running = true;
  private volatile long turnBeganNs;
  private volatile int parents;
  private volatile int opaqueParents;

  private long overruns;

  /**
   * Makes a worker over sockets that it owns from now on.
   *
   * @param queue where its packets come from
   * @param conntrack its own way to conntrack
   * @param finder finds the conntrack of a packet
   * @param asymmetricRouting whether honest packets may come in by any device
   * @param routes its own way to the routing tables
   * @param backend its own way to the pinholes
   * @param mine tells by a conntrack id whether the diversion gives its packets to this queue
   * @param table the expectation table, shared
   * @param helpers the helpers in force
   * @param owners who reads which parent, shared
   * @param marks the bits of the conntrack mark
   * @param events log and counters, shared
   * @param metrics counters, shared
   * @param traces running traces, shared
   * @param clock what time it is
   * @param mostHeldPackets how many packets may wait for the ends of messages, 1 or more
   */
  public QueueWorker(
      PacketSource queue,
      ConntrackClient conntrack,
      FlowFinder finder,
      boolean asymmetricRouting,
      RouteClient routes,
      PinholeBackend.Session backend,
      IntPredicate mine,
      ExpectationTable table,
      HelperTable helpers,
      ParentOwners owners,
      MarkBits marks,
      AgentEvents events,
      AgentMetrics metrics,
      TraceHub traces,
      Clock clock,
      int mostHeldPackets) {
    this.clock = clock;
    this.turnBeganNs = clock.nanoTime();
    this.queue = queue;
    this.events = events;
    this.metrics = metrics;
    this.tracer = new Tracer(traces, clock);
    this.children = new LivingChildren(conntrack);
    NetworkDevices devices = new NetworkDevices(routes::device, clock);
    this.reversePath =
        new ReversePath(asymmetricRouting, routes::leadsTo, devices, events, metrics);
    Rewrites rewrites = new Rewrites(conntrack, packet);
    DatagramRewrites datagramRewrites = new DatagramRewrites(conntrack, packet, devices);
    MessageEdits edits = new EditsByTransport(rewrites, datagramRewrites);
    FlowMarks flowMarks = new FlowMarks(conntrack, marks, events);
    OutcomeTrace outcomeTrace = new OutcomeTrace(tracer);
    PinholeTransaction pinholes =
        new PinholeTransaction(table, backend, events, metrics, outcomeTrace, children, clock);
    this.outcomes =
        new Outcomes(
            table, pinholes, events, marks, flowMarks, outcomeTrace, edits, children, clock);
    this.verdicts = new BatchVerdicts(queue, pinholes, metrics, faults, clock);
    this.flows = new WorkerFlows(this, outcomes, owners, flowMarks, events, clock);
    this.maker = new FlowMaker(this, flows, helpers, owners, marks, devices, table::announcing);
    outcomes.refuseHelperPorts((transport, port) -> maker.helpers().find(transport, port) != null);
    this.takeover =
        new FlowTakeover(maker, flows, conntrack, owners, flowMarks, longWork, metrics, clock);
    FlowBeginnings beginnings =
        new FlowBeginnings(
            this, maker, takeover, flows, finder, conntrack, owners, flowMarks, events, metrics);
    this.checks = new ParentChecks(flows, conntrack, flowMarks, longWork, events, clock);
    this.heldMessages =
        new HeldMessages(
            packet,
            verdicts,
            rewrites,
            outcomes,
            pinholes,
            events,
            metrics,
            tracer,
            mostHeldPackets);
    flows.setHeldPackets(heldMessages);
    this.tcp =
        new TcpPath(
            packet,
            verdicts,
            flows,
            maker,
            beginnings,
            reversePath,
            outcomes,
            rewrites,
            heldMessages,
            pinholes,
            events,
            metrics,
            tracer);
    this.datagrams =
        new DatagramBeginnings(
            this, maker, flows, finder, conntrack, mine, flowMarks, events, metrics);
    this.udp =
        new UdpPath(
            packet,
            verdicts,
            flows,
            datagrams,
            reversePath,
            outcomes,
            datagramRewrites,
            pinholes,
            events,
            metrics,
            tracer);
  }

  @Override
  public void run() {
    while (running) {
      turn();
    }
    verdicts.sendUnsent();
    confirmFlows(); // only what is certain is handed over
  }

  /** One turn of the duty cycle: at most one batch of packets, then what others asked. */
  void turn() {
    turnBeganNs = clock.nanoTime();
    children.beginTurn();
    try {
      queue.setReceiveTimeout(heldMessages.isHolding() ? WHILE_HOLDING : null);
      if (queue.receive(this) > 0) {
        finishBatch();
      } else {
        verdicts.sendUnsent();
      }
      receiveBackOff.reset();
    } catch (NetlinkException e) {
      finishBatch();
      metrics.receiveError(ReceivingSocket.QUEUE);
      faults.warn(String.valueOf(e.getMessage()));
      events.agent(AgentEvent.Kind.BACKEND_ERROR, "queue", String.valueOf(e.getMessage()));
      receiveBackOff.await(); // may come again at once, for good
    }
    confirmFlows();
    noteOverruns();
    runInbox();
    heldMessages.expire(clock.nanoTime());
    verdicts.sendKept();
  }

  /**
   * Lets go the packets that wait for the end of a message. Only when its thread has ended, and the
   * queue is not left to another process: that one gets them once more.
   */
  public void releaseHeld() {
    heldMessages.releaseAll();
    verdicts.sendKept();
  }

  /** Those whose first datagram has its verdict now, so that the kernel's table has them. */
  private void confirmFlows() {
    try {
      datagrams.confirm(clock.nanoTime());
    } catch (RuntimeException e) {
      verdicts.fault(e);
    }
  }

  private void noteOverruns() {
    long now = queue.overruns();
    for (; overruns < now; overruns++) {
      metrics.overrun(ReceivingSocket.QUEUE);
    }
  }

  private void runInbox() {
    inbox.run(verdicts::fault);
    doLongWork();
    verdicts.bringIntoKernel();
    countParents();
  }

  private void doLongWork() {
    boolean more = true;
    try {
      checks.sweep(clock.nanoTime());
      more = longWork.turn(checks);
    } catch (RuntimeException e) {
      verdicts.fault(e);
    }
    if (more) {
      inbox.wake(); // the next turn need not wait for packets
    }
  }

  @Override
  public void endIfGone(ConntrackIdentity identity, boolean closed) {
    longWork.checkLater(new LongWork.Check(identity, closed));
    inbox.wake();
  }

  @Override
  public void putMarkBack(ConntrackIdentity identity) {
    post(() -> checks.putMarkBack(identity));
  }

  /**
   * Asks something about each of its flows, some flows a turn. From any thread.
   *
   * @param flowsATurn how many are looked at in one turn
   * @param question gets some flows that are still known, and adds what it finds out
   * @param <T> what the answer is made of
   * @return the answer, once all were looked at
   */
  <T> CompletableFuture<List<T>> askAboutFlows(
      int flowsATurn, BiConsumer<List<Flow>, List<T>> question) {
    CompletableFuture<List<T>> answer = new CompletableFuture<>();
    post(
        () -> {
          List<Flow> left = flows.all();
          List<T> found = new ArrayList<>();
          longWork.add(
              () -> {
                try {
                  List<Flow> some =
                      left.subList(Math.max(0, left.size() - flowsATurn), left.size());
                  some.removeIf(flow -> flow.parent().hasEnded());
                  question.accept(some, found);
                  some.clear();
                } catch (RuntimeException e) {
                  answer.completeExceptionally(e);
                  return false;
                }
                if (left.isEmpty()) {
                  answer.complete(found);
                }
                return !left.isEmpty();
              });
        });
    return answer;
  }

  private void countParents() {
    parents = flows.read();
    opaqueParents = flows.unread();
  }

  /** Ends {@link #run} after the batch that is being read. From any thread. */
  public void stop() {
    running = false;
    wake();
  }

  /**
   * Lets the worker's thread do something between two batches. From any thread.
   *
   * @param task what to do; must not block
   */
  @Override
  public void post(Runnable task) {
    inbox.post(task);
  }

  /**
   * Asks the worker's thread something. From any thread.
   *
   * @param question what to find out; must not block
   * @param <T> what the answer is
   * @return the answer, once there is one
   */
  public <T> CompletableFuture<T> ask(Supplier<T> question) {
    return inbox.ask(question);
  }

  private void wake() {
    try {
      queue.wake();
    } catch (NetlinkException e) {
      // It wakes by itself when the receive times out, a moment later.
      LOG.debug("wake: {}", e.getMessage());
    }
  }

  /**
   * Ends expectations of owners that outlive flows. From any thread.
   *
   * @param which those that are to end
   * @param kind why, for log and counters
   * @return done once it is in its transaction
   */
  CompletableFuture<?> endOwned(Predicate<Expectation> which, AgentEvent.Kind kind) {
    return ask(
        () -> {
          outcomes.endOwned(which, kind);
          return true;
        });
  }

  /**
   * Its parent flows. For the worker's thread only, or while that does not run.
   *
   * @return the same at every call
   */
  public WorkerFlows flows() {
    return flows;
  }

  /**
   * Takes over the flows of an agent before this one. For the worker's thread only, or while that
   * does not run.
   *
   * @return the same at every call
   */
  public FlowTakeover takeover() {
    return takeover;
  }

  /**
   * Looks for parents in the kernel. For the worker's thread only.
   *
   * @return the same at every call
   */
  public ParentChecks checks() {
    return checks;
  }

  /**
   * Puts other helpers in force for new flows. From any thread.
   *
   * @param newHelpers the helpers
   */
  void setHelpers(HelperTable newHelpers) {
    boolean before = maker.helpers().readsDatagrams();
    maker.setHelpers(newHelpers);
    if (newHelpers.readsDatagrams() != before) {
      post(() -> attachConntrack(newHelpers.readsDatagrams()));
    }
  }

  /** It costs TCP something, too, and is of no use there. */
  private void attachConntrack(boolean wanted) {
    try {
      queue.attachConntrack(wanted);
    } catch (NetlinkException e) {
      // first datagrams are then found by what the table's rules write down
      faults.warn(String.valueOf(e.getMessage()));
    }
  }

  /**
   * The helpers in force. From any thread.
   *
   * @return the table that new flows are looked up in
   */
  HelperTable helpers() {
    return maker.helpers();
  }

  /**
   * The number of the queue that it reads. From any thread.
   *
   * @return 0..65535
   */
  public int queueNumber() {
    return queue.queueNumber();
  }

  /**
   * How long the present turn of the duty cycle has taken. One without packets and questions takes
   * as long as a receive waits; much more says that the worker is stuck. From any thread.
   *
   * @param nowNs {@link System#nanoTime}
   * @return milliseconds
   */
  public long turnMs(long nowNs) {
    return Math.max(0, nowNs - turnBeganNs) / 1_000_000;
  }

  /**
   * Parent flows that are read. From any thread.
   *
   * @return as of the last batch
   */
  public int parents() {
    return parents;
  }

  /**
   * Parent flows that are known and no longer read. From any thread.
   *
   * @return as of the last batch
   */
  public int opaqueParents() {
    return opaqueParents;
  }

  /**
   * Packets that were not read because of the device that they came in by. From any thread.
   *
   * @return a count since the start
   */
  public long misrouted() {
    return reversePath.misrouted();
  }

  /**
   * Packets that got their verdicts. From any thread.
   *
   * @return a count since the start
   */
  public long packets() {
    return packets.get();
  }

  // ---- The packet path ----------------------------------------------------------------------

  @Override
  public void onPacket(QueuedPacketView queued) {
    verdicts.hold(queued.packetId());
    try {
      UnreadableReason unreadable =
          packet.wrap(queued.buffer(), queued.payloadOffset(), queued.payloadLengthBytes());
      if (unreadable != null) {
        metrics.unreadablePacket(unreadable);
      } else {
        (packet.isTcp() ? tcp : udp).read(queued);
      }
    } catch (RuntimeException e) {
      // Whatever is wrong with us, the packet gets its verdict.
      metrics.unreadablePacket(UnreadableReason.FAULT);
      verdicts.fault(e);
      tracer.end();
    }
  }

  private void finishBatch() {
    if (!verdicts.isHolding()) {
      return;
    }
    verdicts.bringIntoKernel();
    // First: who gets the answer to a packet may ask at once how many there were.
    packets.lazySet(packets.get() + verdicts.answered());
    verdicts.finish();
    countParents();
  }
}
