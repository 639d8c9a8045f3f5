package org.pinholed.agent.config;

import java.net.InetAddress;
import java.net.UnknownHostException;

/** Tells numeric addresses from host names, without ever asking a name server. */
final class NumericAddress {
  private static final String OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";

  private NumericAddress() {}

  static boolean is(String text) {
    if (text.matches("(" + OCTET + "\\.){3}" + OCTET)) {
      return true;
    }
    if (!text.matches("[0-9a-fA-F:.]{2,45}") || text.indexOf(':') < 0) {
      return false;
    }
    try {
      // With a colon it is a literal or refused; nothing is looked up.
      return InetAddress.getByName(text) != null;
    } catch (UnknownHostException e) {
      return false;
    }
  }
}
