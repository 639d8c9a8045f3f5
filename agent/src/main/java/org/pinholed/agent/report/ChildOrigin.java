package org.pinholed.agent.report;

import org.jspecify.annotations.Nullable;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.Parent;

/**
 * What announced a child, as far as that is known when it is told of.
 *
 * @param parent the flow that announced it, null if that is not known
 * @param expectationId number of the expectation, 0 if that is not known
 * @param label what the helper calls the expectation, or empty
 */
public record ChildOrigin(@Nullable Parent parent, long expectationId, String label) {
  /** Nothing is known. */
  public static final ChildOrigin UNKNOWN = new ChildOrigin(null, 0, "");

  /**
   * That of a child which an expectation let in.
   *
   * @param expectation which one
   * @return keeps the parent, and not the expectation
   */
  public static ChildOrigin of(Expectation expectation) {
    return new ChildOrigin(expectation.parent(), expectation.id(), expectation.request().label());
  }
}
