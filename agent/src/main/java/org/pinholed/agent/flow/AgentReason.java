package org.pinholed.agent.flow;

import org.pinholed.helper.Reason;

/** Reasons that the agent itself gives, whatever the protocol. */
public enum AgentReason implements Reason {
  /** The flow was older than the agent and nobody vetted it. */
  MID_STREAM(
      Kind.OPAQUE,
      "the flow was not seen from its first byte, so nothing in it can be trusted",
      true),
  /** Another agent read its first byte and then lost sight of it, before it had proven anything. */
  NOT_PROVEN(
      Kind.OPAQUE,
      "an agent before this one lost sight of the flow before it had proven what it is (for FTP: by"
          + " greeting, first command and login; for SIP: by the client's first message), so it is"
          + " not resumed",
      true),
  /** Bytes came with its SYN or SYN+ACK. */
  FAST_OPEN(
      Kind.OPAQUE,
      "its first bytes came with the SYN or SYN+ACK (TCP Fast Open), where they are not read, so"
          + " nothing behind them can be trusted",
      true),
  /** An agent before this one gave the flow up, and its pinholes were taken over. */
  OPAQUE_BEFORE(
      Kind.OPAQUE, "an agent that ran before this one found that the flow cannot be read"),
  /** Another engine already works on the flow. */
  KERNEL_HELPER(
      Kind.OPAQUE, "a kernel helper (ct helper) is assigned to the flow, so it is not read twice"),
  /** Rules that others wrote may queue a packet before its source is translated. */
  EXTERNAL_RULES(
      Kind.OPAQUE,
      "the flow is translated, and with rules: external the queue may get its packets before that,"
          + " so it is not read"),
  /** Packets came in by a device that does not lead back to their sender. */
  MISROUTED(
      Kind.REFUSED,
      "packets came in by a device that does not lead back to their sender; they pass and are not"
          + " read, since anybody on that wire can forge them (asymmetricRouting)"),
  /** The server's first words came in by a device by which nothing goes to the server. */
  BEGAN_ELSEWHERE(
      Kind.OPAQUE,
      "the server's first words came in by a device that does not lead back to it, so that they may"
          + " be forged (asymmetricRouting)"),
  /** The helper threw an exception. */
  HELPER_FAILED(
      Kind.OPAQUE,
      "the helper failed, a fault of this program, so the flow is not trusted any more",
      true),
  /** A side sent bytes where its FIN had been. */
  DATA_BEHIND_FIN(
      Kind.MALFORMED,
      "a side sent bytes behind its FIN, so one of the two was not for the receiver"),
  /** The conntrack entry has no extension for sequence numbers. */
  NO_SEQUENCE_ADJUSTMENT(
      Kind.REFUSED,
      "the announcing side is behind address translation, and the kernel cannot shift the sequence"
          + " numbers of this flow, so nothing is rewritten"),
  /** The conntrack entry is gone, or translates in another way than at first. */
  TRANSLATION_CHANGED(
      Kind.REFUSED, "the address translation of the flow is not the one that it began with"),
  /** The first bytes of an announcement went to the receiver before it was whole. */
  SPLIT_ANNOUNCEMENT(
      Kind.REFUSED,
      "a part of the announcement has passed already, so that it cannot be rewritten as a whole"),
  /** An IPv6 authentication or routing header, or an IPv4 source route (RFC 791 section 3.1). */
  UNALTERABLE_PACKET(
      Kind.REFUSED,
      "the packet has an authentication header or a source route, so its checksums cannot be made"
          + " anew and nothing in it is rewritten"),
  /** The kernel takes back 65,531 bytes from a queue: an attribute of netlink with its header. */
  DATAGRAM_TOO_LONG(
      Kind.REFUSED,
      "rewritten, the datagram would have more than the 65531 bytes that the kernel takes back from"
          + " a queue, so it passes as it came and opens nothing"),
  /** All ports that were tried are announced by others to the same peer. */
  NO_FREE_PORT(Kind.REFUSED, "no port of the translated address is free for the announcement"),
  /** Two servers behind one address, and both want the same ports of it for the same client. */
  RANGE_LEADS_ELSEWHERE(
      Kind.REFUSED,
      "the range of ports of the translated address leads to another place already for who would"
          + " come"),
  /** A data connection to such a port would be taken for a control connection. */
  HELPER_PORT(Kind.REFUSED, "the announced port is one on which a helper reads"),
  /** RTP without RTCP, or the other way round, is no media. */
  PARTNER_REFUSED(Kind.REFUSED, "the expectation whose port goes with its own was refused"),
  /** A message came in pieces, however often it was asked for again. */
  REWRITE_GIVEN_UP(
      Kind.REFUSED,
      "the announcement is never sent in one piece, so that it cannot be rewritten as a whole, and"
          + " passes as it came"),
  /** A helper wants to change what needs no change. */
  REWRITE_NOT_ALLOWED(
      Kind.REFUSED, "the helper would rewrite a message of a side that is not translated"),
  /** {@code limits.expectationsPerParent} is reached. */
  LIMIT_PER_PARENT(Kind.REFUSED, "limits.expectationsPerParent is reached"),
  /** {@code helpers[].expectationsPerOwner} is reached. */
  LIMIT_PER_OWNER(Kind.REFUSED, "helpers[].expectationsPerOwner is reached"),
  /** {@code limits.expectationsPerSource} is reached. */
  LIMIT_PER_SOURCE(Kind.REFUSED, "limits.expectationsPerSource is reached"),
  /** {@code limits.expectations} is reached. */
  LIMIT_TOTAL(Kind.REFUSED, "limits.expectations is reached"),
  /** {@code helpers[].expectationsPerParent} is reached. */
  HELPER_LIMIT_PER_PARENT(Kind.REFUSED, "helpers[].expectationsPerParent is reached"),
  /** {@code helpers[].expectationsPerSource} is reached. */
  HELPER_LIMIT_PER_SOURCE(Kind.REFUSED, "helpers[].expectationsPerSource is reached"),
  /** {@code helpers[].expectations} is reached. */
  HELPER_LIMIT_TOTAL(Kind.REFUSED, "helpers[].expectations is reached"),
  /** {@code helpers[].owners} is reached. */
  LIMIT_OWNERS(Kind.REFUSED, "helpers[].owners is reached"),
  /** {@code helpers[].ownersPerSource} is reached. */
  LIMIT_OWNERS_PER_SOURCE(Kind.REFUSED, "helpers[].ownersPerSource is reached"),
  /** PORT in a flow whose server says nothing; it would wait for ever. */
  NEVER_ANSWERED(
      Kind.REFUSED, "the announcement waited for its answer for longer than its timeout"),
  /** The kernel refused the pinhole. */
  BACKEND_REFUSED(Kind.REFUSED, "the kernel did not take the pinhole");

  private final Kind kind;
  private final String explanation;
  private final boolean untrusted;

  AgentReason(Kind kind, String explanation) {
    this(kind, explanation, false);
  }

  AgentReason(Kind kind, String explanation, boolean untrusted) {
    this.kind = kind;
    this.explanation = explanation;
    this.untrusted = untrusted;
  }

  /**
   * Whether a flow that is not read for this reason could be read, but must not be believed.
   *
   * @return false for what cannot be read at all
   */
  public boolean isUntrusted() {
    return untrusted;
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
