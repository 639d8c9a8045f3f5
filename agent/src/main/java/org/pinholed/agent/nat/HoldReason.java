package org.pinholed.agent.nat;

import org.pinholed.helper.Reason;

/**
 * Why a message that had to be rewritten passed as it came, and nothing of it was opened: a bound
 * on what is held (docs/adr/0011).
 */
public enum HoldReason implements Reason {
  /** What is held is not acknowledged: the sender has no more than its first window to send. */
  HOLD_BYTES(
      "a message that had to be rewritten as a whole was longer than 14 KiB, which is what a"
          + " sender sends before the first acknowledgement"),
  /** The same, where segments are short. */
  HOLD_SEGMENTS("a message that had to be rewritten as a whole came in more than 10 segments"),
  /** The sender begins to send again what is held. */
  HOLD_TIME(
      "a message that had to be rewritten as a whole was not complete within 500 ms; a segment of"
          + " it was lost, or its sender writes it in pieces"),
  /** Held packets take room in the queue from all others. */
  HOLD_QUEUE("unfinished messages of all flows held an eighth of the packet queue"),
  /** One client must not take all the room for held packets. */
  HOLD_CLIENT("unfinished messages of this client held its share of the packet queue"),
  /** An authentication header, a source route. */
  HOLD_UNALTERABLE(
      "a segment of a message that had to be rewritten has an authentication header or a source"
          + " route, so that nothing in it can be rewritten"),
  /** It must not leave longer than it came. */
  HOLD_TOO_LONG("rewritten, no segment of the message could take as much as it would grow");

  private final String explanation;

  HoldReason(String explanation) {
    this.explanation = explanation;
  }

  @Override
  public Kind kind() {
    return Kind.REFUSED;
  }

  @Override
  public String explanation() {
    return explanation;
  }
}
