package org.pinholed.agent.worker;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiConsumer;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.Owner;
import org.pinholed.agent.flow.Flow;
import org.pinholed.agent.flow.FlowOwner;
import org.pinholed.agent.flow.FlowTakeover;
import org.pinholed.agent.flow.HelperTable;
import org.pinholed.agent.flow.LongWork;
import org.pinholed.agent.flow.ParentChecks;
import org.pinholed.agent.flow.WorkerFlows;
import org.pinholed.agent.metrics.AgentMetrics;
import org.pinholed.agent.metrics.ReceivingSocket;
import org.pinholed.agent.pace.BackOff;
import org.pinholed.agent.pace.SampledLog;
import org.pinholed.agent.path.HeldMessages;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.agent.time.Clock;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nfqueue.PacketHandler;
import org.pinholed.kernel.nfqueue.PacketSource;
import org.pinholed.kernel.nfqueue.QueuedPacketView;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The duty cycle of one packet queue: receive a batch, hand every packet to the path of its
 * transport, bring the pinholes of the batch into the kernel in one transaction, and only then give
 * the verdicts.
 *
 * <p>The thread that runs {@link #run} owns the queue, the flows and their helpers. Everybody else
 * asks it with {@link #post} and {@link #ask}. What a packet meets on its way is put together in
 * {@link WorkerParts}.
 */
public final class QueueWorker implements Runnable, PacketHandler, FlowOwner {
  private static final Logger LOG = LoggerFactory.getLogger(QueueWorker.class);

  /** How late a message may be found to be held too long. */
  private static final Duration WHILE_HOLDING = Duration.ofMillis(20);

  private final PacketSource queue;
  private final AgentMetrics metrics;
  private final AgentEvents events;
  private final WorkerParts parts;
  private final WorkerFlows flows;
  private final BatchVerdicts verdicts;
  private final HeldMessages heldMessages;
  private final SampledLog faults = new SampledLog(LOG, "packet not read, a fault of the agent");
  private final Inbox inbox = new Inbox(this::wake);
  private final LongWork longWork = new LongWork();
  private final BackOff receiveBackOff = new BackOff();
  private final AtomicLong packets = new AtomicLong();
  private final Clock clock;
  private volatile boolean running = true;
  private volatile long turnBeganNs;
  private volatile int parents;
  private volatile int lostParents;
  private volatile int opaqueParents;

  private long overruns;

  /**
   * Makes a worker over sockets that it owns from now on.
   *
   * @param sockets its own ways to the kernel
   * @param options how it reads
   * @param helpers the helpers in force
   * @param shared what all workers share
   */
  public QueueWorker(
      WorkerSockets sockets, WorkerOptions options, HelperTable helpers, WorkerShared shared) {
    this.clock = shared.clock();
    this.turnBeganNs = clock.nanoTime();
    this.queue = sockets.queue();
    this.events = shared.events();
    this.metrics = shared.metrics();
    this.parts = new WorkerParts(this, sockets, options, helpers, shared, longWork, faults);
    this.flows = parts.flows();
    this.verdicts = parts.verdicts();
    this.heldMessages = parts.heldMessages();
  }

  @Override
  public void run() {
    while (running) {
      turn();
    }
    verdicts.sendUnsent();
    confirmFlows(); // only what is certain is handed over
  }

  /**
   * One turn of the duty cycle: at most one batch of packets, then what others asked. For whoever
   * drives it by hand; {@link #run} does nothing else.
   */
  public void turn() {
    turnBeganNs = clock.nanoTime();
    parts.beginTurn();
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
      parts.datagrams().confirm(clock.nanoTime());
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
      parts.checks().sweep(clock.nanoTime());
      more = longWork.turn(parts.checks());
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
    post(() -> parts.checks().putMarkBack(identity));
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
    post(() -> longWork.add(new FlowQuestion<>(flows.all(), flowsATurn, question, answer)));
    return answer;
  }

  private void countParents() {
    parents = flows.read();
    opaqueParents = flows.unread();
    lostParents = parts.checks().lost(); // behind the others: who is lost is not counted there
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
   * Ends an owner that outlives flows, with its children.
   *
   * @param owner which
   * @param kind why, for log and counters
   * @return done once it is in its transaction
   */
  CompletableFuture<?> endOwner(Owner owner, AgentEvent.Kind kind) {
    return ask(
        () -> {
          parts.outcomes().end(owner, OutcomeSink.Children.CUT, kind);
          return true;
        });
  }

  /**
   * Ends expectations of owners that outlive flows, wherever they were announced.
   *
   * @param which those that are to end
   * @param kind why, for log and counters
   * @return done once it is in its transaction
   */
  CompletableFuture<?> endOwned(Predicate<Expectation> which, AgentEvent.Kind kind) {
    return ask(
        () -> {
          parts.outcomes().endOwned(which, kind);
          return true;
        });
  }

  /**
   * Ends one expectation, wherever it was announced.
   *
   * @param expectation which
   * @param kind why, for log and counters
   * @return done once it is in its transaction
   */
  CompletableFuture<?> end(Expectation expectation, AgentEvent.Kind kind) {
    return ask(
        () -> {
          parts.outcomes().end(expectation, kind);
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
    return parts.takeover();
  }

  /**
   * Looks for parents in the kernel. For the worker's thread only.
   *
   * @return the same at every call
   */
  public ParentChecks checks() {
    return parts.checks();
  }

  /**
   * Puts other helpers in force for new flows. From any thread.
   *
   * @param newHelpers the helpers
   */
  void setHelpers(HelperTable newHelpers) {
    boolean before = helpers().readsDatagrams();
    parts.maker().setHelpers(newHelpers);
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
    return parts.maker().helpers();
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
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
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
   * Parent flows that were being read when the kernel took their conntracks away, with neither FIN
   * nor RST before. From any thread.
   *
   * @return a count since the start, modulo 2^32; {@link #parents} and {@link #opaqueParents} that
   *     are read later do not have them any more
   */
  public int lostParents() {
    return lostParents;
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
    return parts.reversePath().misrouted();
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
    parts.read(queued);
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
