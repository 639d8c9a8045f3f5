package org.pinholed.helper;

/** The state of one protocol for one parent flow. Used by one thread only, owned by its flow. */
public interface SessionHelper {
  /**
   * Where the dialogue stands, for listings.
   *
   * @return one lower camel case word, for example {@code ready}
   */
  String stateWord();
}
