package org.pinholed.agent.pinhole;

import java.io.IOException;

/** The kernel did not take a change of pinholes, or not all of it ({@link #done}). */
public final class BackendException extends IOException {
  private static final long serialVersionUID = 1L;

  private final int errno;
  private final transient Applied done;

  /**
   * Makes the exception for a change of which nothing was done.
   *
   * @param message what was asked and what the kernel said
   * @param errno the kernel's errno, 0 if there is none
   * @param cause what the bindings threw
   */
  public BackendException(String message, int errno, Throwable cause) {
    this(message, errno, cause, Applied.NOTHING);
  }

  /**
   * Makes the exception.
   *
   * @param message what was asked, what the kernel said, and what was done
   * @param errno the kernel's errno, 0 if there is none
   * @param cause what the bindings threw
   * @param done what was done before
   */
  public BackendException(String message, int errno, Throwable cause, Applied done) {
    super(message, cause);
    this.errno = errno;
    this.done = done;
  }

  /**
   * What of the change was done before the kernel refused.
   *
   * @return mostly nothing
   */
  public Applied done() {
    return done;
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
