package org.pinholed.agent.expectation;

import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.pinholed.agent.expectation.Expectation.State;

/**
 * How many rows are in each state, by helper: kept as rows change, so that nobody has to look at
 * all of them. Thread-safe. There is an entry for each helper that ever announced something.
 */
final class ExpectationCounts {
  /** The states in which a row is in the table. */
  private static final List<State> LISTED = List.of(State.ANNOUNCED, State.PENDING, State.MATCHED);

  private final Map<String, Map<State, AtomicInteger>> byHelper = new ConcurrentHashMap<>();

  void add(Expectation expectation, State state) {
    of(expectation, state).incrementAndGet();
  }

  void remove(Expectation expectation, State state) {
    of(expectation, state).decrementAndGet();
  }

  void move(Expectation expectation, State from, State to) {
    remove(expectation, from);
    add(expectation, to);
  }

  private AtomicInteger of(Expectation expectation, State state) {
    String helper = expectation.parent().helper();
    Map<State, AtomicInteger> known = byHelper.get(helper);
    Map<State, AtomicInteger> counts =
        known != null ? known : byHelper.computeIfAbsent(helper, name -> zeros());
    AtomicInteger count = counts.get(state);
    if (count == null) {
      throw new IllegalArgumentException("state: " + state + " (expected: one that is listed)");
    }
    return count;
  }

  /** For each listed state a count; the map itself never changes. */
  private static Map<State, AtomicInteger> zeros() {
    Map<State, AtomicInteger> zeros = new EnumMap<>(State.class);
    LISTED.forEach(state -> zeros.put(state, new AtomicInteger()));
    return Collections.unmodifiableMap(zeros);
  }

  /** By helper, in the order of their names. */
  Map<String, Map<State, Integer>> byHelper() {
    Map<String, Map<State, Integer>> copy = new TreeMap<>();
    byHelper.forEach(
        (helper, counts) -> {
          Map<State, Integer> numbers = new EnumMap<>(State.class);
          counts.forEach((state, count) -> numbers.put(state, count.get()));
          copy.put(helper, numbers);
        });
    return copy;
  }

  /** Of all helpers together. */
  Map<State, Integer> all() {
    Map<State, Integer> sums = new EnumMap<>(State.class);
    LISTED.forEach(state -> sums.put(state, 0));
    byHelper().values().forEach(each -> each.forEach((s, n) -> sums.merge(s, n, Integer::sum)));
    return sums;
  }
}
