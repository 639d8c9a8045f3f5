package org.pinholed.agent.worker;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.agent.flow.AgentReason;
import org.pinholed.agent.flow.FlowState;
import org.pinholed.agent.flow.FlowTable;
import org.pinholed.agent.flow.HalfOpenFlows;
import org.pinholed.agent.flow.ParentFlow;
import org.pinholed.agent.limit.Limit;
import org.pinholed.agent.metrics.AgentMetrics;
import org.pinholed.agent.nat.TranslatedFlow;
import org.pinholed.agent.pace.SampledLog;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.packet.UnreadableReason;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.SessionRow;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.Reason;
import org.pinholed.helper.SessionHelper;
import org.pinholed.helper.Transport;
import org.pinholed.helper.stream.StreamReason;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.netlink.NetlinkException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The parent flows of one worker: how they begin, are taken over from an earlier agent, stop being
 * read, and end. For the worker's thread only, unless said otherwise; others get there by {@link
 * QueueWorker#post} and {@link QueueWorker#ask}.
 */
public final class WorkerFlows implements LongWork.Checker, ParentSweep.Parents {
  /** {@code TCP_CONNTRACK_SYN_RECV} of {@code nf_conntrack_tcp.h}. */
  private static final int TCP_SYN_RECV = 2;

  /** {@code TCP_CONNTRACK_CLOSE_WAIT} of {@code nf_conntrack_tcp.h}: one side has closed. */
  private static final int TCP_CLOSE_WAIT = 5;

  /** How many rows are looked at for one that may go: those with a pinhole stay. */
  private static final int ROWS_TRIED = 16;

  private static final Logger LOG = LoggerFactory.getLogger(WorkerFlows.class);

  private final QueueWorker worker;
  private final ConntrackClient conntrack;
  private final Outcomes outcomes;
  private final ParentOwners owners;
  private final FlowMarks marks;
  private final MarkBits bits;
  private final AgentEvents events;
  private final AgentMetrics metrics;
  private final FlowTable flows = new FlowTable();
  private final SampledLog unreadable = new SampledLog(LOG, "flow no longer read");
  private final SampledLog overwritten = new SampledLog(LOG, "ct mark of a parent was overwritten");
  private final ParentSweep sweep = new ParentSweep(System.nanoTime());
  private volatile HelperTable helpers;

  /** Rows of flows that are not read, the oldest first. */
  private final Set<ParentFlow> unread = new LinkedHashSet<>();

  private final AtomicInteger lost = new AtomicInteger();

  /**
   * Makes the flows of a worker, none yet.
   *
   * @param worker whose they are
   * @param conntrack its way to conntrack
   * @param outcomes what helpers conclude
   * @param helpers the helpers in force
   * @param owners who reads which parent, shared
   * @param marks writes what is known of a flow into its conntrack mark
   * @param bits of that mark
   * @param events log and counters, shared
   * @param metrics counters, shared
   */
  WorkerFlows(
      QueueWorker worker,
      ConntrackClient conntrack,
      Outcomes outcomes,
      HelperTable helpers,
      ParentOwners owners,
      FlowMarks marks,
      MarkBits bits,
      AgentEvents events,
      AgentMetrics metrics) {
    this.worker = worker;
    this.conntrack = conntrack;
    this.outcomes = outcomes;
    this.helpers = helpers;
    outcomes.refuseHelperPorts((transport, port) -> this.helpers.find(transport, port) != null);
    this.owners = owners;
    this.marks = marks;
    this.bits = bits;
    this.events = events;
    this.metrics = metrics;
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
   * How much a helper may cost.
   *
   * @return the limits in force
   */
  HelperLimits limits() {
    return helpers.limits();
  }

  /**
   * Finds the flow of a packet.
   *
   * @param packet the packet
   * @return the flow and the packet's direction; null if it is not known
   */
  FlowTable.@Nullable End find(PacketView packet) {
    return flows.find(packet);
  }

  /**
   * Flows that are read.
   *
   * @return a number
   */
  int read() {
    return flows.size() - unread.size();
  }

  /**
   * Flows that are known and no longer read.
   *
   * @return a number
   */
  int unread() {
    return unread.size();
  }

  /**
   * A SYN+ACK carries both initial sequence numbers: the flow can be read from its first byte.
   * Until that comes these numbers are all that is kept.
   *
   * <p>But only one that conntrack takes for the answer to a SYN. Others pass by here too
   * (nf_conntrack_proto_tcp.c ignores a SYN+ACK in most states, it does not drop it), and a server
   * could send them to make the agent begin in the middle of what the client sends, where a line
   * looks like a command: NAT slipstreaming.
   *
   * <p>Conntrack uses the entry of an earlier connection again when it has ignored the SYN: then
   * its mark still says what that one was.
   *
   * @param packet the SYN+ACK
   * @param known the flow of its ports, if there is one already
   * @param nowNs {@link System#nanoTime}
   * @return what is known of the flow if it begins now, else null
   */
  @Nullable Parent begin(PacketView packet, FlowTable.@Nullable End known, long nowNs) {
    ParentFlow before = known == null ? null : known.flow();
    if (before != null && before.beganWith(packet.sequence())) {
      before.packetSeen(nowNs);
      marks.proveAgain(before);
      if (packet.payloadLengthBytes() > 0 && before.waitsForFirstByte()) {
        // Sent again, this time with bytes: it may be the only one that arrives.
        endReading(before, AgentReason.FAST_OPEN);
        marks.beginUnseen(before.entry());
      }
      return null;
    }
    ConntrackEntry entry = conntrackOf(packet);
    if (entry == null
        || entry.tcpState() != TCP_SYN_RECV
        || !tupleBehind(packet).equals(entry.original())) { // not from the server
      if (before != null) {
        marks.proveAgain(before);
      }
      return null;
    }
    if (before != null) {
      // That it has all the same numbers says nothing, the next entry for the same tuple often has
      // the same id. But a flow that went on since its SYN+ACK cannot come back to this state.
      if (before.parent().identity().equals(entry.identity()) && before.waitsForFirstByte()) {
        return null;
      }
      end(before, AgentEvent.Kind.PARENT_CLOSED); // the ports are used again
    }
    HelperTable.ActiveHelper active = helperOf(entry);
    if (active == null || marks.isChild(entry)) {
      return null;
    }
    HalfOpenFlows.Beginning held = owners.halfOpen().find(entry);
    if (held != null
        && marks.isVetted(entry)
        && (held.serverInitial() != packet.sequence() || packet.payloadLengthBytes() == 0)) {
      return null; // sent again, or forged: a new connection has an entry without our bit
    }
    if (marks.isBegunUnseen(entry)
        || packet.payloadLengthBytes() > 0
        || (before != null && before.hasSynWithData())) {
      owners.halfOpen().take(entry);
      addUnread(entry, active, AgentReason.FAST_OPEN, nowNs);
      return null;
    }
    if (marks.isVetted(entry) && !marks.isOpaque(entry) && (before == null || !before.hasBegun())) {
      // The entry is of an earlier connection, and the SYN may have come, with bytes, while no
      // agent was there to see it.
      addUnread(entry, active, AgentReason.MID_STREAM, nowNs);
      return null;
    }
    if (hasKernelHelper(entry)) {
      addUnread(entry, active, AgentReason.KERNEL_HELPER, nowNs);
      return null;
    }
    limited(owners.halfOpen().add(entry, packet.acknowledgement() - 1, packet.sequence()));
    marks.begin(entry);
    return parentOf(entry, factsOf(entry, FlowFacts.Origin.FIRST_BYTE), active);
  }

  private void limited(int flowsLost) {
    for (int i = 0; i < flowsLost; i++) {
      metrics.limit(Limit.HALF_OPEN);
    }
  }

  /** The first byte of a flow whose beginning was seen. */
  private @Nullable ParentFlow readFromFirstByte(
      ConntrackEntry entry,
      HelperTable.ActiveHelper active,
      HalfOpenFlows.Beginning beginning,
      long nowNs) {
    ParentFlow flow = newFlow(entry, active, FlowFacts.Origin.FIRST_BYTE, nowNs);
    flow.startStreams(beginning.clientInitial(), beginning.serverInitial(), helpers.limits());
    if (beginning.synWithData()) {
      flow.noteSynWithData();
    }
    return add(flow) ? flow : null;
  }

  /**
   * A SYN with bytes, which the diversion gives to the agent only if conntrack has a readable flow
   * of the same ports. It may be forged, so it ends nothing; but what its answer begins has bytes
   * that were not read.
   *
   * @param packet the SYN
   * @param known the flow of its ports, if there is one
   */
  void noteSynWithData(PacketView packet, FlowTable.@Nullable End known) {
    if (known != null) {
      known.flow().noteSynWithData();
      return;
    }
    ConntrackEntry entry = conntrackOf(packet);
    if (entry != null
        && !marks.isChild(entry)
        && helperOf(entry) != null
        && !owners.halfOpen().noteSynWithData(entry)) {
      marks.beginUnseen(entry);
    }
  }

  /**
   * A packet of a flow that is not known here. If its beginning was seen this is its first byte. It
   * may be resumed if an earlier agent saw it proven; else nothing in it proves anything, and the
   * kernel need not queue it any more.
   *
   * @param packet the packet
   * @param nowNs {@link System#nanoTime}
   * @return where the flow is in the table now; null if it is not
   */
  FlowTable.@Nullable End adopt(PacketView packet, long nowNs) {
    ConntrackEntry entry = conntrackOf(packet);
    if (entry == null || marks.isChild(entry) || marks.isOpaque(entry)) {
      return null;
    }
    HelperTable.ActiveHelper active = helperOf(entry);
    if (active == null) {
      return null;
    }
    if (!isAlive(entry)) { // the last words of a flow that is ending
      marks.distrust(entry);
      return null;
    }
    HalfOpenFlows.Beginning beginning = owners.halfOpen().take(entry);
    if (beginning != null) {
      ParentFlow flow = readFromFirstByte(entry, active, beginning, nowNs);
      return flow == null ? null : flows.find(packet);
    }
    AgentReason refusal = refusalToResume(entry);
    ParentFlow flow =
        refusal == null ? resume(entry, active, nowNs) : addUnread(entry, active, refusal, nowNs);
    if (flow != null && refusal == null) {
      lookOnceMore(flow);
    }
    return flow == null ? null : flows.find(packet);
  }

  private @Nullable AgentReason refusalToResume(ConntrackEntry entry) {
    if (hasKernelHelper(entry)) {
      return AgentReason.KERNEL_HELPER;
    }
    if (marks.isResumable(entry)) {
      return null;
    }
    return marks.isVetted(entry) ? AgentReason.NOT_PROVEN : AgentReason.MID_STREAM;
  }

  /**
   * Whether at least one side may still send: the states that begin with its second FIN are not.
   */
  private static boolean isAlive(ConntrackEntry entry) {
    return entry.tcpState() >= TCP_SYN_RECV && entry.tcpState() <= TCP_CLOSE_WAIT;
  }

  private static boolean hasKernelHelper(ConntrackEntry entry) {
    return entry.hasHelper();
  }

  /** Goes on with a proven flow at its next line. */
  private @Nullable ParentFlow resume(
      ConntrackEntry entry, HelperTable.ActiveHelper active, long nowNs) {
    ParentFlow flow = newFlow(entry, active, FlowFacts.Origin.RESUMED, nowNs);
    flow.prove();
    inheritTranslation(flow);
    return add(flow) ? flow : null;
  }

  /** Lists a flow that is never read, with the reason. */
  private @Nullable ParentFlow addUnread(
      ConntrackEntry entry, HelperTable.ActiveHelper active, AgentReason reason, long nowNs) {
    FlowFacts facts = factsOf(entry, FlowFacts.Origin.RESUMED);
    ParentFlow flow =
        newFlow(parentOf(entry, facts, active), entry, facts, active.entry(), null, nowNs);
    if (!add(flow)) {
      return null;
    }
    if (reason == AgentReason.FAST_OPEN) {
      marks.beginUnseen(entry);
    } else {
      marks.distrust(entry);
    }
    events.reason(flow.parent(), reason, "");
    stopReading(flow, reason);
    return flow;
  }

  /**
   * Its end may have been told before anybody knew that it is ours; then nobody tells again.
   *
   * @param flow one whose conntrack was there a moment ago
   */
  private void lookOnceMore(ParentFlow flow) {
    worker.endIfGone(flow.parent().identity(), false);
  }

  private void inheritTranslation(ParentFlow flow) {
    TranslatedFlow translation = flow.translation();
    if (translation != null) {
      try {
        translation.inherit(conntrack);
      } catch (NetlinkException e) {
        marks.failed(e);
      }
    }
  }

  /**
   * Takes over a parent that an agent before this one vetted. If that one handed its state over,
   * reading goes on at the very next byte; else at the next line, but only if the flow is proven.
   * What can neither be restored nor resumed is untrusted until it begins anew. On the worker's
   * thread, or before that runs.
   *
   * @param entry its conntrack, with the vetted bit
   * @param state what that agent said of it; null if it said nothing
   * @param beginning how it began, if it had not sent a byte yet; null else
   * @return the flow; null if it is ending or untrusted, has not sent a byte yet, no helper of
   *     today reads it, or there are too many
   */
  public @Nullable ParentFlow takeOver(
      ConntrackEntry entry,
      @Nullable FlowState state,
      HalfOpenFlows.@Nullable Beginning beginning) {
    HelperTable.ActiveHelper active = helperOf(entry);
    boolean alive = isAlive(entry);
    long nowNs = System.nanoTime();
    if (active != null && alive && marks.isOpaque(entry)) {
      return takeOverUnread(entry, active, nowNs);
    }
    if (active == null || !alive || hasKernelHelper(entry)) {
      marks.distrust(entry);
      return null;
    }
    if (beginning != null) {
      limited(owners.halfOpen().restore(entry, beginning));
      return null;
    }
    if (state != null) {
      ParentFlow flow = newFlow(entry, active, state.origin(), nowNs);
      inheritTranslation(flow);
      if (flow.restore(state, helpers.limits())) {
        if (marks.isResumable(entry)) {
          flow.prove();
        }
        return add(flow) ? flow : null;
      }
      flow.close();
    }
    if (marks.isResumable(entry)) {
      return resume(entry, active, nowNs);
    }
    marks.distrust(entry);
    return null;
  }

  private @Nullable ParentFlow takeOverUnread(
      ConntrackEntry entry, HelperTable.ActiveHelper active, long nowNs) {
    FlowFacts facts = factsOf(entry, FlowFacts.Origin.RESUMED);
    ParentFlow flow =
        newFlow(parentOf(entry, facts, active), entry, facts, active.entry(), null, nowNs);
    if (!add(flow)) {
      return null;
    }
    flow.endReading(AgentReason.OPAQUE_BEFORE);
    addRow(flow);
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
  private static FlowTuple tupleBehind(PacketView packet) {
    FlowTuple tuple =
        new FlowTuple(
            packet.protocol(),
            packet.sourceAddress(),
            packet.sourcePort(),
            packet.destinationAddress(),
            packet.destinationPort());
    return tuple.inverse();
  }

  private @Nullable ConntrackEntry conntrackOf(PacketView packet) {
    try {
      Optional<ConntrackEntry> entry = conntrack.get(tupleBehind(packet));
      if (entry.isEmpty()) {
        metrics.unreadablePacket(UnreadableReason.NO_CONNTRACK);
        return null;
      }
      return entry.get();
    } catch (NetlinkException e) {
      marks.failed(e);
      return null;
    }
  }

  private HelperTable.@Nullable ActiveHelper helperOf(ConntrackEntry entry) {
    return helpers.find(Transport.TCP, entry.original().destinationPort());
  }

  private ParentFlow newFlow(
      ConntrackEntry entry, HelperTable.ActiveHelper active, FlowFacts.Origin origin, long nowNs) {
    FlowFacts facts = factsOf(entry, origin);
    SessionHelper helper = active.factory().open(facts);
    return newFlow(parentOf(entry, facts, active), entry, facts, active.entry(), helper, nowNs);
  }

  /** Puts a flow into the table; one for which there is no room is untrusted. */
  private boolean add(ParentFlow flow) {
    for (ParentFlow stale : flows.withTuplesOf(flow.entry())) {
      end(stale, AgentEvent.Kind.PARENT_CLOSED); // its conntrack is gone: the tuple is another's
    }
    if (flow.helper() != null) {
      Limit reached = owners.takePlace(flow.facts().client().address());
      if (reached != null) {
        events.limit(flow.parent(), reached);
        marks.distrust(flow.entry());
        flow.close();
        return false;
      }
    }
    owners.put(flow.parent().identity(), worker);
    flows.add(flow);
    return true;
  }

  /** Keeps a flow that is not read for the listing; if there are too many, an older one goes. */
  private void addRow(ParentFlow flow) {
    unread.add(flow);
    if (!owners.changeUnread(1)) {
      return;
    }
    Iterator<ParentFlow> oldest = unread.iterator();
    for (int tries = 0; tries < ROWS_TRIED && oldest.hasNext(); tries++) {
      ParentFlow row = oldest.next();
      if (row.parent().waiting() == 0 && !row.mayHaveToRepeat()) {
        row.parent().end();
        flows.remove(row);
        owners.remove(row.parent().identity(), worker);
        oldest.remove();
        owners.changeUnread(-1);
        return;
      }
    }
  }

  private ParentFlow newFlow(
      Parent parent,
      ConntrackEntry entry,
      FlowFacts facts,
      HelperEntry helperEntry,
      @Nullable SessionHelper helper,
      long nowNs) {
    return new ParentFlow(
        parent, entry, facts, helperEntry, helper, owners.buffered(), this::giveWay, nowNs);
  }

  /** Others need the memory that the streams of a flow keep. From any thread. */
  private void giveWay(ParentFlow flow) {
    worker.post(
        () -> {
          if (!flow.readingEnded() && !flow.parent().hasEnded()) {
            endReading(flow, StreamReason.BUFFER_BUDGET);
          }
        });
  }

  private Parent parentOf(ConntrackEntry entry, FlowFacts facts, HelperTable.ActiveHelper active) {
    return new Parent(
        entry.identity(),
        active.entry().name(),
        active.entry().id(),
        entry.mark(),
        bits.policyId(entry.mark()),
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

  /**
   * Ends the reading of a flow for what was found in it.
   *
   * @param flow it stays in the table
   * @param reason why
   */
  void endReading(ParentFlow flow, Reason reason) {
    events.reason(flow.parent(), reason, "");
    // What a broken flow announced is not to be trusted; what an encrypted one announced before is.
    endReading(flow, reason, reason.kind() == Reason.Kind.MALFORMED);
  }

  /**
   * Ends the reading of a flow.
   *
   * @param flow it stays in the table
   * @param reason why
   * @param shut whether its pinholes are shut, too
   */
  void endReading(ParentFlow flow, Reason reason, boolean shut) {
    if (shut) {
      outcomes.endAll(flow, AgentEvent.Kind.CLOSED);
      TranslatedFlow translation = flow.translation();
      if (translation != null) {
        translation.cancelPlanned(); // it would announce what is shut
      }
    }
    if (flow.mayHaveToRepeat()) {
      marks.disprove(flow.entry());
    } else {
      marks.endReading(flow.entry());
    }
    stopReading(flow, reason);
  }

  private void stopReading(ParentFlow flow, Reason reason) {
    if (flow.helper() != null) {
      owners.givePlaceBack(flow.facts().client().address());
    }
    flow.endReading(reason);
    addRow(flow);
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

  /**
   * Ends a parent by what its sides said or an operator did, while its conntrack may live on: what
   * comes on it from now on is not believed.
   *
   * @param flow leaves the table
   * @param kind why, for log and counters
   */
  void endAndDistrust(ParentFlow flow, AgentEvent.Kind kind) {
    end(flow, kind);
    marks.distrust(flow.entry());
  }

  /**
   * Ends a parent and everything that hangs on it.
   *
   * @param flow leaves the table
   * @param kind why, for log and counters
   */
  private void end(ParentFlow flow, AgentEvent.Kind kind) {
    flow.parent().end();
    flow.close();
    outcomes.endAll(flow, flow.isCleared() ? AgentEvent.Kind.CLEARED : kind);
    flows.remove(flow);
    owners.remove(flow.parent().identity(), worker);
    if (flow.helper() != null) {
      owners.givePlaceBack(flow.facts().client().address());
    }
    if (unread.remove(flow)) {
      owners.changeUnread(-1);
    }
  }

  /**
   * Has the kernel queue no more packets of a flow that is not read any more.
   *
   * @param flow the flow
   */
  void queueNoMore(ParentFlow flow) {
    marks.endReading(flow.entry());
  }

  /**
   * Whether a parent is read, neither side has closed, and no operator is clearing it.
   *
   * @param flow one that is known
   * @return false also if it is no longer read
   */
  private static boolean isRead(ParentFlow flow) {
    return !flow.readingEnded()
        && !flow.isCleared()
        && !flow.isClosed(Direction.ORIGINAL)
        && !flow.isClosed(Direction.REPLY);
  }

  /**
   * Ends a parent whose conntrack is said to be gone, unless the kernel has one with the same tuple
   * and id that carries our mark: then what was said was about an earlier connection between the
   * same ports. Counts it as lost if it was not closed before.
   *
   * @param check which; unknown ones are ignored
   */
  @Override
  public void check(LongWork.Check check) {
    ParentFlow flow = flows.find(check.identity());
    if (flow != null) {
      checkGone(flow, check.closed());
    }
  }

  /** As {@link #check}; answers whether it is ended now. */
  boolean checkGone(ParentFlow flow, boolean closed) {
    if (isInKernel(flow)) {
      return false;
    }
    endGone(flow, closed);
    return true;
  }

  private void endGone(ParentFlow flow, boolean closed) {
    if (isRead(flow) && !closed) {
      lost.incrementAndGet();
    }
    end(flow, AgentEvent.Kind.PARENT_CLOSED);
  }

  /**
   * Parents that were being read when the kernel took their conntracks away, with neither FIN nor
   * RST before. From any thread.
   *
   * @return a count since the start, modulo 2^32
   */
  int lost() {
    return lost.get();
  }

  /** Looks for some parents in the kernel, if it is time. */
  void sweep(long nowNs) {
    sweep.turn(nowNs, this);
  }

  @Override
  public List<ConntrackEntry> entries() {
    return entries(ListingFilter.ALL);
  }

  /**
   * Looks for a parent of which nothing was told. An entry without our bits is not taken for
   * another one, as after an event: a rule may have taken them out.
   */
  @Override
  @SuppressWarnings("ReferenceEquality") // a flow that began since with the same numbers is another
  public void look(ConntrackEntry entry) {
    ParentFlow flow = flows.find(entry.identity());
    if (flow == null || flow.entry() != entry) {
      return;
    }
    try {
      Optional<ConntrackEntry> now = find(flow);
      if (now.isEmpty()) {
        endGone(flow, false);
      } else if (!marks.isOurs(now.get())) {
        putMarkBack(flow);
      }
    } catch (NetlinkException e) {
      marks.failed(e); // looked for again in the next round
    }
  }

  /**
   * All flows.
   *
   * @return a copy
   */
  List<ParentFlow> all() {
    return new ArrayList<>(flows.flows());
  }

  /**
   * Puts our bits back into the mark of a parent, from which another rule took them.
   *
   * @param identity which conntrack it is; unknown ones are ignored
   */
  void putMarkBack(ConntrackIdentity identity) {
    ParentFlow flow = flows.find(identity);
    if (flow != null) {
      putMarkBack(flow);
    }
  }

  private void putMarkBack(ParentFlow flow) {
    // After conntrack -F the next entry of a flow has no bits either: it is not believed, and its
    // parent is about to be ended.
    if (worker.hasChecks()) {
      return;
    }
    marks.putBack(flow);
    overwritten.warn(
        flow.parent().serial()
            + " "
            + flow.parent().client()
            + " -> "
            + flow.parent().server()
            + ": a rule sets the whole mark after the first packet; it should match ct state new");
    events.marksPutBack(flow.parent());
  }

  /**
   * After {@code conntrack -F} the next packet of a connection makes a new entry for it, often with
   * the old id (it is made of the tuple and of where the entry lies in memory). Nobody has vetted
   * that one, and its end would not be told, because it has no mark: only a marked one is ours.
   */
  private boolean isInKernel(ParentFlow flow) {
    try {
      return find(flow).filter(marks::isOurs).isPresent();
    } catch (NetlinkException e) {
      marks.failed(e);
      return false;
    }
  }

  /** The conntrack of a flow as it is now; empty if it is gone or another one has its tuple. */
  private Optional<ConntrackEntry> find(ParentFlow flow) throws NetlinkException {
    return conntrack
        .get(flow.entry().original())
        .filter(now -> now.identity().equals(flow.parent().identity()));
  }

  /**
   * Ends the parents of helpers that are no longer in force. What they say from now on is not seen,
   * so they are not resumed when such a helper is in force again.
   *
   * @return how many
   */
  public int endWithoutHelper() {
    return endWithoutHelper(all());
  }

  int endWithoutHelper(List<ParentFlow> some) {
    HelperTable now = helpers;
    List<ParentFlow> over = new ArrayList<>();
    for (ParentFlow flow : some) {
      HelperTable.ActiveHelper active =
          now.find(flow.helperEntry().transport(), flow.helperEntry().port());
      if (active == null || active.entry().id() != flow.helperEntry().id()) {
        over.add(flow);
      }
    }
    for (ParentFlow flow : over) {
      endAndDistrust(flow, AgentEvent.Kind.CLOSED);
    }
    return over.size();
  }

  /**
   * All conntracks of parents.
   *
   * @param filter which ones
   * @return a copy
   */
  public List<ConntrackEntry> entries(ListingFilter filter) {
    List<ConntrackEntry> entries = new ArrayList<>();
    entries(all(), filter, entries);
    return entries;
  }

  static void entries(List<ParentFlow> some, ListingFilter filter, List<ConntrackEntry> into) {
    for (ParentFlow flow : some) {
      if (matches(filter, flow)) {
        into.add(flow.entry());
      }
    }
  }

  /**
   * Begins to clear parents. They end by {@link QueueWorkers#endParents} or when the kernel tells
   * of their end, which it does as soon as their conntracks are deleted; either way they end as
   * cleared.
   *
   * @param filter which ones
   * @return their conntracks, to be deleted
   */
  public List<ConntrackEntry> beginClear(ListingFilter filter) {
    List<ConntrackEntry> entries = new ArrayList<>();
    beginClear(all(), filter, entries);
    return entries;
  }

  static void beginClear(List<ParentFlow> some, ListingFilter filter, List<ConntrackEntry> into) {
    for (ParentFlow flow : some) {
      if (matches(filter, flow)) {
        flow.clear();
        into.add(flow.entry());
      }
    }
  }

  /**
   * The listing of parents.
   *
   * @param filter which ones
   * @return rows in no order
   */
  public List<SessionRow> sessions(ListingFilter filter) {
    List<SessionRow> rows = new ArrayList<>();
    sessions(all(), filter, rows);
    return rows;
  }

  static void sessions(List<ParentFlow> some, ListingFilter filter, List<SessionRow> into) {
    long nowNs = System.nanoTime();
    for (ParentFlow flow : some) {
      if (matches(filter, flow)) {
        into.add(flow.row(nowNs));
      }
    }
  }

  private static boolean matches(ListingFilter filter, ParentFlow flow) {
    Parent parent = flow.parent();
    return filter.matches(parent.policyId(), parent.helper(), parent.serial());
  }
}
