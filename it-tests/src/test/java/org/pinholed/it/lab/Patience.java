package org.pinholed.it.lab;

import java.time.Duration;

/**
 * How much longer than on a processor of its own everything may take: the system property {@code
 * pinholed.patience}, 1..100, 1 without it. An emulated kernel needs 10 to 20 times the processor
 * time ({@code it-tests/kernels.sh}). It lengthens what is waited for, and the time after which a
 * door that does not answer is taken for shut, and how long pinholes of the default helper wait.
 * What else the agent is told to wait is not changed.
 */
public final class Patience {
  /** The factor. */
  static final int FACTOR = factor();

  private Patience() {}

  private static int factor() {
    int factor = Integer.getInteger("pinholed.patience", 1);
    if (factor < 1 || factor > 100) {
      throw new IllegalArgumentException("pinholed.patience: " + factor + " (expected: 1..100)");
    }
    return factor;
  }

  /**
   * So many things at a time, or so many bytes a second, where each of them takes so much longer.
   */
  public static int load(int count) {
    return (count + FACTOR - 1) / FACTOR;
  }

  /** So much time, in the laboratory's measure. */
  public static Duration of(Duration duration) {
    return duration.multipliedBy(FACTOR);
  }
}
