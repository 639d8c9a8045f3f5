package org.pinholed.agent.pinhole;

import java.net.InetAddress;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Transport;

/**
 * What the first packet of a child says, and so the key of its pinhole.
 *
 * @param protocol 6 or 17, with {@link #OBSERVED} for a pinhole that is only observed: it has keys
 *     of its own, so that it stands in nobody's way
 * @param source source address, null for any
 * @param destination destination address
 * @param port destination port; of a lease the lowest
 * @param lastPort the same, or the highest of a lease
 */
public record PinholeKey(
    int protocol, @Nullable InetAddress source, InetAddress destination, int port, int lastPort) {
  /** Is added to the protocol of what is only {@linkplain Pinhole#isObserved observed}. */
  public static final int OBSERVED = 0x100;

  /**
   * What a key has for a protocol.
   *
   * @param transport of the child
   * @param isObserved whether the pinhole is only observed
   * @return the number of the protocol, with {@link #OBSERVED} if it is
   */
  public static int protocol(Transport transport, boolean isObserved) {
    return transport.protocolNumber() | (isObserved ? OBSERVED : 0);
  }

  /**
   * The key of a pinhole for one port.
   *
   * @param protocol 6 or 17
   * @param source source address, null for any
   * @param destination destination address
   * @param port destination port
   */
  public PinholeKey(int protocol, @Nullable InetAddress source, InetAddress destination, int port) {
    this(protocol, source, destination, port, port);
  }

  /** The generated one has the same low bits for all pinholes of one port between two hosts. */
  @Override
  public int hashCode() {
    int hosts = 31 * Objects.hashCode(source) + destination.hashCode();
    int ports = port << 16 | lastPort - port;
    int mixed = (31 * hosts + protocol) * 0x9e3779b9 ^ ports * 0x85ebca6b;
    return mixed ^ mixed >>> 15;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof PinholeKey that
        && port == that.port
        && lastPort == that.lastPort
        && protocol == that.protocol
        && destination.equals(that.destination)
        && Objects.equals(source, that.source);
  }

  /**
   * The key of a pinhole.
   *
   * @param pinhole of any kind; the kinds have maps of their own
   * @return its key
   */
  public static PinholeKey of(Pinhole pinhole) {
    return new PinholeKey(
        protocol(pinhole.transport(), pinhole.isObserved()),
        pinhole.source(),
        pinhole.destination(),
        pinhole.port(),
        pinhole.lastPort());
  }
}
