package org.pinholed.helper.sip.policy;

import java.net.InetAddress;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.text.AddressParser;

/**
 * Reads what {@link StateWriter} wrote, or anything else. Never throws: what is wrong makes {@link
 * #isOk} false for good.
 */
public class StateReader {
  private static final int PORT_MAX = 65535;
  private static final int NUMBER_LENGTH = 14;
  private static final int IPV4_DIGITS = 8;
  private static final int IPV6_DIGITS = 32;

  /** No moment is further away than that. */
  private static final long AWAY_MAX_MS = 400L * 24 * 3600 * 1000;

  private final String text;
  private final long nowNs;
  private int at = 1;
  private boolean ok;

  /**
   * Begins.
   *
   * @param version what is understood
   * @param text what was written, or anything else
   * @param nowNs the time
   */
  public StateReader(char version, String text, long nowNs) {
    this.text = text;
    this.nowNs = nowNs;
    ok = !text.isEmpty() && text.charAt(0) == version;
  }

  /**
   * Whether all was understood so far.
   *
   * @return false for good once something was not
   */
  public final boolean isOk() {
    return ok;
  }

  /**
   * Whether all was understood, and nothing is left.
   *
   * @return true at the end
   */
  public final boolean isOkAndOver() {
    return ok && at == text.length();
  }

  /**
   * Says that something does not go together.
   *
   * @param holds false if so
   */
  public final void require(boolean holds) {
    ok &= holds;
  }

  /**
   * Reads an endpoint.
   *
   * @return null if it is none
   */
  public final @Nullable Endpoint endpoint() {
    InetAddress address = address();
    int port = port();
    ok &= address != null;
    return address == null ? null : new Endpoint(address, port);
  }

  /**
   * Reads an address.
   *
   * @return null if there is none
   */
  public final @Nullable InetAddress address() {
    String hex = field();
    boolean isHex = hex.chars().allMatch(digit -> Character.digit(digit, 16) >= 0);
    if (!isHex || (hex.length() != IPV4_DIGITS && hex.length() != IPV6_DIGITS)) {
      ok &= hex.isEmpty();
      return null;
    }
    byte[] bytes = HexFormat.of().parseHex(hex);
    return AddressParser.toAddress(bytes, bytes.length);
  }

  /**
   * Reads one of several values.
   *
   * @param all in the order in which they were written
   * @param <T> their kind
   * @return the first one if it is none
   */
  public final <T> T one(List<T> all) {
    return all.get(index(all.size()));
  }

  /**
   * Reads true or false.
   *
   * @return false if it is neither
   */
  public final boolean flag() {
    return index(2) == 1;
  }

  /**
   * Reads a moment.
   *
   * @return now if it is none
   */
  public final long moment() {
    return nowNs + number(-AWAY_MAX_MS, AWAY_MAX_MS) * StateWriter.MILLISECOND_NS;
  }

  /**
   * Reads a port.
   *
   * @return 0..65535
   */
  public final int port() {
    return index(PORT_MAX + 1);
  }

  /**
   * Reads a number.
   *
   * @param below what it must be below
   * @return from 0 on; 0 if it is anything else
   */
  public final int index(int below) {
    return (int) number(0, below - 1);
  }

  /**
   * Reads a number.
   *
   * @param least the least that is understood, 0 or below
   * @param most the most
   * @return 0 if it is anything else
   */
  public final long number(long least, long most) {
    String digits = field();
    if (digits.length() > NUMBER_LENGTH) {
      ok = false;
    }
    try {
      long number = ok ? Long.parseLong(digits, StateWriter.RADIX) : 0;
      ok &= number >= least && number <= most;
      return ok ? number : 0;
    } catch (NumberFormatException e) {
      ok = false;
      return 0;
    }
  }

  private String field() {
    int end = ok ? text.indexOf(',', at) : -1;
    if (end < 0) {
      ok = false;
      return "";
    }
    String field = text.substring(at, end);
    at = end + 1;
    return field;
  }
}
