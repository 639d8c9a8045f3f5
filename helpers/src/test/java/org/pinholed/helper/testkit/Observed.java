package org.pinholed.helper.testkit;

import java.util.List;

/**
 * What can be seen of a helper from outside.
 *
 * @param outcomes what it concluded, in order
 * @param understood the words that it understood, and what it said of messages, in order
 * @param state its state and what it may still announce
 */
record Observed(List<String> outcomes, List<String> understood, String state) {
  static void same(Observed expected, Observed actual, String what) {
    if (!expected.equals(actual)) {
      throw new AssertionError(
          what + ": other outcomes\nexpected: " + expected + "\n but was: " + actual);
    }
  }
}
