package org.pinholed.agent.metrics;

import org.pinholed.helper.ExplainedWord;

/** The sockets by which the kernel tells something unasked, and may have to drop it. */
public enum ReceivingSocket implements ExplainedWord {
  /** NFQUEUE, one for each queue. */
  QUEUE("control packets, one socket for each packet queue"),
  /** Events of ctnetlink. */
  CONNTRACK("beginnings and ends of connections"),
  /** Notifications of nf_tables. */
  NFTABLES("changes of nftables by others");

  private final String explanation;

  ReceivingSocket(String explanation) {
    this.explanation = explanation;
  }

  /**
   * What comes by it.
   *
   * @return a noun phrase without a full stop
   */
  @Override
  public String explanation() {
    return explanation;
  }
}
