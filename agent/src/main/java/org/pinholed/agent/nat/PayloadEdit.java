package org.pinholed.agent.nat;

/** Bytes of a TCP stream that are replaced by others, named by sequence numbers of the sender. */
public final class PayloadEdit {
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
    this.from = from;
    this.to = from + lengthBytes;
    this.replacement = replacement;
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

  /** How often a segment was cut because it had only a part of what goes. */
  int cuts() {
    return cuts;
  }

  void cut() {
    cuts++;
  }
}
