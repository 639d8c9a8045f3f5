package org.pinholed.agent.worker;

import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.announce.LivingChildren;
import org.pinholed.agent.announce.OutcomeTrace;
import org.pinholed.agent.announce.Outcomes;
import org.pinholed.agent.announce.PinholeTransaction;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.agent.flow.AgentReason;
import org.pinholed.agent.flow.FlowBeginnings;
import org.pinholed.agent.flow.FlowMaker;
import org.pinholed.agent.flow.FlowMarks;
import org.pinholed.agent.flow.FlowOwner;
import org.pinholed.agent.flow.FlowTable;
import org.pinholed.agent.flow.FlowTakeover;
import org.pinholed.agent.flow.HelperTable;
import org.pinholed.agent.flow.LongWork;
import org.pinholed.agent.flow.ParentChecks;
import org.pinholed.agent.flow.ParentFlow;
import org.pinholed.agent.flow.ParentOwners;
import org.pinholed.agent.flow.WorkerFlows;
import org.pinholed.agent.metrics.AgentMetrics;
import org.pinholed.agent.metrics.ReceivingSocket;
import org.pinholed.agent.nat.Passage;
import org.pinholed.agent.nat.TranslatedFlow;
import org.pinholed.agent.nat.TranslatedStream;
import org.pinholed.agent.nat.WithheldReason;
import org.pinholed.agent.pace.BackOff;
import org.pinholed.agent.pace.SampledLog;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.packet.UnreadableReason;
import org.pinholed.agent.path.ReversePath;
import org.pinholed.agent.path.Rewrites;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.agent.trace.TraceHub;
import org.pinholed.agent.trace.Tracer;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Reason;
import org.pinholed.helper.StreamHelper;
import org.pinholed.helper.stream.InOrderStream;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nfqueue.PacketHandler;
import org.pinholed.kernel.nfqueue.PacketQueue;
import org.pinholed.kernel.nfqueue.QueuedPacketView;
import org.pinholed.kernel.route.RouteClient;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The duty cycle of one packet queue: receive a batch, read every packet, bring the pinholes of the
 * batch into the kernel in one transaction, and only then give the verdicts.
 *
 * <p>The thread that runs {@link #run} owns the queue, the flows and their helpers. Everybody else
 * asks it with {@link #post} and {@link #ask}.
 */
public final class QueueWorker implements Runnable, PacketHandler, InOrderStream.Reader, FlowOwner {
  private static final Logger LOG = LoggerFactory.getLogger(QueueWorker.class);

  private final PacketQueue queue;
  private final AgentMetrics metrics;
  private final AgentEvents events;
  private final Tracer tracer;
  private final Rewrites rewrites;
  private final LivingChildren children;
  private final PinholeTransaction pinholes;
  private final Outcomes outcomes;
  private final WorkerFlows flows;
  private final FlowMaker maker;
  private final FlowTakeover takeover;
  private final FlowBeginnings beginnings;
  private final ParentChecks checks;
  private final BatchVerdicts verdicts;
  private final ReversePath reversePath;
  private final PacketView packet = new PacketView();
  private final SampledLog faults = new SampledLog(LOG, "packet not read, a fault of the agent");
  private final Queue<Runnable> inbox = new ConcurrentLinkedQueue<>();
  private final List<Runnable> tasks = new ArrayList<>();
  private final LongWork longWork = new LongWork();
  private final BackOff receiveBackOff = new BackOff();
  private final AtomicBoolean woken = new AtomicBoolean();
  private final AtomicLong packets = new AtomicLong();
  private volatile boolean running = true;
  private volatile long turnBeganNs = System.nanoTime();
  private volatile int parents;
  private volatile int opaqueParents;

  private String verdict = "";
  private long overruns;

  // The message that is being read, for the callback from the stream.
  private @Nullable StreamHelper reader;
  private Direction direction = Direction.ORIGINAL;

  /**
   * Makes a worker over sockets that it owns from now on.
   *
   * @param queue its packet queue
   * @param conntrack its own way to conntrack
   * @param asymmetricRouting whether honest packets may come in by any device
   * @param routes its own way to the routing tables
   * @param backend its own way to the pinholes
   * @param table the expectation table, shared
   * @param helpers the helpers in force
   * @param owners who reads which parent, shared
   * @param marks the bits of the conntrack mark
   * @param events log and counters, shared
   * @param metrics counters, shared
   * @param traces running traces, shared
   */
  public QueueWorker(
      PacketQueue queue,
      ConntrackClient conntrack,
      boolean asymmetricRouting,
      RouteClient routes,
      PinholeBackend.Session backend,
      ExpectationTable table,
      HelperTable helpers,
      ParentOwners owners,
      MarkBits marks,
      AgentEvents events,
      AgentMetrics metrics,
      TraceHub traces) {
    this.queue = queue;
    this.events = events;
    this.metrics = metrics;
    this.tracer = new Tracer(traces);
    this.rewrites = new Rewrites(conntrack, packet);
    this.children = new LivingChildren(conntrack);
    FlowMarks flowMarks = new FlowMarks(conntrack, marks, events);
    OutcomeTrace outcomeTrace = new OutcomeTrace(tracer);
    this.pinholes = new PinholeTransaction(table, backend, events, metrics, outcomeTrace);
    this.outcomes =
        new Outcomes(table, pinholes, events, marks, flowMarks, outcomeTrace, rewrites, children);
    this.flows = new WorkerFlows(this, outcomes, owners, flowMarks, events);
    this.maker = new FlowMaker(this, flows, helpers, owners, marks);
    outcomes.refuseHelperPorts((transport, port) -> maker.helpers().find(transport, port) != null);
    this.takeover = new FlowTakeover(maker, flows, conntrack, owners, flowMarks, longWork, metrics);
    this.beginnings =
        new FlowBeginnings(
            this, maker, takeover, flows, conntrack, owners, flowMarks, events, metrics);
    this.checks = new ParentChecks(flows, conntrack, flowMarks, longWork, events);
    this.verdicts = new BatchVerdicts(queue, metrics, faults);
    this.reversePath = new ReversePath(asymmetricRouting, routes::leadsTo, events, metrics);
  }

  @Override
  public void run() {
    while (running) {
      turn();
    }
    verdicts.sendUnsent();
  }

  /** One turn of the duty cycle: at most one batch of packets, then what others asked. */
  void turn() {
    turnBeganNs = System.nanoTime();
    children.beginTurn();
    try {
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
    noteOverruns();
    runInbox();
  }

  private void noteOverruns() {
    long now = queue.overruns();
    for (; overruns < now; overruns++) {
      metrics.overrun(ReceivingSocket.QUEUE);
    }
  }

  private void runInbox() {
    woken.set(false);
    // Taken out first: what is asked after an answer has its turn behind the transaction, so that
    // its answer says that what was done before it is in the kernel.
    for (Runnable task = inbox.poll(); task != null; task = inbox.poll()) {
      tasks.add(task);
    }
    for (Runnable task : tasks) {
      try {
        task.run();
      } catch (RuntimeException e) {
        fault(e);
      }
    }
    tasks.clear();
    doLongWork();
    bringIntoKernel();
    countParents();
  }

  private void doLongWork() {
    boolean more = true;
    try {
      checks.sweep(System.nanoTime());
      more = longWork.turn(checks);
    } catch (RuntimeException e) {
      fault(e);
    }
    if (more && woken.compareAndSet(false, true)) {
      wake(); // the next turn need not wait for packets
    }
  }

  @Override
  public void endIfGone(ConntrackIdentity identity, boolean closed) {
    longWork.checkLater(new LongWork.Check(identity, closed));
    if (woken.compareAndSet(false, true)) {
      wake();
    }
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
      int flowsATurn, BiConsumer<List<ParentFlow>, List<T>> question) {
    CompletableFuture<List<T>> answer = new CompletableFuture<>();
    post(
        () -> {
          List<ParentFlow> left = flows.all();
          List<T> found = new ArrayList<>();
          longWork.add(
              () -> {
                try {
                  List<ParentFlow> some =
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
    inbox.add(task);
    if (woken.compareAndSet(false, true)) {
      wake();
    }
  }

  /**
   * Asks the worker's thread something. From any thread.
   *
   * @param question what to find out; must not block
   * @param <T> what the answer is
   * @return the answer, once there is one
   */
  public <T> CompletableFuture<T> ask(Supplier<T> question) {
    CompletableFuture<T> answer = new CompletableFuture<>();
    post(
        () -> {
          try {
            answer.complete(question.get());
          } catch (RuntimeException e) {
            answer.completeExceptionally(e);
          }
        });
    return answer;
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
    maker.setHelpers(newHelpers);
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
      if (unreadable == null && packet.isTcp()) {
        readTcp(queued);
      } else {
        metrics.unreadablePacket(unreadable == null ? UnreadableReason.UDP : unreadable);
      }
    } catch (RuntimeException e) {
      // Whatever is wrong with us, the packet gets its verdict.
      metrics.unreadablePacket(UnreadableReason.FAULT);
      fault(e);
      tracer.end();
    }
  }

  private void fault(RuntimeException e) {
    faults.warn(e.toString());
    LOG.debug("fault", e);
  }

  /** All changes so far; what happened is said before the verdicts that let its consequences in. */
  private void bringIntoKernel() {
    try {
      pinholes.commit();
    } catch (RuntimeException e) {
      fault(e); // not an excuse for holding packets
    }
    pinholes.publish();
  }

  private void finishBatch() {
    if (!verdicts.isHolding()) {
      return;
    }
    bringIntoKernel();
    int count = verdicts.finish();
    packets.lazySet(packets.get() + count);
    countParents();
  }

  private void readTcp(QueuedPacketView queued) {
    FlowTable.End end = flows.find(packet);
    if (packet.has(PacketView.SYN)) {
      if (packet.has(PacketView.ACK)) {
        begin(end);
      } else if (packet.payloadLengthBytes() > 0) {
        beginnings.noteSynWithData(packet, end);
      }
      return;
    }
    if (end == null) {
      // A bare FIN or RST of a flow that is over.
      if (packet.payloadLengthBytes() > 0) {
        end = beginnings.adopt(packet, verdicts.beganNs());
      }
      if (end == null) {
        return;
      }
    }
    ParentFlow flow = end.flow();
    flow.packetSeen(verdicts.beganNs());
    verdict = "accept, as it came";
    tracer.begin(packet, flow.parent());
    if (tracer.isOn()) {
      tracer.received(packet);
      tracer.line(
          "session",
          "existing session, direction "
              + word(end.direction())
              + ", policy "
              + flow.parent().policyId()
              + (flow.readingEnded() ? ", not read" : ""));
    }
    try {
      boolean used = !flow.readingEnded() || flow.translation() != null;
      if (used && !isHonest(flow, end.direction(), queued)) {
        verdict = "accept, not read";
      } else if (!flow.readingEnded()) {
        readSegment(flow, end.direction());
      } else if (flow.translation() != null) {
        repeatRewrites(flow, flow.translation(), end.direction());
      }
    } catch (RuntimeException e) {
      helperFailed(flow, e);
    }
    if (tracer.isOn()) {
      // Committed at once, so that the trace tells what really became of it.
      pinholes.commit();
      tracer.line("verdict", verdict);
      tracer.end();
    }
  }

  /**
   * Whether a packet may be read: by the device that it came in by. If the server's first words,
   * which were read, turn out to have come from elsewhere, the flow is given up.
   */
  private boolean isHonest(ParentFlow flow, Direction towards, QueuedPacketView queued) {
    ReversePath.Finding finding = reversePath.judge(flow, towards, queued, verdicts.beganNs());
    if (finding == ReversePath.Finding.HONEST) {
      return true;
    }
    flow.devices().passUnread(towards, packet.sequence() + packet.payloadLengthBytes());
    if (finding == ReversePath.Finding.BEGAN_ELSEWHERE && !flow.readingEnded()) {
      flows.endReading(flow, AgentReason.BEGAN_ELSEWHERE);
    }
    if (tracer.isOn()) {
      tracer.line("session", "not read: " + notReadBecause(finding, queued));
    }
    return false;
  }

  private static String notReadBecause(ReversePath.Finding finding, QueuedPacketView queued) {
    return finding == ReversePath.Finding.MISROUTED
        ? "it came in by "
            + ReversePath.name(queued.inInterfaceIndex())
            + ", which does not lead back to its source"
        : AgentReason.BEGAN_ELSEWHERE.explanation();
  }

  private void readSegment(ParentFlow flow, Direction towards) {
    outcomes.begin(flow, towards, verdicts.beganNs());
    TranslatedFlow translation = flow.translation();
    flow.resumeStream(towards, packet.sequence(), maker.helpers().limits());
    InOrderStream stream = flow.stream(towards);
    InOrderStream back = flow.stream(towards.opposite());
    Reason reason = null;
    boolean kept = true;
    if (packet.has(PacketView.ACK)) {
      int acknowledgement = rewrites.acknowledged(flow, towards.opposite());
      if (back != null
          && !flow.devices()
              .passedUnread(
                  towards.opposite(), back.sequenceOf(back.bytesRead()), acknowledgement)) {
        reason = back.acknowledged(acknowledgement).reason();
      }
    }
    if (stream != null && flow.isClosed(towards) && packet.payloadLengthBytes() > 0) {
      int behindFin = endOfPayload() - stream.sequenceOf(stream.bytesRead());
      reason = behindFin > 0 ? AgentReason.DATA_BEHIND_FIN : reason;
    }
    if (reason == null
        && stream != null
        && packet.payloadLengthBytes() > 0
        && flow.helper() instanceof StreamHelper streamHelper) {
      reader = streamHelper;
      direction = towards;
      InOrderStream.Push push =
          stream.push(
              packet.sequence(),
              packet.buffer(),
              packet.payloadOffset(),
              packet.payloadLengthBytes(),
              this);
      reason = push.reason();
      kept = push != InOrderStream.Push.EARLY_NOT_KEPT;
    }
    if (reason != null) {
      outcomes.report(reason, stream == null ? 0 : stream.bytesRead());
    }
    Reason ended = outcomes.ended();
    if (ended != null) {
      flows.endReading(flow, ended);
    }
    if (translation != null && !packet.has(PacketView.RST)) {
      boolean inTurnOnly =
          flow.helper() instanceof StreamHelper helper && (!kept || helper.mayAnnounce(towards));
      giveVerdict(flow, translation, towards, inTurnOnly);
    }
    if (packet.has(PacketView.RST) || packet.has(PacketView.FIN)) {
      finOrReset(flow, towards, stream);
    }
  }

  /** Nothing is read any more, but what was changed is changed again until it is acknowledged. */
  private void repeatRewrites(ParentFlow flow, TranslatedFlow translation, Direction towards) {
    outcomes.begin(flow, towards, verdicts.beganNs());
    if (packet.has(PacketView.ACK)) {
      rewrites.acknowledged(flow, towards.opposite());
    }
    if (!translation.isUnfinished()) {
      flows.queueNoMore(flow);
    }
    if (!packet.has(PacketView.RST)) {
      giveVerdict(flow, translation, towards, false);
    }
  }

  /** Gives the verdict for a packet of a translated flow that must be changed or dropped. */
  private void giveVerdict(
      ParentFlow flow, TranslatedFlow translation, Direction towards, boolean inTurnOnly) {
    TranslatedStream stream = translation.stream(towards);
    if (stream == null || rewrites.passAsItCame(stream, inTurnOnly)) {
      return;
    }
    Passage passage;
    int lengthBytes = 0;
    try {
      if (rewrites.hasNewEdits()) {
        if (rewrites.changesLength()) {
          outcomes.hold();
        }
        bringIntoKernel();
      }
      boolean refused = pinholes.translationRefused();
      if (refused || stream.isHopeless()) {
        giveUp(flow, stream, refused);
      }
      passage =
          refused
              ? Passage.dropped(WithheldReason.BACKEND_REFUSED)
              : rewrites.decide(stream, inTurnOnly);
      if (passage.kind() == Passage.Kind.CHANGED) {
        if (passage.adjustment() != null) {
          outcomes.hold();
          bringIntoKernel(); // does nothing if the pinhole's transaction had it
        }
        lengthBytes = rewrites.make(translation, towards, passage);
        if (lengthBytes == 0) {
          passage = Passage.dropped(WithheldReason.REWRITE_FAILED);
        }
      }
    } catch (RuntimeException e) {
      fault(e);
      passage = Passage.dropped(WithheldReason.FAULT);
    }
    WithheldReason withheld = passage.reason();
    switch (passage.kind()) {
      case AS_IT_CAME -> stream.passed(passage);
      case CHANGED -> {
        stream.passed(passage);
        bringIntoKernel();
        // At once: after a kill in between, nobody would change it again.
        boolean atOnce = passage.adjustment() != null;
        verdicts.acceptChanged(rewrites.buffer(), lengthBytes, atOnce);
        verdict =
            "accept, changed in "
                + passage.edits().size()
                + " places"
                + (withheld == null ? "" : ", cut: " + withheld.word());
      }
      case DROPPED -> {
        verdicts.drop();
        verdict = "drop: " + (withheld == null ? "" : withheld.word());
      }
    }
    if (withheld != null) {
      metrics.withheld(withheld);
    }
  }

  private void giveUp(ParentFlow flow, TranslatedStream stream, boolean refused) {
    if (!refused) {
      outcomes.report(AgentReason.REWRITE_GIVEN_UP, 0);
      outcomes.endAll(flow, AgentEvent.Kind.CLOSED); // the other side hears of another port
    }
    stream.cancelPlanned();
  }

  /** Nobody knows what state a helper is in that threw: the flow is given up, with its pinholes. */
  private void helperFailed(ParentFlow flow, RuntimeException e) {
    metrics.unreadablePacket(UnreadableReason.FAULT);
    fault(e);
    if (!flow.readingEnded() && !flow.parent().hasEnded()) {
      outcomes.begin(flow, Direction.ORIGINAL, verdicts.beganNs());
      outcomes.report(AgentReason.HELPER_FAILED, 0);
      events.reason(flow.parent(), AgentReason.HELPER_FAILED, "");
      flows.endReading(flow, AgentReason.HELPER_FAILED, true);
    }
  }

  @Override
  public int onBytes(ByteCursor bytes) {
    StreamHelper helper = reader;
    if (helper == null || outcomes.ended() != null) {
      return bytes.remaining();
    }
    if (tracer.isOn()) {
      tracer.line(
          "helper",
          "reads "
              + bytes.remaining()
              + " bytes of direction "
              + word(direction)
              + ", state "
              + helper.stateWord());
    }
    rewrites.beginBytes();
    int consumed = helper.onBytes(direction, bytes, verdicts.beganNs(), outcomes);
    return outcomes.ended() != null ? bytes.remaining() : consumed;
  }

  private void begin(FlowTable.@Nullable End known) {
    Parent parent = beginnings.begin(packet, known, verdicts.beganNs());
    if (parent == null) {
      return;
    }
    tracer.begin(packet, parent);
    if (tracer.isOn()) {
      tracer.received(packet);
      tracer.line("session", "new session of helper " + parent.helper() + ", vetted");
      tracer.line("verdict", "accept, as it came");
      tracer.end();
    }
  }

  /**
   * The parent ends when both sides have closed, each with a FIN in turn, or with the first RST in
   * turn. What is out of turn may be forged and is left to conntrack, whose DESTROY event ends the
   * parent too.
   */
  private void finOrReset(ParentFlow flow, Direction towards, @Nullable InOrderStream stream) {
    boolean reset = packet.has(PacketView.RST);
    if (stream != null) {
      int ahead = endOfPayload() - stream.sequenceOf(stream.bytesRead());
      boolean behindFin = reset && flow.isClosed(towards) && ahead == 1; // a FIN takes a number
      if (ahead != 0 && !behindFin) {
        return;
      }
    }
    if (!reset) {
      flow.noteClosed(towards);
    }
    boolean ends = reset || flow.isClosed(towards.opposite()) || flow.wasHalfClosed();
    if (tracer.isOn()) {
      tracer.line("session", (ends ? "ends by " : "half closed by ") + (reset ? "RST" : "FIN"));
    }
    if (!ends) {
      return;
    }
    if (!reset && flow.mayHaveToRepeat()) {
      // The flow stays for that, until the end of its conntrack.
      outcomes.endAll(flow, AgentEvent.Kind.PARENT_CLOSED);
      return;
    }
    flows.endAndDistrust(flow, AgentEvent.Kind.PARENT_CLOSED);
  }

  private int endOfPayload() {
    return packet.sequence() + packet.payloadLengthBytes();
  }

  private static String word(Direction direction) {
    return direction == Direction.ORIGINAL ? "original" : "reply";
  }
}
