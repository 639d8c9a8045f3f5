package org.pinholed.agent.nat;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.kernel.conntrack.SequenceAdjustment;

/**
 * A change of length that an earlier agent told the kernel of, in one direction of a translated TCP
 * flow. Nobody knows any more which bytes it replaced, nor whether the receiver has them. Not
 * thread-safe.
 */
final class InheritedShift {
  private final SequenceAdjustment adjustment;
  private boolean asked;
  private boolean mayTakeBack;

  private InheritedShift(SequenceAdjustment adjustment) {
    this.adjustment = adjustment;
  }

  /**
   * What the kernel has.
   *
   * @return null if no length was changed
   */
  static @Nullable InheritedShift of(SequenceAdjustment found) {
    return found.offsetBefore() == found.offsetAfter() ? null : new InheritedShift(found);
  }

  /**
   * Takes an acknowledgement, which may answer a question.
   *
   * @param acknowledgement in the sender's numbers
   */
  void acknowledged(int acknowledgement) {
    if (asked && acknowledgement == adjustment.position()) {
      mayTakeBack = true;
    }
  }

  /** Whether a segment is one that was changed, or was about to be. */
  boolean concerns(int sequence, int lengthBytes) {
    int position = adjustment.position();
    return sequence - position <= 0 && sequence + lengthBytes - position > 0;
  }

  /**
   * What is to become of a segment that this concerns. What stands before the change passes. If the
   * receiver has the rest, it says so now. If the sender goes on right at the change, the receiver
   * has nothing of it: the kernel is told that there was no change. A segment that begins right at
   * the change without any of this says nothing: the receiver is asked, and if it answers that it
   * comes to the change only, the next copy of the segment goes that way.
   *
   * @param sequence sequence number of its first byte
   * @param end behind its last byte
   * @return the answer; with an adjustment if the change is taken back
   */
  Passage decide(int sequence, int end) {
    if (sequence != adjustment.position()) {
      mayTakeBack = true;
      return new Passage(
          Passage.Kind.CHANGED,
          WithheldReason.CHANGED_BY_AN_EARLIER_AGENT,
          adjustment.position(),
          List.of(),
          null,
          List.of());
    }
    if (!mayTakeBack) {
      asked = true;
      return new Passage(
          Passage.Kind.ASKED,
          WithheldReason.CHANGED_BY_AN_EARLIER_AGENT,
          sequence,
          List.of(),
          null,
          List.of());
    }
    int offset = adjustment.offsetBefore();
    return new Passage(
        Passage.Kind.CHANGED,
        null,
        end,
        List.of(),
        new SequenceAdjustment(adjustment.position(), offset, offset),
        List.of());
  }
}
