package org.pinholed.agent.flow;

import java.io.IOException;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.agent.limit.Limit;
import org.pinholed.agent.metrics.AgentMetrics;
import org.pinholed.agent.nat.TranslatedFlow;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.packet.UnreadableReason;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.helper.Direction;
import org.pinholed.helper.FlowFacts;
import org.pinholed.kernel.conntrack.Conntrack;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nfqueue.QueuedPacketView;

/**
 * What becomes of packets whose flow is not in the table: it begins, goes on where an agent before
 * this one read it, or is never read. For the worker's thread only.
 */
public final class FlowBeginnings {
  private final FlowOwner owner;
  private final FlowMaker maker;
  private final FlowTakeover takeover;
  private final WorkerFlows flows;
  private final FlowFinder finder;
  private final Conntrack conntrack;
  private final ParentOwners owners;
  private final FlowMarks marks;
  private final AgentEvents events;
  private final AgentMetrics metrics;

  /**
   * Makes it.
   *
   * @param owner whose flows they are
   * @param maker makes them
   * @param takeover knows those that an earlier agent left
   * @param flows gets them
   * @param finder finds the conntracks of packets
   * @param conntrack the worker's own way to conntrack
   * @param owners has the half-open ones, shared
   * @param marks writes what is known of a flow into its conntrack mark
   * @param events log and counters, shared
   * @param metrics counters, shared
   */
  public FlowBeginnings(
      FlowOwner owner,
      FlowMaker maker,
      FlowTakeover takeover,
      WorkerFlows flows,
      FlowFinder finder,
      Conntrack conntrack,
      ParentOwners owners,
      FlowMarks marks,
      AgentEvents events,
      AgentMetrics metrics) {
    this.owner = owner;
    this.maker = maker;
    this.takeover = takeover;
    this.flows = flows;
    this.finder = finder;
    this.conntrack = conntrack;
    this.owners = owners;
    this.marks = marks;
    this.events = events;
    this.metrics = metrics;
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
   * @param queued what the kernel says of it besides
   * @param known the flow of its ports, if there is one already
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @return what is known of the flow if it begins now, else null
   */
  public @Nullable Parent begin(
      PacketView packet, QueuedPacketView queued, FlowTable.@Nullable End known, long nowNs) {
    Flow before = known == null ? null : known.flow();
    if (before != null && before.reading().beganWith(packet.sequence())) {
      before.packetSeen(nowNs);
      marks.proveAgain(before);
      if (packet.payloadLengthBytes() > 0 && before.waitsForFirstByte()) {
        // Sent again, this time with bytes: it may be the only one that arrives.
        flows.endReading(before, AgentReason.FAST_OPEN);
        marks.beginUnseen(before.entry());
      }
      return null;
    }
    ConntrackEntry entry = conntrackOf(packet, queued);
    if (entry == null
        || entry.tcpState() != ConntrackEntry.TCP_SYN_RECV
        || directionOf(packet, entry) != Direction.REPLY) {
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
      flows.end(before, AgentEvent.Kind.PARENT_CLOSED); // the ports are used again
    }
    FlowMaker.Reader reader = maker.readerOf(entry);
    if (reader == null) {
      return null;
    }
    HalfOpenFlows.Beginning held = owners.halfOpen().find(entry);
    if (held != null
        && marks.isVetted(entry)
        && (held.serverInitial() != packet.sequence() || packet.payloadLengthBytes() == 0)) {
      return null; // sent again, or forged: a new connection has an entry without our bit
    }
    takeover.takeDistrusted(entry); // no more: another connection begins
    if (marks.isBegunUnseen(entry)
        || packet.payloadLengthBytes() > 0
        || (before != null && before.reading().hasSynWithData())) {
      owners.halfOpen().take(entry);
      addUnread(entry, reader, AgentReason.FAST_OPEN, nowNs);
      return null;
    }
    if (marks.isVetted(entry)
        && !marks.isOpaque(entry)
        && (before == null || !before.reading().hasBegun())) {
      // The entry is of an earlier connection, and the SYN may have come, with bytes, while no
      // agent was there to see it.
      addUnread(entry, reader, AgentReason.MID_STREAM, nowNs);
      return null;
    }
    AgentReason refusal = maker.refusal(entry);
    if (refusal != null) {
      addUnread(entry, reader, refusal, nowNs);
      return null;
    }
    for (int lost = owners.halfOpen().add(entry, packet.acknowledgement() - 1, packet.sequence());
        lost > 0;
        lost--) {
      metrics.limit(Limit.HALF_OPEN);
    }
    marks.begin(entry);
    return maker.parentOf(entry, reader);
  }

  /** The first byte of a flow whose beginning was seen. */
  private @Nullable Flow readFromFirstByte(
      ConntrackEntry entry,
      FlowMaker.Reader reader,
      HalfOpenFlows.Beginning beginning,
      PacketWay way,
      long nowNs) {
    Flow flow = maker.read(entry, reader, FlowFacts.Origin.FIRST_BYTE, way, nowNs);
    flow.reading().start(beginning.clientInitial(), beginning.serverInitial());
    if (beginning.synWithData()) {
      flow.reading().noteSynWithData();
    }
    return addOrDistrust(flow);
  }

  /**
   * A SYN with bytes, which the diversion gives to the agent only if conntrack has a readable flow
   * of the same ports. It may be forged, so it ends nothing; but what its answer begins has bytes
   * that were not read.
   *
   * @param packet the SYN
   * @param queued what the kernel says of it besides
   * @param known the flow of its ports, if there is one
   */
  public void noteSynWithData(
      PacketView packet, QueuedPacketView queued, FlowTable.@Nullable End known) {
    if (known != null) {
      known.flow().reading().noteSynWithData();
      return;
    }
    ConntrackEntry entry = conntrackOf(packet, queued);
    if (entry != null
        && maker.readerOf(entry) != null
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
   * @param queued what the kernel says of it besides
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @return where the flow is in the table now; null if it is not
   */
  public FlowTable.@Nullable End adopt(PacketView packet, QueuedPacketView queued, long nowNs) {
    ConntrackEntry entry = conntrackOf(packet, queued);
    if (entry == null || marks.isOpaque(entry)) {
      return null;
    }
    FlowMaker.Reader reader = maker.readerOf(entry);
    if (reader == null) {
      return null;
    }
    if (!entry.isTcpAlive()) { // the last words of a flow that is ending
      marks.distrust(entry);
      return null;
    }
    PacketWay way = wayOf(packet, queued, entry);
    HalfOpenFlows.Beginning beginning = owners.halfOpen().take(entry);
    if (beginning != null) {
      Flow flow = readFromFirstByte(entry, reader, beginning, way, nowNs);
      return flow == null ? null : flows.find(packet);
    }
    AgentReason refusal = refusalToResume(entry);
    Flow flow =
        refusal == null
            ? addOrDistrust(resumed(entry, reader, way, nowNs))
            : addUnread(entry, reader, refusal, nowNs);
    if (flow != null && refusal == null) {
      lookOnceMore(flow);
    }
    return flow == null ? null : flows.find(packet);
  }

  private Flow resumed(ConntrackEntry entry, FlowMaker.Reader reader, PacketWay way, long nowNs) {
    Flow flow = maker.resumed(entry, reader, way, nowNs);
    TranslatedFlow translation = flow.translation();
    if (translation != null) {
      try {
        conntrack.sequenceAdjustments(entry.original(), entry.id()).ifPresent(translation::inherit);
      } catch (NetlinkException e) {
        marks.failed(e);
      }
    }
    return flow;
  }

  private @Nullable AgentReason refusalToResume(ConntrackEntry entry) {
    AgentReason refusal = maker.refusal(entry);
    if (refusal != null) {
      return refusal;
    }
    if (!takeover.takeDistrusted(entry) && marks.isResumable(entry)) {
      return null;
    }
    return marks.isVetted(entry) ? AgentReason.NOT_PROVEN : AgentReason.MID_STREAM;
  }

  /** Puts a flow into the table; one for which there is no room is untrusted. */
  private @Nullable Flow addOrDistrust(Flow flow) {
    if (flows.add(flow)) {
      return flow;
    }
    marks.distrust(flow.entry());
    return null;
  }

  /** Lists a flow that is never read, with the reason. */
  private @Nullable Flow addUnread(
      ConntrackEntry entry, FlowMaker.Reader reader, AgentReason reason, long nowNs) {
    Flow flow = addOrDistrust(maker.unread(entry, reader, nowNs));
    if (flow == null) {
      return null;
    }
    if (reason == AgentReason.FAST_OPEN) {
      marks.beginUnseen(entry);
    } else {
      marks.distrust(entry);
    }
    events.reason(flow.parent(), reason, "");
    flows.stopReading(flow, reason);
    return flow;
  }

  /**
   * Its end may have been told before anybody knew that it is ours; then nobody tells again.
   *
   * @param flow one whose conntrack was there a moment ago
   */
  private void lookOnceMore(Flow flow) {
    owner.endIfGone(flow.parent().identity(), false);
  }

  private @Nullable ConntrackEntry conntrackOf(PacketView packet, QueuedPacketView queued) {
    try {
      FlowFinder.Found found = finder.find(packet, queued);
      if (found == null) {
        metrics.unreadablePacket(UnreadableReason.NO_CONNTRACK);
        return null;
      }
      return found.entry();
    } catch (IOException e) {
      marks.failed(e);
      return null;
    }
  }

  /** The direction of a packet of a conntrack; the client's if it might be either's. */
  static Direction directionOf(PacketView packet, ConntrackEntry entry) {
    FlowTuple behind = FlowFinder.tupleBehind(packet);
    return behind.equals(entry.reply()) || !behind.equals(entry.original())
        ? Direction.ORIGINAL
        : Direction.REPLY;
  }

  /** By which devices a packet came and goes. */
  static PacketWay wayOf(PacketView packet, QueuedPacketView queued, ConntrackEntry entry) {
    return new PacketWay(
        directionOf(packet, entry), queued.inInterfaceIndex(), queued.outInterfaceIndex());
  }
}
