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

  private final Map<ConntrackIdentity, ChildKeeper> living = new ConcurrentHashMap<>();

  /** Those that are read and came by pinholes of another process, which may be used up. */
  private final Map<ConntrackIdentity, ReadChild> handedOver = new ConcurrentHashMap<>();

  /** Children of which only the parents are kept that announced them or may have done so. */
  private final Map<ConntrackIdentity, List<Parent>> ofParents = new ConcurrentHashMap<>();

  /** Knows none yet. */
  public Children() {}

  /**
   * A child of an expectation for one came.
   *
   * @param child which conntrack it is
   * @param expectedBy what let it in
   */
  public void began(ConntrackIdentity child, Expectation expectedBy) {
    if (!expectedBy.isOverWithItsChild()) {
      began(child, (ChildKeeper) expectedBy);
    } else if (ofParents.size() < MOST) {
      ofParents.putIfAbsent(child, expectedBy.parent().alone());
    }
  }

  /**
   * A child came.
   *
   * @param child which conntrack it is
   * @param keeper what let it in
   */
  void began(ConntrackIdentity child, ChildKeeper keeper) {
    boolean known = living.size() < MOST;
    if (!known || living.putIfAbsent(child, keeper) == null) { // else it is told twice
      keeper.childLives(child, known);
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
   * @param letIn what lets in such children now, for one that is not known; null if nothing does
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  void ended(ConntrackIdentity child, @Nullable ChildKeeper letIn, long nowNs) {
    handedOver.remove(child);
    if (ofParents.remove(child) != null) {
      return; // nothing lets in more of them
    }
    ChildKeeper known = living.remove(child);
    ChildKeeper keeper = known == null ? letIn : known;
    if (keeper != null) {
      keeper.childEnded(child, nowNs);
    }
  }

  /**
   * A child that is known one by one ended.
   *
   * @param child which conntrack it was
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  public void ended(ConntrackIdentity child, long nowNs) {
    ended(child, null, nowNs);
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
        ended(child, nowNs);
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
    return told == null ? reading(child, living.get(child)) : told;
  }

  /** What announced a child that is read; null if it is not to be read. */
  static @Nullable ReadChild reading(ConntrackIdentity child, @Nullable ChildKeeper keeper) {
    Expectation reading = keeper == null ? null : keeper.reading();
    return reading == null ? null : ReadChild.of(child, reading);
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
        (child, keeper) -> {
          ReadChild one = reading(child, keeper);
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
    ChildKeeper keeper = living.get(child);
    return keeper == null ? ofParents.getOrDefault(child, List.of()) : keeper.parents();
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
