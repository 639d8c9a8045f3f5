package org.pinholed.agent.nat;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * New text of a stretch of a TCP stream, and how it is laid over the sender's sequence numbers.
 *
 * <p>All change of length happens at one place, because the kernel shifts sequence numbers by one
 * offset before and another behind one position. Before that place byte {@code x} of the sender is
 * byte {@code x - from} of the new text; behind it, it is that plus the growth. So whatever piece
 * of the stretch the sender sends, or sends again, has its piece of the new text, wherever it is
 * cut.
 *
 * <p>Where the text grows, the place is a point: the segment that ends there is longer by the
 * growth. Where it shrinks, the place is the stretch {@code gone} that has nothing in the new text.
 */
final class LaidText {
  private final int from;
  private final int to;
  private final int goneFrom;
  private final int goneTo;
  private final int growth;
  private final byte @Nullable [] text;
  private final boolean acknowledged;
  private boolean shiftAcknowledged;

  /**
   * Lays a text.
   *
   * @param from sequence number of the first byte that it replaces
   * @param to sequence number behind the last one
   * @param place sequence number where the length changes: behind the last byte that is shifted as
   *     what comes before, if it grows; behind the bytes that are gone, if it shrinks
   * @param text the new text; null if nobody knows it any more and the receiver has it
   * @param growth length of the text less {@code to - from}
   */
  LaidText(int from, int to, int place, byte @Nullable [] text, int growth) {
    this.from = from;
    this.to = to;
    this.goneTo = place;
    this.goneFrom = place + Math.min(0, growth);
    this.growth = growth;
    this.text = text;
    this.acknowledged = text == null;
    this.shiftAcknowledged = acknowledged;
  }

  /**
   * Lays the new text of edits over segments.
   *
   * @param due segments without a gap between them
   * @param end sequence number behind their last byte
   * @param edits in order, 1 or more; the segments have all the bytes that they replace
   * @return null if no segment can take the change of length
   */
  static @Nullable LaidText over(List<HeldSegment> due, int end, List<PayloadEdit> edits) {
    int growth = PayloadEdit.growth(edits);
    int from = edits.get(0).from();
    int last = edits.get(edits.size() - 1).to();
    int to = last - end > 0 ? last : end;
    Integer place = place(due, from, to, growth);
    if (place == null) {
      return null;
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
    return new LaidText(from, to, place, text, growth);
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
    int longest = HeldSegments.longestPacketBytes(due);
    for (int i = due.size() - 1; i >= 0; i--) {
      HeldSegment segment = due.get(i);
      int lengthBytes = segment.lengthBytes();
      if (lengthBytes == 0 || segment.end() - from <= 0) {
        continue;
      }
      boolean takesAll =
          growth > 0
              ? lengthBytes + growth <= segment.roomBytes(longest)
              : lengthBytes + growth > 0 && segment.end() + growth - from >= 0;
      if (takesAll) {
        return segment.end();
      }
      if (part == null && segment.roomBytes(longest) > growth) {
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

  static LaidText of(TranslatedState.Laid state) {
    String text = state.text();
    LaidText laid =
        new LaidText(
            (int) state.from(),
            (int) state.to(),
            (int) state.place(),
            text == null ? null : text.getBytes(ISO_8859_1),
            state.growth());
    laid.shiftAcknowledged |= state.shiftAcknowledged();
    return laid;
  }

  /** What another process needs to go on with it. */
  TranslatedState.Laid state() {
    return new TranslatedState.Laid(
        Integer.toUnsignedLong(from),
        Integer.toUnsignedLong(to),
        Integer.toUnsignedLong(goneTo),
        growth,
        shiftAcknowledged,
        text == null ? null : new String(text, ISO_8859_1));
  }

  int from() {
    return from;
  }

  int to() {
    return to;
  }

  int place() {
    return goneTo;
  }

  int growth() {
    return growth;
  }

  byte @Nullable [] text() {
    return text;
  }

  int sizeBytes() {
    return text == null ? 0 : text.length + 64;
  }

  /** The position that the kernel is told: what begins up to it is shifted as what comes before. */
  int position() {
    return goneFrom - 1;
  }

  boolean isAcknowledged() {
    return acknowledged;
  }

  /** Takes an acknowledgement, in the sender's numbers. */
  void acknowledged(int acknowledgement) {
    shiftAcknowledged |= acknowledgement - goneTo >= 0;
  }

  /**
   * Whether the receiver has all that is shifted as what comes before, so that the kernel may
   * forget how.
   */
  boolean isShiftAcknowledged() {
    return shiftAcknowledged;
  }

  /** The same without its text, once the receiver has it. */
  LaidText withoutText() {
    return new LaidText(from, to, goneTo, null, growth);
  }

  boolean overlaps(int segmentFrom, int segmentTo) {
    return segmentTo - from > 0 && segmentFrom - to < 0;
  }

  /** Whether a byte has nothing in the new text. */
  boolean isGone(int sequence) {
    return sequence - goneFrom >= 0 && sequence - goneTo < 0;
  }

  /**
   * Where the text of a segment begins.
   *
   * @param sequence where the segment begins, {@code from..to}, not {@link #isGone}
   * @return an index of the text
   */
  int begin(int sequence) {
    return sequence - from + (sequence - goneTo >= 0 ? growth : 0);
  }

  /**
   * Where the text of a segment ends.
   *
   * @param sequence behind its last byte, {@code from..to}
   * @return an index of the text
   */
  int end(int sequence) {
    if (sequence - goneTo >= 0) {
      return sequence - from + growth;
    }
    return (sequence - goneFrom >= 0 ? goneFrom : sequence) - from;
  }
}
