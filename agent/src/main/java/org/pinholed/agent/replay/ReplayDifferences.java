package org.pinholed.agent.replay;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;

/**
 * Compares what two configurations decide, packet by packet, so that nothing of a long capture is
 * kept. The numbers of expectations do not count: after the first difference all of them differ.
 * Not thread-safe.
 */
public final class ReplayDifferences {
  /** Which of two configurations decided something that the other did not. */
  public enum Side {
    /** The one that is compared with. */
    FIRST,
    /** The other one. */
    SECOND
  }

  private final List<Decision> first = new ArrayList<>();
  private final List<Decision> second = new ArrayList<>();
  private final BiConsumer<Side, Decision> differs;
  private long differences;

  /**
   * Makes it.
   *
   * @param differs told what only one of them decided
   */
  public ReplayDifferences(BiConsumer<Side, Decision> differs) {
    this.differs = differs;
  }

  /**
   * The first configuration decided something.
   *
   * @param decision what
   */
  public void first(Decision decision) {
    first.add(decision);
  }

  /**
   * The second configuration decided something.
   *
   * @param decision what
   */
  public void second(Decision decision) {
    second.add(decision);
  }

  /** Both have read a packet, or time went on for both. */
  public void compare() {
    if (first.isEmpty() && second.isEmpty()) {
      return;
    }
    for (Decision one : first) {
      int same = indexOf(one);
      if (same < 0) {
        differences++;
        differs.accept(Side.FIRST, one);
      } else {
        second.remove(same);
      }
    }
    for (Decision other : second) {
      differences++;
      differs.accept(Side.SECOND, other);
    }
    first.clear();
    second.clear();
  }

  private int indexOf(Decision one) {
    Decision wanted = one.withoutId();
    for (int at = 0; at < second.size(); at++) {
      if (second.get(at).withoutId().equals(wanted)) {
        return at;
      }
    }
    return -1;
  }

  /**
   * How many decisions only one of them made.
   *
   * @return a count
   */
  public long count() {
    return differences;
  }
}
