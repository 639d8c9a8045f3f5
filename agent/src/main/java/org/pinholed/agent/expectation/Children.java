package org.pinholed.agent.expectation;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.pinholed.kernel.conntrack.ConntrackIdentity;

/**
 * The children that live, and what they were expected by. Bounded: of those that come when it is
 * full only the number is known. Thread-safe.
 */
public final class Children {
  /** How many are known one by one. */
  static final int MOST = 1 << 16;

  private final Map<ConntrackIdentity, List<Expectation>> living = new ConcurrentHashMap<>();

  /** Knows none yet. */
  public Children() {}

  /**
   * A child came.
   *
   * @param child which conntrack it is
   * @param expectedBy what let it in; of a pinhole that several hold, all of them
   */
  public void began(ConntrackIdentity child, List<Expectation> expectedBy) {
    boolean known = living.size() < MOST;
    if (known && living.putIfAbsent(child, expectedBy) != null) {
      return; // told twice
    }
    for (Expectation expectation : expectedBy) {
      expectation.childLives(child, known);
    }
  }

  /**
   * A child ended.
   *
   * @param child which conntrack it was
   * @param letIn what lets in such children now, for one that is not known
   * @param nowNs {@link System#nanoTime}
   */
  public void ended(ConntrackIdentity child, List<Expectation> letIn, long nowNs) {
    List<Expectation> expectedBy = living.remove(child);
    for (Expectation expectation : expectedBy == null ? letIn : expectedBy) {
      expectation.childEnded(child, nowNs);
    }
  }

  /**
   * Some may have ended without a word.
   *
   * @param alive those that the kernel has
   * @param nowNs {@link System#nanoTime}
   */
  public void keepOnly(Set<ConntrackIdentity> alive, long nowNs) {
    for (ConntrackIdentity child : living.keySet()) {
      if (!alive.contains(child)) {
        ended(child, List.of(), nowNs);
      }
    }
  }

  /**
   * What let a child in.
   *
   * @param child which conntrack it is
   * @return empty if it is not known
   */
  List<Expectation> expectedBy(ConntrackIdentity child) {
    return living.getOrDefault(child, List.of());
  }

  /**
   * Whether a child is known.
   *
   * @param child which conntrack it is
   * @return false also for one that came when there were too many
   */
  public boolean has(ConntrackIdentity child) {
    return living.containsKey(child);
  }

  /**
   * The parents whose children live, of what ends with its parent.
   *
   * @return each once
   */
  public Set<Parent> parents() {
    Set<Parent> parents = new HashSet<>();
    for (List<Expectation> expectedBy : living.values()) {
      for (Expectation expectation : expectedBy) {
        if (expectation.owner().id() == null) {
          parents.add(expectation.parent());
        }
      }
    }
    return parents;
  }
}
