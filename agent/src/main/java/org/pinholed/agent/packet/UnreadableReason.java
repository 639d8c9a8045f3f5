package org.pinholed.agent.packet;

import org.pinholed.helper.ExplainedWord;

/** Why a packet passed without being read as one of a flow. */
public enum UnreadableReason implements ExplainedWord {
  /** A header ends after the packet, or a length lies. */
  TRUNCATED("a header or a length in it reaches beyond its end"),
  /** The kernel gives 65,531 bytes of a packet to a queue: an attribute of netlink. */
  TOO_LONG("it has more than the 65531 bytes that the kernel gives to a queue"),
  /** Neither version 4 nor 6. */
  NOT_IP("it is neither IPv4 nor IPv6"),
  /** A protocol number that no helper knows. */
  OTHER_PROTOCOL("it is neither TCP nor UDP, or has more IPv6 extension headers than are read"),
  /** Conntrack makes whole packets of fragments before they are queued: this should not be seen. */
  FRAGMENT("it is a fragment, which the kernel should have put together before"),
  /** A datagram that is diverted for another reason, or whose helper was removed a moment ago. */
  NO_HELPER("it is a datagram of a flow that no helper reads (any more)"),
  /** The flow is unknown to the agent and to the kernel. */
  NO_CONNTRACK("the kernel does not know its connection (any more)"),
  /** An exception. */
  FAULT("the agent failed, a fault of this program; the log has more");

  private final String explanation;

  UnreadableReason(String explanation) {
    this.explanation = explanation;
  }

  @Override
  public String explanation() {
    return explanation;
  }
}
