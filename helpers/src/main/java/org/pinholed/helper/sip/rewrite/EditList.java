package org.pinholed.helper.sip.rewrite;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.sip.words.SipField;

/**
 * What changes in one message. Edits may be added in any order; they are told in ascending order.
 * Used again for the next message. Not thread-safe; one per flow.
 */
public final class EditList {
  private static final int FIRST_CAPACITY = 8;

  private int[] from = new int[FIRST_CAPACITY];
  private int[] to = new int[FIRST_CAPACITY];
  private byte[][] text = new byte[FIRST_CAPACITY][];
  private SipField[] field = new SipField[FIRST_CAPACITY];
  private int size;

  /** Makes an empty list. */
  public EditList() {}

  /** Forgets all edits. */
  public void clear() {
    truncate(0);
  }

  /**
   * Forgets the edits that are at an index or behind it.
   *
   * @param newSize 0..{@link #size}
   */
  void truncate(int newSize) {
    Arrays.fill(text, newSize, size, null);
    size = newSize;
  }

  /**
   * How many edits there are.
   *
   * @return 0 or more
   */
  public int size() {
    return size;
  }

  /**
   * Adds an edit. It stands at its place by the index where it begins; of two that begin at the
   * same one, that which was added first comes first.
   *
   * @param start index of the first byte that goes
   * @param end index behind the last one; {@code start} if none goes
   * @param replacement what comes instead, in ASCII
   * @param what the field that it is of
   * @throws IllegalArgumentException if it overlaps another one: no byte is of two fields
   */
  public void replace(int start, int end, String replacement, SipField what) {
    int at = size;
    while (at > 0 && from[at - 1] > start) {
      at--;
    }
    if (start > end || (at > 0 && to[at - 1] > start) || (at < size && end > from[at])) {
      throw new IllegalArgumentException(
          "edit: " + start + ".." + end + " (expected: apart from the others)");
    }
    if (size == from.length) {
      from = Arrays.copyOf(from, size * 2);
      to = Arrays.copyOf(to, size * 2);
      text = Arrays.copyOf(text, size * 2);
      field = Arrays.copyOf(field, size * 2);
    }
    System.arraycopy(from, at, from, at + 1, size - at);
    System.arraycopy(to, at, to, at + 1, size - at);
    System.arraycopy(text, at, text, at + 1, size - at);
    System.arraycopy(field, at, field, at + 1, size - at);
    from[at] = start;
    to[at] = end;
    text[at] = replacement.getBytes(StandardCharsets.US_ASCII);
    field[at] = what;
    size++;
  }

  /**
   * Where an edit begins.
   *
   * @param index 0..{@link #size}-1, in ascending order
   * @return an index of the bytes of the message
   */
  public int from(int index) {
    return from[index];
  }

  /**
   * Where an edit ends.
   *
   * @param index 0..{@link #size}-1, in ascending order
   * @return an index of the bytes of the message, behind the last one that goes
   */
  public int to(int index) {
    return to[index];
  }

  /**
   * What an edit is of.
   *
   * @param index 0..{@link #size}-1, in ascending order
   * @return the field
   */
  public SipField field(int index) {
    return field[index];
  }

  /**
   * What comes instead.
   *
   * @param index 0..{@link #size}-1, in ascending order
   * @return the bytes, not a copy
   */
  byte[] text(int index) {
    return text[index];
  }

  /**
   * How much longer a part of the message becomes.
   *
   * @param start index of its first byte
   * @param end index behind its last byte
   * @return bytes; below zero if it becomes shorter
   */
  public int growth(int start, int end) {
    int growth = 0;
    for (int at = 0; at < size; at++) {
      if (from[at] >= start && to[at] <= end) {
        growth += text[at].length - (to[at] - from[at]);
      }
    }
    return growth;
  }

  /**
   * Whether something changes within a part of the message.
   *
   * @param start index of its first byte
   * @param end index behind its last byte
   * @return true if an edit lies there
   */
  boolean touches(int start, int end) {
    for (int at = 0; at < size; at++) {
      if (from[at] >= start && to[at] <= end) {
        return true;
      }
    }
    return false;
  }

  /**
   * Tells all edits, in ascending order.
   *
   * @param bytes where the message is
   * @param out takes them
   */
  public void tell(ByteCursor bytes, OutcomeSink out) {
    for (int at = 0; at < size; at++) {
      out.edit(bytes.streamOffsetOf(from[at]), to[at] - from[at], text[at], field[at]);
    }
  }
}
