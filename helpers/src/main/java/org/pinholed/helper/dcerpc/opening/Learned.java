package org.pinholed.helper.dcerpc.opening;

import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.SharedMap;
import org.pinholed.helper.SharedState;
import org.pinholed.helper.Transport;

/**
 * What servers announced in clear a while ago, to anybody: it opens for clients of the same server
 * whose calls are encrypted, where an operator wants that. Bounded.
 */
final class Learned {
  /** How many ports of one server are known; a new one takes the place of the oldest. */
  private static final int PORTS_MOST = 64;

  private static final int SERVERS_MOST = 4096;
  private static final OwnerId.Digest SERVER = new OwnerId.Digest("dcerpc server");
  private static final long SECOND_NS = 1_000_000_000L;

  private final SharedMap<List<Port>> servers;
  private final OwnerId server;
  private final Duration learnedFor;

  /**
   * A port that was announced.
   *
   * @param transport of the port
   * @param number 1024..65535
   * @param high the first half of the UUID of its service
   * @param low the other half
   * @param version the major version in the high 16 bits, the minor one below
   * @param atNs when it was announced last
   */
  record Port(Transport transport, int number, long high, long low, int version, long atNs) {
    boolean isSame(Port other) {
      return transport == other.transport
          && number == other.number
          && high == other.high
          && low == other.low;
    }
  }

  Learned(SharedState shared, InetAddress server, Duration learnedFor) {
    servers = shared.map("learned", SERVERS_MOST, new Codec());
    this.server = SERVER.of(server.getAddress());
    this.learnedFor = learnedFor;
  }

  void announced(Port port) {
    servers.change(server, port.atNs(), learnedFor, before -> with(port, before));
  }

  private List<Port> with(Port port, @Nullable List<Port> before) {
    List<Port> ports = new ArrayList<>();
    for (Port known : before == null ? List.<Port>of() : before) {
      if (!known.isSame(port) && isFresh(known, port.atNs())) {
        ports.add(known);
      }
    }
    if (ports.size() == PORTS_MOST) {
      ports.remove(0);
    }
    ports.add(port);
    return List.copyOf(ports);
  }

  List<Port> ports(long nowNs) {
    List<Port> known = servers.get(server, nowNs);
    List<Port> fresh = new ArrayList<>();
    for (Port port : known == null ? List.<Port>of() : known) {
      if (isFresh(port, nowNs)) {
        fresh.add(port);
      }
    }
    return fresh;
  }

  private boolean isFresh(Port port, long nowNs) {
    return nowNs - port.atNs() < learnedFor.toNanos();
  }

  /** Transport, port, UUID, version and age in seconds, with dots between them. */
  private static final class Codec implements SharedMap.Codec<List<Port>> {
    private static final int FIELDS = 6;

    @Override
    public String write(List<Port> ports, long nowNs) {
      StringBuilder text = new StringBuilder();
      for (Port port : ports) {
        text.append(text.isEmpty() ? "" : ",")
            .append(port.transport() == Transport.UDP ? 'u' : 't')
            .append('.')
            .append(Integer.toHexString(port.number()))
            .append('.')
            .append(Long.toHexString(port.high()))
            .append('.')
            .append(Long.toHexString(port.low()))
            .append('.')
            .append(Integer.toHexString(port.version()))
            .append('.')
            .append(Long.toHexString(Math.max(0, nowNs - port.atNs()) / SECOND_NS));
      }
      return text.toString();
    }

    @Override
    public @Nullable List<Port> read(String text, long nowNs) {
      List<Port> ports = new ArrayList<>();
      for (String entry : text.split(",", -1)) {
        Port port = port(entry.split("\\.", -1), nowNs);
        if (port == null || ports.size() == PORTS_MOST) {
          return null;
        }
        ports.add(port);
      }
      return List.copyOf(ports);
    }

    private static @Nullable Port port(String[] fields, long nowNs) {
      if (fields.length != FIELDS || !fields[0].matches("[tu]")) {
        return null;
      }
      try {
        int number = Integer.parseInt(fields[1], 16);
        long ageSeconds = Long.parseLong(fields[5], 16);
        if (number < 1 || number > 65535 || ageSeconds < 0 || ageSeconds > Integer.MAX_VALUE) {
          return null;
        }
        return new Port(
            fields[0].equals("u") ? Transport.UDP : Transport.TCP,
            number,
            Long.parseUnsignedLong(fields[2], 16),
            Long.parseUnsignedLong(fields[3], 16),
            Integer.parseUnsignedInt(fields[4], 16),
            nowNs - ageSeconds * SECOND_NS);
      } catch (NumberFormatException e) {
        return null;
      }
    }
  }
}
