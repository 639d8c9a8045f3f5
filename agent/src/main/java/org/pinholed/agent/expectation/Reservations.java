package org.pinholed.agent.expectation;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeKey;

/**
 * Which ports of translated addresses are taken, and by whom. Thread-safe, by a lock that is taken
 * where something is announced on a translated flow, or such an expectation ends.
 *
 * <p>A port that one source may connect to is taken from that source only, because the children of
 * others can be told apart. But the port of an owner that outlives flows, or of an expectation of
 * children from any source, is its owner's alone. The ports of a range are nobody's: whatever has
 * one of them for itself is found first, and ranges of different sources do not meet.
 */
final class Reservations {
  private final Map<PinholeKey, List<Expectation>> byKey = new HashMap<>();
  private final Map<PinholeKey, Port> ports = new HashMap<>();

  /** Who has a port of a translated address. */
  private static final class Port {
    private int taken;
    private @Nullable Owner alone;
  }

  private static PinholeKey portOf(PinholeKey key) {
    return new PinholeKey(key.protocol(), null, key.destination(), key.port());
  }

  private static boolean isForOneOwner(Expectation expectation) {
    return expectation.owner().id() != null
        || expectation.pinhole().kind() == Pinhole.Kind.OPEN_ANY;
  }

  /** Takes the port of an expectation; false if somebody else has it. */
  synchronized boolean take(Expectation expectation) {
    PinholeKey key = PinholeKey.of(expectation.pinhole());
    Port port = ports.get(portOf(key));
    boolean forOne = isForOneOwner(expectation);
    List<Expectation> holders = byKey.get(key);
    boolean shared = holders != null && expectation.mayShareWith(holders.get(0));
    boolean isRange = expectation.pinhole().kind() == Pinhole.Kind.LEASE;
    boolean mayJoin = isRange || port == null || mayJoin(port, expectation, forOne);
    if (!shared && (holders != null || !mayJoin)) {
      return false;
    }
    byKey.computeIfAbsent(key, same -> new ArrayList<>(1)).add(expectation);
    if (isRange) {
      return true;
    }
    if (port == null) {
      port = new Port();
      ports.put(portOf(key), port);
    }
    port.taken++;
    if (forOne && port.alone == null) {
      port.alone = expectation.owner();
    }
    return true;
  }

  private static boolean mayJoin(Port port, Expectation expectation, boolean forOne) {
    return port.alone == null ? !forOne : isSame(port.alone, expectation.owner());
  }

  /** Two objects may stand for one owner, if two workers made it at the same time. */
  private static boolean isSame(Owner one, Owner other) {
    return one == other
        || (one.id() != null && one.id().equals(other.id()) && one.helper().equals(other.helper()));
  }

  /** Gives the port of an expectation back; does nothing if it has none. */
  synchronized void giveBack(Expectation expectation) {
    PinholeKey key = PinholeKey.of(expectation.pinhole());
    List<Expectation> holders = byKey.get(key);
    if (holders == null || !holders.remove(expectation)) {
      return;
    }
    if (holders.isEmpty()) {
      byKey.remove(key);
    }
    if (expectation.pinhole().kind() == Pinhole.Kind.LEASE) {
      return;
    }
    Port port = ports.get(portOf(key));
    if (port != null && --port.taken == 0) {
      ports.remove(portOf(key));
    }
  }
}
