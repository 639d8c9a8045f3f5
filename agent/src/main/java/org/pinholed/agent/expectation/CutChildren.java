package org.pinholed.agent.expectation;

import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.conntrack.FlowTuple;

/**
 * By which ways datagrams of translated children may still come that were cut a while ago. Phones
 * go on for a moment after the end of a call. What comes then is not translated any more, and where
 * the firewall takes it all the same, for the router itself or as a connection of its own,
 * conntrack keeps it as that for 30 s after the last one. The next call between the same ports
 * would meet this conntrack and hear nothing; so it must go when the pinhole is opened again.
 *
 * <p>Bounded: of many the oldest are forgotten, as are those that are older than two minutes.
 * Thread-safe.
 */
public final class CutChildren {
  private static final int MOST_PLACES = 32_768;
  private static final int MOST_WAYS = 4;
  private static final long REMEMBERED_NS = Duration.ofMinutes(2).toNanos();

  /** In the order in which they were noted. */
  private final Map<Place, Ways> ways = new LinkedHashMap<>();

  /** Where such datagrams go. */
  private record Place(InetAddress address, int port) {}

  /** What they look like, the last of them last. */
  private record Ways(List<FlowTuple> all, long notedNs) {}

  /** None was cut. */
  CutChildren() {}

  /**
   * Notes that a child is cut. Only one of UDP matters whose addresses are translated and that is
   * not read.
   *
   * @param expectation whose child it was
   * @param child which conntrack it was
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  public void note(Expectation expectation, ConntrackIdentity child, long nowNs) {
    if (!expectation.request().isRead()) {
      note(child, nowNs);
    }
  }

  synchronized void note(ConntrackIdentity child, long nowNs) {
    FlowTuple first = child.original();
    FlowTuple back = child.reply();
    if (first.protocol() == Transport.UDP.protocolNumber() && !back.equals(first.inverse())) {
      note(first, nowNs);
      note(back, nowNs);
    }
  }

  private void note(FlowTuple way, long nowNs) {
    forgetOld(nowNs);
    Place place = new Place(way.destination(), way.destinationPort());
    Ways known = ways.remove(place);
    List<FlowTuple> all = new ArrayList<>(known == null ? List.of() : known.all());
    all.remove(way);
    all.add(way);
    ways.put(place, new Ways(all.size() > MOST_WAYS ? all.subList(1, all.size()) : all, nowNs));
  }

  private void forgetOld(long nowNs) {
    Iterator<Ways> oldest = ways.values().iterator();
    while (oldest.hasNext()
        && (nowNs - oldest.next().notedNs() > REMEMBERED_NS || ways.size() >= MOST_PLACES)) {
      oldest.remove();
    }
  }

  /**
   * Takes out what may still come to where a pinhole leads that is open since a moment.
   *
   * @param pinhole one that nobody held before
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @return the first packets of conntracks that were perhaps made meanwhile
   */
  public synchronized List<FlowTuple> take(Pinhole pinhole, long nowNs) {
    if (ways.isEmpty() || pinhole.transport() != Transport.UDP || pinhole.translation() == null) {
      return List.of();
    }
    forgetOld(nowNs);
    Ways known = ways.remove(new Place(pinhole.destination(), pinhole.port()));
    return known == null ? List.of() : known.all();
  }
}
