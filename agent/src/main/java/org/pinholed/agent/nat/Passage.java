package org.pinholed.agent.nat;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.kernel.conntrack.SequenceAdjustment;

/**
 * What is to become of one segment of a translated direction. Immutable.
 *
 * @param kind what in short
 * @param reason why less than all of it passes; null if all does
 * @param end sequence number behind the last byte that passes
 * @param edits what is replaced, in ascending order, all before {@code end}
 * @param adjustment what the kernel must know before the segment passes; null if nothing new
 * @param fresh those of the edits that were not made before
 */
public record Passage(
    Kind kind,
    @Nullable WithheldReason reason,
    int end,
    List<PayloadEdit> edits,
    @Nullable SequenceAdjustment adjustment,
    List<PayloadEdit> fresh) {
  /** What becomes of a segment. */
  public enum Kind {
    /** It passes as it came. */
    AS_IT_CAME,
    /** It passes with other bytes, or without its last ones. */
    CHANGED,
    /**
     * It does not pass. In its place its receiver gets a segment that it has long had, without a
     * byte in it, and says in answer how far it has come (RFC 9293 section 3.10.7.4, as to a
     * keep-alive); {@code end} is where the segment began.
     */
    ASKED,
    /** It does not pass; the sender sends it again. */
    DROPPED
  }

  /**
   * A segment that does not pass.
   *
   * @param reason why
   * @return the passage
   */
  public static Passage dropped(WithheldReason reason) {
    return new Passage(Kind.DROPPED, reason, 0, List.of(), null, List.of());
  }
}
