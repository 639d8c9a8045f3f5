package org.pinholed.agent.nat;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Reason;
import org.pinholed.kernel.conntrack.SequenceAdjustment;

/**
 * Messages over several segments in one direction of a translated flow: what of it waits in the
 * kernel's queue, and what it becomes (docs/adr/0011).
 *
 * <p>Segments that reach into an unfinished message are held, in the order of their sequence
 * numbers. Once it is complete its new text is laid over them ({@link LaidTexts}): each takes as
 * many bytes as it had, and one of them all change of length. So they leave at once, though the
 * kernel knows one change of length at a time. The next change waits for the acknowledgement of
 * this one, held as well. What the sender sends again gets its piece of the new text, wherever it
 * is cut. A message that reaches a bound passes as it came.
 *
 * <p>Packets, acknowledgements and time are one class here: each of them decides by all of what
 * waits ({@link HeldSegments}), what is planned and what the receiver may not have yet.
 *
 * <p>Knows no kernel and no clock: what is to be done is told to {@link HoldExits}. Not
 * thread-safe.
 */
public final class MessageHold {
  /** How many bytes are held at most: the first window of most senders (RFC 6928). */
  public static final int MAX_BYTES = 14 * 1024;

  /** How many segments are held at most: the first window of most senders (RFC 6928). */
  public static final int MAX_SEGMENTS = 10;

  /** How long a segment is held at most; about then its sender sends it again. */
  public static final long MAX_NS = 500_000_000L;

  private final TranslatedStream stream;
  private final HeldSegments segments = new HeldSegments();
  private final LaidTexts laid = new LaidTexts();

  /** Where the unfinished message began for which segments are held. */
  private @Nullable Integer awaited;

  /** Where an unfinished message began that passes as it came. */
  private @Nullable Integer passed;

  /** The message of the edits that were made last: the others of it must be made, too. */
  private @Nullable Integer begunMessage;

  MessageHold(TranslatedStream stream) {
    this.stream = stream;
  }

  TranslatedState.Hold state() {
    return new TranslatedState.Hold(
        number(awaited), number(passed), number(begunMessage), laid.state());
  }

  private static long number(@Nullable Integer sequence) {
    return sequence == null ? TranslatedState.NONE : Integer.toUnsignedLong(sequence);
  }

  /** Goes on where another process stood. What it held comes again. */
  void restore(TranslatedState.Hold state) {
    awaited = sequence(state.awaited());
    passed = sequence(state.passing());
    begunMessage = sequence(state.begun());
    laid.restore(state.laid());
  }

  private static @Nullable Integer sequence(long number) {
    return number == TranslatedState.NONE ? null : Integer.valueOf((int) number);
  }

  // ---- What the helper says -----------------------------------------------------------------

  /**
   * Takes what the helper said of the end of the bytes that it was shown.
   *
   * @param unfinished sequence number where a message began that is not whole yet and may have to
   *     be changed; null if there is none
   */
  public void read(@Nullable Integer unfinished) {
    if (unfinished == null || !unfinished.equals(passed)) {
      passed = null;
    }
    awaited = passed == null ? unfinished : null;
  }

  /**
   * The message that passes as it came, because a bound was reached.
   *
   * @return sequence number of its first byte, until the helper has read all of it; null if there
   *     is none
   */
  public @Nullable Integer passing() {
    return passed;
  }

  /**
   * Plans to replace bytes.
   *
   * @param edit the edit
   * @return false if a part of them has passed, or it does not stand behind all that is planned
   */
  boolean plan(PayloadEdit edit) {
    List<PayloadEdit> planned = stream.planned();
    if (!stream.canChange(edit.from())
        || (!planned.isEmpty() && edit.from() - planned.get(planned.size() - 1).to() < 0)) {
      return false;
    }
    planned.add(edit);
    return true;
  }

  // ---- Packets ------------------------------------------------------------------------------

  /**
   * Lets a segment pass as it came if nothing is to be changed or to wait; nearly all are like
   * that. Else it does nothing, and {@link #take} does the rest.
   *
   * @param sequence sequence number of its first byte
   * @param lengthBytes length of its payload
   * @param fin whether it has a FIN
   * @param inTurnOnly whether bytes before it, which did not come yet, may have to be changed
   * @return whether it passed
   */
  public boolean passAsItCame(int sequence, int lengthBytes, boolean fin, boolean inTurnOnly) {
    stream.beginWith(sequence);
    int end = sequence + lengthBytes;
    if (lengthBytes == 0 && !fin) {
      return true; // an acknowledgement; where it stands says nothing that could be wrong
    }
    if (concerns(sequence, end, fin) || (sequence - stream.released() > 0 && inTurnOnly)) {
      return false;
    }
    stream.release(end);
    return true;
  }

  private boolean concerns(int sequence, int end, boolean fin) {
    return !segments.isEmpty()
        || !stream.planned().isEmpty()
        || (awaited != null && (fin || end - awaited > 0))
        || laid.overlap(sequence, end);
  }

  /**
   * Whether a segment that is not read must not pass: it would put bytes into a message that is
   * held, or beside those that were changed, or a FIN before them.
   *
   * @param sequence sequence number of its first byte
   * @param lengthBytes length of its payload
   * @param fin whether it has a FIN
   * @return false if it may pass as it came
   */
  public boolean forbids(int sequence, int lengthBytes, boolean fin) {
    return (lengthBytes > 0 || fin) && concerns(sequence, sequence + lengthBytes, fin);
  }

  /**
   * Takes a segment that {@link #passAsItCame} did not let pass, after its bytes were read. It gets
   * its verdict now or later.
   *
   * @param segment the segment
   * @param inTurnOnly as there
   * @param exits does what becomes of it and of others
   */
  public void take(HeldSegment segment, boolean inTurnOnly, HoldExits exits) {
    if (segments.cover(segment)) {
      exits.drop(segment, WithheldReason.HELD_ALREADY);
      settle(exits);
      return;
    }
    if (segment.sequence() - stream.released() > 0
        && !inTurnOnly
        && segments.isEmpty()
        && stream.planned().isEmpty()
        && awaited == null) {
      stream.release(segment.end());
    }
    segments.add(segment);
    if (segment.isUnalterable()) {
      giveUp(HoldReason.HOLD_UNALTERABLE, exits);
    }
    settle(exits);
    if (!segments.contains(segment)) {
      return;
    }
    Reason bound = boundOf(segment, exits);
    if (bound == null) {
      return;
    }
    giveUp(bound, exits);
    settle(exits);
    if (segments.remove(segment)) {
      exits.drop(segment, whyWaiting(segment));
    }
  }

  /** Drops one that waits and cannot pass. */
  private void dropWaiting(HeldSegment segment, HoldExits exits) {
    WithheldReason why = whyWaiting(segment);
    segments.remove(segment);
    exits.drop(segment, why);
  }

  private @Nullable Reason boundOf(HeldSegment newest, HoldExits exits) {
    if (segments.size() > MAX_SEGMENTS) {
      return HoldReason.HOLD_SEGMENTS;
    }
    return segments.lengthBytes() > MAX_BYTES ? HoldReason.HOLD_BYTES : exits.hold(newest);
  }

  private WithheldReason whyWaiting(HeldSegment segment) {
    return segment.sequence() - segments.contiguousEnd(stream.released()) > 0
        ? WithheldReason.EARLY
        : WithheldReason.UNACKNOWLEDGED;
  }

  /**
   * Takes an acknowledgement; {@link #settle} then lets pass what waited for it.
   *
   * @param acknowledgement in the sender's numbers
   * @param exits gets memory back
   */
  public void acknowledged(int acknowledgement, HoldExits exits) {
    laid.acknowledged(acknowledgement, exits);
  }

  /**
   * Whether something is held.
   *
   * @return false if no segment of this direction waits
   */
  public boolean isHolding() {
    return !segments.isEmpty();
  }

  /**
   * How long the oldest held segment may still wait.
   *
   * @param nowNs the time
   * @return nanoseconds, negative if it is over; {@link Long#MAX_VALUE} if nothing is held
   */
  public long remainingNs(long nowNs) {
    return segments.remainingNs(nowNs, MAX_NS);
  }

  /**
   * What is held first.
   *
   * @return the segment with the lowest number; null if none is held
   */
  public @Nullable HeldSegment first() {
    return segments.isEmpty() ? null : segments.all().get(0);
  }

  /**
   * Looks at the time: what was held too long passes as it came, or, if it cannot, is dropped.
   *
   * @param nowNs the time
   * @param exits does it
   */
  public void expire(long nowNs, HoldExits exits) {
    if (remainingNs(nowNs) > 0) {
      return;
    }
    giveUp(HoldReason.HOLD_TIME, exits);
    settle(exits);
    for (HeldSegment segment : segments.all()) {
      if (nowNs - segment.receivedNs() >= MAX_NS) {
        dropWaiting(segment, exits);
      }
    }
  }

  /**
   * Ends the wait for an unfinished message: it is not read any more. What is complete is changed
   * as planned.
   *
   * @param why why it is not read
   * @param exits lets pass what can pass
   */
  public void readingEnds(Reason why, HoldExits exits) {
    giveUp(why, exits);
    passed = null;
    settle(exits);
  }

  /**
   * Lets everything go: the flow is over. What is planned is forgotten, but for the rest of a
   * message that was begun; what cannot pass is dropped.
   *
   * @param exits does it
   */
  public void release(HoldExits exits) {
    awaited = null;
    passed = null;
    cancelPlanned();
    settle(exits);
    for (HeldSegment segment : segments.all()) {
      dropWaiting(segment, exits);
    }
  }

  /**
   * The first byte of this direction that did not pass.
   *
   * @param sequence sequence number of a byte that does not pass
   * @return that one's, or of what is held the first
   */
  public int firstOf(int sequence) {
    int first = sequence;
    for (HeldSegment segment : segments.all()) {
      first = segment.sequence() - first < 0 ? segment.sequence() : first;
    }
    return first;
  }

  /**
   * Drops everything that is held, whatever state this is in: a fault of the agent, or the
   * connection is cut.
   *
   * @param why for the counter
   * @param exits does it
   */
  public void drop(WithheldReason why, HoldExits exits) {
    for (HeldSegment segment : segments.takeAll()) {
      exits.drop(segment, why);
    }
  }

  /**
   * Gives back the memory of what the receiver did not acknowledge; the flow is over.
   *
   * @param exits gets it
   */
  public void close(HoldExits exits) {
    laid.close(exits);
  }

  /** Forgets what is planned, but for the rest of a message of which a part was replaced. */
  void cancelPlanned() {
    stream.planned().removeIf(edit -> !hasBegun(edit));
  }

  /**
   * Whether something waits, or was changed and may have to be sent again.
   *
   * @return false once the receiver has all of it
   */
  public boolean isUnfinished() {
    return !segments.isEmpty() || laid.areUnfinished();
  }

  private void giveUp(Reason why, HoldExits exits) {
    Integer from = awaited;
    if (from == null) {
      return;
    }
    awaited = null;
    passed = from;
    stream.planned().removeIf(edit -> edit.from() - from >= 0);
    exits.givenUp(from, why);
  }

  // ---- What passes --------------------------------------------------------------------------

  /**
   * Lets pass what can pass now: segments in their turn that do not reach into an unfinished
   * message, and whose changes the kernel can be told.
   *
   * @param exits does it
   */
  public void settle(HoldExits exits) {
    while (true) {
      List<HeldSegment> due = segments.due(stream.released(), awaited);
      if (due.isEmpty()) {
        return;
      }
      int end = HeldSegments.end(due, stream.released());
      List<PayloadEdit> edits = plannedBefore(end);
      if (edits.isEmpty()) {
        leave(due, end, exits);
        return;
      }
      if (laid.mustWait(edits)) {
        passBefore(edits.get(0).from(), due, exits);
        return;
      }
      Reason impossible = lay(due, end, edits, exits);
      if (impossible == null) {
        return;
      }
      if (edits.stream().allMatch(this::hasBegun)) {
        // Old bytes must not follow new ones of the same message: it is tried again when its
        // sender sends it again.
        drop(due, WithheldReason.REWRITE_FAILED, exits);
        return;
      }
      giveUpPlanned(impossible, exits); // the loop lets them pass without these edits
    }
  }

  /**
   * Whole messages pass as they came, those of which nothing was replaced. Their edits behind what
   * is due are forgotten, too: new bytes must not follow old ones either.
   */
  private void giveUpPlanned(Reason why, HoldExits exits) {
    List<Integer> messages =
        stream.planned().stream()
            .filter(edit -> !hasBegun(edit))
            .map(PayloadEdit::message)
            .distinct()
            .toList();
    cancelPlanned();
    for (int message : messages) {
      exits.givenUp(message, why);
    }
  }

  /** Whether a part of the new text of its message may have left. */
  private boolean hasBegun(PayloadEdit edit) {
    return begunMessage != null && edit.message() == begunMessage;
  }

  private void drop(List<HeldSegment> some, WithheldReason why, HoldExits exits) {
    segments.removeAll(some);
    for (HeldSegment segment : some) {
      exits.drop(segment, why);
    }
  }

  private List<PayloadEdit> plannedBefore(int end) {
    List<PayloadEdit> edits = new ArrayList<>();
    for (PayloadEdit edit : stream.planned()) {
      if (edit.from() - end >= 0) {
        break;
      }
      edits.add(edit);
    }
    return edits;
  }

  private void passBefore(int from, List<HeldSegment> due, HoldExits exits) {
    List<HeldSegment> before = new ArrayList<>(due.size());
    for (HeldSegment segment : due) {
      if (segment.end() - from > 0 || segment.hasFin()) {
        break;
      }
      before.add(segment);
    }
    leave(before, HeldSegments.end(before, stream.released()), exits);
    if (before.size() < due.size() && laid.need(due.get(before.size()))) {
      stream.release(from);
      leaveUntil(from, due.get(before.size()), 0, exits);
    }
  }

  private @Nullable Reason lay(
      List<HeldSegment> due, int end, List<PayloadEdit> edits, HoldExits exits) {
    LaidText text = LaidText.over(due, end, edits);
    if (text == null) {
      return HoldReason.HOLD_TOO_LONG;
    }
    Reason noMemory = exits.remember(text.sizeBytes());
    if (noMemory != null) {
      return noMemory;
    }
    SequenceAdjustment next = null;
    if (text.growth() != 0) {
      int before = stream.adjustment().offsetAfter();
      next = new SequenceAdjustment(text.position(), before, before + text.growth());
    }
    WithheldReason failure = exits.prepare(next, text.growth() > 0);
    if (failure != null) {
      exits.forget(text.sizeBytes());
      if (failure == WithheldReason.BACKEND_REFUSED) {
        cancelPlanned(); // it passes as it came, when it comes again
      }
      drop(due, failure, exits);
      return null;
    }
    if (next != null) {
      stream.adjusted(next);
    }
    laid.add(text);
    stream.planned().removeAll(edits);
    begunMessage = edits.get(edits.size() - 1).message();
    exits.made(edits);
    leave(due, end, exits);
    return null;
  }

  private void leave(List<HeldSegment> leaving, int end, HoldExits exits) {
    stream.release(laid.behindGone(end));
    int longest = HeldSegments.longestPacketBytes(leaving);
    for (HeldSegment segment : leaving) {
      leaveUntil(segment.end(), segment, longest, exits);
    }
  }

  /** One segment leaves, once: what an exit sets off may have let it go by now. */
  private void leaveUntil(int end, HeldSegment segment, int longestPacketBytes, HoldExits exits) {
    if (!segments.remove(segment)) {
      return;
    }
    boolean left = false;
    try {
      laid.pass(segment, end, longestPacketBytes, exits);
      left = true;
    } finally {
      if (!left) {
        exits.drop(segment, WithheldReason.FAULT); // nobody else knows it any more
      }
    }
  }
}
