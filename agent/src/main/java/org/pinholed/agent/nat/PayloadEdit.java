package org.pinholed.agent.nat;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.Arrays;
import java.util.List;

/** Bytes of a TCP stream that are replaced by others, named by sequence numbers of the sender. */
public final class PayloadEdit {
  private final int message;
  private final byte[] old;
  private final int from;
  private final int to;
  private final byte[] replacement;
  private int cuts;

  /**
   * Makes an edit.
   *
   * @param from sequence number of the first byte that goes
   * @param lengthBytes how many bytes go, 0 or more
   * @param replacement what comes instead; kept
   */
  public PayloadEdit(int from, int lengthBytes, byte[] replacement) {
    this(from, from, lengthBytes, replacement, new byte[0]);
  }

  /**
   * Makes an edit of which it is known what it replaces.
   *
   * @param message sequence number of the first byte of its message: what is made of one edit of a
   *     message is made of all
   * @param from sequence number of the first byte that goes
   * @param lengthBytes how many bytes go, 0 or more
   * @param replacement what comes instead; kept
   * @param old the bytes that go, for the trace, or the first of them; kept
   */
  public PayloadEdit(int message, int from, int lengthBytes, byte[] replacement, byte[] old) {
    this.message = message;
    this.old = old.length > QuotedText.MOST_BYTES ? Arrays.copyOf(old, QuotedText.MOST_BYTES) : old;
    this.from = from;
    this.to = from + lengthBytes;
    this.replacement = replacement;
  }

  static PayloadEdit of(TranslatedState.Edit state) {
    return new PayloadEdit(
        (int) state.message(),
        (int) state.from(),
        state.lengthBytes(),
        state.replacement().getBytes(ISO_8859_1),
        new byte[0]);
  }

  /** What another process needs to make it. */
  TranslatedState.Edit state() {
    return new TranslatedState.Edit(
        Integer.toUnsignedLong(from),
        to - from,
        new String(replacement, ISO_8859_1),
        Integer.toUnsignedLong(message));
  }

  int message() {
    return message;
  }

  int from() {
    return from;
  }

  /** Sequence number behind the last byte that goes. */
  int to() {
    return to;
  }

  byte[] replacement() {
    return replacement;
  }

  /**
   * By how many bytes the stream grows.
   *
   * @return negative if it shrinks
   */
  public int growth() {
    return replacement.length - (to - from);
  }

  /** By how many bytes edits make the stream longer. */
  static int growth(List<PayloadEdit> edits) {
    int growth = 0;
    for (PayloadEdit edit : edits) {
      growth += edit.growth();
    }
    return growth;
  }

  /**
   * What goes and what comes, for the trace.
   *
   * @return {@code "old" -> "new"}, each in plain ASCII, other bytes as {@code \\xNN}, at most 64
   *     bytes of it
   */
  public String describe() {
    return QuotedText.replaced(old, to - from, replacement);
  }

  /** How often a segment was cut because it had only a part of what goes. */
  int cuts() {
    return cuts;
  }

  void cut() {
    cuts++;
  }
}
