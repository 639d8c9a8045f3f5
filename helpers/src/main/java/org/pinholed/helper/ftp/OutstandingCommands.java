package org.pinholed.helper.ftp;

import java.util.Arrays;

/**
 * The commands of one flow that wait for their replies, oldest first, each with its number.
 *
 * <p>At most {@link #MAX} are remembered. Those beyond are only counted; as they are the youngest,
 * the step is kept, and remembering begins again when all of them are answered. Not thread-safe.
 */
final class OutstandingCommands {
  /** How many are remembered; real clients pipeline a handful. */
  static final int MAX = 64;

  private static final int FIRST_CAPACITY = 4;

  private FtpWord[] words = empty(FIRST_CAPACITY);
  private int oldest;
  private int newest;
  private int beyond;

  boolean isEmpty() {
    return oldest == newest && beyond == 0;
  }

  boolean isMoreThanOne() {
    return newest - oldest + beyond > 1;
  }

  // Whether commands are only counted at the moment.
  boolean isBeyond() {
    return beyond > 0;
  }

  /**
   * Adds a command.
   *
   * @param word what it is
   * @return whether it is remembered
   */
  boolean add(FtpWord word) {
    int size = newest - oldest;
    if (beyond > 0 || size == MAX) {
      beyond++;
      return false;
    }
    if (size == words.length) {
      FtpWord[] larger = empty(size * 2);
      for (int number = oldest; number != newest; number++) {
        larger[number & (larger.length - 1)] = words[number & (words.length - 1)];
      }
      words = larger;
    }
    words[newest & (words.length - 1)] = word;
    newest++;
    return true;
  }

  // The oldest one; OTHER for one that was only counted, and if there is none.
  FtpWord peek() {
    return oldest == newest ? FtpWord.OTHER : at(oldest);
  }

  // The number of the oldest one, of the next one if there is none.
  int number() {
    return oldest;
  }

  // The number that the next one gets.
  int nextNumber() {
    return newest;
  }

  /** Takes the oldest one away. */
  void remove() {
    if (oldest != newest) {
      oldest++;
    } else if (beyond > 0) {
      beyond--;
    }
    if (oldest == newest && words.length > FIRST_CAPACITY) {
      words = empty(FIRST_CAPACITY);
    }
  }

  boolean contains(FtpWord word) {
    for (int number = oldest; number != newest; number++) {
      if (at(number) == word) {
        return true;
      }
    }
    return false;
  }

  private static FtpWord[] empty(int capacity) {
    FtpWord[] words = new FtpWord[capacity];
    Arrays.fill(words, FtpWord.OTHER);
    return words;
  }

  // The command of a number from number() to before nextNumber().
  FtpWord at(int number) {
    return words[number & (words.length - 1)];
  }
}
