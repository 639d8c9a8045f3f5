package org.pinholed.agent.pinhole;

import java.io.IOException;

/** The kernel did not take a change of pinholes; nothing of the change was done. */
public final class BackendException extends IOException {
  private static final long serialVersionUID = 1L;

  private final int errno;

  /**
   * Makes the exception.
   *
   * @param message what was asked and what the kernel said
   * @param errno the kernel's errno, 0 if there is none
   * @param cause what the bindings threw
   */
  public BackendException(String message, int errno, Throwable cause) {
    super(message, cause);
    this.errno = errno;
  }

  /**
   * The kernel's errno.
   *
   * @return a positive number, or 0 if there is none
   */
  public int errno() {
    return errno;
  }
}
