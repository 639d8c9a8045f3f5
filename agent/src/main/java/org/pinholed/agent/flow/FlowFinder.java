package org.pinholed.agent.flow;

import java.io.IOException;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.nfqueue.QueuedPacketView;

/**
 * Finds the conntrack of a packet whose flow is not known: the kernel's, or that of a capture that
 * is replayed. Owned by one worker.
 */
public interface FlowFinder {
  /**
   * A conntrack.
   *
   * @param entry what is known of it
   * @param confirmed whether it is in the kernel's table; else only packets in a queue have it, and
   *     it may become another one when they pass (docs/adr/0010)
   */
  record Found(ConntrackEntry entry, boolean confirmed) {}

  /**
   * Finds it.
   *
   * @param packet a readable packet
   * @param queued what the kernel says of it besides
   * @return null if nobody knows it (any more)
   * @throws IOException if the kernel refuses
   */
  @Nullable Found find(PacketView packet, QueuedPacketView queued) throws IOException;
}
