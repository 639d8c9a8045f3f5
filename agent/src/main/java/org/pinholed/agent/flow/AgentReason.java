package org.pinholed.agent.flow;

import org.pinholed.helper.Reason;

/** Reasons that the agent itself gives, whatever the protocol. */
public enum AgentReason implements Reason {
  /** The flow was older than the agent and nobody vetted it. */
  MID_STREAM(
      Kind.OPAQUE, "the flow was not seen from its first byte, so nothing in it can be trusted"),
  /** An agent before this one gave the flow up, and its pinholes were taken over. */
  OPAQUE_BEFORE(
      Kind.OPAQUE, "an agent that ran before this one found that the flow cannot be read"),
  /** Another engine already works on the flow. */
  KERNEL_HELPER(
      Kind.OPAQUE, "a kernel helper (ct helper) is assigned to the flow, so it is not read twice"),
  /** The helper threw an exception. */
  HELPER_FAILED(
      Kind.OPAQUE,
      "the helper failed, a fault of this program, so the flow is not trusted any more"),
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
