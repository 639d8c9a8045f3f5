package org.pinholed.agent.flow;

import org.pinholed.helper.Reason;

/** Reasons that the agent itself gives, whatever the protocol. */
public enum AgentReason implements Reason {
  /** The flow was older than the agent and nobody vetted it. */
  MID_STREAM(
      Kind.OPAQUE, "the flow was not seen from its first byte, so nothing in it can be trusted"),
  /** A retransmission says other bytes than the first copy. */
  RETRANSMISSION_DIFFERS(
      Kind.MALFORMED, "a retransmitted segment carried other bytes than the first copy"),
  /** Bytes that the receiver acknowledged were never seen here. */
  GAP(Kind.MALFORMED, "bytes were acknowledged that never came through the queue"),
  /** More bytes wait for their turn than the limits allow. */
  BUFFER_FULL(Kind.MALFORMED, "unfinished or early bytes exceed limits.streamBufferBytes"),
  /** The announced endpoint would have to be rewritten. */
  ADDRESS_TRANSLATED(
      Kind.REFUSED, "the announcing side is behind address translation, which is not rewritten"),
  /** The helper wants to change the payload of a flow. */
  REWRITE_NEEDED(Kind.REFUSED, "the message would have to be rewritten, which is not done"),
  /** {@code limits.expectationsPerParent} is reached. */
  LIMIT_PER_PARENT(Kind.REFUSED, "limits.expectationsPerParent is reached"),
  /** {@code limits.expectationsPerSource} is reached. */
  LIMIT_PER_SOURCE(Kind.REFUSED, "limits.expectationsPerSource is reached"),
  /** {@code limits.expectations} is reached. */
  LIMIT_TOTAL(Kind.REFUSED, "limits.expectations is reached"),
  /** {@code limits.parents} is reached. */
  LIMIT_PARENTS(Kind.OPAQUE, "limits.parents is reached, so the flow is not read"),
  /** The kernel refused the pinhole. */
  BACKEND_REFUSED(Kind.REFUSED, "the kernel did not take the pinhole");

  private final Kind kind;
  private final String explanation;

  AgentReason(Kind kind, String explanation) {
    this.kind = kind;
    this.explanation = explanation;
  }

  @Override
  public Kind kind() {
    return kind;
  }

  @Override
  public String explanation() {
    return explanation;
  }
}
