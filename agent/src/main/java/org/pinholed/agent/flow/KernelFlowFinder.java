package org.pinholed.agent.flow;

import java.io.IOException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.pinhole.FlowOrigin;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.helper.Endpoint;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.nfqueue.QueuedPacketView;

/**
 * Asks the kernel for the conntrack of a packet: its table, and for the first datagram of a flow,
 * which is not in it yet, what the table's rules wrote down ({@link
 * PinholeBackend.Session#originOf}). Owned by one worker.
 */
public final class KernelFlowFinder implements FlowFinder {
  private final ConntrackClient conntrack;
  private final PinholeBackend.Session pinholes;

  /**
   * Makes it.
   *
   * @param conntrack the worker's own way to conntrack
   * @param pinholes the worker's own way to the table
   */
  public KernelFlowFinder(ConntrackClient conntrack, PinholeBackend.Session pinholes) {
    this.conntrack = conntrack;
    this.pinholes = pinholes;
  }

  @Override
  public @Nullable Found find(PacketView packet, QueuedPacketView queued) throws IOException {
    FlowTuple behind = tupleBehind(packet);
    Optional<ConntrackEntry> entry = conntrack.get(behind);
    if (entry.isPresent()) {
      return new Found(entry.get(), true);
    }
    if (packet.isTcp()) {
      return null;
    }
    FlowOrigin origin =
        pinholes.originOf(
            new Endpoint(packet.sourceAddress(), packet.sourcePort()),
            new Endpoint(packet.destinationAddress(), packet.destinationPort()));
    return origin == null ? null : new Found(unconfirmed(origin, behind), false);
  }

  /** What a flow that begins looks like: nothing was answered, and no zone is diverted. */
  private static ConntrackEntry unconfirmed(FlowOrigin origin, FlowTuple reply) {
    FlowTuple original =
        new FlowTuple(
            reply.protocol(),
            origin.source().address(),
            origin.source().port(),
            origin.destination().address(),
            origin.destination().port());
    int status = original.inverse().equals(reply) ? 0 : ConntrackEntry.IPS_NAT_MASK;
    return new ConntrackEntry(
        original,
        reply,
        origin.conntrackId(),
        origin.mark(),
        status,
        -1,
        -1,
        "",
        -1,
        -1,
        -1,
        -1,
        0);
  }

  /** Behind source NAT the inverse of a packet's tuple is always one of the conntrack's two. */
  static FlowTuple tupleBehind(PacketView packet) {
    FlowTuple tuple =
        new FlowTuple(
            packet.protocol(),
            packet.sourceAddress(),
            packet.sourcePort(),
            packet.destinationAddress(),
            packet.destinationPort());
    return tuple.inverse();
  }
}
