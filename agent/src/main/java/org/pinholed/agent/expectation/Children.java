package org.pinholed.agent.expectation;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.pinholed.kernel.conntrack.ConntrackIdentity;

/**
 * The children that live, and what they were expected by. Bounded: of those that come when it is
 * full only the number is known. Where the expectation is over with its child, as those of FTP are,
 * only the parent is kept: a busy server has thousands of children that wait for the end of their
 * conntrack. Of those that an agent before this one let in, it is known only which parents may have
 * announced them. Thread-safe.
 */
public final class Children {
  /** How many are known one by one. */
  public static final int MOST = 1 << 16;

  private final Map<ConntrackIdentity, List<Expectation>> living = new ConcurrentHashMap<>();

  /** Those that are read and came by pinholes of another process, which may be used up. */
  private final Map<ConntrackIdentity, ReadChild> handedOver = new ConcurrentHashMap<>();

  /** Children of which only the parents are kept that announced them or may have done so. */
  private final Map<ConntrackIdentity, List<Parent>> ofParents = new ConcurrentHashMap<>();

  /** Knows none yet. */
  public Children() {}

  /**
   * A child came.
   *
   * @param child which conntrack it is
   * @param expectedBy what let it in; of a pinhole that several hold, all of them
   */
  public void began(ConntrackIdentity child, List<Expectation> expectedBy) {
    if (expectedBy.size() == 1 && expectedBy.get(0).isOverWithItsChild()) {
      if (ofParents.size() < MOST) {
        ofParents.putIfAbsent(child, expectedBy.get(0).parent().alone());
      }
      return;
    }
    boolean known = living.size() < MOST;
    if (known && living.putIfAbsent(child, expectedBy) != null) {
      return; // told twice
    }
    for (Expectation expectation : expectedBy) {
      expectation.childLives(child, known);
    }
  }

  /**
   * A child was there when the agent started, and nobody knows which expectation let it in.
   *
   * @param child which conntrack it is
   * @param perhaps the parents that may have announced it; one list for all children of which it
   *     says the same
   * @return false if too many are known already
   */
  public boolean inherit(ConntrackIdentity child, List<Parent> perhaps) {
    if (ofParents.size() >= MOST) {
      return false;
    }
    ofParents.put(child, perhaps);
    return true;
  }

  /**
   * A child ended.
   *
   * @param child which conntrack it was
   * @param letIn what lets in such children now, for one that is not known
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  public void ended(ConntrackIdentity child, List<Expectation> letIn, long nowNs) {
    handedOver.remove(child);
    if (ofParents.remove(child) != null) {
      return; // nothing lets in more of them
    }
    List<Expectation> expectedBy = living.remove(child);
    for (Expectation expectation : expectedBy == null ? letIn : expectedBy) {
      expectation.childEnded(child, nowNs);
    }
  }

  /**
   * Some may have ended without a word.
   *
   * @param alive those that the kernel has
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  public void keepOnly(Set<ConntrackIdentity> alive, long nowNs) {
    handedOver.keySet().retainAll(alive);
    for (ConntrackIdentity child : known()) {
      if (!alive.contains(child)) {
        ended(child, List.of(), nowNs);
      }
    }
  }

  /**
   * Takes over what another process knew of a child that is read.
   *
   * @param child one that the kernel has
   */
  public void handedOver(ReadChild child) {
    handedOver.put(child.child(), child);
  }

  /**
   * What announced a child that is read; null if it is not known one by one.
   *
   * @param child which conntrack it is
   */
  @Nullable ReadChild announcing(ConntrackIdentity child) {
    ReadChild told = handedOver.get(child);
    return told == null ? reading(child, living.getOrDefault(child, List.of())) : told;
  }

  /** Of several that share a pinhole one that wants its children read. */
  static @Nullable ReadChild reading(ConntrackIdentity child, List<Expectation> expectedBy) {
    for (Expectation expectation : expectedBy) {
      if (expectation.request().isRead()) {
        return ReadChild.of(child, expectation);
      }
    }
    return null;
  }

  /**
   * The children that are read, for another process.
   *
   * @param ofFlows those that have a flow: the kernel may not have told of them yet
   * @return each once
   */
  public List<ReadChild> read(List<ReadChild> ofFlows) {
    Map<ConntrackIdentity, ReadChild> read = new HashMap<>();
    living.forEach(
        (child, expectedBy) -> {
          ReadChild one = reading(child, expectedBy);
          if (one != null) {
            read.put(child, one);
          }
        });
    read.putAll(handedOver);
    ofFlows.forEach(child -> read.put(child.child(), child));
    return List.copyOf(read.values());
  }

  /**
   * Whether a child is known.
   *
   * @param child which conntrack it is
   * @return false also for one that came when there were too many
   */
  public boolean has(ConntrackIdentity child) {
    return living.containsKey(child) || ofParents.containsKey(child);
  }

  /**
   * The children that are known one by one.
   *
   * @return a copy, in no order
   */
  public List<ConntrackIdentity> known() {
    List<ConntrackIdentity> known = new ArrayList<>(living.keySet());
    known.addAll(ofParents.keySet());
    return known;
  }

  /**
   * The parents that announced a child or may have done so, where what they announced ends with
   * them. Some of them may be over.
   *
   * @param child which conntrack it is
   * @return the same list for children of the same parents, where only these are kept; empty if
   *     there is none
   */
  public List<Parent> parentsOf(ConntrackIdentity child) {
    List<Expectation> expectedBy = living.get(child);
    if (expectedBy == null) {
      return ofParents.getOrDefault(child, List.of());
    }
    List<Parent> parents = new ArrayList<>(1);
    for (Expectation expectation : expectedBy) {
      if (expectation.owner().id() == null) {
        parents.add(expectation.parent());
      }
    }
    return parents;
  }

  /**
   * Forgets a child of which only the parents are kept: none of them is left.
   *
   * @param child which conntrack it is
   */
  public void forget(ConntrackIdentity child) {
    ofParents.remove(child);
  }
}
