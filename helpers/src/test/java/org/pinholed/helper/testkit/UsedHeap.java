package org.pinholed.helper.testkit;

import java.lang.management.ManagementFactory;

/** How much of the heap is in use. */
public final class UsedHeap {
  private static final int COLLECTIONS = 4;

  private UsedHeap() {}

  /**
   * Used heap once nothing can be collected any more.
   *
   * @return in bytes; the least of several looks, because others use it too
   */
  public static long bytes() {
    long least = Long.MAX_VALUE;
    for (int i = 0; i < COLLECTIONS; i++) {
      System.gc();
      long used = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
      least = Math.min(least, used);
    }
    return least;
  }
}
