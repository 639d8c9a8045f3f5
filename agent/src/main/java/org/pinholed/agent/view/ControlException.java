package org.pinholed.agent.view;

/** A request of the operator was refused; the message says why and what would be right. */
public final class ControlException extends Exception {
  private static final long serialVersionUID = 1L;

  /**
   * Makes the exception.
   *
   * @param message one sentence for the operator
   */
  public ControlException(String message) {
    super(message);
  }
}
