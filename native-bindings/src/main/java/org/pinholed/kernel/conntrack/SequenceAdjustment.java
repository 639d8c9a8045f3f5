package org.pinholed.kernel.conntrack;

/**
 * How the kernel shifts the sequence numbers of one direction of a TCP connection ({@code struct
 * nf_ct_seqadj}): by one offset up to and with a position, and by another behind it.
 *
 * @param position a sequence number as the sender counts
 * @param offsetBefore what is added to sequence numbers up to the position
 * @param offsetAfter what is added to sequence numbers behind the position
 */
public record SequenceAdjustment(int position, int offsetBefore, int offsetAfter) {
  /** Shifts nothing. */
  public static final SequenceAdjustment NONE = new SequenceAdjustment(0, 0, 0);

  /**
   * An acknowledgement number that the receiver sent, as the sender must see it ({@code
   * nf_ct_seq_adjust}).
   *
   * @param acknowledgement of a packet of the other direction, before the kernel shifts it
   * @return in the sender's numbers
   */
  public int toSender(int acknowledgement) {
    boolean behind = acknowledgement - offsetBefore - position > 0;
    return acknowledgement - (behind ? offsetAfter : offsetBefore);
  }
}
