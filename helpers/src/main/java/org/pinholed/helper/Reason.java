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
    /** The bytes break the protocol; the packet passes and reading of the flow ends. */
    MALFORMED,
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
