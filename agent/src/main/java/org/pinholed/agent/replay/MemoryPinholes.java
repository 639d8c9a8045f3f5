package org.pinholed.agent.replay;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.pinhole.FlowOrigin;
import org.pinholed.agent.pinhole.HelperPort;
import org.pinholed.agent.pinhole.OwnedPinhole;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.pinhole.PortRange;
import org.pinholed.agent.pinhole.RewrittenDirection;
import org.pinholed.agent.time.Clock;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.Transport;

/**
 * Pinholes in memory that let the children of a capture in as the kernel's maps do: one for one
 * connection is taken out by it, a lease counts, and each ends by its timeout. Not thread-safe.
 */
final class MemoryPinholes implements PinholeBackend {
  private final Clock clock;
  private final Map<Key, Standing> standing = new HashMap<>();
  private final int[] byPort = new int[65536];
  private int leases;
  private final boolean[] tcpPorts = new boolean[65536];
  private final boolean[] udpPorts = new boolean[65536];

  private record Key(
      Pinhole.Kind kind,
      Transport transport,
      @Nullable InetAddress source,
      InetAddress destination,
      int port,
      int lastPort) {
    static Key of(Pinhole pinhole) {
      return new Key(
          pinhole.kind(),
          pinhole.transport(),
          pinhole.source(),
          pinhole.destination(),
          pinhole.port(),
          pinhole.lastPort());
    }
  }

  /** A pinhole with the end of its time, and how many have come. */
  private static final class Standing {
    private final Pinhole pinhole;
    private final long endNs;
    private int uses;

    Standing(Pinhole pinhole, long endNs) {
      this.pinhole = pinhole;
      this.endNs = endNs;
    }

    boolean isOver(long nowNs) {
      return endNs - nowNs <= 0;
    }
  }

  MemoryPinholes(Clock clock) {
    this.clock = clock;
  }

  /** Whether a port of TCP or UDP is one of a helper. */
  boolean isHelperPort(int protocol, int port) {
    return (protocol == PacketView.TCP ? tcpPorts : udpPorts)[port];
  }

  /**
   * Lets the first packet of a connection in.
   *
   * @param packet what begins it
   * @return by which pinhole; null if none stands for it
   */
  @Nullable Pinhole letIn(PacketView packet) {
    int port = packet.destinationPort();
    if (byPort[port] == 0 && leases == 0) {
      return null;
    }
    Transport transport = packet.isTcp() ? Transport.TCP : Transport.UDP;
    InetAddress source = packet.sourceAddress();
    InetAddress destination = packet.destinationAddress();
    for (Pinhole.Kind kind : Pinhole.Kind.values()) {
      Standing found =
          kind == Pinhole.Kind.LEASE
              ? lease(transport, source, destination, port)
              : standing(
                  new Key(
                      kind,
                      transport,
                      kind == Pinhole.Kind.OPEN_ANY ? null : source,
                      destination,
                      port,
                      port));
      if (found != null) {
        if (kind == Pinhole.Kind.ONCE) {
          remove(Key.of(found.pinhole));
        }
        found.uses++;
        return found.pinhole;
      }
    }
    return null;
  }

  private @Nullable Standing lease(
      Transport transport, InetAddress source, InetAddress destination, int port) {
    if (leases == 0) {
      return null;
    }
    long nowNs = clock.nanoTime();
    for (Standing each : standing.values()) {
      Pinhole pinhole = each.pinhole;
      if (pinhole.kind() == Pinhole.Kind.LEASE
          && !each.isOver(nowNs)
          && pinhole.transport() == transport
          && port >= pinhole.port()
          && port <= pinhole.lastPort()
          && source.equals(pinhole.source())
          && destination.equals(pinhole.destination())
          && (pinhole.connections() == 0 || each.uses < pinhole.connections())) {
        return each;
      }
    }
    return null;
  }

  private @Nullable Standing standing(Key key) {
    Standing found = standing.get(key);
    return found == null || found.isOver(clock.nanoTime()) ? null : found;
  }

  private void open(Pinhole pinhole) {
    Key key = Key.of(pinhole);
    Standing before =
        standing.put(
            key, new Standing(pinhole, clock.nanoTime() + pinhole.timeoutMs() * 1_000_000));
    if (before == null) {
      count(pinhole, 1);
    }
  }

  private @Nullable Standing remove(Key key) {
    Standing removed = standing.remove(key);
    if (removed != null) {
      count(removed.pinhole, -1);
    }
    return removed;
  }

  private void count(Pinhole pinhole, int step) {
    if (pinhole.kind() == Pinhole.Kind.LEASE) {
      leases += step;
    } else {
      byPort[pinhole.port()] += step;
    }
  }

  /** Forgets those whose time is over. */
  void expire() {
    if (standing.isEmpty()) {
      return;
    }
    long nowNs = clock.nanoTime();
    standing
        .values()
        .removeIf(
            each -> {
              if (each.isOver(nowNs)) {
                count(each.pinhole, -1);
                return true;
              }
              return false;
            });
  }

  boolean isEmpty() {
    return standing.isEmpty();
  }

  @Override
  public Session openSession() {
    return new Session() {
      @Override
      public List<Pinhole> apply(
          List<Pinhole> close, List<Pinhole> open, List<RewrittenDirection> rewritten) {
        List<Pinhole> stood = new ArrayList<>();
        for (Pinhole pinhole : close) {
          Standing removed = remove(Key.of(pinhole));
          if (removed != null && !removed.isOver(clock.nanoTime())) {
            stood.add(pinhole);
          }
        }
        open.forEach(MemoryPinholes.this::open);
        return stood;
      }

      @Override
      public void renew(List<Pinhole> pinholes) {
        for (Pinhole pinhole : pinholes) {
          Standing before = standing(Key.of(pinhole));
          open(pinhole);
          Standing now = standing(Key.of(pinhole));
          if (before != null && now != null) {
            now.uses = before.uses; // only the time begins anew
          }
        }
      }

      @Override
      public boolean stands(Pinhole pinhole) {
        return standing(Key.of(pinhole)) != null;
      }

      @Override
      public @Nullable FlowOrigin originOf(Endpoint source, Endpoint destination) {
        return null; // conntrack tells
      }

      @Override
      public List<OwnedPinhole> listOwned() {
        long nowNs = clock.nanoTime();
        List<OwnedPinhole> owned = new ArrayList<>();
        for (Standing each : standing.values()) {
          if (!each.isOver(nowNs)) {
            owned.add(new OwnedPinhole(each.pinhole, (each.endNs - nowNs) / 1_000_000));
          }
        }
        return owned;
      }

      @Override
      public void close() {
        // nothing is open
      }
    };
  }

  @Override
  public Map<String, String> probe() {
    return Map.of();
  }

  @Override
  public void install(Collection<HelperPort> ports, Collection<PortRange> leased) {
    setPorts(ports, leased);
  }

  @Override
  public void setPorts(Collection<HelperPort> ports, Collection<PortRange> leased) {
    Arrays.fill(tcpPorts, false);
    Arrays.fill(udpPorts, false);
    for (HelperPort each : ports) {
      (each.transport() == Transport.TCP ? tcpPorts : udpPorts)[each.port()] = true;
    }
  }

  @Override
  public boolean limitsConnections() {
    return true;
  }

  @Override
  public int queueOf(int conntrackId) {
    return 0;
  }

  @Override
  public void remove() {
    standing.clear();
  }

  @Override
  public boolean repair(Collection<Pinhole> alive) {
    return false; // nobody else changes it
  }

  @Override
  public void watch(Runnable changed, Runnable newsLost) {
    // nobody else changes it
  }

  @Override
  public String watchProblem() {
    return "";
  }

  @Override
  public void close() {
    // nothing is open
  }
}
