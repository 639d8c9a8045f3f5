package org.pinholed.agent.control;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * So many places, of which one user gets a part only, so that nobody in the group keeps the others
 * out; and some are left to root. Thread-safe.
 */
final class UserPlaces {
  private final Share share;
  private final Map<Integer, Integer> byUser = new HashMap<>();
  private int taken;
  private int takenByOthers;

  /**
   * How many places there are, and for whom.
   *
   * @param all for everybody together, root and the agent's own user too, which may take them all
   * @param others for all other users together
   * @param one for each other user
   */
  record Share(int all, int others, int one) {
    Share {
      if (one < 1 || one > others || others > all) {
        throw new IllegalArgumentException(
            "share: "
                + all
                + ", "
                + others
                + ", "
                + one
                + " (expected: each at most the one before)");
      }
    }
  }

  /**
   * Makes it with all places free.
   *
   * @param share how many there are
   */
  UserPlaces(Share share) {
    this.share = share;
  }

  /**
   * Takes a place.
   *
   * @param uid whose it is
   * @param isOwn whether that is root or the agent's own user
   * @param what they are, in the plural
   * @return null if it has one; else why not, as in {@code more than 12 connections of one user}
   */
  synchronized @Nullable String take(int uid, boolean isOwn, String what) {
    if (taken >= share.all()) {
      return "more than " + share.all() + " " + what;
    }
    if (!isOwn) {
      int ofUser = byUser.getOrDefault(uid, 0);
      if (ofUser >= share.one()) {
        return "more than " + share.one() + " " + what + " of one user";
      }
      if (takenByOthers >= share.others()) {
        return "more than " + share.others() + " " + what + " of others than root";
      }
      byUser.put(uid, ofUser + 1);
      takenByOthers++;
    }
    taken++;
    return null;
  }

  /**
   * Gives a place back.
   *
   * @param uid as it was taken
   * @param isOwn as it was taken
   */
  synchronized void giveBack(int uid, boolean isOwn) {
    taken--;
    if (!isOwn) {
      takenByOthers--;
      byUser.computeIfPresent(uid, (user, count) -> count == 1 ? null : count - 1);
    }
  }
}
