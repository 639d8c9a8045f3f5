package org.pinholed.helper;

/**
 * Why something was not opened or is no longer read. Implemented by enums only: the same name is
 * the log word, the metric label and the test's name.
 */
public interface Reason {
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

  /**
   * The name of the enum constant.
   *
   * @return upper case with underscores
   */
  String name();

  /**
   * One sentence for an operator: what was seen and why it opens nothing.
   *
   * @return plain English without a full stop
   */
  String explanation();

  /**
   * The word in logs, metrics and JSON.
   *
   * @return the name in lower camel case, for example {@code portBelow1024}
   */
  default String word() {
    return Words.lowerCamel(name());
  }
}
