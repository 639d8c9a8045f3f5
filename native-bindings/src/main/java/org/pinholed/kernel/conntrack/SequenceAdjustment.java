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

  /**
   * Whether the kernel's window check would take acknowledgements of what follows for invalid.
   *
   * <p>It looks for the offset by comparing a number that is shifted already with the position
   * ({@code nf_ct_seq_offset}). Where numbers are shifted down that finds the offset before the
   * position for what lies behind it, and if the offset grew there, the receiver seems to
   * acknowledge bytes that were never sent. Offsets that somebody else chose ({@code synproxy}) are
   * down in half of all connections.
   *
   * @return whether the connection must be exempt from that check
   */
  public boolean misleadsWindowCheck() {
    return offsetAfter < 0 && offsetAfter > offsetBefore;
  }
}
