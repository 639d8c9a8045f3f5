package org.pinholed.agent.expectation;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Collection;
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

  /** Those that let in many. The comment in the kernel is that of the one that stays longest. */
  private final Map<PinholeKey, List<Expectation>> openByPinhole = new ConcurrentHashMap<>();

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
    Expectation[] other = new Expectation[1];
    openByPinhole.compute(
        key,
        (same, holders) -> {
          if (holders == null) {
            return List.of(expectation);
          }
          if (holders.contains(expectation)) {
            return holders;
          }
          if (!expectation.mayShareWith(holders.get(0))) {
            other[0] = holders.get(0);
            return holders;
          }
          List<Expectation> more = new ArrayList<>(holders);
          more.add(expectation);
          return List.copyOf(more);
        });
    return other[0];
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
        (same, holders) -> {
          List<Expectation> left =
              holders.stream().filter(holder -> holder != expectation).toList();
          return left.isEmpty() ? null : left;
        });
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
    List<Expectation> holders = openByPinhole.get(key);
    return holders == null ? null : lastToExpire(holders);
  }

  /** The one whose time in the kernel is the longest: it counts for all of them. */
  private static Expectation lastToExpire(List<Expectation> holders) {
    Expectation last = holders.get(0);
    for (Expectation holder : holders) {
      if (holder.expiresAtNs() - last.expiresAtNs() > 0) {
        last = holder;
      }
    }
    return last;
  }

  /**
   * Whether nobody else holds the pinhole of an expectation.
   *
   * @param expectation one that is pending
   * @return false if its pinhole is to stay when it ends
   */
  public boolean isAlone(Expectation expectation) {
    if (expectation.pinhole().kind() == Pinhole.Kind.ONCE) {
      return true;
    }
    List<Expectation> holders = openByPinhole.get(PinholeKey.of(expectation.pinhole()));
    return holders == null || (holders.size() == 1 && holders.contains(expectation));
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
    Expectation counting = waitingFor(own);
    return (counting == null ? expectation : counting).standing(nowNs);
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
   * What others still hold of the pinholes of some that are over.
   *
   * @param over they hold nothing any more
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @return as it is to be written, with the comment and the time of the others
   */
  public List<Pinhole> stillHeld(List<Expectation> over, long nowNs) {
    List<Pinhole> held = new ArrayList<>();
    for (Expectation expectation : over) {
      if (expectation.pinhole().kind() != Pinhole.Kind.ONCE && isWaitedFor(expectation.pinhole())) {
        held.add(pinholeToWrite(expectation, nowNs));
      }
    }
    return held;
  }

  /**
   * Those that let in many and let in such a child.
   *
   * @param protocol 6 or 17
   * @param source source address of the child's first packet
   * @param destination its destination address
   * @param port its destination port
   * @return those whose pinhole the kernel finds for it; empty if none does
   */
  public List<Expectation> lettingIn(
      int protocol, InetAddress source, InetAddress destination, int port) {
    List<Expectation> holders =
        openByPinhole.get(new PinholeKey(protocol, source, destination, port));
    if (holders == null) {
      holders = openByPinhole.get(new PinholeKey(protocol, null, destination, port));
    }
    for (PortRange range : leased) {
      if (holders == null && range.first() <= port && port <= range.last()) {
        holders =
            openByPinhole.get(
                new PinholeKey(protocol, source, destination, range.first(), range.last()));
      }
    }
    return holders == null ? List.of() : holders;
  }

  /** All that are pending: a copy, in no order. */
  List<Expectation> pending() {
    List<Expectation> pending = new ArrayList<>();
    for (Expectation expectation : waitingByPinhole.values()) {
      if (expectation.state() == State.PENDING) {
        pending.add(expectation);
      }
    }
    for (List<Expectation> holders : openByPinhole.values()) {
      for (Expectation expectation : holders) {
        if (expectation.state() == State.PENDING) {
          pending.add(expectation);
        }
      }
    }
    return pending;
  }
}
