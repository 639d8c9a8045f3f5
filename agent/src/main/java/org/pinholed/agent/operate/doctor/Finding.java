package org.pinholed.agent.operate.doctor;

import java.util.List;

/**
 * One thing that the doctor looked at.
 *
 * @param level how bad it is
 * @param name what was looked at, one word
 * @param text what was found, and what is lost by it, in one sentence
 * @param advice lines to type or to add, most fitting first; may be empty
 */
public record Finding(Level level, String name, String text, List<String> advice) {
  /** How bad a finding is. */
  public enum Level {
    /** As it should be. */
    OK,
    /** Good to know. */
    INFO,
    /** Works, but not in all cases. */
    WARN,
    /** Pinholes do not work like this. */
    FAIL
  }

  /** Copies the advice. */
  public Finding {
    advice = List.copyOf(advice);
  }

  static Finding ok(String name, String text) {
    return new Finding(Level.OK, name, text, List.of());
  }

  static Finding info(String name, String text) {
    return new Finding(Level.INFO, name, text, List.of());
  }

  static Finding warn(String name, String text, String... advice) {
    return new Finding(Level.WARN, name, text, List.of(advice));
  }

  static Finding fail(String name, String text, String... advice) {
    return new Finding(Level.FAIL, name, text, List.of(advice));
  }
}
