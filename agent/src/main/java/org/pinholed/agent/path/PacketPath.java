package org.pinholed.agent.path;

import org.pinholed.kernel.nfqueue.QueuedPacketView;

/** The way of a packet of one transport, from view to verdict. For the worker's thread only. */
public interface PacketPath {
  /**
   * Reads the packet that the worker's view shows. It passes as it came unless its path says
   * otherwise to the {@link Batch}.
   *
   * @param queued what the kernel says of it besides
   * @throws RuntimeException for a fault of the agent; the packet then gets the verdict that it has
   */
  void read(QueuedPacketView queued);
}
