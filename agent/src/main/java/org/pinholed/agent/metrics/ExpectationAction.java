package org.pinholed.agent.metrics;

import org.pinholed.helper.ExplainedWord;

/** What was done about the expectations of {@code ct expectation} objects in the kernel. */
public enum ExpectationAction implements ExplainedWord {
  /** The table of expectations was nearly full. */
  CLEARED(
      "the kernel's table of expectations was four fifths full, so those of ct expectation objects"
          + " were removed"),
  /** An expectation stood that was to open nothing. */
  WITHDRAWN(
      "the kernel expected something of the object that is to expect nothing, so it is assigned no"
          + " more and nothing is rewritten");

  private final String explanation;

  ExpectationAction(String explanation) {
    this.explanation = explanation;
  }

  /**
   * What it was.
   *
   * @return a clause without a full stop
   */
  @Override
  public String explanation() {
    return explanation;
  }
}
