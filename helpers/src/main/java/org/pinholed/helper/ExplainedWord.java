package org.pinholed.helper;

/**
 * One of a fixed set of words that operators read in logs, metrics and JSON, with what it means.
 * Implemented by enums only; the tables of the documentation are checked against them.
 */
public interface ExplainedWord {
  /**
   * The name of the enum constant.
   *
   * @return upper case with underscores
   */
  String name();

  /**
   * One sentence for an operator.
   *
   * @return plain English without a full stop
   */
  String explanation();

  /**
   * The word itself.
   *
   * @return the name in lower camel case, for example {@code portBelow1024}
   */
  default String word() {
    return Words.lowerCamel(name());
  }
}
