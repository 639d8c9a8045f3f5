package org.pinholed.agent.path;

import java.nio.ByteBuffer;

/**
 * What a path says of the packet that it reads to the batch that the packet came in. For the
 * worker's thread only.
 */
public interface Batch {
  /**
   * When the first packet of the batch was held.
   *
   * @return {@link System#nanoTime}
   */
  long beganNs();

  /**
   * Brings all changes of pinholes so far into the kernel, and says what happened before the
   * verdicts let its consequences in. Never throws.
   */
  void bringIntoKernel();

  /**
   * The packet passes with other bytes.
   *
   * @param payload the whole packet, from index 0
   * @param lengthBytes its length
   * @param atOnce whether the kernel is told now and not with the others
   */
  void acceptChanged(ByteBuffer payload, int lengthBytes, boolean atOnce);

  /** The packet is dropped; its sender sends it again. */
  void drop();

  /**
   * Says a fault of the agent in the log; packets go on.
   *
   * @param e what was thrown
   */
  void fault(RuntimeException e);
}
