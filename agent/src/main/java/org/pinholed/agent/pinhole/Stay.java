package org.pinholed.agent.pinhole;

import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Lifetime;
import org.pinholed.helper.OutcomeSink;

/**
 * How long an expectation stays, and so its pinhole.
 *
 * @param kind what ends it
 * @param timeMs the time of {@link Kind#TIMEOUT} and {@link Kind#DEADLINE}, in milliseconds; 0 for
 *     the others
 * @param firstMs how long {@link Kind#IDLE} waits for its first child, in milliseconds
 * @param idleMs how long {@link Kind#IDLE} stays after its last child ended, in milliseconds
 * @param longestMs its end at the latest, in milliseconds from when it was announced last; 0 for
 *     none
 * @param provisionalMs of {@link Kind#OWNER}: how long the owner lives at most in a process that
 *     finds it after this one was killed, in milliseconds; 0 if it lasts
 * @param cutsProvisional whether its children end with it then
 */
public record Stay(
    Kind kind,
    long timeMs,
    long firstMs,
    long idleMs,
    long longestMs,
    long provisionalMs,
    boolean cutsProvisional) {
  /**
   * The kernel timeout of a pinhole that has no time of its own; renewed at a third of it, so that
   * a dead agent leaves nothing open for longer.
   */
  public static final Duration LEASE = Duration.ofSeconds(60);

  /** As long as the owner, with no end of its own. */
  public static final Stay WITH_OWNER = new Stay(Kind.OWNER, 0, 0, 0, 0);

  /**
   * Of an owner that lasts.
   *
   * @param kind what ends it
   * @param timeMs as above
   * @param firstMs as above
   * @param idleMs as above
   * @param longestMs as above
   */
  public Stay(Kind kind, long timeMs, long firstMs, long idleMs, long longestMs) {
    this(kind, timeMs, firstMs, idleMs, longestMs, 0, false);
  }

  /** What ends it. */
  public enum Kind {
    /** A fixed time. */
    TIMEOUT('f', "timeout"),
    /** Its owner. */
    OWNER('o', "owner"),
    /** A time that somebody granted. */
    DEADLINE('u', "deadline"),
    /** That nobody uses it. */
    IDLE('i', "idle");

    private final char letter;
    private final String word;

    Kind(char letter, String word) {
      this.letter = letter;
      this.word = word;
    }

    /**
     * The word in listings.
     *
     * @return lower case
     */
    public String word() {
      return word;
    }

    /** The first letter of it in comments. */
    char letter() {
      return letter;
    }
  }

  /**
   * For a fixed time.
   *
   * @param time above zero
   * @return how long
   */
  public static Stay of(Duration time) {
    return new Stay(Kind.TIMEOUT, time.toMillis(), 0, 0, 0);
  }

  /**
   * Works out what a helper asks for.
   *
   * @param lifetime what it asks for
   * @param configured the timeout of the helper's entry; null for as long as the owner
   * @return how long
   */
  public static Stay of(Lifetime lifetime, @Nullable Duration configured) {
    if (lifetime instanceof Lifetime.Fixed fixed) {
      return of(fixed.time());
    }
    if (lifetime instanceof Lifetime.Until until) {
      return new Stay(Kind.DEADLINE, until.fromNow().toMillis(), 0, 0, 0);
    }
    if (lifetime instanceof Lifetime.Idle idle) {
      Duration first = idle.first() == null ? configured : idle.first();
      Duration atFirst = first == null ? idle.longest() : first;
      return new Stay(
          Kind.IDLE, 0, atFirst.toMillis(), idle.idle().toMillis(), idle.longest().toMillis());
    }
    if (lifetime instanceof Lifetime.WithOwner withOwner) {
      Duration longest = withOwner.longest();
      Lifetime.Provisional provisional = withOwner.provisional();
      return longest == null
          ? WITH_OWNER
          : new Stay(
              Kind.OWNER,
              0,
              0,
              0,
              longest.toMillis(),
              provisional == null ? 0 : provisional.atMost().toMillis(),
              provisional != null && provisional.children() == OutcomeSink.Children.CUT);
    }
    return configured == null ? WITH_OWNER : of(configured);
  }

  /**
   * Whether it says that its owner may never come to be.
   *
   * @return false for all that lasts
   */
  public boolean isProvisional() {
    return provisionalMs > 0;
  }

  /**
   * The same with another end.
   *
   * @param newLongestMs its end at the latest, in milliseconds from when it was announced last
   * @return a copy
   */
  public Stay withLongest(long newLongestMs) {
    return new Stay(kind, timeMs, firstMs, idleMs, newLongestMs, provisionalMs, cutsProvisional);
  }

  /**
   * The same of an owner that lasts.
   *
   * @return a copy
   */
  public Stay lasting() {
    return new Stay(kind, timeMs, firstMs, idleMs, longestMs);
  }

  /**
   * Whether the time in the kernel is a lease that the agent renews.
   *
   * @return false if the kernel has all of it
   */
  public boolean isLease() {
    return kind == Kind.OWNER || kind == Kind.IDLE;
  }

  /**
   * How long the kernel keeps the pinhole.
   *
   * @return milliseconds, above 0
   */
  public long kernelTimeoutMs() {
    return isLease() ? LEASE.toMillis() : timeMs;
  }
}
