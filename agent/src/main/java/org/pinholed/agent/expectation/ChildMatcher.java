package org.pinholed.agent.expectation;

import java.net.InetAddress;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.expectation.Expectation.State;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeKey;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.conntrack.FlowTuple;

/**
 * Finds what a child was expected by: among those that wait, and among those whose end has begun
 * and whose child may not have been told of yet. Thread-safe and without a lock of its own: the
 * lifecycle thread matches, workers ask what announced a child that is read.
 */
public final class ChildMatcher {
  private final PinholeHolders holders;
  private final EndingExpectations ending;
  private final Children living;
  private final Consumer<Expectation> allCame;

  /**
   * Matches with what others hold.
   *
   * @param holders those that wait
   * @param ending those that end
   * @param living told of the children that are found
   * @param allCame takes each out of those that wait, once all came that it was for
   */
  ChildMatcher(
      PinholeHolders holders,
      EndingExpectations ending,
      Children living,
      Consumer<Expectation> allCame) {
    this.holders = holders;
    this.ending = ending;
    this.living = living;
    this.allCame = allCame;
  }

  /**
   * Finds what a new conntrack with the child bit was expected by, and notes that it came.
   *
   * <p>A port may be announced again while the kernel's word of its child still waits to be read.
   * Then it stands here twice: as what ends, and as what waits now. The oldest one of those that
   * end gets the child: of each that is still among them the kernel did not say that it stood when
   * it was shut, so a child has most likely used it, and children are told of in the order in which
   * they came.
   *
   * @param protocol 6 or 17
   * @param source source address of the child's first packet
   * @param destination its destination address
   * @param port its destination port
   * @param child which conntrack it is
   * @param stands whether a pinhole for one connection still stands; asked only of one that {@link
   *     Expectation#follows} another
   * @return the expectation, null if nobody expects such a child (any more)
   */
  public @Nullable Expectation match(
      int protocol,
      InetAddress source,
      InetAddress destination,
      int port,
      ConntrackIdentity child,
      Predicate<Pinhole> stands) {
    PinholeKey key = new PinholeKey(protocol, source, destination, port);
    // Who waits is read first. An expectation is among those that end before it stops to wait: read
    // the other way round, one that changes over in between would be in neither place.
    Expectation expectation = holders.once(key);
    Expectation ended = ending.match(key, child);
    if (ended != null) {
      return ended;
    }
    if (expectation == null) {
      expectation = matchOpen(protocol, source, destination, port, child);
      return expectation == null ? ending.match(key, child) : expectation;
    }
    if (expectation.state() != State.PENDING) {
      return ending.match(key, child); // its end has begun in between
    }
    if (expectation.follows() && stands.test(expectation.pinhole())) {
      // The late child of one that ended before, or this one's own: then its end has begun while
      // the kernel was asked, and what stands is the pinhole of the next one.
      return ending.match(key, child);
    }
    if (!expectation.change(State.PENDING, State.MATCHED)) {
      return ending.match(key, child);
    }
    expectation.used(child);
    living.began(child, expectation); // before it stops to wait, see announcing
    allCame.accept(expectation);
    return expectation;
  }

  /**
   * A child of a pinhole that lets in many is one of all who hold that; one of them is told. A
   * lease that all came of lets in nobody more: the caller shuts it, if nobody else holds it.
   */
  private @Nullable Expectation matchOpen(
      int protocol,
      InetAddress source,
      InetAddress destination,
      int port,
      ConntrackIdentity child) {
    HeldPinhole held = holders.heldFor(protocol, source, destination, port);
    if (held == null) {
      held = holders.shutFor(protocol, source, destination, port);
    }
    if (held == null || living.has(child)) { // told twice: by its event, and when events were lost
      return null;
    }
    Expectation expectedBy = held.used(child);
    living.began(child, held);
    if (expectedBy != null && expectedBy.pinhole().connections() > 0) {
      for (Expectation holder : held.all()) {
        if (holder.isSpent() && holder.change(State.PENDING, State.MATCHED)) {
          allCame.accept(holder);
        }
      }
    }
    return expectedBy;
  }

  /**
   * What announced a child that is read, whether the kernel told of it yet or not.
   *
   * @param child which conntrack it is
   * @return by one of those that let it in; null if none of them is left
   */
  public @Nullable ReadChild announcing(ConntrackIdentity child) {
    ReadChild known = living.announcing(child);
    if (known != null) {
      return known;
    }
    FlowTuple first = child.original();
    PinholeKey key =
        new PinholeKey(
            first.protocol(), first.source(), first.destination(), first.destinationPort());
    Expectation waiting = holders.once(key);
    if (waiting == null) {
      waiting = ending.oldest(key); // shut a moment ago, and its child is not told of yet
    }
    // A child is known before what expected it leaves these maps. If that was in between, who is in
    // them now is another one.
    known = living.announcing(child);
    if (known != null) {
      return known;
    }
    return Children.reading(
        child,
        waiting != null
            ? waiting
            : holders.heldFor(
                first.protocol(), first.source(), first.destination(), first.destinationPort()));
  }

  /**
   * Notes that a child ended.
   *
   * @param child which conntrack it was
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  public void ended(ConntrackIdentity child, long nowNs) {
    FlowTuple first = child.original();
    living.ended(
        child,
        holders.heldFor(
            first.protocol(), first.source(), first.destination(), first.destinationPort()),
        nowNs);
  }

  /**
   * Notes that a child was there when the agent started.
   *
   * @param child which conntrack it is
   * @return false if no pinhole for many lets in such a child
   */
  public boolean inherit(ConntrackIdentity child) {
    FlowTuple first = child.original();
    HeldPinhole held =
        holders.heldFor(
            first.protocol(), first.source(), first.destination(), first.destinationPort());
    if (held != null) {
      living.began(child, held);
    }
    return held != null;
  }

  /**
   * Whether the end of a pinhole for one connection has begun, and its child may not have been told
   * of yet.
   *
   * @param key what the child's first packet says
   * @return true until that is known
   */
  public boolean isEnding(PinholeKey key) {
    return ending.has(key);
  }
}
