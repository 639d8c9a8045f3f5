package org.pinholed.helper.text;

import java.util.BitSet;
import java.util.List;

/** A set of ports, such as those that are never opened. Immutable. */
public final class PortSet {
  private static final int PORT_MAX = 65535;
  private static final int DIGITS_MAX = 5;

  private final BitSet ports;

  private PortSet(BitSet ports) {
    this.ports = ports;
  }

  /**
   * Reads ports and ranges of ports.
   *
   * @param option name of the option, for the message
   * @param items each a port, or the first and the last one of a range with a dash between them
   * @return the ports of all of them
   * @throws IllegalArgumentException if one is neither
   */
  public static PortSet of(String option, List<String> items) {
    BitSet ports = new BitSet();
    for (String item : items) {
      int dash = item.indexOf('-');
      int low = port(dash < 0 ? item : item.substring(0, dash));
      int high = dash < 0 ? low : port(item.substring(dash + 1));
      if (low < 0 || high < low) {
        throw Options.refused(option, item, "ports 0..65535 or ranges of them such as 5900-5905");
      }
      ports.set(low, high + 1);
    }
    return new PortSet(ports);
  }

  // Reads 0..65535; below zero if the text is anything else.
  private static int port(String text) {
    return text.length() > DIGITS_MAX ? -1 : (int) Decimals.parse(text, PORT_MAX);
  }

  /**
   * Whether a port is one of them.
   *
   * @param port 0..65535
   * @return true if it is
   */
  public boolean contains(int port) {
    return ports.get(port);
  }
}
