package org.pinholed.agent.control;

/** The agent answered a request with an error: it is refused, or it makes no sense. */
public final class ControlError extends Exception {
  /** What was asked for is not there, not allowed or not possible. */
  public static final int REFUSED = 1;

  /** The request itself is wrong. */
  public static final int BAD_REQUEST = 2;

  private static final long serialVersionUID = 1L;

  private final int code;

  /**
   * Makes the error.
   *
   * @param code {@link #REFUSED} or {@link #BAD_REQUEST}; it becomes pinholectl's exit code
   * @param message one sentence for the operator
   */
  public ControlError(int code, String message) {
    super(message);
    this.code = code;
  }

  /**
   * The kind of error.
   *
   * @return {@link #REFUSED} or {@link #BAD_REQUEST}
   */
  public int code() {
    return code;
  }
}
