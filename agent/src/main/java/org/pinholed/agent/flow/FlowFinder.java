package org.pinholed.agent.flow;

import java.io.IOException;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.nfqueue.QueuedPacketView;

/** Finds the conntrack of a packet whose flow is not in the {@link FlowTable}. */
public interface FlowFinder {
  /**
   * The conntrack of a packet.
   *
   * @param entry as far as it is known: of one that is not confirmed, of no more than tuples, id,
   *     mark and whether it is translated
   * @param confirmed whether the kernel has it in its table. One that is not confirmed may still
   *     change or merge with another one, cannot be given a mark, and tells of no end
   */
  record Found(ConntrackEntry entry, boolean confirmed) {}

  /**
   * Finds it.
   *
   * @param packet what is queued, behind source NAT
   * @param queued what the kernel says of it besides
   * @return null if nobody knows it (any more)
   * @throws IOException if the kernel refuses
   */
  @Nullable Found find(PacketView packet, QueuedPacketView queued) throws IOException;

  /**
   * What a conntrack is found by: behind source NAT the inverse of a packet's tuple is always one
   * of its two.
   *
   * @param packet a packet behind source NAT
   * @return the tuple of the packets that answer it, as they come in
   */
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
