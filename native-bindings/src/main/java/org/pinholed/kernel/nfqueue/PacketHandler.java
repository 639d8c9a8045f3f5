package org.pinholed.kernel.nfqueue;

/** Takes queued packets, one call each, on the thread that receives. */
@FunctionalInterface
public interface PacketHandler {
  /**
   * Called once for each packet, in the order in which the kernel queued them. Each packet is held
   * by the kernel until it has a verdict.
   *
   * @param packet valid during the call only; its buffer until the next receive
   */
  void onPacket(QueuedPacketView packet);
}
