package org.pinholed.agent.config;

/**
 * The configuration file was refused. The message is one line for the operator: {@code FILE:LINE:
 * key.path: value (expected: range or words)}.
 */
public final class ConfigException extends Exception {
  private static final long serialVersionUID = 1L;

  /**
   * Makes the exception.
   *
   * @param message one line for the operator
   */
  public ConfigException(String message) {
    super(message);
  }
}
