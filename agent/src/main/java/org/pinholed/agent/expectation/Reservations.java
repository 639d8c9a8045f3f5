package org.pinholed.agent.expectation;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeKey;
import org.pinholed.helper.Endpoint;

/**
 * Which ports of translated addresses are taken, and where each of them leads to. Thread-safe, by a
 * lock that is taken where something is announced on a translated flow, or such an expectation
 * ends; what leads from a port inside is read without it.
 *
 * <p>The port of an owner that outlives flows, or of an expectation of children from any source,
 * leads to one inside endpoint and to no other, whoever announces that. So the same inside endpoint
 * gets the same port again. Any other port that one source may connect to is taken from that source
 * only, because the children of others can be told apart. One inside address gets a quarter of the
 * ports that lead to one endpoint only, so that it cannot take those of all others. The ports of a
 * range are nobody's: whatever has one of them for itself is found first, and ranges of different
 * sources do not meet.
 *
 * <p>Whatever it is asked costs the same with one holder of a port and with thousands.
 */
final class Reservations {
  private static final int FIRST_PORT = 1024;
  private static final int PORTS = 65536;

  /** How many ports of a translated address may lead to one inside address only. */
  static final int SHARE = PORTS / 4;

  private final Map<PinholeKey, Set<Expectation>> byKey = new HashMap<>();
  private final Map<PinholeKey, Port> ports = new ConcurrentHashMap<>();
  private final Map<Address, BitSet> taken = new HashMap<>();

  /** The ports that stand for an inside endpoint; more than one only where a text must stay. */
  private final Map<Inside, List<Port>> byInside = new HashMap<>();

  /** How many ports these are for each inside address. */
  private final Map<Host, Integer> ofHost = new HashMap<>();

  /** A translated address, for one transport. */
  private record Address(int protocol, InetAddress outside) {}

  /** An inside endpoint behind a translated address. */
  private record Inside(int protocol, InetAddress outside, Endpoint endpoint) {}

  /** An inside address behind a translated address. */
  private record Host(int protocol, InetAddress outside, InetAddress address) {}

  /** Where a port of a translated address leads to, and who has it. */
  private static final class Port {
    private final int number;

    /** How many lead to each inside endpoint. */
    private final Map<Endpoint, Integer> leadsTo = new HashMap<>(2);

    /** Those that let it lead to one endpoint only. */
    private final Set<Expectation> alone = new LinkedHashSet<>(2);

    /** One of those, for readers without the lock; null if there is none. */
    private volatile @Nullable Expectation first;

    Port(int number) {
      this.number = number;
    }

    private boolean takes(Endpoint inside, boolean forOne) {
      return leadsTo.isEmpty()
          || (leadsTo.size() == 1 && leadsTo.containsKey(inside))
          || (!forOne && alone.isEmpty());
    }

    private void remember() {
      first = alone.isEmpty() ? null : alone.iterator().next();
    }
  }

  private static PinholeKey portOf(PinholeKey key) {
    return new PinholeKey(key.protocol(), null, key.destination(), key.port());
  }

  private static Inside insideOf(PinholeKey key, Endpoint endpoint) {
    return new Inside(key.protocol(), key.destination(), endpoint);
  }

  private static Host hostOf(PinholeKey key, Endpoint inside) {
    return new Host(key.protocol(), key.destination(), inside.address());
  }

  private boolean hasShare(Host host, int more) {
    return ofHost.getOrDefault(host, 0) + more <= SHARE;
  }

  private static boolean isForOne(Expectation expectation) {
    return expectation.owner().id() != null
        || expectation.pinhole().kind() == Pinhole.Kind.OPEN_ANY;
  }

  /** Takes the port of an expectation; false if it leads elsewhere, or somebody else has it. */
  synchronized boolean take(Expectation expectation) {
    PinholeKey key = PinholeKey.of(expectation.pinhole());
    Set<Expectation> holders = byKey.get(key);
    if (holders != null && !expectation.mayShareWith(holders.iterator().next())) {
      return false;
    }
    boolean isRange = expectation.pinhole().kind() == Pinhole.Kind.LEASE;
    Endpoint inside = expectation.pinhole().leadsTo();
    boolean forOne = isForOne(expectation);
    Port port = ports.get(portOf(key));
    if (!isRange && port != null && !port.takes(inside, forOne)) {
      return false;
    }
    boolean isMore = forOne && !isRange && (port == null || port.alone.isEmpty());
    if (isMore && !hasShare(hostOf(key, inside), 1)) {
      return false;
    }
    if (!byKey.computeIfAbsent(key, same -> new LinkedHashSet<>(2)).add(expectation) || isRange) {
      return true;
    }
    if (port == null) {
      port = new Port(key.port());
      ports.put(portOf(key), port);
      taken
          .computeIfAbsent(
              new Address(key.protocol(), key.destination()), same -> new BitSet(PORTS))
          .set(port.number);
    }
    port.leadsTo.merge(inside, 1, Integer::sum);
    if (forOne && port.alone.add(expectation) && port.alone.size() == 1) {
      byInside.computeIfAbsent(insideOf(key, inside), same -> new ArrayList<>(1)).add(port);
      ofHost.merge(hostOf(key, inside), 1, Integer::sum);
    }
    port.remember();
    return true;
  }

  /** Gives the port of an expectation back; does nothing if it has none. */
  synchronized void giveBack(Expectation expectation) {
    PinholeKey key = PinholeKey.of(expectation.pinhole());
    Set<Expectation> holders = byKey.get(key);
    if (holders == null || !holders.remove(expectation)) {
      return;
    }
    if (holders.isEmpty()) {
      byKey.remove(key);
    }
    Port port = ports.get(portOf(key));
    if (expectation.pinhole().kind() == Pinhole.Kind.LEASE || port == null) {
      return;
    }
    Endpoint inside = expectation.pinhole().leadsTo();
    port.leadsTo.computeIfPresent(inside, (same, count) -> count == 1 ? null : count - 1);
    if (port.alone.remove(expectation) && port.alone.isEmpty()) {
      forgetInside(insideOf(key, inside), port);
      ofHost.computeIfPresent(hostOf(key, inside), (h, count) -> count == 1 ? null : count - 1);
    }
    port.remember();
    if (port.leadsTo.isEmpty()) {
      ports.remove(portOf(key));
      forgetTaken(new Address(key.protocol(), key.destination()), port);
    }
  }

  private void forgetInside(Inside inside, Port port) {
    List<Port> standing = byInside.get(inside);
    if (standing != null && standing.remove(port) && standing.isEmpty()) {
      byInside.remove(inside);
    }
  }

  private void forgetTaken(Address address, Port port) {
    BitSet ofAddress = taken.get(address);
    if (ofAddress != null) {
      ofAddress.clear(port.number);
      if (ofAddress.isEmpty()) {
        taken.remove(address);
      }
    }
  }

  /**
   * The port that stands for an inside endpoint already.
   *
   * @param protocol 6 or 17
   * @param outside the translated address
   * @param inside the endpoint
   * @return 0 if there is none
   */
  synchronized int standingFor(int protocol, InetAddress outside, Endpoint inside) {
    List<Port> standing = byInside.get(new Inside(protocol, outside, inside));
    return standing == null ? 0 : standing.get(0).number;
  }

  /**
   * The next ports of a translated address that nobody has.
   *
   * @param protocol 6 or 17
   * @param outside the translated address
   * @param inside the address that it is to lead to
   * @param from where to begin, 1..65535; behind the last port it goes on at 1024
   * @param pair whether the port behind it must be free, too; then it is even or odd as {@code
   *     from}
   * @return the (first) port; 0 if there is none, or the inside address has its share
   */
  synchronized int nextFree(
      int protocol, InetAddress outside, InetAddress inside, int from, boolean pair) {
    if (!hasShare(new Host(protocol, outside, inside), pair ? 2 : 1)) {
      return 0;
    }
    BitSet ofAddress = taken.get(new Address(protocol, outside));
    if (ofAddress == null) {
      return from;
    }
    int found = nextFree(ofAddress, from, PORTS, pair);
    if (found != 0) {
      return found;
    }
    int begin = pair ? FIRST_PORT + (from & 1) : FIRST_PORT;
    return nextFree(ofAddress, begin, Math.min(from, PORTS), pair);
  }

  private static int nextFree(BitSet taken, int from, int end, boolean pair) {
    int last = pair ? end - 1 : end;
    int port = from;
    while (port < last) {
      int free = taken.nextClearBit(port);
      if (pair && ((free ^ from) & 1) != 0) {
        free++;
      }
      if (free >= last) {
        return 0;
      }
      if (!taken.get(free) && !(pair && taken.get(free + 1))) {
        return free;
      }
      port = pair ? free + 2 : free + 1;
    }
    return 0;
  }

  /**
   * One of those by which a port leads to one inside endpoint only. Takes no lock.
   *
   * @param protocol 6 or 17
   * @param seen the port as others see it
   * @param helper name of the helper whose it must be
   * @return one of an owner beyond flows; null if there is none
   */
  @Nullable Expectation leadingFrom(int protocol, Endpoint seen, String helper) {
    Port port = ports.get(new PinholeKey(protocol, null, seen.address(), seen.port()));
    Expectation first = port == null ? null : port.first;
    if (port == null || first == null || isOf(first, helper)) {
      return first;
    }
    synchronized (this) { // another helper or a flow has it too, which hardly happens
      for (Expectation other : port.alone) {
        if (isOf(other, helper)) {
          return other;
        }
      }
    }
    return null;
  }

  private static boolean isOf(Expectation expectation, String helper) {
    return expectation.owner().id() != null && expectation.owner().helper().equals(helper);
  }
}
