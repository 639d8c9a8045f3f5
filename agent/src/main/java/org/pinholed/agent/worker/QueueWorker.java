package org.pinholed.agent.worker;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.agent.flow.AgentReason;
import org.pinholed.agent.flow.FlowState;
import org.pinholed.agent.flow.FlowTable;
import org.pinholed.agent.flow.ParentFlow;
import org.pinholed.agent.metrics.AgentMetrics;
import org.pinholed.agent.nat.Passage;
import org.pinholed.agent.nat.TranslatedFlow;
import org.pinholed.agent.nat.TranslatedStream;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.agent.trace.TraceHub;
import org.pinholed.agent.trace.Tracer;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.SessionRow;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.Reason;
import org.pinholed.helper.SessionHelper;
import org.pinholed.helper.StreamHelper;
import org.pinholed.helper.Transport;
import org.pinholed.helper.stream.InOrderStream;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nfqueue.PacketHandler;
import org.pinholed.kernel.nfqueue.PacketQueue;
import org.pinholed.kernel.nfqueue.QueuedPacketView;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The duty cycle of one packet queue: receive a batch, read every packet, bring the pinholes of the
 * batch into the kernel in one transaction, and only then give the verdicts.
 *
 * <p>The thread that runs {@link #run} owns the queue, the flows and their helpers. Everybody else
 * asks it with {@link #post} and {@link #ask}.
 */
public final class QueueWorker implements Runnable, PacketHandler, InOrderStream.Reader {
  /** {@code TCP_CONNTRACK_SYN_RECV} of {@code nf_conntrack_tcp.h}. */
  private static final int TCP_SYN_RECV = 2;

  /** {@code TCP_CONNTRACK_ESTABLISHED} of {@code nf_conntrack_tcp.h}. */
  private static final int TCP_ESTABLISHED = 3;

  private static final Logger LOG = LoggerFactory.getLogger(QueueWorker.class);

  private final PacketQueue queue;
  private final ConntrackClient conntrack;
  private final AgentMetrics metrics;
  private final AgentEvents events;
  private final MarkBits marks;
  private final Tracer tracer;
  private final Rewrites rewrites;
  private final Outcomes outcomes;
  private final ParentOwners owners;
  private final FlowTable flows = new FlowTable();
  private final PacketView packet = new PacketView();
  private final SampledLog conntrackErrors = new SampledLog(LOG, "conntrack");
  private final SampledLog faults = new SampledLog(LOG, "packet not read, a fault of the agent");
  private final SampledLog unreadable = new SampledLog(LOG, "flow no longer read");
  private final Queue<Runnable> inbox = new ConcurrentLinkedQueue<>();
  private final List<Runnable> tasks = new ArrayList<>();
  private final BackOff receiveBackOff = new BackOff();
  private final AtomicBoolean woken = new AtomicBoolean();
  private final AtomicLong packets = new AtomicLong();
  private volatile HelperTable helpers;
  private volatile boolean running = true;
  private volatile long turnBeganNs = System.nanoTime();
  private volatile int parents;
  private volatile int opaqueParents;

  private int unreadFlows;
  private int lastPacketId;
  private int held;

  /**
   * How many of the packets that are held have their verdict already, and how many of what kind.
   */
  private int settled;

  private int changed;
  private int dropped;
  private String verdict = "";
  private boolean verdictsUnsent;
  private long batchNs;
  private long overruns;

  // The message that is being read, for the callback from the stream.
  private @Nullable StreamHelper reader;
  private Direction direction = Direction.ORIGINAL;

  /**
   * Makes a worker over sockets that it owns from now on.
   *
   * @param queue its packet queue
   * @param conntrack its own way to conntrack
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
      PinholeBackend.Session backend,
      ExpectationTable table,
      HelperTable helpers,
      ParentOwners owners,
      MarkBits marks,
      AgentEvents events,
      AgentMetrics metrics,
      TraceHub traces) {
    this.queue = queue;
    this.conntrack = conntrack;
    this.helpers = helpers;
    this.owners = owners;
    this.marks = marks;
    this.events = events;
    this.metrics = metrics;
    this.tracer = new Tracer(traces);
    this.rewrites = new Rewrites(conntrack, backend, packet);
    LivingChildren children = new LivingChildren(conntrack);
    this.outcomes =
        new Outcomes(table, backend, events, metrics, marks, tracer, rewrites, children);
  }

  @Override
  public void run() {
    while (running) {
      turn();
    }
    if (verdictsUnsent) {
      sendVerdicts();
    }
  }

  /** One turn of the duty cycle: at most one batch of packets, then what others asked. */
  void turn() {
    turnBeganNs = System.nanoTime();
    try {
      if (queue.receive(this) > 0) {
        finishBatch();
      } else if (verdictsUnsent) {
        sendVerdicts();
      }
      receiveBackOff.reset();
    } catch (NetlinkException e) {
      finishBatch();
      metrics.receiveError("queue");
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
      metrics.overrun("queue");
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
    bringIntoKernel();
    parents = flows.size() - unreadFlows;
    opaqueParents = unreadFlows;
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
   * Puts other helpers in force for new flows. From any thread.
   *
   * @param newHelpers the helpers
   */
  void setHelpers(HelperTable newHelpers) {
    helpers = newHelpers;
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
    if (held == 0) {
      batchNs = System.nanoTime();
    }
    held++;
    lastPacketId = queued.packetId();
    try {
      PacketView.Status status =
          packet.wrap(queued.buffer(), queued.payloadOffset(), queued.payloadLengthBytes());
      if (status == PacketView.Status.READABLE && packet.isTcp()) {
        readTcp();
      } else {
        metrics.unreadablePacket(status == PacketView.Status.READABLE ? "udp" : status.word());
      }
    } catch (RuntimeException e) {
      // Whatever is wrong with us, the packet gets its verdict.
      metrics.unreadablePacket("fault");
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
      outcomes.commit();
    } catch (RuntimeException e) {
      fault(e); // not an excuse for holding packets
    }
    outcomes.publish();
  }

  private void finishBatch() {
    if (held == 0) {
      return;
    }
    bringIntoKernel();
    if (settled < held) {
      queue.acceptThrough(lastPacketId);
    }
    sendVerdicts();
    metrics.verdictLatency(System.nanoTime() - batchNs, held);
    metrics.verdicts(AgentMetrics.Verdict.ACCEPT, held - changed - dropped);
    if (changed + dropped > 0) {
      metrics.verdicts(AgentMetrics.Verdict.CHANGED, changed);
      metrics.verdicts(AgentMetrics.Verdict.DROP, dropped);
    }
    settled = 0;
    changed = 0;
    dropped = 0;
    packets.lazySet(packets.get() + held);
    held = 0;
    parents = flows.size() - unreadFlows;
    opaqueParents = unreadFlows;
  }

  private void sendVerdicts() {
    try {
      queue.flush();
      verdictsUnsent = false;
    } catch (NetlinkException e) {
      verdictsUnsent = true; // they stay, the next turn sends them
      faults.warn(String.valueOf(e.getMessage()));
    }
  }

  private void readTcp() {
    FlowTable.End end = flows.find(packet);
    if (packet.has(PacketView.SYN)) {
      if (packet.has(PacketView.ACK)) {
        begin(end);
      }
      return;
    }
    if (end == null) {
      // A bare FIN or RST of a flow that is over.
      if (packet.payloadLengthBytes() == 0 || !adopt()) {
        return;
      }
      end = flows.find(packet);
      if (end == null) {
        return;
      }
    }
    ParentFlow flow = end.flow();
    flow.packetSeen(batchNs);
    verdict = "accept, as it came";
    tracer.begin(packet, flow.parent());
    if (tracer.isOn()) {
      traceReceived(end);
    }
    try {
      if (!flow.readingEnded()) {
        readSegment(flow, end.direction());
      } else if (flow.translation() != null) {
        repeatRewrites(flow, flow.translation(), end.direction());
      }
    } catch (RuntimeException e) {
      helperFailed(flow, e);
    }
    if (tracer.isOn()) {
      // Committed at once, so that the trace tells what really became of it.
      outcomes.commit();
      tracer.line("verdict", verdict);
      tracer.end();
    }
  }

  private void readSegment(ParentFlow flow, Direction towards) {
    outcomes.begin(flow, towards, batchNs);
    TranslatedFlow translation = flow.translation();
    int acknowledgement = packet.acknowledgement();
    if (translation != null) {
      acknowledgement = translation.acknowledged(towards, acknowledgement);
    }
    HelperLimits limits = helpers.limits();
    flow.resumeStream(towards, packet.sequence(), limits);
    InOrderStream stream = flow.stream(towards);
    InOrderStream back = flow.stream(towards.opposite());
    Reason reason = null;
    boolean kept = true;
    if (back != null && packet.has(PacketView.ACK)) {
      reason = back.acknowledged(acknowledgement).reason();
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
      endReading(flow, ended);
    }
    if (translation != null && !packet.has(PacketView.RST)) {
      boolean inTurnOnly =
          flow.helper() instanceof StreamHelper helper && (!kept || helper.mayAnnounce(towards));
      settleTranslated(flow, translation, towards, inTurnOnly);
    }
    if (packet.has(PacketView.RST) || packet.has(PacketView.FIN)) {
      finOrReset(flow, stream);
    }
  }

  /** Nothing is read any more, but what was changed is changed again until it is acknowledged. */
  private void repeatRewrites(ParentFlow flow, TranslatedFlow translation, Direction towards) {
    outcomes.begin(flow, towards, batchNs);
    translation.acknowledged(towards, packet.acknowledgement());
    if (!translation.awaitsAcknowledgement()) {
      changeMark(flow.entry(), marks.opaque());
    }
    if (!packet.has(PacketView.RST)) {
      settleTranslated(flow, translation, towards, false);
    }
  }

  private static boolean mayHaveToRepeat(ParentFlow flow) {
    TranslatedFlow translation = flow.translation();
    return translation != null && translation.awaitsAcknowledgement();
  }

  /** Gives a packet of a translated flow its verdict, if that is not to pass as it came. */
  private void settleTranslated(
      ParentFlow flow, TranslatedFlow translation, Direction towards, boolean inTurnOnly) {
    TranslatedStream stream = translation.stream(towards);
    if (stream == null) {
      return;
    }
    Passage passage;
    int lengthBytes = 0;
    try {
      if (rewrites.hasNewEdits()) {
        bringIntoKernel();
      }
      boolean refused = outcomes.translationRefused();
      if (flow.readingEnded() || refused || stream.isHopeless()) {
        giveUp(flow, stream, refused);
      }
      passage = refused ? Passage.dropped("backendRefused") : rewrites.decide(stream, inTurnOnly);
      if (passage.kind() == Passage.Kind.CHANGED) {
        lengthBytes = rewrites.make(translation, towards, passage);
        if (lengthBytes == 0) {
          passage = Passage.dropped("rewriteFailed");
        }
      }
    } catch (RuntimeException e) {
      fault(e);
      passage = Passage.dropped("fault");
    }
    switch (passage.kind()) {
      case AS_IT_CAME -> stream.passed(passage);
      case CHANGED -> {
        stream.passed(passage);
        bringIntoKernel();
        acceptEarlier();
        queue.acceptChanged(lastPacketId, rewrites.buffer(), 0, lengthBytes);
        if (passage.adjustment() != null) {
          sendVerdicts(); // at once: after a kill in between, nobody would change it again
        }
        settled++;
        changed++;
        verdict =
            "accept, changed in "
                + passage.edits().size()
                + " places"
                + (passage.cause().isEmpty() ? "" : ", cut: " + passage.cause());
      }
      case DROPPED -> {
        queue.drop(lastPacketId);
        settled++;
        dropped++;
        verdict = "drop: " + passage.cause();
      }
    }
    if (!passage.cause().isEmpty()) {
      metrics.withheld(passage.cause());
    }
  }

  private void giveUp(ParentFlow flow, TranslatedStream stream, boolean refused) {
    if (stream.isHopeless() && !refused && !flow.readingEnded()) {
      outcomes.report(AgentReason.REWRITE_GIVEN_UP, 0);
      outcomes.endAll(flow, AgentEvent.Kind.CLOSED); // the other side hears of another port
    }
    stream.cancelPlanned();
  }

  /** A changed packet must not overtake those before it. */
  private void acceptEarlier() {
    if (settled < held - 1) {
      queue.acceptThrough(lastPacketId - 1);
      settled = held - 1;
    }
  }

  /** Nobody knows what state a helper is in that threw: the flow is given up, with its pinholes. */
  private void helperFailed(ParentFlow flow, RuntimeException e) {
    metrics.unreadablePacket("fault");
    fault(e);
    if (!flow.readingEnded() && !flow.parent().hasEnded()) {
      outcomes.begin(flow, Direction.ORIGINAL, batchNs);
      outcomes.report(AgentReason.HELPER_FAILED, 0);
      events.reason(flow.parent(), AgentReason.HELPER_FAILED, "");
      endReading(flow, AgentReason.HELPER_FAILED, true);
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
    int consumed = helper.onBytes(direction, bytes, outcomes);
    return outcomes.ended() != null ? bytes.remaining() : consumed;
  }

  /**
   * The parent ends with its first FIN or RST. One that is out of turn may be forged and is left to
   * conntrack, whose DESTROY event ends the parent too.
   */
  private void finOrReset(ParentFlow flow, @Nullable InOrderStream stream) {
    int lengthBytes = packet.payloadLengthBytes();
    if (stream != null
        && packet.sequence() + lengthBytes != stream.sequenceOf(stream.bytesRead())) {
      return;
    }
    if (tracer.isOn()) {
      tracer.line("session", "ends by " + (packet.has(PacketView.RST) ? "RST" : "FIN"));
    }
    if (packet.has(PacketView.FIN) && mayHaveToRepeat(flow)) {
      // The flow stays for that, until the other side's FIN or the end of its conntrack.
      outcomes.endAll(flow, AgentEvent.Kind.PARENT_CLOSED);
      return;
    }
    endParent(flow, AgentEvent.Kind.PARENT_CLOSED);
  }

  // ---- Beginning and end of flows -----------------------------------------------------------

  /**
   * A SYN+ACK carries both initial sequence numbers: the flow is read from its first byte.
   *
   * <p>But only one that conntrack takes for the answer to a SYN. Others pass by here too
   * (nf_conntrack_proto_tcp.c ignores a SYN+ACK in most states, it does not drop it), and a server
   * could send them to make the agent begin in the middle of what the client sends, where a line
   * looks like a command: NAT slipstreaming.
   */
  private void begin(FlowTable.@Nullable End known) {
    if (known != null && known.flow().beganWith(packet.sequence())) {
      known.flow().packetSeen(batchNs);
      return;
    }
    ConntrackEntry entry = conntrackOf();
    if (entry == null
        || entry.tcpState() != TCP_SYN_RECV
        || !tupleBehind().equals(entry.original())) { // not from the server
      return;
    }
    if (known != null) {
      // The id alone says nothing, the next entry for the same tuple often has it again. But a flow
      // that went on since its SYN+ACK cannot come back to this state.
      if (known.flow().entry().id() == entry.id() && known.flow().waitsForFirstByte()) {
        return;
      }
      endParent(known.flow(), AgentEvent.Kind.PARENT_CLOSED); // the ports are used again
    }
    ParentFlow flow = newFlow(entry, FlowFacts.Origin.FIRST_BYTE);
    if (flow == null || flow.readingEnded()) {
      return;
    }
    flow.startStreams(packet.acknowledgement() - 1, packet.sequence(), helpers.limits());
    changeMark(entry, marks.vetted());
    tracer.begin(packet, flow.parent());
    if (tracer.isOn()) {
      tracer.line("received", describePacket());
      tracer.line("session", "new session of helper " + flow.parent().helper() + ", vetted");
      tracer.line("verdict", "accept, as it came");
      tracer.end();
    }
  }

  /**
   * A packet of a flow that is not known here. An earlier agent may have vetted it; else nothing in
   * it proves anything, and the kernel need not queue it any more.
   *
   * @return whether the flow is in the table now
   */
  private boolean adopt() {
    ConntrackEntry entry = conntrackOf();
    if (entry == null
        || entry.tcpState() != TCP_ESTABLISHED) { // the last words of a flow that is ending
      return false;
    }
    boolean vetted = (entry.mark() & marks.vetted()) != 0;
    ParentFlow flow = newFlow(entry, FlowFacts.Origin.RESUMED);
    if (flow == null) {
      return false;
    }
    if (vetted) {
      inheritTranslation(flow);
    } else if (!flow.readingEnded()) {
      events.reason(flow.parent(), AgentReason.MID_STREAM, "");
      endReading(flow, AgentReason.MID_STREAM, false);
    }
    return true;
  }

  private void inheritTranslation(ParentFlow flow) {
    TranslatedFlow translation = flow.translation();
    if (translation != null) {
      try {
        translation.inherit(conntrack);
      } catch (NetlinkException e) {
        conntrackFailed(e);
      }
    }
  }

  /**
   * Takes over a parent that an agent before this one vetted: it is known from now on, and read
   * from where that agent stood, or from its next line on, unless that agent gave it up. On the
   * worker's thread, or before that runs.
   *
   * @param entry its conntrack, with the vetted bit
   * @param state what that agent said of it; null if it said nothing
   * @return the flow; null if it is ending, no helper of today reads it, or there are too many
   */
  public @Nullable ParentFlow takeOver(ConntrackEntry entry, @Nullable FlowState state) {
    if (entry.tcpState() != TCP_SYN_RECV && entry.tcpState() != TCP_ESTABLISHED) {
      return null;
    }
    batchNs = System.nanoTime();
    if ((entry.mark() & marks.opaque()) != 0) {
      return takeOverUnread(entry);
    }
    ParentFlow flow = newFlow(entry, FlowFacts.Origin.RESUMED);
    if (flow != null) {
      inheritTranslation(flow);
      if (state != null) {
        flow.restore(state, helpers.limits());
      }
    }
    return flow;
  }

  private @Nullable ParentFlow takeOverUnread(ConntrackEntry entry) {
    HelperTable.ActiveHelper active =
        helpers.find(Transport.TCP, entry.original().destinationPort());
    if (active == null || !owners.add(entry.id(), this)) {
      return null;
    }
    FlowFacts facts = factsOf(entry, FlowFacts.Origin.RESUMED);
    ParentFlow flow =
        new ParentFlow(parentOf(entry, facts, active), entry, facts, active.entry(), null, batchNs);
    flow.endReading(AgentReason.OPAQUE_BEFORE);
    flows.add(flow);
    unreadFlows++;
    return flow;
  }

  /**
   * What another process needs to go on with the flows. On the worker's thread, or after its end.
   *
   * @return the states of those that are read
   */
  public List<FlowState> states() {
    List<FlowState> states = new ArrayList<>();
    for (ParentFlow flow : flows.flows()) {
      FlowState state = flow.state();
      if (state != null) {
        states.add(state);
      }
    }
    return states;
  }

  /** Behind source NAT the inverse of a packet's tuple is always one of the conntrack's two. */
  private FlowTuple tupleBehind() {
    FlowTuple tuple =
        new FlowTuple(
            packet.protocol(),
            packet.sourceAddress(),
            packet.sourcePort(),
            packet.destinationAddress(),
            packet.destinationPort());
    return tuple.inverse();
  }

  private @Nullable ConntrackEntry conntrackOf() {
    try {
      Optional<ConntrackEntry> entry = conntrack.get(tupleBehind());
      if (entry.isEmpty()) {
        metrics.unreadablePacket("noConntrack");
        return null;
      }
      return entry.get();
    } catch (NetlinkException e) {
      conntrackFailed(e);
      return null;
    }
  }

  private @Nullable ParentFlow newFlow(ConntrackEntry entry, FlowFacts.Origin origin) {
    HelperTable.ActiveHelper active =
        helpers.find(Transport.TCP, entry.original().destinationPort());
    if (active == null || (entry.mark() & (marks.opaque() | marks.child())) != 0) {
      return null;
    }
    ParentFlow stale = flows.find(entry.id());
    if (stale != null) {
      endParent(stale, AgentEvent.Kind.PARENT_CLOSED);
    }
    FlowFacts facts = factsOf(entry, origin);
    Parent parent = parentOf(entry, facts, active);
    if (!owners.add(entry.id(), this)) {
      events.limit(parent, "parents");
      changeMark(entry, marks.opaque());
      return null;
    }
    boolean kernelHelper = !entry.helperName().isEmpty();
    SessionHelper helper = active.factory().open(facts);
    ParentFlow flow = new ParentFlow(parent, entry, facts, active.entry(), helper, batchNs);
    flows.add(flow);
    if (kernelHelper) {
      events.reason(parent, AgentReason.KERNEL_HELPER, "");
      endReading(flow, AgentReason.KERNEL_HELPER, false);
    }
    return flow;
  }

  private Parent parentOf(ConntrackEntry entry, FlowFacts facts, HelperTable.ActiveHelper active) {
    return new Parent(
        entry.id(),
        active.entry().name(),
        active.entry().id(),
        entry.mark(),
        marks.policyId(entry.mark()),
        facts.client(),
        facts.serverSeenByClient());
  }

  private static FlowFacts factsOf(ConntrackEntry entry, FlowFacts.Origin origin) {
    FlowTuple original = entry.original();
    FlowTuple reply = entry.reply();
    return new FlowFacts(
        Transport.TCP,
        new Endpoint(original.source(), original.sourcePort()),
        new Endpoint(reply.destination(), reply.destinationPort()),
        new Endpoint(reply.source(), reply.sourcePort()),
        new Endpoint(original.destination(), original.destinationPort()),
        origin);
  }

  private void endReading(ParentFlow flow, Reason reason) {
    events.reason(flow.parent(), reason, "");
    // What a broken flow announced is not to be trusted; what an encrypted one announced before is.
    endReading(flow, reason, reason.kind() == Reason.Kind.MALFORMED);
  }

  private void endReading(ParentFlow flow, Reason reason, boolean shut) {
    if (shut) {
      outcomes.endAll(flow, AgentEvent.Kind.CLOSED);
    }
    flow.endReading(reason);
    unreadFlows++;
    if (!mayHaveToRepeat(flow)) {
      changeMark(flow.entry(), marks.opaque()); // the kernel queues it no more
    }
    unreadable.warn(
        flow.parent().serial()
            + " "
            + flow.parent().helper()
            + " "
            + flow.parent().client()
            + " -> "
            + flow.parent().server()
            + ": "
            + reason.word()
            + ", "
            + reason.explanation());
  }

  private void endParent(ParentFlow flow, AgentEvent.Kind kind) {
    flow.parent().end();
    outcomes.endAll(flow, flow.isCleared() ? AgentEvent.Kind.CLEARED : kind);
    flows.remove(flow);
    owners.remove(flow.entry().id(), this);
    if (flow.readingEnded()) {
      unreadFlows--;
    }
  }

  private void changeMark(ConntrackEntry entry, int bit) {
    try {
      conntrack.setMark(entry.original(), bit, bit);
    } catch (NetlinkException e) {
      conntrackFailed(e);
    }
  }

  private void conntrackFailed(NetlinkException e) {
    String message = String.valueOf(e.getMessage());
    conntrackErrors.warn(message);
    events.agent(AgentEvent.Kind.BACKEND_ERROR, "conntrack", message);
  }

  // ---- What others ask, on the worker's thread ----------------------------------------------

  /**
   * Ends a parent and everything that hangs on it. On the worker's thread only.
   *
   * @param conntrackId its conntrack id; unknown ids are ignored
   * @param kind why, for log and counters
   */
  public void endParent(int conntrackId, AgentEvent.Kind kind) {
    ParentFlow flow = flows.find(conntrackId);
    if (flow != null) {
      endParent(flow, kind);
    }
  }

  /**
   * Whether a parent is known and read, and no operator is clearing it. On the worker's thread
   * only.
   *
   * @param conntrackId its conntrack id
   * @return false also if it is known and no longer read
   */
  boolean isRead(int conntrackId) {
    ParentFlow flow = flows.find(conntrackId);
    return flow != null && !flow.readingEnded() && !flow.isCleared();
  }

  /**
   * Ends a parent whose conntrack is said to be gone, unless the kernel has one with the same tuple
   * and id that carries our mark: then what was said was about an earlier connection between the
   * same ports. On the worker's thread only.
   *
   * @param conntrackId its conntrack id; unknown ids are ignored
   * @return true if there was such a parent and it is ended now
   */
  public boolean endParentIfGone(int conntrackId) {
    ParentFlow flow = flows.find(conntrackId);
    if (flow == null || isInKernel(flow.entry())) {
      return false;
    }
    endParent(flow, AgentEvent.Kind.PARENT_CLOSED);
    return true;
  }

  /**
   * After {@code conntrack -F} the next packet of a connection makes a new entry for it, often with
   * the old id (it is made of the tuple and of where the entry lies in memory). Nobody has vetted
   * that one, and its end would not be told, because it has no mark: only a marked one is ours.
   */
  private boolean isInKernel(ConntrackEntry entry) {
    int ours = marks.vetted() | marks.opaque();
    try {
      return conntrack
          .get(entry.original())
          .filter(now -> now.id() == entry.id() && (now.mark() & ours) != 0)
          .isPresent();
    } catch (NetlinkException e) {
      conntrackFailed(e);
      return false;
    }
  }

  /**
   * Ends the parents of helpers that are no longer in force. On the worker's thread only.
   *
   * @return how many
   */
  public int endParentsWithoutHelper() {
    HelperTable now = helpers;
    List<ParentFlow> over = new ArrayList<>();
    for (ParentFlow flow : flows.flows()) {
      HelperTable.ActiveHelper active =
          now.find(flow.helperEntry().transport(), flow.helperEntry().port());
      if (active == null || active.entry().id() != flow.helperEntry().id()) {
        over.add(flow);
      }
    }
    for (ParentFlow flow : over) {
      endParent(flow, AgentEvent.Kind.CLOSED);
    }
    return over.size();
  }

  /**
   * All conntracks of parents. On the worker's thread only.
   *
   * @param filter which ones
   * @return a copy
   */
  public List<ConntrackEntry> entries(ListingFilter filter) {
    List<ConntrackEntry> entries = new ArrayList<>();
    for (ParentFlow flow : flows.flows()) {
      if (filter.matches(
          flow.parent().policyId(), flow.parent().helper(), flow.parent().serial())) {
        entries.add(flow.entry());
      }
    }
    return entries;
  }

  /**
   * Begins to clear parents. They end by {@link #endParent} or when the kernel tells of their end,
   * which it does as soon as their conntracks are deleted; either way they end as cleared. On the
   * worker's thread only.
   *
   * @param filter which ones
   * @return their conntracks, to be deleted
   */
  public List<ConntrackEntry> beginClear(ListingFilter filter) {
    for (ParentFlow flow : flows.flows()) {
      if (filter.matches(
          flow.parent().policyId(), flow.parent().helper(), flow.parent().serial())) {
        flow.clear();
      }
    }
    return entries(filter);
  }

  /**
   * The listing of parents. On the worker's thread only.
   *
   * @param filter which ones
   * @return rows in no order
   */
  public List<SessionRow> sessions(ListingFilter filter) {
    long nowNs = System.nanoTime();
    List<SessionRow> rows = new ArrayList<>();
    for (ParentFlow flow : flows.flows()) {
      if (filter.matches(
          flow.parent().policyId(), flow.parent().helper(), flow.parent().serial())) {
        rows.add(flow.row(nowNs));
      }
    }
    return rows;
  }

  // ---- Text for traces ----------------------------------------------------------------------

  private void traceReceived(FlowTable.End end) {
    tracer.line("received", describePacket());
    tracer.line(
        "session",
        "existing session, direction "
            + word(end.direction())
            + ", policy "
            + end.flow().parent().policyId()
            + (end.flow().readingEnded() ? ", not read" : ""));
  }

  private static String word(Direction direction) {
    return direction == Direction.ORIGINAL ? "original" : "reply";
  }

  private String describePacket() {
    return "TCP "
        + new Endpoint(packet.sourceAddress(), packet.sourcePort())
        + " -> "
        + new Endpoint(packet.destinationAddress(), packet.destinationPort())
        + (packet.has(PacketView.SYN) ? " SYN" : "")
        + (packet.has(PacketView.ACK) ? " ACK" : "")
        + (packet.has(PacketView.FIN) ? " FIN" : "")
        + (packet.has(PacketView.RST) ? " RST" : "")
        + " seq "
        + Integer.toUnsignedString(packet.sequence())
        + ", "
        + packet.payloadLengthBytes()
        + " bytes of payload";
  }
}
