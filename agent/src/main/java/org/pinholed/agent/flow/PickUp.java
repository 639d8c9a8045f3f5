package org.pinholed.agent.flow;

/**
 * Where the reading of one direction of a resumed flow may begin: what is known of how far its
 * receiver has come, and the segment because of which it was asked. Sequence numbers are those of
 * the sender. Not thread-safe.
 */
final class PickUp {
  /**
   * How often a receiver is asked at most. One that never answers, or a sender that speaks too
   * early each time, must not cost each message a second.
   */
  static final int MOST_QUESTIONS = 3;

  private static final long UNKNOWN = -1;

  /** How far the receiver has it, unsigned. */
  private long acknowledged = UNKNOWN;

  /** Where the segment begins because of which the receiver was asked last, unsigned. */
  private long askedAt = UNKNOWN;

  private boolean waits;
  private int questions;

  /**
   * Takes an acknowledgement.
   *
   * @return true if it shows that the receiver has bytes of the segment because of which it was
   *     asked: that one came again, and begins nothing
   */
  boolean acknowledged(int number) {
    if (acknowledged == UNKNOWN || number - (int) acknowledged > 0) {
      acknowledged = Integer.toUnsignedLong(number);
    }
    return waits && number - (int) askedAt > 0;
  }

  /** Whether the receiver has all before a byte, and not that byte, as far as is known. */
  boolean isAcknowledgedUpTo(int sequence) {
    return acknowledged == Integer.toUnsignedLong(sequence);
  }

  /** Whether the receiver may be asked if it has all before a segment. Of each segment once. */
  boolean mayAsk(int sequence) {
    return questions < MOST_QUESTIONS
        && askedAt != Integer.toUnsignedLong(sequence)
        && (acknowledged == UNKNOWN || sequence - (int) acknowledged > 0);
  }

  /** Notes that the receiver is asked if it has all before a segment, which was kept from it. */
  void ask(int sequence) {
    askedAt = Integer.toUnsignedLong(sequence);
    waits = true;
    questions++;
  }

  /** Whether that segment did not come again yet. */
  boolean waits() {
    return waits;
  }

  /** Where that segment begins. */
  int askedAt() {
    return (int) askedAt;
  }

  /** That segment came again, or will not. */
  void waitNoMore() {
    waits = false;
  }
}
