package org.pinholed.agent.expectation;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.expectation.Expectation.State;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeKey;
import org.pinholed.agent.pinhole.PortRange;
import org.pinholed.kernel.conntrack.FlowTuple;

/**
 * Who holds which pinhole: one expectation one for a single connection, any number of them one that
 * lets in many. A pinhole is held from before it is opened until nobody more may come through, and
 * what nobody holds is to be shut.
 *
 * <p>Thread-safe: each change is one atomic step of a map, and reading takes no lock.
 */
public final class PinholeHolders {
  /** Those that wait for one connection. */
  private final Map<PinholeKey, Expectation> waitingByPinhole = new ConcurrentHashMap<>();

  /** Those that let in many. */
  private final Map<PinholeKey, HeldPinhole> openByPinhole = new ConcurrentHashMap<>();

  /** Those that were shut a moment ago, and whose last children may not have been told of yet. */
  private volatile Map<PinholeKey, HeldPinhole> shutNow = new ConcurrentHashMap<>();

  private volatile Map<PinholeKey, HeldPinhole> shutBefore = new ConcurrentHashMap<>();
  private volatile List<PortRange> leased = List.of();

  /** Nobody holds anything yet. */
  PinholeHolders() {}

  /**
   * Says which ranges of ports leases are given for.
   *
   * @param ranges those of the helpers in force; ones that were said before are still known
   */
  public synchronized void setLeased(Collection<PortRange> ranges) {
    Set<PortRange> all = new LinkedHashSet<>(leased);
    all.addAll(ranges);
    leased = List.copyOf(all);
  }

  /**
   * Makes an announced expectation a holder of its pinhole; one that is it already stays so.
   *
   * @param key that of its pinhole
   * @param expectation an announced row
   * @return who holds it and must end first, then nothing is changed; null if there is none
   */
  @Nullable Expectation join(PinholeKey key, Expectation expectation) {
    return expectation.pinhole().kind() == Pinhole.Kind.ONCE
        ? joinOnce(key, expectation)
        : joinShared(key, expectation);
  }

  private @Nullable Expectation joinOnce(PinholeKey key, Expectation expectation) {
    Expectation other = waitingByPinhole.putIfAbsent(key, expectation);
    while (other != null && other != expectation) {
      State state = other.state();
      if (state == State.ANNOUNCED || state == State.PENDING) {
        return other;
      }
      // Its end has begun, or its child came: the thread that did that is about to take it out.
      if (waitingByPinhole.replace(key, other, expectation)) {
        expectation.follow();
        return null;
      }
      other = waitingByPinhole.putIfAbsent(key, expectation);
    }
    return null;
  }

  /** Those that let in many may hold one pinhole together, whoever they belong to. */
  private @Nullable Expectation joinShared(PinholeKey key, Expectation expectation) {
    List<Expectation> other = new ArrayList<>(1);
    openByPinhole.compute(
        key,
        (same, known) -> {
          HeldPinhole held = known == null ? new HeldPinhole() : known;
          if (held.join(expectation)) {
            expectation.holds(held);
            return held;
          }
          Expectation counting = held.counting();
          if (counting != null) {
            other.add(counting);
          }
          return held;
        });
    return other.isEmpty() ? null : other.get(0);
  }

  /**
   * Takes an expectation from the holders of its pinhole; does nothing if it is none of them.
   *
   * @param key that of its pinhole
   * @param expectation any
   */
  void leave(PinholeKey key, Expectation expectation) {
    if (expectation.pinhole().kind() == Pinhole.Kind.ONCE) {
      waitingByPinhole.remove(key, expectation);
      return;
    }
    openByPinhole.computeIfPresent(
        key,
        (same, held) -> {
          if (held.has(expectation)) {
            expectation.holdsNoLonger();
            held.leave(expectation);
          }
          if (!held.isEmpty()) {
            return held;
          }
          shutNow.put(key, held);
          return null;
        });
  }

  /**
   * Everything was read that the kernel told until a moment ago: of what was shut before the last
   * call no child is untold any more.
   */
  public void forgetShut() {
    shutBefore = shutNow;
    shutNow = new ConcurrentHashMap<>();
  }

  /** The pinhole for many that let in such a child until a moment ago; null if none did. */
  @Nullable HeldPinhole shutFor(
      int protocol, InetAddress source, InetAddress destination, int port) {
    PinholeKey key = new PinholeKey(protocol, source, destination, port);
    PinholeKey any = new PinholeKey(protocol, null, destination, port);
    for (Map<PinholeKey, HeldPinhole> shut : List.of(shutNow, shutBefore)) {
      HeldPinhole held = shut.getOrDefault(key, shut.get(any));
      if (held != null) {
        return held;
      }
    }
    return null;
  }

  /** Who holds a pinhole for one connection; null if nobody does. */
  @Nullable Expectation once(PinholeKey key) {
    return waitingByPinhole.get(key);
  }

  /**
   * Whether somebody waits for children of a pinhole, so that it is not to be shut on behalf of an
   * expectation that had the same one before.
   *
   * @param pinhole a pinhole
   * @return true if it is open for an expectation of this table, or about to be
   */
  public boolean isWaitedFor(Pinhole pinhole) {
    return waitingFor(pinhole) != null;
  }

  /**
   * Finds who waits for children of a pinhole.
   *
   * @param pinhole a pinhole
   * @return the expectation that it is open for, or about to be; of several the one whose comment
   *     it has; null if there is none
   */
  public @Nullable Expectation waitingFor(Pinhole pinhole) {
    PinholeKey key = PinholeKey.of(pinhole);
    if (pinhole.kind() == Pinhole.Kind.ONCE) {
      return waitingByPinhole.get(key);
    }
    HeldPinhole held = openByPinhole.get(key);
    return held == null ? null : held.counting();
  }

  private @Nullable HeldPinhole heldBy(Expectation expectation) {
    return openByPinhole.get(PinholeKey.of(expectation.pinhole()));
  }

  /**
   * Whether the kernel must be told of an expectation that holds its pinhole since a moment, or
   * whose time is another one now.
   *
   * @param expectation any
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @return false if what stands there already is enough
   */
  public boolean mustBeWritten(Expectation expectation, long nowNs) {
    if (expectation.pinhole().kind() == Pinhole.Kind.ONCE) {
      return true;
    }
    HeldPinhole held = heldBy(expectation);
    return held == null || held.mustBeWritten(nowNs);
  }

  /**
   * Notes that the kernel has the pinhole of an expectation as {@link #pinholeToWrite} said.
   *
   * @param expectation any
   * @param pinhole what was written
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}, before it was written
   */
  public void wrote(Expectation expectation, Pinhole pinhole, long nowNs) {
    HeldPinhole held =
        expectation.pinhole().kind() == Pinhole.Kind.ONCE ? null : heldBy(expectation);
    if (held != null) {
      held.wrote(pinhole, nowNs);
    }
  }

  /**
   * Whether a renewal would leave the wrong comment in the kernel.
   *
   * @param expectation whose lease is to be renewed
   * @return false if the comment is to stay
   */
  public boolean needsComment(Expectation expectation) {
    HeldPinhole held =
        expectation.pinhole().kind() == Pinhole.Kind.ONCE ? null : heldBy(expectation);
    return held == null ? expectation.isCommentOld() : !held.hasItsComment();
  }

  /**
   * The leases of pinholes for many that are to be renewed.
   *
   * @param beforeNs those that do not stand for longer than until then
   * @return of each pinhole as many as it takes
   */
  public List<Expectation> due(long beforeNs) {
    List<Expectation> due = new ArrayList<>();
    for (HeldPinhole held : openByPinhole.values()) {
      held.addDue(beforeNs, due);
    }
    return due;
  }

  /**
   * The pinholes that nobody holds any more once some expectations end.
   *
   * @param ending those that are to end, all pending
   * @return each pinhole once
   */
  public List<Pinhole> heldOnlyBy(Collection<Expectation> ending) {
    List<Pinhole> alone = new ArrayList<>();
    Map<HeldPinhole, Set<Expectation>> shared = new LinkedHashMap<>();
    for (Expectation expectation : ending) {
      HeldPinhole held =
          expectation.pinhole().kind() == Pinhole.Kind.ONCE ? null : heldBy(expectation);
      if (held == null) {
        alone.add(expectation.pinhole());
      } else {
        shared.computeIfAbsent(held, none -> new HashSet<>(2)).add(expectation);
      }
    }
    shared.forEach(
        (held, those) -> {
          if (held.isHeldOnlyBy(those)) {
            alone.add(those.iterator().next().pinhole());
          }
        });
    return alone;
  }

  /**
   * What is to stand in the kernel for an expectation: its own pinhole, or that of another one that
   * holds the same for longer; with what is left of its time.
   *
   * @param expectation any
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @return the pinhole as it is to be written
   */
  public Pinhole pinholeToWrite(Expectation expectation, long nowNs) {
    Pinhole own = expectation.pinhole();
    if (own.kind() == Pinhole.Kind.ONCE) {
      return own;
    }
    HeldPinhole held = heldBy(expectation);
    return held == null ? expectation.standing(nowNs) : held.toWrite(expectation, nowNs);
  }

  /**
   * The pinholes of some that are over, without those that another expectation waits for by now:
   * what stands there is its own.
   *
   * @param over they hold nothing any more
   * @return what is to be shut
   */
  public List<Pinhole> leftBy(List<Expectation> over) {
    return over.stream()
        .map(Expectation::pinhole)
        .filter(pinhole -> !isWaitedFor(pinhole))
        .toList();
  }

  /**
   * What others still hold of the pinholes of some that are over, and the kernel must be told of.
   *
   * @param over they hold nothing any more
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @return of each pinhole the one that counts now
   */
  public List<Expectation> stillHeld(List<Expectation> over, long nowNs) {
    Set<Expectation> held = new LinkedHashSet<>();
    for (Expectation expectation : over) {
      Expectation counting =
          expectation.pinhole().kind() == Pinhole.Kind.ONCE
              ? null
              : waitingFor(expectation.pinhole());
      if (counting != null && mustBeWritten(counting, nowNs)) {
        held.add(counting);
      }
    }
    return List.copyOf(held);
  }

  /** The pinhole for many that lets in such a child; null if none does. */
  @Nullable HeldPinhole heldFor(
      int protocol, InetAddress source, InetAddress destination, int port) {
    HeldPinhole held = openByPinhole.get(new PinholeKey(protocol, source, destination, port));
    if (held == null) {
      held = openByPinhole.get(new PinholeKey(protocol, null, destination, port));
    }
    for (PortRange range : leased) {
      if (held == null && range.first() <= port && port <= range.last()) {
        held =
            openByPinhole.get(
                new PinholeKey(protocol, source, destination, range.first(), range.last()));
      }
    }
    return held;
  }

  /**
   * Whether a pinhole for many lets in such a child.
   *
   * @param first what the child's first packet said
   * @return true if the kernel finds one for it
   */
  public boolean letsIn(FlowTuple first) {
    return letsIn(first.protocol(), first.source(), first.destination(), first.destinationPort());
  }

  /**
   * Whether a pinhole for many lets in such a child from any port.
   *
   * @param protocol 6 or 17
   * @param source source address of its first packet
   * @param destination where that goes to
   * @param port the port there
   * @return true if the kernel finds one for it
   */
  public boolean letsIn(int protocol, InetAddress source, InetAddress destination, int port) {
    return heldFor(protocol, source, destination, port) != null;
  }

  /**
   * Those that hold a lease for some connections by which such a child comes.
   *
   * @param first what the child's first packet said
   * @return empty for all other pinholes
   */
  public List<Expectation> countedLeasesFor(FlowTuple first) {
    HeldPinhole held =
        heldFor(first.protocol(), first.source(), first.destination(), first.destinationPort());
    if (held == null) {
      return List.of();
    }
    Expectation counting = held.counting();
    return counting != null && counting.pinhole().connections() > 0 ? held.all() : List.of();
  }

  /**
   * The pinholes that are open, each once, with what is left of their time.
   *
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @return in no order
   */
  public List<Pinhole> open(long nowNs) {
    List<Pinhole> open = new ArrayList<>();
    for (Expectation expectation : waitingByPinhole.values()) {
      long leftMs = expectation.expiresInMs(nowNs);
      if (expectation.state() == State.PENDING && leftMs > 0) {
        open.add(expectation.pinhole().withTimeoutMs(leftMs));
      }
    }
    for (HeldPinhole held : openByPinhole.values()) {
      Pinhole pinhole = held.left(nowNs);
      if (pinhole != null) {
        open.add(pinhole);
      }
    }
    return open;
  }

  /** All that are pending: a copy, in no order. */
  List<Expectation> pending() {
    List<Expectation> pending = new ArrayList<>();
    for (Expectation expectation : waitingByPinhole.values()) {
      if (expectation.state() == State.PENDING) {
        pending.add(expectation);
      }
    }
    for (HeldPinhole held : openByPinhole.values()) {
      for (Expectation expectation : held.all()) {
        if (expectation.state() == State.PENDING) {
          pending.add(expectation);
        }
      }
    }
    return pending;
  }
}
