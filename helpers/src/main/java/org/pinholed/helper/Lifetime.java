package org.pinholed.helper;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How long an expectation stays. Whatever it says, the expectation ends with its owner.
 *
 * <p>A fixed time and a deadline stand in the kernel as they are, and so outlive a dead agent. The
 * others are leases there, which the agent renews.
 */
public sealed interface Lifetime {
  /** As the entry of the helper says: for its {@code timeout}, or as long as the owner. */
  Lifetime CONFIGURED = new Configured();

  /** As the entry of the helper says; {@link #CONFIGURED} is all there is of it. */
  record Configured() implements Lifetime {}

  /**
   * For a time, from when it opens.
   *
   * @param time above zero
   */
  record Fixed(Duration time) implements Lifetime {
    /**
     * Refuses a time that is not positive.
     *
     * @param time above zero
     */
    public Fixed {
      requirePositive("time", time);
    }
  }

  /**
   * As long as its owner.
   *
   * @param longest its end at the latest, from when it was announced, above zero; null for none,
   *     which only a flow may say, because the kernel tells when that ends
   */
  record WithOwner(@Nullable Duration longest) implements Lifetime {
    /**
     * Refuses a time that is not positive.
     *
     * @param longest above zero
     */
    public WithOwner {
      if (longest != null) {
        requirePositive("longest", longest);
      }
    }
  }

  /**
   * Until a deadline that was granted, such as the end of a registration. Announced again, the
   * deadline is set anew.
   *
   * @param fromNow above zero
   */
  record Until(Duration fromNow) implements Lifetime {
    /**
     * Refuses a time that is not positive.
     *
     * @param fromNow above zero
     */
    public Until {
      requirePositive("fromNow", fromNow);
    }
  }

  /**
   * Until nobody uses it any more. Announced again, {@code longest} counts anew.
   *
   * @param first how long it waits for its first child, above zero
   * @param idle how long it stays after its last child ended, above zero
   * @param longest its end at the latest, from when it was announced last, above zero
   */
  record Idle(Duration first, Duration idle, Duration longest) implements Lifetime {
    /**
     * Refuses times that are not positive.
     *
     * @param first above zero
     * @param idle above zero
     * @param longest above zero
     */
    public Idle {
      requirePositive("first", first);
      requirePositive("idle", idle);
      requirePositive("longest", longest);
    }
  }

  private static void requirePositive(String field, Duration value) {
    if (value.isNegative() || value.isZero()) {
      throw new IllegalArgumentException(field + ": " + value + " (expected: above zero)");
    }
  }
}
