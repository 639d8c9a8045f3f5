package org.pinholed.agent.pace;

import org.pinholed.helper.Ranges;

/**
 * Decides which of many equal things are told: the first at once, then one a minute with the number
 * of those that were not told. Thread-safe.
 */
public final class Pace {
  /** For how long nothing more is told, in nanoseconds. */
  public static final long MINUTE_NS = 60_000_000_000L;

  /** What {@link #next} answers for one that is not told. */
  public static final long NOT_NOW = -1;

  private final int most;
  private boolean begun;
  private long beganNs;
  private int told;
  private long left;

  /** Makes one that lets one a minute through. */
  public Pace() {
    this(1);
  }

  /**
   * Makes one that lets some more through.
   *
   * @param most how many are told in a minute, 1 or more
   */
  public Pace(int most) {
    Ranges.requireAtLeast("most", most, 1);
    this.most = most;
  }

  /**
   * One more happened.
   *
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @return if it is to be told, how many were not told since the last one that was, 0 or more;
   *     else {@link #NOT_NOW}
   */
  public synchronized long next(long nowNs) {
    if (isOver(nowNs)) {
      begun = true;
      beganNs = nowNs;
      told = 0;
    }
    if (told == most) {
      left++;
      return NOT_NOW;
    }
    told++;
    long before = left;
    left = 0;
    return before;
  }

  /**
   * Takes what was not told and is due: nothing of its kind was told for a minute. The caller tells
   * it, and then the minute begins anew.
   *
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @return how many, 0 if there is nothing to tell
   */
  public synchronized long takeLeft(long nowNs) {
    if (left == 0 || !isOver(nowNs)) {
      return 0;
    }
    beganNs = nowNs;
    told = 1;
    long before = left;
    left = 0;
    return before;
  }

  /**
   * Whether the next one is told in any case.
   *
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @return true before the first one, and a minute after the last one that was told first
   */
  public synchronized boolean isOver(long nowNs) {
    return !begun || nowNs - beganNs >= MINUTE_NS;
  }

  /**
   * How many were not told so far.
   *
   * @return 0 or more
   */
  public synchronized long left() {
    return left;
  }
}
