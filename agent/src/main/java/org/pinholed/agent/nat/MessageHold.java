package org.pinholed.agent.nat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Reason;
import org.pinholed.kernel.conntrack.SequenceAdjustment;

/**
 * Messages over several segments in one direction of a translated flow: what of it waits in the
 * kernel's queue, and what it becomes (docs/adr/0011).
 *
 * <p>Segments that reach into an unfinished message are held, in the order of their sequence
 * numbers. Once it is complete its new text is laid over them ({@link LaidText}): each takes as
 * many bytes as it had, and one of them all change of length. So they leave at once, though the
 * kernel knows one change of length at a time. The next change waits for the acknowledgement of
 * this one, held as well. What the sender sends again gets its piece of the new text, wherever it
 * is cut. A message that reaches a bound passes as it came.
 *
 * <p>Knows no kernel and no clock: what is to be done is told to {@link Exits}. Not thread-safe.
 */
public final class MessageHold {
  /** How many bytes are held at most: the first window of most senders (RFC 6928). */
  public static final int MAX_BYTES = 14 * 1024;

  /** How many segments are held at most: the first window of most senders (RFC 6928). */
  public static final int MAX_SEGMENTS = 10;

  /** How long a segment is held at most; about then its sender sends it again. */
  public static final long MAX_NS = 500_000_000L;

  /** Texts that the receiver has, which are remembered for old copies. */
  private static final int REMEMBERED = 16;

  private static final byte[] NOTHING = {};

  private final TranslatedStream stream;
  private final List<HeldSegment> segments = new ArrayList<>(4);
  private final List<LaidText> laid = new ArrayList<>(2);

  /** Where the unfinished message began for which segments are held. */
  private @Nullable Integer awaited;

  /** Where an unfinished message began that passes as it came. */
  private @Nullable Integer passed;

  /** The message of the edits that were made last: the others of it must be made, too. */
  private @Nullable Integer begunMessage;

  /** Does what becomes of segments. A segment gets one of the verdicts exactly once. */
  public interface Exits {
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
     * @return null if it is done; else why not
     */
    @Nullable WithheldReason prepare(@Nullable SequenceAdjustment next);

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

  MessageHold(TranslatedStream stream) {
    this.stream = stream;
  }

  TranslatedState.Hold state() {
    return new TranslatedState.Hold(
        number(awaited),
        number(passed),
        number(begunMessage),
        laid.stream().map(LaidText::state).toList());
  }

  private static long number(@Nullable Integer sequence) {
    return sequence == null ? TranslatedState.NONE : Integer.toUnsignedLong(sequence);
  }

  /** Goes on where another process stood. What it held comes again. */
  void restore(TranslatedState.Hold state) {
    awaited = sequence(state.awaited());
    passed = sequence(state.passing());
    begunMessage = sequence(state.begun());
    state.laid().forEach(text -> laid.add(LaidText.of(text)));
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
   * Whether a message passes as it came, because a bound was reached.
   *
   * @param messageFrom sequence number of its first byte
   * @return true until the helper has read all of it
   */
  public boolean passes(int messageFrom) {
    Integer from = passed;
    return from != null && from == messageFrom;
  }

  /**
   * The message that passes as it came.
   *
   * @return sequence number of its first byte; null if there is none
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
    if (!segments.isEmpty()
        || !stream.planned().isEmpty()
        || (awaited != null && (fin || end - awaited > 0))
        || (sequence - stream.released() > 0 && inTurnOnly)) {
      return false;
    }
    for (int i = 0; i < laid.size(); i++) {
      if (laid.get(i).overlaps(sequence, end)) {
        return false;
      }
    }
    stream.release(end);
    return true;
  }

  /**
   * Takes a segment that {@link #passAsItCame} did not let pass, after its bytes were read. It gets
   * its verdict now or later.
   *
   * @param segment the segment
   * @param inTurnOnly as there
   * @param exits does what becomes of it and of others
   */
  public void take(HeldSegment segment, boolean inTurnOnly, Exits exits) {
    for (HeldSegment held : segments) {
      if (segment.isCoveredBy(held)) {
        exits.drop(segment, WithheldReason.HELD_ALREADY);
        settle(exits);
        return;
      }
    }
    if (segment.sequence() - stream.released() > 0
        && !inTurnOnly
        && segments.isEmpty()
        && stream.planned().isEmpty()
        && awaited == null) {
      stream.release(segment.end());
    }
    insert(segment);
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

  private void insert(HeldSegment segment) {
    int at = segments.size();
    while (at > 0 && segment.sequence() - segments.get(at - 1).sequence() < 0) {
      at--;
    }
    segments.add(at, segment);
  }

  private @Nullable Reason boundOf(HeldSegment newest, Exits exits) {
    int bytes = 0;
    for (HeldSegment segment : segments) {
      bytes += segment.lengthBytes();
    }
    if (segments.size() > MAX_SEGMENTS) {
      return HoldReason.HOLD_SEGMENTS;
    }
    return bytes > MAX_BYTES ? HoldReason.HOLD_BYTES : exits.hold(newest);
  }

  private WithheldReason whyWaiting(HeldSegment segment) {
    return segment.sequence() - contiguousEnd() > 0
        ? WithheldReason.EARLY
        : WithheldReason.UNACKNOWLEDGED;
  }

  private int contiguousEnd() {
    int end = stream.released();
    for (HeldSegment segment : segments) {
      if (segment.sequence() - end <= 0 && segment.end() - end > 0) {
        end = segment.end();
      }
    }
    return end;
  }

  /**
   * Takes an acknowledgement; {@link #settle} then lets pass what waited for it.
   *
   * @param acknowledgement in the sender's numbers
   * @param exits gets memory back
   */
  public void acknowledged(int acknowledgement, Exits exits) {
    for (int i = 0; i < laid.size(); i++) {
      LaidText text = laid.get(i);
      if (!text.isAcknowledged()) {
        text.acknowledged(acknowledgement);
        if (acknowledgement - text.to() >= 0) {
          exits.forget(text.sizeBytes());
          laid.set(i, text.withoutText());
        }
      }
    }
    while (laid.size() > REMEMBERED && laid.get(0).isAcknowledged()) {
      laid.remove(0);
    }
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
    long remaining = Long.MAX_VALUE;
    for (HeldSegment segment : segments) {
      remaining = Math.min(remaining, MAX_NS - (nowNs - segment.receivedNs()));
    }
    return remaining;
  }

  /**
   * Looks at the time: what was held too long passes as it came, or, if it cannot, is dropped.
   *
   * @param nowNs the time
   * @param exits does it
   */
  public void expire(long nowNs, Exits exits) {
    if (remainingNs(nowNs) > 0) {
      return;
    }
    giveUp(HoldReason.HOLD_TIME, exits);
    settle(exits);
    for (HeldSegment segment : List.copyOf(segments)) {
      if (nowNs - segment.receivedNs() >= MAX_NS) {
        WithheldReason why = whyWaiting(segment);
        segments.remove(segment);
        exits.drop(segment, why);
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
  public void readingEnds(Reason why, Exits exits) {
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
  public void release(Exits exits) {
    awaited = null;
    passed = null;
    cancelPlanned();
    settle(exits);
    for (HeldSegment segment : List.copyOf(segments)) {
      WithheldReason why = whyWaiting(segment);
      segments.remove(segment);
      exits.drop(segment, why);
    }
  }

  /**
   * Drops everything that is held, whatever state this is in: a fault of the agent.
   *
   * @param why for the counter
   * @param exits does it
   */
  public void drop(WithheldReason why, Exits exits) {
    List<HeldSegment> all = List.copyOf(segments);
    segments.clear();
    for (HeldSegment segment : all) {
      exits.drop(segment, why);
    }
  }

  /**
   * Gives back the memory of what the receiver did not acknowledge; the flow is over.
   *
   * @param exits gets it
   */
  public void close(Exits exits) {
    for (LaidText text : laid) {
      exits.forget(text.sizeBytes());
    }
    laid.clear();
  }

  /** Forgets what is planned, but for the rest of a message of which a part was replaced. */
  void cancelPlanned() {
    stream.planned().removeIf(edit -> begunMessage == null || edit.message() != begunMessage);
  }

  /**
   * Whether something waits, or was changed and may have to be sent again.
   *
   * @return false once the receiver has all of it
   */
  public boolean isUnfinished() {
    if (!segments.isEmpty()) {
      return true;
    }
    for (LaidText text : laid) {
      if (!text.isAcknowledged()) {
        return true;
      }
    }
    return false;
  }

  private void giveUp(Reason why, Exits exits) {
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
  public void settle(Exits exits) {
    while (true) {
      List<HeldSegment> due = due();
      if (due.isEmpty()) {
        return;
      }
      int end = stream.released();
      for (HeldSegment segment : due) {
        end = segment.end() - end > 0 ? segment.end() : end;
      }
      List<PayloadEdit> edits = plannedBefore(end);
      if (edits.isEmpty()) {
        leave(due, end, exits);
        return;
      }
      if (mustWait(edits)) {
        passBefore(edits.get(0).from(), due, exits);
        return;
      }
      Reason impossible = lay(due, end, edits, exits);
      if (impossible == null) {
        return;
      }
      // The loop lets them pass without these edits.
      stream.planned().removeAll(edits);
      exits.givenUp(edits.get(0).message(), impossible);
    }
  }

  /** Held segments in their turn that end before the unfinished message. */
  private List<HeldSegment> due() {
    List<HeldSegment> due = new ArrayList<>(segments.size());
    int end = stream.released();
    for (HeldSegment segment : segments) {
      if (segment.sequence() - end > 0) {
        break;
      }
      if (awaited != null && (segment.end() - awaited > 0 || segment.hasFin())) {
        break;
      }
      due.add(segment);
      end = segment.end() - end > 0 ? segment.end() : end;
    }
    return due;
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

  /** The kernel knows one change of length at a time, and texts must not pile up. */
  private boolean mustWait(List<PayloadEdit> edits) {
    boolean changesLength = TranslatedStream.growth(edits) != 0;
    int bytes = 0;
    for (LaidText text : laid) {
      if (changesLength && text.growth() != 0 && !text.isShiftAcknowledged()) {
        return true;
      }
      bytes += text.sizeBytes();
    }
    return bytes > MAX_BYTES;
  }

  private void passBefore(int from, List<HeldSegment> due, Exits exits) {
    List<HeldSegment> before = new ArrayList<>(due.size());
    int end = stream.released();
    for (HeldSegment segment : due) {
      if (segment.end() - from > 0 || segment.hasFin()) {
        break;
      }
      before.add(segment);
      end = segment.end() - end > 0 ? segment.end() : end;
    }
    leave(before, end, exits);
    if (before.size() < due.size() && isNeeded(due.get(before.size()))) {
      HeldSegment rest = due.get(before.size());
      segments.remove(rest);
      stream.release(from);
      leave(rest, from, exits);
    }
  }

  /**
   * Whether a segment that must wait has a part of a text that waits to be acknowledged. That part
   * must pass, or it never is: the segment is cut behind it, and its sender sends the rest again.
   */
  private boolean isNeeded(HeldSegment segment) {
    for (LaidText text : laid) {
      if (!text.isAcknowledged() && text.to() - segment.sequence() > 0) {
        return true;
      }
    }
    return false;
  }

  private @Nullable Reason lay(
      List<HeldSegment> due, int end, List<PayloadEdit> edits, Exits exits) {
    int growth = TranslatedStream.growth(edits);
    int from = edits.get(0).from();
    int last = edits.get(edits.size() - 1).to();
    int to = last - end > 0 ? last : end;
    Integer place = place(due, from, to, growth);
    if (place == null) {
      return HoldReason.HOLD_TOO_LONG;
    }
    byte[] text = new byte[to - from + growth];
    int at = 0;
    int copied = from;
    for (PayloadEdit edit : edits) {
      copy(due, copied, edit.from(), text, at);
      at += edit.from() - copied;
      System.arraycopy(edit.replacement(), 0, text, at, edit.replacement().length);
      at += edit.replacement().length;
      copied = edit.to();
    }
    copy(due, copied, to, text, at);
    LaidText lay = new LaidText(from, to, place, text, growth);
    Reason noMemory = exits.remember(lay.sizeBytes());
    if (noMemory != null) {
      return noMemory;
    }
    SequenceAdjustment next = null;
    if (growth != 0) {
      int before = stream.adjustment().offsetAfter();
      next = new SequenceAdjustment(lay.position(), before, before + growth);
    }
    WithheldReason failure = exits.prepare(next);
    if (failure != null) {
      exits.forget(lay.sizeBytes());
      if (failure == WithheldReason.BACKEND_REFUSED) {
        cancelPlanned(); // it passes as it came, when it comes again
      }
      segments.removeAll(due);
      for (HeldSegment segment : due) {
        exits.drop(segment, failure);
      }
      return null;
    }
    if (next != null) {
      stream.adjusted(next);
    }
    laid.add(lay);
    stream.planned().removeAll(edits);
    begunMessage = edits.get(edits.size() - 1).message();
    exits.made(edits);
    leave(due, end, exits);
    return null;
  }

  /**
   * Where the length changes: in the last segment that can take it. If none can grow by so much, at
   * the end of the last one that takes a part; its sender sends the rest of it again. Not of an
   * earlier one: the kernel takes selective acknowledgements of what lies behind a change that is
   * not acknowledged for invalid.
   *
   * @return null if no segment can take it
   */
  private static @Nullable Integer place(List<HeldSegment> due, int from, int to, int growth) {
    if (growth == 0) {
      return to;
    }
    Integer part = null;
    for (int i = due.size() - 1; i >= 0; i--) {
      HeldSegment segment = due.get(i);
      int lengthBytes = segment.lengthBytes();
      if (lengthBytes == 0 || segment.end() - from <= 0) {
        continue;
      }
      boolean takesAll =
          growth > 0
              ? lengthBytes + growth <= segment.roomBytes()
              : lengthBytes + growth > 0 && segment.end() + growth - from >= 0;
      if (takesAll) {
        return segment.end();
      }
      if (part == null && segment.roomBytes() > growth) {
        part = segment.end();
      }
    }
    return growth < 0 ? Integer.valueOf(to) : part;
  }

  private static void copy(List<HeldSegment> due, int from, int to, byte[] into, int at) {
    int copied = from;
    for (HeldSegment segment : due) {
      if (to - copied > 0 && segment.sequence() - copied <= 0 && segment.end() - copied > 0) {
        int lengthBytes = Math.min(to - copied, segment.end() - copied);
        segment.copy(copied, lengthBytes, into, at + copied - from);
        copied += lengthBytes;
      }
    }
    if (to - copied > 0) {
      throw new IllegalStateException("text of a segment that is not held");
    }
  }

  private void leave(List<HeldSegment> leaving, int end, Exits exits) {
    stream.release(end);
    for (HeldSegment segment : leaving) {
      segments.remove(segment);
      leave(segment, segment.end(), exits);
    }
  }

  /**
   * Sends a segment on its way, with its piece of every text that it has a part of.
   *
   * @param end behind the last byte that passes
   */
  private void leave(HeldSegment segment, int end, Exits exits) {
    int start = segment.sequence();
    boolean overlaps = end != segment.end();
    for (LaidText text : laid) {
      if (text.overlaps(segment.sequence(), end)) {
        overlaps = true;
        int had = text.isAcknowledged() ? text.to() : text.place();
        if (text.isShiftAcknowledged() && had - start > 0) {
          start = had - end < 0 ? had : end; // the kernel may have forgotten how to shift the rest
        }
        if (text.isGone(start)) {
          start = text.place() - end < 0 ? text.place() : end;
        }
      }
    }
    if (!overlaps) {
      exits.pass(segment);
    } else if (segment.isUnalterable()) {
      exits.drop(segment, WithheldReason.UNALTERABLE);
    } else if (start == end && segment.lengthBytes() > 0) {
      // The receiver has all of it, or it is gone in the new text, and its sender does not know:
      // without bytes and before what the
      // receiver awaits it makes it say so (RFC 9293 section 3.10.7.4).
      exits.passChanged(segment, segment.hasFin() ? end : segment.sequence(), NOTHING, true);
    } else {
      leaveWith(segment, start, end, exits);
    }
  }

  private void leaveWith(HeldSegment segment, int start, int end, Exits exits) {
    byte[] payload = new byte[end - start + growthWithin(start, end)];
    int length = 0;
    int done = start;
    for (LaidText text : laid) {
      byte[] bytes = text.text();
      if (bytes == null || !text.overlaps(done, end)) {
        continue;
      }
      if (text.from() - done > 0) {
        segment.copy(done, text.from() - done, payload, length);
        length += text.from() - done;
        done = text.from();
      }
      int until = text.to() - end < 0 ? text.to() : end;
      int begin = done == text.from() ? 0 : text.begin(done);
      int take = Math.max(0, text.end(until) - begin);
      System.arraycopy(bytes, begin, payload, length, take);
      length += take;
      done = until;
    }
    segment.copy(done, end - done, payload, length);
    length += end - done;
    boolean whole = length <= segment.roomBytes() && end == segment.end();
    int fitting = Math.min(length, segment.roomBytes());
    exits.passChanged(segment, start, Arrays.copyOf(payload, fitting), whole);
  }

  private int growthWithin(int start, int end) {
    int growth = 0;
    for (LaidText text : laid) {
      if (text.overlaps(start, end)) {
        growth += Math.max(0, text.growth());
      }
    }
    return growth;
  }
}
