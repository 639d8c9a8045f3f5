package org.pinholed.agent.replay.capture;

import java.io.IOException;

/** A file that is no capture, or one of which nothing can be read. The message says why. */
public final class CaptureException extends IOException {
  private static final long serialVersionUID = 1L;

  /**
   * Makes it.
   *
   * @param message one sentence
   */
  public CaptureException(String message) {
    super(message);
  }
}
