package org.pinholed.helper;

/**
 * Something a helper understood, for the trace: a command, a reply, a method. Implemented by enums
 * only, so that saying it costs nothing.
 */
public interface HelperWord {
  /**
   * The name of the enum constant.
   *
   * @return upper case with underscores
   */
  String name();

  /**
   * The word as the protocol writes it.
   *
   * @return for example {@code PASV} or {@code 227}
   */
  String word();
}
