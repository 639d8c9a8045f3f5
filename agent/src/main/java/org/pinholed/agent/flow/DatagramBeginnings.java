package org.pinholed.agent.flow;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.metrics.AgentMetrics;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.packet.UnreadableReason;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.helper.FlowFacts;
import org.pinholed.kernel.conntrack.Conntrack;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nfqueue.QueuedPacketView;

/**
 * What becomes of datagrams whose flow is not in the table. For the worker's thread only.
 *
 * <p>A flow begins at the first datagram that is seen of it. While that is in the queue its
 * conntrack is not in the kernel's table yet: the flow is read with what is known, and looked up
 * when the datagram has passed ({@link #confirm}). Only then its identity is certain, and only then
 * it can be marked, so that the kernel tells of its end (docs/adr/0010).
 */
public final class DatagramBeginnings {
  /**
   * After so much silence a flow is looked up before its next datagram is read: its conntrack may
   * be over, and the datagram the first one of another. The kernel tells of that too, but on
   * another socket. One that is translated is looked up each time: the other one may go the other
   * way, and then each of its addresses would be taken for the opposite one.
   */
  static final long SILENCE_NS = 5_000_000_000L;

  /** How long a conntrack may take to come into the table: another queue may be behind ours. */
  private static final long PATIENCE_NS = 1_000_000_000L;

  private final FlowOwner owner;
  private final FlowMaker maker;
  private final WorkerFlows flows;
  private final FlowFinder finder;
  private final Conntrack conntrack;
  private final ParentLookup lookup;
  private final IntPredicate mine;
  private final FlowMarks marks;
  private final AgentEvents events;
  private final AgentMetrics metrics;

  /** Flows whose first datagram got its verdict in this turn, or is about to. */
  private final List<Flow> fresh = new ArrayList<>();

  /** Flows that were looked for and not found yet, the longest first. */
  private final ArrayDeque<Late> late = new ArrayDeque<>();

  private record Late(Flow flow, long sinceNs) {}

  /**
   * Makes it.
   *
   * @param owner whose flows they are
   * @param maker makes them
   * @param flows gets them
   * @param finder finds their conntracks
   * @param conntrack the worker's own way to conntrack
   * @param lookup tells what became of the flow of the datagram that is being read
   * @param mine tells by a conntrack id whether its packets come to this worker's queue
   * @param marks writes what is known of a flow into its conntrack mark
   * @param events log and counters, shared
   * @param metrics counters, shared
   */
  public DatagramBeginnings(
      FlowOwner owner,
      FlowMaker maker,
      WorkerFlows flows,
      FlowFinder finder,
      Conntrack conntrack,
      ParentLookup lookup,
      IntPredicate mine,
      FlowMarks marks,
      AgentEvents events,
      AgentMetrics metrics) {
    this.owner = owner;
    this.maker = maker;
    this.flows = flows;
    this.finder = finder;
    this.conntrack = conntrack;
    this.lookup = lookup;
    this.mine = mine;
    this.marks = marks;
    this.events = events;
    this.metrics = metrics;
  }

  /**
   * Whether a flow is still the one that its packets say. Asks the kernel if it is translated, or
   * after a silence; one that is over is ended.
   *
   * @param flow a flow of datagrams that is known
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @return false if it is over, and the packet another one's
   */
  public boolean isStill(Flow flow, long nowNs) {
    boolean mayBeOver = flow.isTranslated() || flow.silentNs(nowNs) >= SILENCE_NS;
    if (!mayBeOver || !flow.isConfirmed() || lookup.of(flow) != ParentLookup.Answer.GONE) {
      return true;
    }
    flows.end(flow, AgentEvent.Kind.PARENT_CLOSED);
    return false;
  }

  /**
   * A datagram of a flow that is not known here: it begins, or goes on where an agent before this
   * one read it.
   *
   * @param packet the datagram
   * @param queued what the kernel says of it besides
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @return where the flow is in the table now; null if it is not read
   */
  public FlowTable.@Nullable End begin(PacketView packet, QueuedPacketView queued, long nowNs) {
    FlowFinder.Found found = find(packet, queued);
    if (found == null) {
      return null;
    }
    ConntrackEntry entry = found.entry();
    if (marks.isOpaque(entry)) {
      return null; // the mark came while it was in the queue
    }
    FlowMaker.Reader reader = maker.readerOf(entry);
    if (reader == null) {
      metrics.unreadablePacket(UnreadableReason.NO_HELPER);
      return null;
    }
    AgentReason refusal = maker.refusal(entry);
    if (refusal != null) {
      refuse(entry, reader, refusal, nowNs);
      return null;
    }
    FlowFacts.Origin origin =
        found.confirmed() ? FlowFacts.Origin.RESUMED : FlowFacts.Origin.FIRST_BYTE;
    PacketWay way = FlowBeginnings.wayOf(packet, queued, entry);
    Flow flow = maker.read(entry, reader, origin, way, nowNs);
    if ((entry.status() & ConntrackEntry.IPS_SEEN_REPLY) != 0) {
      flow.parent().answered();
    }
    if (!found.confirmed()) {
      flow.awaitConfirmation();
    }
    if (!flows.add(flow)) {
      return null; // it is counted, and tried again at its next datagram: there may be room then
    }
    if (!found.confirmed()) {
      fresh.add(flow);
    } else {
      if (!marks.isVetted(entry)) {
        marks.begin(entry);
      }
      // Its end may have been told before anybody knew that it is ours; then nobody tells again.
      owner.endIfGone(flow.parent().identity(), false);
    }
    return flows.find(packet);
  }

  private FlowFinder.@Nullable Found find(PacketView packet, QueuedPacketView queued) {
    try {
      FlowFinder.Found found = finder.find(packet, queued);
      if (found == null) {
        metrics.unreadablePacket(UnreadableReason.NO_CONNTRACK);
      }
      return found;
    } catch (IOException e) {
      marks.failed(e);
      return null;
    }
  }

  /** Lists a flow that is never read. */
  private void refuse(
      ConntrackEntry entry, FlowMaker.Reader reader, AgentReason reason, long nowNs) {
    Flow flow = maker.unread(entry, reader, nowNs);
    if (flows.add(flow)) {
      events.reason(flow.parent(), reason, "");
      flows.stopReading(flow, reason);
    }
    marks.distrust(entry);
  }

  /**
   * Looks up the flows whose first datagram has got its verdict. To be called when the verdicts of
   * a batch are sent, and once more before the flows are handed over.
   *
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  public void confirm(long nowNs) {
    while (!late.isEmpty() && nowNs - late.getFirst().sinceNs() >= PATIENCE_NS) {
      Flow flow = late.removeFirst().flow();
      if (!flow.parent().hasEnded() && !isConfirmedNow(flow)) {
        flows.end(flow, AgentEvent.Kind.PARENT_CLOSED); // its datagram was dropped, by us or others
      }
    }
    if (fresh.isEmpty()) {
      return;
    }
    for (Flow flow : fresh) {
      if (!flow.parent().hasEnded() && !isConfirmedNow(flow)) {
        late.addLast(new Late(flow, nowNs));
      }
    }
    fresh.clear();
  }

  /** Looks for the conntrack of a flow; false if it is not there, or the kernel does not answer. */
  private boolean isConfirmedNow(Flow flow) {
    try {
      // By the reply tuple: that is what its packet says, however it was translated.
      Optional<ConntrackEntry> found = conntrack.get(flow.entry().reply());
      if (found.isEmpty() && !maker.readsTranslated()) {
        found = conntrack.get(flow.entry().original());
      }
      if (found.isEmpty()) {
        return false;
      }
      confirm(flow, found.get());
      return true;
    } catch (NetlinkException e) {
      marks.failed(e);
      return false;
    }
  }

  private void confirm(Flow flow, ConntrackEntry entry) {
    if (!entry.original().equals(flow.entry().original())
        || (entry.status() & ConntrackEntry.IPS_NAT_CLASH) != 0
        || !mine.test(entry.id())) {
      // It lost against another one that began at the same time. Its packets are that one's from
      // now on, and perhaps another worker's.
      flows.end(flow, AgentEvent.Kind.PARENT_CLOSED);
      return;
    }
    flows.confirm(flow, entry);
    AgentReason refusal = maker.refusal(entry);
    if (refusal != null && !flow.readingEnded()) {
      events.reason(flow.parent(), refusal, "");
      flows.endReading(flow, refusal, true);
    } else if (!marks.putBack(flow)) {
      flows.end(flow, AgentEvent.Kind.PARENT_CLOSED);
    }
    flow.keepFirstOwned();
  }
}
