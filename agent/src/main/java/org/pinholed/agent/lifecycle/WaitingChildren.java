package org.pinholed.agent.lifecycle;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.flow.LeftFlow;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeKey;
import org.pinholed.agent.pinhole.PortRange;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.conntrack.FlowTuple;

/**
 * Children that are read, of an earlier agent: each waits until it is known what announced it,
 * which another child may have done. They are found by the pinholes that let them in, so that a
 * long chain of them costs no more than as many parents.
 */
final class WaitingChildren {
  private final Collection<PortRange> leased;
  private final Map<ConntrackIdentity, Child> waiting = new LinkedHashMap<>();
  private final Map<PinholeKey, List<Child>> byPinhole = new HashMap<>();

  /**
   * A child.
   *
   * @param left what was found of it
   * @param announced the pinholes that it announced for itself
   */
  record Child(LeftFlow left, List<FoundPinhole> announced) {}

  /**
   * None yet.
   *
   * @param leased the ranges of ports that leases are given for
   */
  WaitingChildren(Collection<PortRange> leased) {
    this.leased = leased;
  }

  void add(LeftFlow left) {
    Child child = new Child(left, new ArrayList<>(0));
    waiting.put(left.entry().identity(), child);
    FlowTuple first = left.entry().original();
    int port = first.destinationPort();
    List<PinholeKey> keys = new ArrayList<>();
    keys.add(new PinholeKey(first.protocol(), first.source(), first.destination(), port));
    keys.add(new PinholeKey(first.protocol(), null, first.destination(), port));
    for (PortRange range : leased) {
      if (range.first() <= port && port <= range.last()) {
        keys.add(
            new PinholeKey(
                first.protocol(),
                first.source(),
                first.destination(),
                range.first(),
                range.last()));
      }
    }
    for (PinholeKey key : keys) {
      byPinhole.computeIfAbsent(key, none -> new ArrayList<>(1)).add(child);
    }
  }

  /** The child with this conntrack; null if it is none, or waits no more. */
  @Nullable Child find(ConntrackIdentity identity) {
    return waiting.get(identity);
  }

  /** Takes out those of which it is known what announced them. */
  List<Child> takeKnown(Predicate<ConntrackEntry> known) {
    return take(waiting.values(), known);
  }

  /** Takes out those of them that may have come by a pinhole. */
  List<Child> takeLetInBy(Pinhole pinhole, Predicate<ConntrackEntry> known) {
    return take(byPinhole.getOrDefault(PinholeKey.of(pinhole), List.of()), known);
  }

  /** Takes out all that are left. */
  List<Child> takeAll() {
    return take(waiting.values(), entry -> true);
  }

  private List<Child> take(Collection<Child> some, Predicate<ConntrackEntry> which) {
    List<Child> taken = new ArrayList<>();
    for (Child child : some) {
      ConntrackEntry entry = child.left().entry();
      if (waiting.containsKey(entry.identity()) && which.test(entry)) {
        taken.add(child);
      }
    }
    taken.forEach(child -> waiting.remove(child.left().entry().identity()));
    return taken;
  }
}
