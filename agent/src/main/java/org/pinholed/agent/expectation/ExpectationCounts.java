package org.pinholed.agent.expectation;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.pinholed.agent.expectation.Expectation.State;

/**
 * How many rows are in each state, by helper: kept as rows change, so that nobody has to look at
 * all of them. Thread-safe. There is an entry for each helper that ever announced something.
 */
final class ExpectationCounts {
  /** The states in which a row is in the table. */
  private static final List<State> LISTED = List.of(State.ANNOUNCED, State.PENDING, State.MATCHED);

  private final Map<String, AtomicIntegerArray> byHelper = new ConcurrentHashMap<>();

  void add(Expectation expectation, State state) {
    of(expectation).incrementAndGet(state.ordinal());
  }

  void remove(Expectation expectation, State state) {
    of(expectation).decrementAndGet(state.ordinal());
  }

  void move(Expectation expectation, State from, State to) {
    AtomicIntegerArray counts = of(expectation);
    counts.decrementAndGet(from.ordinal());
    counts.incrementAndGet(to.ordinal());
  }

  private AtomicIntegerArray of(Expectation expectation) {
    String helper = expectation.parent().helper();
    AtomicIntegerArray known = byHelper.get(helper);
    return known != null
        ? known
        : byHelper.computeIfAbsent(helper, name -> new AtomicIntegerArray(State.values().length));
  }

  /** By helper, in the order of their names. */
  Map<String, Map<State, Integer>> byHelper() {
    Map<String, Map<State, Integer>> copy = new TreeMap<>();
    byHelper.forEach((helper, counts) -> copy.put(helper, new EnumMap<>(State.class)));
    for (Map.Entry<String, Map<State, Integer>> entry : copy.entrySet()) {
      AtomicIntegerArray counts = byHelper.get(entry.getKey());
      for (State state : LISTED) {
        entry.getValue().put(state, counts == null ? 0 : counts.get(state.ordinal()));
      }
    }
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
