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
   * @param time above zero, 366 days at most
   */
  record Fixed(Duration time) implements Lifetime {
    /**
     * Refuses a time outside of its range.
     *
     * @param time above zero, 366 days at most
     */
    public Fixed {
      require("time", time);
    }
  }

  /**
   * As long as its owner.
   *
   * @param longest its end at the latest, from when it was announced, up to 366 days; null for
   *     none, which only a flow may say, because the kernel tells when that ends
   * @param provisional what becomes of the owner if this process is killed; null if it lasts
   */
  record WithOwner(@Nullable Duration longest, @Nullable Provisional provisional)
      implements Lifetime {
    /**
     * Refuses a time outside of its range.
     *
     * @param longest above zero, 366 days at most
     * @param provisional null if the owner lasts
     */
    public WithOwner {
      if (longest != null) {
        require("longest", longest);
      }
    }

    /**
     * As long as an owner that lasts.
     *
     * @param longest above zero, 366 days at most
     */
    public WithOwner(@Nullable Duration longest) {
      this(longest, null);
    }
  }

  /**
   * Of an owner that may never come to be, such as a call that rings: a process that finds its
   * pinholes after this one was killed does not know how long they were to stay. If nothing that
   * the owner left {@linkplain OutcomeSink#settle lasts}, it ends after a time there, unless a
   * helper says more of it.
   *
   * @param atMost how long, from the start of that process; above zero, 366 days at most
   * @param children whether its children that live then go on
   */
  record Provisional(Duration atMost, OutcomeSink.Children children) {
    /**
     * Refuses a time outside of its range.
     *
     * @param atMost above zero, 366 days at most
     * @param children either
     */
    public Provisional {
      require("atMost", atMost);
    }
  }

  /**
   * Until a deadline that was granted, such as the end of a registration. Announced again, the
   * deadline is set anew.
   *
   * @param fromNow above zero, 366 days at most
   */
  record Until(Duration fromNow) implements Lifetime {
    /**
     * Refuses a time outside of its range.
     *
     * @param fromNow above zero, 366 days at most
     */
    public Until {
      require("fromNow", fromNow);
    }
  }

  /**
   * Until nobody uses it any more. Announced again, {@code longest} counts anew.
   *
   * @param first how long it waits for its first child, above zero, 366 days at most; null for as
   *     the entry of the helper says: for its {@code timeout}, or as long as it may stay at most if
   *     that is the time of the owner
   * @param idle how long it stays after its last child ended, above zero, 366 days at most
   * @param longest its end at the latest, from when it was announced last, above zero, 366 days at
   *     most
   */
  record Idle(@Nullable Duration first, Duration idle, Duration longest) implements Lifetime {
    /**
     * Refuses times outside of their range.
     *
     * @param first above zero, 366 days at most; null for as the entry says
     * @param idle above zero, 366 days at most
     * @param longest above zero, 366 days at most
     */
    public Idle {
      if (first != null) {
        require("first", first);
      }
      require("idle", idle);
      require("longest", longest);
    }
  }

  /** The longest time of any kind. */
  Duration LONGEST = Duration.ofDays(366);

  private static void require(String field, Duration value) {
    if (value.isNegative() || value.isZero() || value.compareTo(LONGEST) > 0) {
      throw new IllegalArgumentException(
          field + ": " + value + " (expected: above zero, 366 days at most)");
    }
  }
}
