package org.pinholed.agent.report;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.view.ObservedRow;
import org.pinholed.helper.AddressText;
import org.pinholed.helper.Transport;
import org.pinholed.helper.Words;
import org.pinholed.kernel.conntrack.FlowTuple;

/**
 * What came of what helpers were told of that only observe: by where it leads and from which
 * network it comes. Bounded: {@value #MOST_PLACES} places with {@value #MOST_PORTS} ports each;
 * what is beyond is counted as one. Thread-safe.
 */
public final class Observations {
  /** Pairs of a network and an address that it connects to. */
  static final int MOST_PLACES = 2048;

  /** Ports of one such pair that are known one by one. */
  static final int MOST_PORTS = 1024;

  /** In the place of a helper: what found no place, each announcement and each end of one. */
  static final String BEYOND = "others";

  /** Ports that lie as near as this are one range: a rule of a firewall would have them all. */
  private static final int SAME_RANGE = 4096;

  private final Map<Place, Seen> places = new HashMap<>();
  private final List<String> helpers = new ArrayList<>();
  private long beyond;

  /** Where connections lead, and from which network; null for any. */
  private record Place(
      String helper, int protocol, @Nullable InetAddress network, InetAddress destination) {}

  private static final class Seen {
    private final TreeMap<Integer, Port> ports = new TreeMap<>();
    private @Nullable InetAddress source;
    private boolean severalSources;
  }

  private static final class Port {
    private long announced;
    private long connections;
    private long expected;
    private long notCome;
  }

  /** Nothing was seen yet. */
  public Observations() {}

  /**
   * Something was announced.
   *
   * @param expectation one that is observed
   */
  synchronized void announced(Expectation expectation) {
    Pinhole pinhole = expectation.pinhole();
    Port port = portOf(expectation, pinhole.source(), pinhole.port());
    if (port != null) {
      port.announced++;
      if (pinhole.lastPort() != pinhole.port()) {
        portOf(expectation, pinhole.source(), pinhole.lastPort()); // the range is known
      }
    }
  }

  /**
   * What was announced is over.
   *
   * @param expectation one that is observed
   */
  synchronized void ended(Expectation expectation) {
    Pinhole pinhole = expectation.pinhole();
    Port port =
        expectation.uses() > 0 ? null : portOf(expectation, pinhole.source(), pinhole.port());
    if (port != null) {
      port.notCome++;
    }
  }

  /**
   * A connection came that was announced.
   *
   * @param expectation what announced it
   * @param first its first packet, which the firewall let pass
   */
  public synchronized void came(Expectation expectation, FlowTuple first) {
    Port port = portOf(expectation, first.source(), first.destinationPort());
    if (port != null) {
      port.connections++;
      port.expected++;
    }
  }

  /**
   * A connection came that nothing is known of. It counts if it comes from where announced ones
   * came and leads to a port between those that were announced there.
   *
   * @param first its first packet, which the firewall let pass
   */
  public synchronized void cameUnannounced(FlowTuple first) {
    if (places.isEmpty()) {
      return;
    }
    InetAddress network = networkOf(first.source());
    for (String helper : helpers) {
      Seen seen = places.get(new Place(helper, first.protocol(), network, first.destination()));
      int port = first.destinationPort();
      if (seen != null && seen.ports.firstKey() <= port && port <= seen.ports.lastKey()) {
        portIn(seen, port).connections++;
        note(seen, first.source());
        return;
      }
    }
  }

  private @Nullable Port portOf(Expectation expectation, @Nullable InetAddress source, int port) {
    Pinhole pinhole = expectation.pinhole();
    String helper = expectation.parent().helper();
    Place place =
        new Place(
            helper,
            pinhole.transport().protocolNumber(),
            source == null ? null : networkOf(source),
            pinhole.destination());
    Seen seen = places.get(place);
    if (seen == null) {
      if (places.size() >= MOST_PLACES) {
        beyond++;
        return null;
      }
      seen = new Seen();
      places.put(place, seen);
      if (!helpers.contains(helper)) {
        helpers.add(helper);
      }
    }
    note(seen, source);
    return portIn(seen, port);
  }

  // Of what is beyond the bound the nearest port that is known.
  private static Port portIn(Seen seen, int port) {
    if (seen.ports.size() >= MOST_PORTS && !seen.ports.containsKey(port)) {
      Map.Entry<Integer, Port> near = seen.ports.floorEntry(port);
      return near == null ? seen.ports.firstEntry().getValue() : near.getValue();
    }
    return seen.ports.computeIfAbsent(port, none -> new Port());
  }

  private static void note(Seen seen, @Nullable InetAddress source) {
    if (seen.source == null) {
      seen.source = source;
    } else if (!seen.source.equals(source)) {
      seen.severalSources = true;
    }
  }

  private static InetAddress networkOf(InetAddress address) {
    byte[] bytes = address.getAddress();
    for (int at = prefixBits(bytes.length) / 8; at < bytes.length; at++) {
      bytes[at] = 0;
    }
    try {
      return InetAddress.getByAddress(bytes);
    } catch (UnknownHostException e) {
      throw new AssertionError("as long as an address", e);
    }
  }

  private static int prefixBits(int addressBytes) {
    return addressBytes == 4 ? 24 : 64;
  }

  /**
   * What was seen so far.
   *
   * @return by helper, in the order of their first announcement; of each what came most is first
   */
  public synchronized List<ObservedRow> rows() {
    List<ObservedRow> rows = new ArrayList<>();
    places.forEach((place, seen) -> addRanges(place, seen, rows));
    rows.sort(
        Comparator.comparingInt((ObservedRow row) -> helpers.indexOf(row.helper()))
            .thenComparing(Comparator.comparingLong(ObservedRow::connections).reversed())
            .thenComparing(ObservedRow::destination)
            .thenComparingInt(ObservedRow::firstPort));
    if (beyond > 0) {
      rows.add(new ObservedRow(BEYOND, "", "any", "any", 0, 0, 0, 0, 0, beyond));
    }
    return rows;
  }

  private static void addRanges(Place place, Seen seen, List<ObservedRow> rows) {
    int first = seen.ports.firstKey();
    int last = first;
    Port sum = new Port();
    for (Map.Entry<Integer, Port> each : seen.ports.entrySet()) {
      int port = each.getKey();
      if (port - last > SAME_RANGE) {
        rows.add(row(place, seen, first, last, sum));
        sum = new Port();
        first = port;
      }
      last = port;
      sum.announced += each.getValue().announced;
      sum.connections += each.getValue().connections;
      sum.expected += each.getValue().expected;
      sum.notCome += each.getValue().notCome;
    }
    rows.add(row(place, seen, first, last, sum));
  }

  private static ObservedRow row(Place place, Seen seen, int first, int last, Port sum) {
    InetAddress network = place.network();
    InetAddress one = seen.source;
    String source = "any";
    if (network != null) {
      source =
          one != null && !seen.severalSources
              ? AddressText.of(one)
              : AddressText.of(network) + "/" + prefixBits(network.getAddress().length);
    }
    Transport transport = Transport.of(place.protocol());
    return new ObservedRow(
        place.helper(),
        transport == null ? "" : Words.lowerCamel(transport.name()),
        source,
        AddressText.of(place.destination()),
        first,
        last,
        sum.announced,
        sum.connections,
        sum.expected,
        sum.notCome);
  }
}
