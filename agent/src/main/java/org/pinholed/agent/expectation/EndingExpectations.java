package org.pinholed.agent.expectation;

import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.Expectation.State;
import org.pinholed.agent.pinhole.PinholeKey;
import org.pinholed.kernel.conntrack.ConntrackIdentity;

/**
 * Expectations of one connection whose end has begun, and whose child may not have been told of
 * yet. Thread-safe.
 */
final class EndingExpectations {
  /** The oldest first. The queues are used only inside of the map's own compute. */
  private final Map<PinholeKey, Queue<Expectation>> byPinhole = new ConcurrentHashMap<>();

  private final Queue<ExpectationTable.Ending> shut = new ConcurrentLinkedQueue<>();
  private final Children living;

  /**
   * Knows none yet.
   *
   * @param living told of the children that are found
   */
  EndingExpectations(Children living) {
    this.living = living;
  }

  boolean has(PinholeKey key) {
    return byPinhole.containsKey(key);
  }

  void add(PinholeKey key, Expectation expectation) {
    byPinhole.compute(
        key,
        (same, known) -> {
          Queue<Expectation> all = known == null ? new ArrayDeque<>(2) : known;
          all.add(expectation);
          return all;
        });
  }

  /** Adds all of them to a list. */
  void addTo(List<Expectation> list) {
    for (PinholeKey key : byPinhole.keySet()) {
      byPinhole.computeIfPresent(
          key,
          (same, known) -> {
            list.addAll(known);
            return known;
          });
    }
  }

  void remove(PinholeKey key, Expectation expectation) {
    byPinhole.computeIfPresent(
        key,
        (same, known) -> {
          known.remove(expectation);
          return known.isEmpty() ? null : known;
        });
  }

  /** The pinhole is shut; who used it before is known once all events until now were read. */
  void shut(Expectation expectation, AgentEvent.Kind why, long nowNs) {
    if (expectation.state() == State.ENDING) {
      shut.add(new ExpectationTable.Ending(expectation, why, nowNs));
    }
  }

  /** Finishes the oldest one whose pinhole was shut before a time; null if there is none. */
  ExpectationTable.@Nullable Ending next(long beforeNs) {
    for (ExpectationTable.Ending next = shut.peek();
        next != null && next.sinceNs() - beforeNs < 0;
        next = shut.peek()) {
      shut.remove();
      Expectation expectation = next.expectation();
      remove(PinholeKey.of(expectation.pinhole()), expectation);
      if (expectation.change(State.ENDING, State.GONE)) {
        return next;
      }
    }
    return null;
  }

  /** The one that gets the next child; null if none ends. */
  @Nullable Expectation oldest(PinholeKey key) {
    Expectation[] oldest = new Expectation[1];
    byPinhole.computeIfPresent(
        key,
        (same, known) -> {
          oldest[0] = known.peek();
          return known;
        });
    return oldest[0];
  }

  /** Gives a child to the oldest one that ends; null if none does. */
  @Nullable Expectation match(PinholeKey key, ConntrackIdentity child) {
    if (!byPinhole.containsKey(key)) {
      return null;
    }
    Expectation[] oldest = new Expectation[1];
    byPinhole.computeIfPresent(
        key,
        (same, known) -> {
          // Those that are on their way into or out of the map are pending or gone.
          for (Expectation expectation : known) {
            if (expectation.change(State.ENDING, State.GONE)) {
              oldest[0] = expectation;
              living.began(child, expectation); // before it is in no place any more
              known.remove(expectation);
              break;
            }
          }
          return known.isEmpty() ? null : known;
        });
    Expectation expectation = oldest[0];
    if (expectation != null) {
      expectation.used(child);
    }
    return expectation;
  }
}
