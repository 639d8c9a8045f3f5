package org.pinholed.agent.nat;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Reason;
import org.pinholed.kernel.conntrack.SequenceAdjustment;

/**
 * Does what {@link MessageHold} decides of segments. A segment gets one of the verdicts exactly
 * once.
 */
public interface HoldExits {
  /**
   * Asks for a place for one more segment in the queue.
   *
   * @param segment one that is not held yet
   * @return null if it is held from now on; else the bound that is reached
   */
  @Nullable Reason hold(HeldSegment segment);

  /**
   * Asks for memory for the text of a message, until {@link #forget}.
   *
   * @param bytes how much
   * @return null if there is some; else why not
   */
  @Nullable Reason remember(int bytes);

  /**
   * Gives memory back.
   *
   * @param bytes how much
   */
  void forget(int bytes);

  /**
   * Brings into the kernel what a message needs before it passes: its pinholes, and how sequence
   * numbers are shifted from now on.
   *
   * @param next the whole of the shift; null if it stays
   * @param exempt whether the kernel must not judge acknowledgements by their numbers any more:
   *     what lies behind bytes that were added may arrive before them
   * @return null if it is done; else why not
   */
  @Nullable WithheldReason prepare(@Nullable SequenceAdjustment next, boolean exempt);

  /**
   * Verdict: it passes as it came.
   *
   * @param segment the segment
   */
  void pass(HeldSegment segment);

  /**
   * Verdict: it passes with other bytes.
   *
   * @param segment the segment
   * @param sequence its new sequence number
   * @param payload its new payload
   * @param fin whether its FIN, if it has one, stays
   */
  void passChanged(HeldSegment segment, int sequence, byte[] payload, boolean fin);

  /**
   * Verdict: it is dropped, its sender sends it again.
   *
   * @param segment the segment
   * @param why for the counter
   */
  void drop(HeldSegment segment, WithheldReason why);

  /**
   * Bytes were replaced.
   *
   * @param edits what
   */
  void made(List<PayloadEdit> edits);

  /**
   * A message passes as it came, and nothing of it may open.
   *
   * @param messageFrom sequence number of its first byte
   * @param why the bound that was reached
   */
  void givenUp(int messageFrom, Reason why);
}
