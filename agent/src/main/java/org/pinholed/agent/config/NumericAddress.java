package org.pinholed.agent.config;

import java.net.InetAddress;
import java.net.UnknownHostException;
import org.jspecify.annotations.Nullable;

/** Tells numeric addresses from host names, without ever asking a name server. */
public final class NumericAddress {
  private static final String OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";

  private NumericAddress() {}

  static boolean is(String text) {
    return parse(text) != null;
  }

  /**
   * Reads an address.
   *
   * @param text what somebody wrote
   * @return the address, null if this is none
   */
  public static @Nullable InetAddress parse(String text) {
    boolean ipv4 = text.matches("(" + OCTET + "\\.){3}" + OCTET);
    if (!ipv4 && (!text.matches("[0-9a-fA-F:.]{2,45}") || text.indexOf(':') < 0)) {
      return null;
    }
    try {
      // With four octets or a colon it is a literal or refused; nothing is looked up.
      return InetAddress.getByName(text);
    } catch (UnknownHostException e) {
      return null;
    }
  }
}
