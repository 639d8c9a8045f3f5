package org.pinholed.it.lab;

/**
 * What a command left behind.
 *
 * @param command the command as one line, for messages
 * @param exitCode its exit code, or {@link #TIMED_OUT}
 * @param output standard output and standard error, in the order written
 */
public record CommandResult(String command, int exitCode, String output) {
  /** The exit code of a command that was killed because its time was over. */
  public static final int TIMED_OUT = 124;

  /** Whether it ended by itself with 0. */
  public boolean succeeded() {
    return exitCode == 0;
  }

  /**
   * Insists on success.
   *
   * @return the output
   * @throws AssertionError if the exit code is not 0
   */
  public String orFail() {
    if (!succeeded()) {
      throw new AssertionError(command + ": exit code " + exitCode + "\n" + output);
    }
    return output;
  }
}
