package org.pinholed.kernel.conntrack;

import java.net.Inet6Address;
import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/**
 * A connection that the kernel is told to expect: its first packet is {@code ct state related}.
 *
 * @param protocol the IP protocol number, 1..255
 * @param source where it may come from, from any port; null for any address
 * @param destination where it goes to, of the same family as the source
 * @param destinationPort 1..65535
 * @param permanent whether more than one may come; else the first one ends it
 * @param timeoutSeconds how long it is expected, 1..2147483
 */
public record ConntrackExpectation(
    int protocol,
    @Nullable InetAddress source,
    InetAddress destination,
    int destinationPort,
    boolean permanent,
    int timeoutSeconds) {
  /** The kernel counts to 2^31 thousandths of a second. */
  public static final int MOST_SECONDS = Integer.MAX_VALUE / 1000;

  /** Refuses numbers outside their range and addresses of two families. */
  public ConntrackExpectation {
    check("protocol", protocol, 255);
    check("destinationPort", destinationPort, 65535);
    check("timeoutSeconds", timeoutSeconds, MOST_SECONDS);
    if (source != null && source instanceof Inet6Address != destination instanceof Inet6Address) {
      throw new IllegalArgumentException(
          "source: " + source.getHostAddress() + " (expected: family of the destination)");
    }
  }

  private static void check(String field, int value, int most) {
    if (value < 1 || value > most) {
      throw new IllegalArgumentException(field + ": " + value + " (expected: 1.." + most + ")");
    }
  }
}
