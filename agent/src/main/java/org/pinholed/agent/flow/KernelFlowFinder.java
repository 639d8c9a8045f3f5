package org.pinholed.agent.flow;

import java.io.IOException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.pinhole.FlowOrigin;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.conntrack.Conntrack;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.ConntrackView;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.nfqueue.QueuedPacketView;

/**
 * Asks the kernel for the conntrack of a packet. For one worker's thread.
 *
 * <p>ctnetlink knows every flow whose first packet has left. TCP flows are looked for from their
 * SYN+ACK on, so there is nothing else to ask. The first datagram of a UDP flow is still in the
 * queue when it is looked for: then the kernel attached its conntrack to the packet (NFQA_CT), or
 * else the rule that queued it wrote down what it was ({@link PinholeBackend.Session#originOf}).
 *
 * <p>What is attached was true when the packet was queued, and marks may have changed since. So of
 * a flow that was confirmed then ctnetlink is asked all the same.
 */
public final class KernelFlowFinder implements FlowFinder {
  private final Conntrack conntrack;
  private final PinholeBackend.Session pinholes;

  /**
   * Makes a finder.
   *
   * @param conntrack the worker's own way to conntrack
   * @param pinholes the worker's own way to the table
   */
  public KernelFlowFinder(Conntrack conntrack, PinholeBackend.Session pinholes) {
    this.conntrack = conntrack;
    this.pinholes = pinholes;
  }

  @Override
  public @Nullable Found find(PacketView packet, QueuedPacketView queued) throws IOException {
    boolean mayBeFirst = packet.protocol() == Transport.UDP.protocolNumber();
    Found attached = mayBeFirst ? attached(queued) : null;
    if (attached != null && !attached.confirmed()) {
      return attached;
    }
    FlowTuple reply = FlowFinder.tupleBehind(packet);
    Optional<ConntrackEntry> entry = conntrack.get(reply);
    if (entry.isPresent()) {
      return new Found(entry.get(), true);
    }
    return attached == null && mayBeFirst ? writtenDown(packet, reply) : null;
  }

  private static @Nullable Found attached(QueuedPacketView queued) {
    if (queued.conntrackLengthBytes() == 0) {
      return null;
    }
    return ConntrackView.parse(
            queued.buffer(), queued.conntrackOffset(), queued.conntrackLengthBytes())
        .map(entry -> new Found(entry, (entry.status() & ConntrackEntry.IPS_CONFIRMED) != 0))
        .orElse(null);
  }

  private @Nullable Found writtenDown(PacketView packet, FlowTuple reply) throws IOException {
    if (packet.sourcePort() == 0 || packet.destinationPort() == 0) {
      return null; // nobody answers that
    }
    FlowOrigin origin =
        pinholes.originOf(
            new Endpoint(packet.sourceAddress(), packet.sourcePort()),
            new Endpoint(packet.destinationAddress(), packet.destinationPort()));
    if (origin == null) {
      return null;
    }
    FlowTuple original =
        new FlowTuple(
            packet.protocol(),
            origin.source().address(),
            origin.source().port(),
            origin.destination().address(),
            origin.destination().port());
    return new Found(
        ConntrackEntry.unconfirmed(original, reply, origin.conntrackId(), origin.mark()), false);
  }
}
