package org.pinholed.agent.pinhole.nftables;

/**
 * How often the table may be repaired: at once and a few times in a row, then once a second.
 * Without it, a program that keeps deleting the table would keep the agent busy making it.
 *
 * <p>Not thread-safe.
 */
final class RepairBudget {
  private static final long REFILL_NS = 1_000_000_000L;

  private final int burst;
  private int left;
  private long refilledAtNs;

  RepairBudget(int burst, long nowNs) {
    this.burst = burst;
    this.left = burst;
    this.refilledAtNs = nowNs;
  }

  /**
   * Takes one repair.
   *
   * @return 0 if it may be done now, or the nanoseconds to wait first
   */
  long take(long nowNs) {
    long refills = (nowNs - refilledAtNs) / REFILL_NS;
    if (refills > 0) {
      left = (int) Math.min(burst, left + refills);
      refilledAtNs += refills * REFILL_NS;
    }
    if (left > 0) {
      left--;
      return 0;
    }
    return refilledAtNs + REFILL_NS - nowNs;
  }
}
