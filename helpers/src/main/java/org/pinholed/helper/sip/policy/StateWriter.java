package org.pinholed.helper.sip.policy;

import java.net.InetAddress;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Endpoint;

/**
 * Writes what is handed over to another process: one field after the other with a comma behind
 * each, numbers in base 36, moments in milliseconds from now, addresses in hexadecimal. What {@link
 * StateReader} reads.
 */
public class StateWriter {
  static final int RADIX = 36;
  static final long MILLISECOND_NS = 1_000_000;

  private final StringBuilder text = new StringBuilder(400);
  private final long nowNs;

  /**
   * Begins.
   *
   * @param version of what is written
   * @param nowNs the time
   */
  public StateWriter(char version, long nowNs) {
    text.append(version);
    this.nowNs = nowNs;
  }

  /**
   * Writes the address and the port.
   *
   * @param endpoint any
   */
  public final void endpoint(Endpoint endpoint) {
    address(endpoint.address());
    number(endpoint.port());
  }

  /**
   * Writes an address.
   *
   * @param address null for none
   */
  public final void address(@Nullable InetAddress address) {
    text.append(address == null ? "" : HexFormat.of().formatHex(address.getAddress()));
    text.append(',');
  }

  /**
   * Writes one of several values, by its place.
   *
   * @param value one of them
   * @param all always in the same order
   * @param <T> their kind
   */
  public final <T> void one(T value, List<T> all) {
    number(all.indexOf(value));
  }

  /**
   * Writes true or false.
   *
   * @param flag either
   */
  public final void flag(boolean flag) {
    number(flag ? 1 : 0);
  }

  /**
   * Writes a moment.
   *
   * @param momentNs not more than 400 days away
   */
  public final void moment(long momentNs) {
    number((momentNs - nowNs) / MILLISECOND_NS);
  }

  /**
   * Writes a number.
   *
   * @param number any
   */
  public final void number(long number) {
    text.append(Long.toString(number, RADIX)).append(',');
  }

  @Override
  public final String toString() {
    return text.toString();
  }
}
