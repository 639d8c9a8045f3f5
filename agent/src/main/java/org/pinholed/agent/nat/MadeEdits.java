package org.pinholed.agent.nat;

import java.util.ArrayList;
import java.util.List;

/**
 * What was replaced in one direction of a translated TCP flow, the oldest first. Its sender may
 * send it again, and then it is replaced again in the same way. Edits that were made together have
 * one position in the kernel, so they stay together. Not thread-safe.
 */
final class MadeEdits {
  /** How many groups are remembered, those included that the receiver has. */
  static final int REMEMBERED = 16;

  private final List<Group> groups = new ArrayList<>();

  /** Edits that were made together. */
  private static final class Group {
    private final List<PayloadEdit> edits;
    private final int from;
    private final int to;
    private final boolean changesLength;
    private boolean acknowledged;

    private Group(List<PayloadEdit> edits) {
      this.edits = edits;
      this.from = edits.get(0).from();
      this.to = edits.get(edits.size() - 1).to();
      this.changesLength = PayloadEdit.growth(edits) != 0;
    }
  }

  List<TranslatedState.Group> state() {
    return groups.stream()
        .map(
            group ->
                new TranslatedState.Group(
                    group.acknowledged, group.edits.stream().map(PayloadEdit::state).toList()))
        .toList();
  }

  void restore(List<TranslatedState.Group> state) {
    for (TranslatedState.Group group : state) {
      Group restored = new Group(group.edits().stream().map(PayloadEdit::of).toList());
      restored.acknowledged = group.acknowledged();
      groups.add(restored);
    }
  }

  boolean isEmpty() {
    return groups.isEmpty();
  }

  /**
   * Adds what was made together.
   *
   * @param edits in order, 1 or more; kept
   */
  void add(List<PayloadEdit> edits) {
    groups.add(new Group(edits));
    if (groups.size() > REMEMBERED) {
      groups.remove(0);
    }
  }

  /** Takes an acknowledgement, in the sender's numbers. */
  void acknowledged(int acknowledgement) {
    for (int i = 0; i < groups.size(); i++) { // an iterator would be garbage
      Group group = groups.get(i);
      if (acknowledgement - group.to >= 0) {
        group.acknowledged = true;
      }
    }
  }

  /** Whether some bytes stand in what was replaced. */
  boolean overlap(int from, int to) {
    for (int i = 0; i < groups.size(); i++) { // an iterator would be garbage
      Group group = groups.get(i);
      if (to - group.from > 0 && from - group.to < 0) {
        return true;
      }
    }
    return false;
  }

  /**
   * Adds the edits that a segment must repeat.
   *
   * @param sequence where the segment begins
   * @param end behind its last byte
   * @param into gets them, in order
   * @return false if it cannot repeat them, because it has a part of them only
   */
  boolean collect(int sequence, int end, List<PayloadEdit> into) {
    for (Group group : groups) {
      if (!collect(group, sequence, end, into)) {
        return false;
      }
    }
    return true;
  }

  private static boolean collect(Group group, int sequence, int end, List<PayloadEdit> into) {
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

  /**
   * How many changes of the length stand behind a byte. The kernel knows how to shift what stands
   * before the last one only.
   *
   * @param sequence where a segment begins
   * @return 0 or more
   */
  int lengthChangesFrom(int sequence) {
    int changes = 0;
    for (Group group : groups) {
      if (group.changesLength && group.from - sequence >= 0) {
        changes++;
      }
    }
    return changes;
  }

  /** All that was made together with one of these edits, and it. */
  List<PayloadEdit> togetherWith(PayloadEdit edit) {
    for (Group group : groups) {
      if (group.edits.contains(edit)) {
        return group.edits;
      }
    }
    throw new IllegalStateException("an edit that was never made");
  }

  /** Whether the receiver may not have one of them. */
  boolean areUnfinished() {
    for (Group group : groups) {
      if (!group.acknowledged) {
        return true;
      }
    }
    return false;
  }

  /** Whether the receiver may not have one of them that changes the length. */
  boolean changesLengthUnacknowledged() {
    for (Group group : groups) {
      if (group.changesLength && !group.acknowledged) {
        return true;
      }
    }
    return false;
  }
}
