package org.pinholed.agent.control;

import java.io.IOException;

/** No agent answers on the control socket; the message says what to check. */
public final class AgentUnreachableException extends IOException {
  private static final long serialVersionUID = 1L;

  /**
   * Makes the exception.
   *
   * @param message what was tried and what to check
   */
  public AgentUnreachableException(String message) {
    super(message);
  }
}
