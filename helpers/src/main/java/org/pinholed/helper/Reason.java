package org.pinholed.helper;

/**
 * Why something was not opened or is no longer read. Implemented by enums only: the same name is
 * the log word, the metric label and the test's name.
 */
public interface Reason extends ExplainedWord {
  /** What a reason means for the flow. */
  enum Kind {
    /**
     * What the message names is not opened, as a rule nothing at all; the packet passes and reading
     * goes on.
     */
    REFUSED,
    /**
     * The bytes break the protocol; the packet passes. Of a stream the reading ends, because nobody
     * can tell where the next message begins; of datagrams only this one is not read.
     */
    MALFORMED,
    /** This part of the flow is encrypted; it passes unread, and reading goes on behind it. */
    PART_OPAQUE,
    /** No helper can read this flow (any more); it passes unread, the kernel stops queueing it. */
    OPAQUE
  }

  /**
   * What follows for the flow.
   *
   * @return the kind
   */
  Kind kind();
}
