package org.pinholed.agent.pinhole;

import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Lifetime;

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
 */
public record Stay(Kind kind, long timeMs, long firstMs, long idleMs, long longestMs) {
  /**
   * The kernel timeout of a pinhole that has no time of its own; renewed at a third of it, so that
   * a dead agent leaves nothing open for longer.
   */
  public static final Duration LEASE = Duration.ofSeconds(60);

  /** As long as the owner, with no end of its own. */
  public static final Stay WITH_OWNER = new Stay(Kind.OWNER, 0, 0, 0, 0);

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
      return new Stay(
          Kind.IDLE, 0, idle.first().toMillis(), idle.idle().toMillis(), idle.longest().toMillis());
    }
    if (lifetime instanceof Lifetime.WithOwner withOwner) {
      Duration longest = withOwner.longest();
      return longest == null ? WITH_OWNER : new Stay(Kind.OWNER, 0, 0, 0, longest.toMillis());
    }
    return configured == null ? WITH_OWNER : of(configured);
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
