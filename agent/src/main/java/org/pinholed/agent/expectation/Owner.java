package org.pinholed.agent.expectation;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.limit.Limit;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.Reason;

/**
 * Who expectations belong to: a flow, or what outlives it and spans flows and workers. It knows its
 * expectations by group and item. Thread-safe, by a lock of its own that is taken where something
 * is announced or ends.
 */
public final class Owner {
  /** How many it keeps that are over for the sake of their children. */
  private static final int MOST_LEFT = 64;

  private final String helper;
  private final @Nullable OwnerId id;
  private @Nullable Parent countedFor;
  private volatile @Nullable Name name;
  private volatile @Nullable Reason refused;
  private final Map<Place, Expectation> expectations = new LinkedHashMap<>(4);
  private int firstChildAwaited;
  private boolean ended;
  private boolean hasDeadline;
  private long deadlineNs;
  private boolean cutWhenDue;

  /** Some that are over, and whose children may live. */
  private final Deque<Expectation> left = new ArrayDeque<>(0);

  /** What tells the expectations of an owner apart. */
  private record Place(String group, String item) {
    static Place of(Expectation expectation) {
      return new Place(expectation.request().group(), expectation.request().item());
    }
  }

  /**
   * What operators call an owner.
   *
   * @param kind what it is, one word
   * @param label which of its kind it is
   * @param state one word
   */
  public record Name(String kind, String label, String state) {}

  private Owner(String helper, @Nullable OwnerId id) {
    this.helper = helper;
    this.id = id;
  }

  /**
   * A flow as an owner.
   *
   * @param helper name of its helper
   * @return it, without expectations
   */
  public static Owner flow(String helper) {
    return new Owner(helper, null);
  }

  /**
   * What outlives a flow.
   *
   * @param helper name of its helper
   * @param id what it is called
   * @return it, without expectations
   */
  static Owner beyondFlows(String helper, OwnerId id) {
    return new Owner(helper, id);
  }

  /**
   * What it is called.
   *
   * @return null for a flow
   */
  public @Nullable OwnerId id() {
    return id;
  }

  /**
   * The name of its helper.
   *
   * @return as in the configuration
   */
  public String helper() {
    return helper;
  }

  /**
   * Gives it a name for operators.
   *
   * @param newName what they see from now on
   */
  public void named(Name newName) {
    name = newName;
  }

  /**
   * What operators call it.
   *
   * @return null if no helper of this process has said it
   */
  public @Nullable Name name() {
    return name;
  }

  /**
   * Notes that something of it was not opened.
   *
   * @param reason why
   */
  public void refused(Reason reason) {
    refused = reason;
  }

  /**
   * Why something of it was not opened last.
   *
   * @return one word; empty if all was
   */
  public String lastRefusal() {
    Reason last = refused;
    return last == null ? "" : last.word();
  }

  /**
   * When it ends if nothing more is said of it.
   *
   * @param nowNs the time
   * @return milliseconds, 0 or less if its time is over; null if it has no end
   */
  public synchronized @Nullable Long endsInMs(long nowNs) {
    Long last = null;
    for (Expectation expectation : expectations.values()) {
      Long ends = expectation.endsInMs(nowNs);
      if (ends == null) {
        last = null;
        break;
      }
      last = last == null ? ends : Math.max(last, ends);
    }
    long deadlineMs = (deadlineNs - nowNs) / 1_000_000;
    if (!hasDeadline) {
      return last;
    }
    return last == null ? deadlineMs : Math.min(last, deadlineMs);
  }

  /**
   * Finds an expectation.
   *
   * @param group its group
   * @param item its item
   * @return null if there is none
   */
  public synchronized @Nullable Expectation find(String group, String item) {
    return expectations.get(new Place(group, item));
  }

  /**
   * The expectations of a group.
   *
   * @param group its name
   * @return a copy, in the order in which they were announced
   */
  public synchronized List<Expectation> ofGroup(String group) {
    List<Expectation> found = new ArrayList<>(2);
    for (Expectation expectation : expectations.values()) {
      if (expectation.request().group().equals(group)) {
        found.add(expectation);
      }
    }
    return found;
  }

  /**
   * The expectations with an item, of any group.
   *
   * @param item its name
   * @return a copy, in the order in which they were announced
   */
  public synchronized List<Expectation> ofItem(String item) {
    List<Expectation> found = new ArrayList<>(2);
    for (Expectation expectation : expectations.values()) {
      if (expectation.request().item().equals(item)) {
        found.add(expectation);
      }
    }
    return found;
  }

  /**
   * Whether an expectation of a group is announced or open.
   *
   * @param group its name
   * @return false if there is none
   */
  public synchronized boolean stands(String group) {
    for (Expectation expectation : expectations.values()) {
      if (expectation.request().group().equals(group) && !expectation.isOver()) {
        return true;
      }
    }
    return false;
  }

  /**
   * All expectations.
   *
   * @return a copy
   */
  public synchronized List<Expectation> all() {
    return List.copyOf(expectations.values());
  }

  /**
   * Whether it has no expectation.
   *
   * @return true also before it had one
   */
  public synchronized boolean isEmpty() {
    return expectations.isEmpty();
  }

  /**
   * Takes an expectation, which waits for its first child from now on. One with the same group and
   * item that is still there is forgotten.
   *
   * @param expectation one of its own
   * @param mostAwaited how many of its expectations may wait for their first child
   * @return what became of it
   */
  synchronized Owners.Added add(Expectation expectation, int mostAwaited) {
    if (firstChildAwaited >= mostAwaited) {
      // Of a pinhole that many hold only one is told of a child.
      for (Expectation own : expectations.values()) {
        if (own.uses() > 0) {
          awaitNoMore(own);
        }
      }
    }
    if (firstChildAwaited >= mostAwaited) {
      return new Owners.Added(Limit.EXPECTATIONS_PER_OWNER, null);
    }
    expectation.setAwaited(true);
    firstChildAwaited++;
    return new Owners.Added(null, expectations.put(Place.of(expectation), expectation));
  }

  /**
   * Forgets an expectation, unless another one has its place.
   *
   * @param expectation one of its own
   */
  synchronized void remove(Expectation expectation) {
    expectations.remove(Place.of(expectation), expectation);
    if (id != null && expectation.livingChildren() > 0 && !left.contains(expectation)) {
      left.removeIf(old -> old.livingChildren() == 0);
      if (left.size() == MOST_LEFT) {
        left.remove();
      }
      left.add(expectation);
    }
  }

  /**
   * What it had and has no more, but for children that may live. Of what is beyond flows only.
   *
   * @return a copy, the oldest first; not more than 64
   */
  public synchronized List<Expectation> left() {
    return List.copyOf(left);
  }

  /**
   * Counts an expectation no more among those that wait for their first child, if it still is.
   * Several threads may know at the same time that it waits no longer; whoever comes back from here
   * may rely on it.
   */
  synchronized void awaitNoMore(Expectation expectation) {
    if (expectation.isAwaited()) {
      expectation.setAwaited(false);
      firstChildAwaited--;
    }
  }

  /** The parent whose entry and client it has a place of; null while it has none. */
  @Nullable Parent countedFor() {
    return countedFor;
  }

  /** Notes whose place it has. Called by {@link Owners} alone, for one owner by one at a time. */
  void countFor(@Nullable Parent parent) {
    countedFor = parent;
  }

  /**
   * Sets its end at the latest.
   *
   * @param newDeadlineNs {@link org.pinholed.agent.time.Clock#nanoTime} of its end
   * @param cut whether its children end with it then
   */
  public synchronized void keepUntil(long newDeadlineNs, boolean cut) {
    hasDeadline = true;
    deadlineNs = newDeadlineNs;
    cutWhenDue = cut;
  }

  /**
   * Whether it has expectations, and none of them lasts: it may be one that never came to be.
   *
   * @return false also if it has none
   */
  public synchronized boolean isProvisional() {
    for (Expectation expectation : expectations.values()) {
      if (!expectation.stay().isProvisional()) {
        return false;
      }
    }
    return !expectations.isEmpty();
  }

  /**
   * Sets the end of one that was found in the kernel, if nothing of it lasts.
   *
   * @param nowNs the time
   */
  public synchronized void foundAt(long nowNs) {
    if (isProvisional()) {
      long longestMs = 0;
      boolean cut = false;
      for (Expectation expectation : expectations.values()) {
        longestMs = Math.max(longestMs, expectation.stay().provisionalMs());
        cut |= expectation.stay().cutsProvisional();
      }
      keepUntil(nowNs + longestMs * 1_000_000, cut);
    }
  }

  /**
   * When it ends at the latest, as it was said last.
   *
   * @param nowNs the time
   * @return milliseconds, 0 or less if its time is over; null if nobody said so
   */
  public synchronized @Nullable Long keptForMs(long nowNs) {
    return hasDeadline ? (Long) ((deadlineNs - nowNs) / 1_000_000) : null;
  }

  /**
   * Whether its children end with it when its time is over.
   *
   * @return as it was said last
   */
  public synchronized boolean isCutWhenDue() {
    return cutWhenDue;
  }

  /** Whether its time is over. */
  synchronized boolean isDue(long nowNs) {
    return hasDeadline && deadlineNs - nowNs <= 0;
  }

  /** Whether it is over, and takes nothing any more. */
  synchronized boolean hasEnded() {
    return ended;
  }

  /** Ends it. */
  synchronized void end() {
    ended = true;
  }
}
