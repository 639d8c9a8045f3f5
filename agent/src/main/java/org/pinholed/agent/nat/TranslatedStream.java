package org.pinholed.agent.nat;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.kernel.conntrack.SequenceAdjustment;

/**
 * What was replaced, and will be, in one direction of a translated TCP flow (ADR 4).
 *
 * <p>The kernel shifts sequence numbers by two offsets only, before and behind one position. So
 * that it is always right: while what misses may have to be changed a segment passes only in its
 * turn; an edit that changes the length waits until the one before it is acknowledged; a segment
 * that cannot pass whole is cut, and the sender sends the rest again; and what comes again is
 * changed again in the same way. Not thread-safe.
 */
public final class TranslatedStream {
  /** Edits that are remembered for retransmissions, acknowledged ones included. */
  static final int REMEMBERED = 16;

  /** How often a segment is cut on behalf of one edit before the edit is given up. */
  static final int MAX_CUTS = 6;

  private static final String CHANGED_BEFORE = "changedByAnEarlierAgent";

  private final List<PayloadEdit> planned = new ArrayList<>();
  private final Deque<Made> made = new ArrayDeque<>();
  private SequenceAdjustment adjustment = SequenceAdjustment.NONE;
  private boolean begun;
  private boolean inherited;
  private int inheritedPosition;
  private boolean inheritedPrefixPassed;

  /** Sequence number behind the last byte that passed. */
  private int released;

  private boolean withheld;

  /** Where the unfinished message began that was withheld last. */
  private int withheldFrom;

  /** Edits that were made together, with one position in the kernel. */
  private static final class Made {
    private final List<PayloadEdit> edits;
    private final int from;
    private final int to;
    private final boolean changesLength;
    private boolean acknowledged;

    private Made(List<PayloadEdit> edits) {
      this.edits = edits;
      this.from = edits.get(0).from();
      this.to = edits.get(edits.size() - 1).to();
      this.changesLength = growth(edits) != 0;
    }
  }

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
    inherited = found.offsetBefore() != found.offsetAfter();
    inheritedPosition = found.position();
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
        made.stream()
            .map(group -> new TranslatedState.Group(group.acknowledged, write(group.edits)))
            .toList(),
        write(planned));
  }

  private static List<TranslatedState.Edit> write(List<PayloadEdit> edits) {
    return edits.stream()
        .map(
            edit ->
                new TranslatedState.Edit(
                    Integer.toUnsignedLong(edit.from()),
                    edit.to() - edit.from(),
                    new String(edit.replacement(), ISO_8859_1)))
        .toList();
  }

  /**
   * Goes on where another process stood. Only before the first segment, and behind {@link
   * #inherit}.
   *
   * @param state what that process said
   */
  public void restore(TranslatedState state) {
    begin((int) state.released());
    for (TranslatedState.Group group : state.made()) {
      Made restored = new Made(read(group.edits()));
      restored.acknowledged = group.acknowledged();
      made.add(restored);
      inherited = false; // it is known how
    }
    planned.addAll(read(state.planned()));
  }

  private static List<PayloadEdit> read(List<TranslatedState.Edit> edits) {
    return edits.stream()
        .map(
            edit ->
                new PayloadEdit(
                    (int) edit.from(), edit.lengthBytes(), edit.replacement().getBytes(ISO_8859_1)))
        .toList();
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
   * @param acknowledgement as the receiver sent it
   * @return the same in the sender's numbers
   */
  public int acknowledged(int acknowledgement) {
    int inSenders = adjustment.toSender(acknowledgement);
    for (Made group : made) {
      if (inSenders - group.to >= 0) {
        group.acknowledged = true;
      }
    }
    return inSenders;
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
   */
  public void plan(PayloadEdit edit) {
    planned.add(edit);
  }

  /** Forgets what is planned; what was made stays. */
  public void cancelPlanned() {
    planned.clear();
  }

  /**
   * What is to become of a segment, after its bytes were read. That it passed is told to {@link
   * #passed}.
   *
   * @param sequence sequence number of its first byte
   * @param lengthBytes length of its payload
   * @param incomplete sequence number where a message began that is not whole yet and may have to
   *     be changed; null if there is none
   * @param inTurnOnly whether bytes that did not come yet may have to be changed. If not, a segment
   *     behind them passes, so that the receiver can tell which ones it misses; they pass as they
   *     come from then on
   * @return the answer
   */
  public Passage decide(
      int sequence, int lengthBytes, @Nullable Integer incomplete, boolean inTurnOnly) {
    if (!begun) {
      begin(sequence);
    }
    int end = sequence + lengthBytes;
    if (sequence - released > 0 && (inTurnOnly || !planned.isEmpty())) {
      return Passage.dropped("early");
    }
    if (inherited && sequence - inheritedPosition <= 0 && end - inheritedPosition > 0) {
      return decideInherited(sequence, end);
    }
    List<PayloadEdit> edits = new ArrayList<>(2);
    for (Made group : made) {
      if (!collect(group, sequence, end, edits)) {
        return Passage.dropped("partOfAnEdit");
      }
    }
    String cause = "";
    if (incomplete != null
        && canChange(incomplete)
        && end - incomplete > 0
        && !(withheld && withheldFrom == incomplete)) {
      withheld = true;
      withheldFrom = incomplete;
      cause = "incomplete";
      end = incomplete;
    }
    List<PayloadEdit> fresh = new ArrayList<>(2);
    for (PayloadEdit edit : planned) {
      if (edit.from() - end >= 0) {
        break;
      }
      if (edit.to() - end > 0) {
        cause = "partOfAnEdit";
        end = cutBefore(edit);
        break;
      }
      fresh.add(edit);
    }
    SequenceAdjustment next = null;
    int growth = growth(fresh);
    if (growth != 0) {
      if (isUnacknowledged()) {
        cause = "unacknowledged";
        end = cutBefore(fresh.get(0));
        fresh = List.of();
      } else {
        int before = adjustment.offsetAfter();
        next = new SequenceAdjustment(fresh.get(0).from(), before, before + growth);
      }
    }
    if (!cause.isEmpty() && end - sequence <= 0) {
      return Passage.dropped(cause);
    }
    edits.addAll(fresh);
    Passage.Kind kind =
        edits.isEmpty() && cause.isEmpty() ? Passage.Kind.AS_IT_CAME : Passage.Kind.CHANGED;
    return new Passage(kind, cause, end, edits, next, fresh);
  }

  /**
   * A segment that an earlier agent changed, or was about to; nobody knows how. What stands before
   * the change passes. If the receiver has the rest, it says so now. If the sender goes on right at
   * the change, the receiver has nothing of it: the kernel is told that there was no change.
   */
  private Passage decideInherited(int sequence, int end) {
    if (end - released > 0) {
      released = end; // that agent may have passed it
    }
    if (sequence != inheritedPosition) {
      inheritedPrefixPassed = true;
      return new Passage(
          Passage.Kind.CHANGED, CHANGED_BEFORE, inheritedPosition, List.of(), null, List.of());
    }
    if (!inheritedPrefixPassed) {
      return Passage.dropped(CHANGED_BEFORE);
    }
    planned.clear();
    int offset = adjustment.offsetBefore();
    return new Passage(
        Passage.Kind.CHANGED,
        "",
        end,
        List.of(),
        new SequenceAdjustment(inheritedPosition, offset, offset),
        List.of());
  }

  /** Adds the edits of a group that a segment must repeat; false if it cannot. */
  private static boolean collect(Made group, int sequence, int end, List<PayloadEdit> into) {
    if (end - group.from <= 0 || sequence - group.to >= 0) {
      return true;
    }
    if (sequence - group.from > 0) {
      return false; // the kernel would shift it as if it stood behind the edits
    }
    for (PayloadEdit edit : group.edits) {
      if (edit.to() - end <= 0) {
        into.add(edit);
      } else if (edit.from() - end < 0) {
        return false;
      }
    }
    return true;
  }

  private boolean isUnacknowledged() {
    for (Made group : made) {
      if (group.changesLength && !group.acknowledged) {
        return true;
      }
    }
    return false;
  }

  /** Whether something was replaced that may have to be sent again. */
  boolean awaitsAcknowledgement() {
    for (Made group : made) {
      if (!group.acknowledged) {
        return true;
      }
    }
    return false;
  }

  private static int cutBefore(PayloadEdit edit) {
    edit.cut();
    return edit.from();
  }

  /**
   * Whether something that is planned waited for too long and is to be given up.
   *
   * @return true if a planned edit cost too many cuts
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
    if (passage.end() - released > 0) {
      released = passage.end();
    }
    SequenceAdjustment next = passage.adjustment();
    if (next != null) {
      adjustment = next;
      inherited = false;
    }
    if (!passage.fresh().isEmpty()) {
      planned.removeAll(passage.fresh());
      made.add(new Made(List.copyOf(passage.fresh())));
      if (made.size() > REMEMBERED) {
        made.remove();
      }
    }
  }

  private static int growth(List<PayloadEdit> edits) {
    int growth = 0;
    for (PayloadEdit edit : edits) {
      growth += edit.growth();
    }
    return growth;
  }
}
