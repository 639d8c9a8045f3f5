package org.pinholed.agent.replay;

import java.net.InetAddress;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.helper.AddressText;
import org.pinholed.helper.Endpoint;

/**
 * Knows which connections would need a pinhole and have none: those to an endpoint that was refused
 * or shut lately, and those between the two ends of a control connection that cannot be read.
 * Bounded: the oldest is forgotten. Not thread-safe.
 */
final class MissingPinholes {
  private static final int MOST = 4096;
  private static final long LATELY_MICROS = 300_000_000L;
  private static final int FIRST_UNPRIVILEGED_PORT = 1024;

  /** Why there is none. */
  record Why(long epochMicros, String helper, String serial, String reason, String detail) {
    static Why of(AgentEvent event, String reason) {
      return new Why(event.epochMicros(), event.helper(), event.serial(), reason, event.detail());
    }
  }

  private record Pair(String one, String other) {
    static Pair of(String first, String second) {
      return first.compareTo(second) < 0 ? new Pair(first, second) : new Pair(second, first);
    }
  }

  private final Map<Endpoint, Why> endpoints = bounded();
  private final Map<Pair, Why> pairs = bounded();

  private static <K> Map<K, Why> bounded() {
    return new LinkedHashMap<>() {
      private static final long serialVersionUID = 1L;

      @Override
      protected boolean removeEldestEntry(Map.Entry<K, Why> eldest) {
        return size() > MOST;
      }
    };
  }

  /** Something was announced for an endpoint, and refused. */
  void refused(Endpoint endpoint, AgentEvent event) {
    endpoints.put(endpoint, Why.of(event, event.reason()));
  }

  void add(AgentEvent event) {
    Endpoint destination = event.destination();
    switch (event.kind()) {
      case CREATED -> {
        if (destination != null) {
          endpoints.remove(destination);
        }
      }
      case EXPIRED, REPLACED, CLOSED, PARENT_CLOSED, MATCHED -> {
        if (destination != null) {
          endpoints.put(destination, Why.of(event, event.kind().word()));
        }
      }
      case OPAQUE, MALFORMED -> {
        if (event.client() != null && event.server() != null) {
          pairs.put(
              Pair.of(
                  AddressText.of(event.client().address()),
                  AddressText.of(event.server().address())),
              Why.of(event, event.reason()));
        }
      }
      default -> {}
    }
  }

  /** Why the first packet of a connection finds no pinhole; null if it needs none, as most. */
  @Nullable Why of(PacketView packet, long nowMicros) {
    if (endpoints.isEmpty() && pairs.isEmpty()) {
      return null;
    }
    InetAddress destination = packet.destinationAddress();
    Why why = endpoints.get(new Endpoint(destination, packet.destinationPort()));
    if (why == null && !pairs.isEmpty() && packet.destinationPort() >= FIRST_UNPRIVILEGED_PORT) {
      why = pairs.get(Pair.of(AddressText.of(packet.sourceAddress()), AddressText.of(destination)));
    }
    return why == null || nowMicros - why.epochMicros() > LATELY_MICROS ? null : why;
  }
}
