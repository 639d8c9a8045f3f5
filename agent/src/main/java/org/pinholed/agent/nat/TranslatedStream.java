package org.pinholed.agent.nat;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.kernel.conntrack.SequenceAdjustment;

/**
 * What was replaced, and will be, in one direction of a translated TCP flow (ADR 4).
 *
 * <p>The kernel shifts sequence numbers by two offsets only, before and behind one position. So
 * that it is always right: while what misses may have to be changed a segment passes only in its
 * turn; an edit that changes the length waits until the one before it is acknowledged; a segment
 * that cannot pass whole, or would outgrow its way, is cut, and the sender sends the rest again;
 * what comes again is changed again in the same way; and if it begins before a change that is not
 * the last one, the receiver is asked to say once more that it has that. Not thread-safe.
 *
 * <p>It is long because what becomes of a segment is decided by all of it: what passed, what was
 * replaced ({@link MadeEdits}) and what is planned; {@link MessageHold} decides by the same.
 */
public final class TranslatedStream {
  /** How often an edit comes in part, and its segment is cut, before the edit is given up. */
  static final int MAX_CUTS = 6;

  private final List<PayloadEdit> planned = new ArrayList<>();
  private final MadeEdits made = new MadeEdits();
  private SequenceAdjustment adjustment = SequenceAdjustment.NONE;
  private boolean begun;

  /** What an earlier agent changed; null if nothing, or once it is known how. */
  private @Nullable InheritedShift inherited;

  /** Sequence number behind the last byte that passed. */
  private int released;

  private boolean withheld;

  /** Where the unfinished message began that was withheld last. */
  private int withheldFrom;

  /** How longer messages are changed; null while a helper has none of them. */
  private @Nullable MessageHold hold;

  /** Makes a stream in which nothing was replaced. */
  public TranslatedStream() {}

  /**
   * Begins with the first byte.
   *
   * @param sequence its sequence number
   */
  public void begin(int sequence) {
    begun = true;
    released = sequence;
  }

  /**
   * Takes over what an earlier agent left in the kernel.
   *
   * @param found the kernel's adjustment
   */
  public void inherit(SequenceAdjustment found) {
    adjustment = found;
    inherited = InheritedShift.of(found);
  }

  /**
   * Takes over how the kernel shifts the direction for somebody else. Does nothing once something
   * was replaced: then it is known.
   *
   * @param found the kernel's adjustment
   */
  public void standing(SequenceAdjustment found) {
    if (made.isEmpty() && adjustment.equals(SequenceAdjustment.NONE)) {
      adjustment = found;
    }
  }

  /**
   * From now on messages may be longer than a segment.
   *
   * @return what holds their segments, the same at every call
   */
  public MessageHold holding() {
    MessageHold holding = hold;
    if (holding == null) {
      holding = new MessageHold(this);
      hold = holding;
    }
    return holding;
  }

  /**
   * What holds segments of longer messages.
   *
   * @return null if {@link #holding} was not called yet
   */
  public @Nullable MessageHold hold() {
    return hold;
  }

  /**
   * Whether a segment is one that an earlier agent changed, or was about to ({@link #decide}).
   *
   * @param sequence sequence number of its first byte
   * @param lengthBytes length of its payload
   * @return true as long as nobody knows how it was changed
   */
  public boolean isInherited(int sequence, int lengthBytes) {
    return inherited != null && inherited.concerns(sequence, lengthBytes);
  }

  /** What is to be replaced, in order; of {@link MessageHold}, too. */
  List<PayloadEdit> planned() {
    return planned;
  }

  /** Sequence number behind the last byte that passed. */
  int released() {
    return released;
  }

  /** Begins with a segment, if nothing was seen of the direction yet: its flow was resumed. */
  void beginWith(int sequence) {
    if (!begun) {
      begin(sequence);
    }
  }

  /**
   * Says that all before a byte has passed, also what nobody saw. What stands behind that byte is
   * to wait for it.
   *
   * @param sequence its sequence number
   */
  public void goOnAt(int sequence) {
    beginWith(sequence);
    release(sequence);
  }

  /** Notes what passed. */
  void release(int end) {
    if (end - released > 0) {
      released = end;
    }
  }

  /** Notes what the kernel was told. */
  void adjusted(SequenceAdjustment next) {
    adjustment = next;
    inherited = null;
  }

  /**
   * What another process needs to go on.
   *
   * @return null before the first byte
   */
  public @Nullable TranslatedState state() {
    if (!begun) {
      return null;
    }
    return new TranslatedState(
        Integer.toUnsignedLong(released),
        made.state(),
        planned.stream().map(PayloadEdit::state).toList(),
        hold == null ? null : hold.state());
  }

  /**
   * Goes on where another process stood. Only before the first segment, and behind {@link
   * #inherit}.
   *
   * @param state what that process said
   */
  public void restore(TranslatedState state) {
    begin((int) state.released());
    made.restore(state.made());
    if (!made.isEmpty()) {
      inherited = null; // it is known how
    }
    state.planned().forEach(edit -> planned.add(PayloadEdit.of(edit)));
    if (state.hold() != null) {
      holding().restore(state.hold());
      inherited = null;
    }
  }

  /**
   * How the kernel shifts this direction.
   *
   * @return its adjustment
   */
  public SequenceAdjustment adjustment() {
    return adjustment;
  }

  /**
   * Takes an acknowledgement.
   *
   * @param acknowledgement in the sender's numbers ({@link SequenceAdjustment#toSender})
   */
  public void acknowledged(int acknowledgement) {
    made.acknowledged(acknowledgement);
    if (inherited != null) {
      inherited.acknowledged(acknowledgement);
    }
  }

  /**
   * Whether a byte has not passed yet, so that it can still be replaced.
   *
   * @param sequence its sequence number
   * @return false if the receiver may have it
   */
  public boolean canChange(int sequence) {
    return !begun || sequence - released >= 0;
  }

  /**
   * Plans to replace bytes that did not pass yet.
   *
   * @param edit behind all that was planned before
   * @return false if it cannot be made
   */
  public boolean plan(PayloadEdit edit) {
    return hold == null ? planned.add(edit) : hold.plan(edit);
  }

  /** Forgets what is planned; what was made stays. */
  public void cancelPlanned() {
    if (hold == null) {
      planned.clear();
    } else {
      hold.cancelPlanned();
    }
  }

  /**
   * Lets a segment pass as it came, if nothing in it is to be changed or to wait: nearly all are
   * like that. Else it does nothing, and {@link #decide} tells.
   *
   * @param sequence sequence number of its first byte
   * @param lengthBytes length of its payload
   * @param inTurnOnly as for {@link #decide}
   * @return whether it passed
   */
  public boolean passAsItCame(int sequence, int lengthBytes, boolean inTurnOnly) {
    int end = sequence + lengthBytes;
    if (!begun || (sequence - released > 0 && (inTurnOnly || !planned.isEmpty()))) {
      return false;
    }
    if (isInherited(sequence, lengthBytes)) {
      return false;
    }
    if (!planned.isEmpty() && planned.get(0).from() - end < 0) {
      return false;
    }
    if (made.overlap(sequence, end)) {
      return false;
    }
    release(end);
    return true;
  }

  /**
   * What is to become of a segment, after its bytes were read. That it passed is told to {@link
   * #passed}.
   *
   * @param sequence sequence number of its first byte
   * @param lengthBytes length of its payload
   * @param roomBytes how long its payload may become, {@code lengthBytes} or more
   * @param incomplete sequence number where a message began that is not whole yet and may have to
   *     be changed; null if there is none
   * @param inTurnOnly whether bytes that did not come yet may have to be changed. If not, a segment
   *     behind them passes, so that the receiver can tell which ones it misses; they pass as they
   *     come from then on
   * @return the answer
   */
  public Passage decide(
      int sequence,
      int lengthBytes,
      int roomBytes,
      @Nullable Integer incomplete,
      boolean inTurnOnly) {
    beginWith(sequence);
    int end = sequence + lengthBytes;
    if (sequence - released > 0 && (inTurnOnly || !planned.isEmpty())) {
      return Passage.dropped(WithheldReason.EARLY);
    }
    InheritedShift earlier = inherited;
    if (earlier != null && earlier.concerns(sequence, lengthBytes)) {
      release(end); // that agent may have passed it
      planned.clear(); // of what was read once more; it is changed already or never is
      return earlier.decide(sequence, end);
    }
    List<PayloadEdit> edits = new ArrayList<>(2);
    if (!made.collect(sequence, end, edits)) {
      return Passage.dropped(WithheldReason.PART_OF_AN_EDIT);
    }
    WithheldReason reason = null;
    if (incomplete != null
        && canChange(incomplete)
        && end - incomplete > 0
        && !(withheld && withheldFrom == incomplete)) {
      reason = WithheldReason.INCOMPLETE;
      end = incomplete;
    }
    List<PayloadEdit> fresh = new ArrayList<>(2);
    for (PayloadEdit edit : planned) {
      if (edit.from() - end >= 0) {
        break;
      }
      if (edit.to() - end > 0) {
        reason = WithheldReason.PART_OF_AN_EDIT;
        edit.cut();
        end = edit.from();
        break;
      }
      fresh.add(edit);
    }
    if (changesLength(fresh) && made.changesLengthUnacknowledged()) {
      reason = WithheldReason.UNACKNOWLEDGED;
      end = fresh.get(0).from();
      fresh.clear();
    }
    edits.addAll(fresh);
    int fitting = fit(sequence, end, roomBytes, edits, fresh);
    if (fitting != end) {
      reason = WithheldReason.TOO_LONG;
      end = fitting;
    }
    if (reason != null && end - sequence <= 0) {
      noteWithheld(reason, end);
      return Passage.dropped(reason);
    }
    noteWithheld(reason, end);
    SequenceAdjustment next = null;
    int growth = PayloadEdit.growth(fresh);
    if (made.lengthChangesFrom(sequence) + (growth == 0 ? 0 : 1) > 1) {
      // The receiver has what stands before the last change; its sender does not know it yet.
      return new Passage(
          Passage.Kind.ASKED, WithheldReason.REPEATED, sequence, List.of(), null, List.of());
    }
    if (growth != 0) {
      int before = adjustment.offsetAfter();
      next = new SequenceAdjustment(fresh.get(0).from(), before, before + growth);
    }
    Passage.Kind kind =
        edits.isEmpty() && reason == null ? Passage.Kind.AS_IT_CAME : Passage.Kind.CHANGED;
    return new Passage(kind, reason, end, edits, next, fresh);
  }

  /** An unfinished message is withheld once, so that its sender sends it whole. */
  private void noteWithheld(@Nullable WithheldReason reason, int end) {
    if (reason == WithheldReason.INCOMPLETE) {
      withheld = true;
      withheldFrom = end;
    }
  }

  /**
   * Where a segment must end so that it is not longer than it may be. It cannot be sent in two: the
   * sender must send the rest again.
   *
   * @param edits all that is replaced; those that do not fit are removed. Edits that were made
   *     together stay together
   * @param fresh those that were not made before; likewise
   */
  private int fit(
      int sequence, int end, int roomBytes, List<PayloadEdit> edits, List<PayloadEdit> fresh) {
    int fitting = end;
    while (!edits.isEmpty() && fitting - sequence + PayloadEdit.growth(edits) > roomBytes) {
      PayloadEdit last = edits.get(edits.size() - 1);
      int most = sequence + roomBytes - PayloadEdit.growth(edits);
      if (most - last.to() >= 0) {
        return most;
      }
      if (fresh.remove(last)) {
        edits.remove(edits.size() - 1);
        fitting = last.from();
      } else {
        List<PayloadEdit> together = made.togetherWith(last);
        edits.removeAll(together);
        fitting = together.get(0).from();
      }
    }
    return fitting;
  }

  /** Whether something is to be replaced, or was and may have to be sent again. */
  boolean isUnfinished() {
    return made.areUnfinished() || !planned.isEmpty() || (hold != null && hold.isUnfinished());
  }

  /**
   * Whether something that is planned is to be given up, because its sender never sends it in one
   * segment. For an acknowledgement it waits as long as its sender sends it again.
   *
   * @return true if a planned edit was cut too often
   */
  public boolean isHopeless() {
    return !planned.isEmpty() && planned.get(0).cuts() >= MAX_CUTS;
  }

  /**
   * Notes that a segment passed, as was decided.
   *
   * @param passage not dropped
   */
  public void passed(Passage passage) {
    release(passage.end());
    SequenceAdjustment next = passage.adjustment();
    if (next != null) {
      adjustment = next;
      inherited = null;
    }
    if (!passage.fresh().isEmpty()) {
      planned.removeAll(passage.fresh());
      made.add(List.copyOf(passage.fresh()));
    }
  }

  private static boolean changesLength(List<PayloadEdit> edits) {
    for (PayloadEdit edit : edits) {
      if (edit.growth() != 0) {
        return true;
      }
    }
    return false;
  }
}
