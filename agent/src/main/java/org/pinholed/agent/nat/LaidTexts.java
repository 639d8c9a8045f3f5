package org.pinholed.agent.nat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The new texts of one direction, in order: those that its receiver may not have, and the last ones
 * that it has, for old copies. A segment passes with its piece of each of them. Not thread-safe.
 */
final class LaidTexts {
  /** Texts that the receiver has, which are remembered for old copies. */
  private static final int REMEMBERED = 16;

  private static final byte[] NOTHING = {};

  private final List<LaidText> laid = new ArrayList<>(2);

  List<TranslatedState.Laid> state() {
    return laid.stream().map(LaidText::state).toList();
  }

  void restore(List<TranslatedState.Laid> state) {
    state.forEach(text -> laid.add(LaidText.of(text)));
  }

  /** Adds one behind all others. */
  void add(LaidText text) {
    laid.add(text);
  }

  /** Whether some bytes stand in one of them. */
  boolean overlap(int from, int to) {
    for (int i = 0; i < laid.size(); i++) { // an iterator would be garbage
      if (laid.get(i).overlaps(from, to)) {
        return true;
      }
    }
    return false;
  }

  /**
   * Takes an acknowledgement.
   *
   * @param acknowledgement in the sender's numbers
   * @param exits gets the memory of texts back that the receiver has
   */
  void acknowledged(int acknowledgement, HoldExits exits) {
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

  /** Forgets them; the flow is over. */
  void close(HoldExits exits) {
    for (LaidText text : laid) {
      exits.forget(text.sizeBytes());
    }
    laid.clear();
  }

  /** Whether the receiver may not have one of them. */
  boolean areUnfinished() {
    for (LaidText text : laid) {
      if (!text.isAcknowledged()) {
        return true;
      }
    }
    return false;
  }

  /**
   * Whether edits must wait for an acknowledgement: the kernel knows one change of length at a
   * time, and texts must not pile up.
   */
  boolean mustWait(List<PayloadEdit> edits) {
    boolean changesLength = PayloadEdit.growth(edits) != 0;
    int bytes = 0;
    for (LaidText text : laid) {
      if (changesLength && text.growth() != 0 && !text.isShiftAcknowledged()) {
        return true;
      }
      bytes += text.sizeBytes();
    }
    return bytes > MessageHold.MAX_BYTES;
  }

  /**
   * Whether a segment that must wait has a part of a text that waits to be acknowledged. That part
   * must pass, or it never is: the segment is cut behind it, and its sender sends the rest again.
   */
  boolean need(HeldSegment segment) {
    for (LaidText text : laid) {
      if (!text.isAcknowledged() && text.to() - segment.sequence() > 0) {
        return true;
      }
    }
    return false;
  }

  /**
   * Where the sender goes on behind bytes that passed. The receiver says that it has the last byte
   * before those that are gone in a new text, and the kernel tells the sender that it has those,
   * too: the sender does not send the rest of them again.
   *
   * @param end sequence number behind the last byte that passed
   * @return the same, or behind all that is gone
   */
  int behindGone(int end) {
    for (LaidText text : laid) {
      if (text.isGone(end)) {
        return text.place();
      }
    }
    return end;
  }

  /**
   * Sends a segment on its way, with its piece of every text that it has a part of.
   *
   * @param end behind the last byte that passes
   * @param longestPacketBytes as for {@link HeldSegment#roomBytes(int)}
   */
  void pass(HeldSegment segment, int end, int longestPacketBytes, HoldExits exits) {
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
      // The receiver has all of it, or it is gone in the new text, and its sender does not know.
      // Without bytes and before what the receiver awaits, the segment makes it say so (RFC 9293
      // section 3.10.7.4).
      exits.passChanged(segment, segment.hasFin() ? end : segment.sequence(), NOTHING, true);
    } else {
      passWith(segment, start, end, segment.roomBytes(longestPacketBytes), exits);
    }
  }

  private void passWith(HeldSegment segment, int start, int end, int roomBytes, HoldExits exits) {
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
    boolean whole = length <= roomBytes && end == segment.end();
    int fitting = Math.min(length, roomBytes);
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
