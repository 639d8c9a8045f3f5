package org.pinholed.agent.nat;

import org.pinholed.helper.ExplainedWord;

/**
 * Why a packet of a translated flow was dropped or cut. The sender sends the rest again: TCP by
 * itself, a protocol over UDP because it hears no answer.
 */
public enum WithheldReason implements ExplainedWord {
  /** It may have to be changed, and what stands before it is not known. */
  EARLY("it came before bytes that stand in front of it"),
  /** It ends within a message. */
  INCOMPLETE("it ends within a message that may have to be rewritten as a whole"),
  /** It begins or ends within bytes that are replaced. */
  PART_OF_AN_EDIT("it has only a part of what is rewritten"),
  /** Its first copy waits. */
  HELD_ALREADY("a copy of it is held until the message is complete that it is a part of"),
  /** The kernel knows one shift of sequence numbers at a time. */
  UNACKNOWLEDGED(
      "a rewrite before it changed the length and is not acknowledged yet; the kernel can shift by"
          + " one at a time"),
  /** The kernel has forgotten how to shift it. */
  REPEATED(
      "it repeats bytes before a rewrite that its receiver has acknowledged, and another one changed"
          + " the length since; the receiver was asked to acknowledge them again in its place"),
  /** A path whose MTU it just fitted would lose it, or no packet is that long. */
  TOO_LONG("rewritten it would have outgrown the MTU, or the longest packet that there is"),
  /** An IPv6 authentication or routing header, or a source route. */
  UNALTERABLE(
      "it repeats bytes that were rewritten, and has a source route or an authentication or routing"
          + " header, so that nothing can be rewritten in it"),
  /** No pinhole, so no address of one in the message either. */
  BACKEND_REFUSED("the kernel did not take the pinhole that it announces"),
  /** The packet could not be made. */
  REWRITE_FAILED("the rewritten packet could not be made or the kernel not be told"),
  /** Nobody knows how. */
  CHANGED_BY_AN_EARLIER_AGENT(
      "an agent before this one rewrote the bytes in it, or was about to, when it ended"),
  /** The first one that may be read after a kill. */
  ASKED_IF_FIRST(
      "nobody knows yet if its receiver has all before it, so that reading may begin there after an"
          + " agent was killed; the receiver was asked in its place"),
  /** Forged, perhaps, and not read. */
  MISROUTED(
      "it came in by a device that does not lead back to its source, while a message of its"
          + " direction was held or rewritten"),
  /** The helper said so. */
  CUT("its connection is cut, because the child is not what was announced"),
  /** An exception. */
  FAULT("the agent failed, a fault of this program; the log has more");

  private final String explanation;

  WithheldReason(String explanation) {
    this.explanation = explanation;
  }

  @Override
  public String explanation() {
    return explanation;
  }
}
