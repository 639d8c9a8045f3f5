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
   * @return {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  long beganNs();

  /**
   * Brings all changes of pinholes so far into the kernel, and says what happened before the
   * verdicts let its consequences in. Never throws.
   */
  void bringIntoKernel();

  /**
   * Hands all verdicts that are given to the kernel, those on the packets before this one included:
   * behind {@link #bringIntoKernel}, and before the kernel is told to shift otherwise. It shifts a
   * packet by what it knows when the verdict arrives.
   *
   * @return false if the kernel did not take them; they are handed over later
   */
  boolean sendGiven();

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
   * The packet stays in the kernel's queue: its verdict comes later, by its id. From here on until
   * all such packets have theirs, no verdict is given on several packets at once.
   *
   * @return its id
   */
  int keep();

  /**
   * A packet that was kept passes as it came, behind {@link #bringIntoKernel}: those before the one
   * that is being read pass with it.
   *
   * @param packetId its id
   */
  void acceptKept(int packetId);

  /**
   * A packet that was kept passes with other bytes; for the rest as above.
   *
   * @param packetId its id
   * @param payload the whole packet, from index 0
   * @param lengthBytes its length
   * @param atOnce whether the kernel is told now
   */
  void acceptKept(int packetId, ByteBuffer payload, int lengthBytes, boolean atOnce);

  /**
   * A packet that was kept is dropped.
   *
   * @param packetId its id
   */
  void dropKept(int packetId);

  /**
   * Says a fault of the agent in the log; packets go on.
   *
   * @param e what was thrown
   */
  void fault(RuntimeException e);
}
