package org.pinholed.helper.ftp;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;

/**
 * What can be configured about FTP. Immutable, one per configured helper, shared by all its flows.
 *
 * <p>In active mode the denied ports are those of services that are found above 1023 and that
 * nobody should reach from outside because an FTP client named their port: data bases, remote
 * desktops and shells, file servers, printers, telephones, proxies, administration. In passive mode
 * an FTP server names its own port, often one of a range that somebody chose; only remote control
 * and data bases are denied there, so that few of its transfers are refused.
 */
final class FtpOptions {
  /** When the port of PORT and EPRT opens: {@code command} or {@code reply}. */
  static final String ACTIVE_OPEN = "activeOpen";

  /** Whether nothing opens before a login was accepted. */
  static final String REQUIRE_LOGIN = "requireLogin";

  /** Networks that may be announced by others. */
  static final String FXP_NETWORKS = "fxpNetworks";

  /** Ports that are never opened for PORT and EPRT. */
  static final String DENIED_PORTS = "deniedPorts";

  /** Ports that are never opened for 227 and 229. */
  static final String DENIED_PASSIVE_PORTS = "deniedPassivePorts";

  /** What is denied unless configured, in the form of the option. */
  static final String DEFAULT_DENIED_PORTS =
      "1080,1433-1434,1521,1720,1723,2049,2375-2376,2379-2380,3128,3260,3268-3269,3306,3389,4369,"
          + "4444,4899,5060-5061,5432,5555,5601,5672,5900-5905,5938,5984-5986,6000-6010,6379,6443,"
          + "6667,7001-7002,8009,8080,8086,8443,8500,9042,9092,9100,9200,9300,10250,11211,27017-27019";

  /** The same for passive mode. */
  static final String DEFAULT_DENIED_PASSIVE_PORTS =
      "1433,1521,2375-2376,3306,3389,5432,5900,5985-5986,6379,11211,27017";

  private static final int PORT_MAX = 65535;

  private final boolean opensAtCommand;
  private final boolean requiresLogin;
  private final List<Network> fxpNetworks;
  private final BitSet deniedPorts;
  private final BitSet deniedPassivePorts;

  private FtpOptions(
      boolean opensAtCommand,
      boolean requiresLogin,
      List<Network> fxpNetworks,
      BitSet deniedPorts,
      BitSet deniedPassivePorts) {
    this.opensAtCommand = opensAtCommand;
    this.requiresLogin = requiresLogin;
    this.fxpNetworks = fxpNetworks;
    this.deniedPorts = deniedPorts;
    this.deniedPassivePorts = deniedPassivePorts;
  }

  /**
   * Checks options.
   *
   * @param options values as the configuration gives them; lists may be one text with commas
   * @return checked options
   * @throws IllegalArgumentException for an unknown option or a bad value
   */
  static FtpOptions of(Map<String, Object> options) {
    for (Map.Entry<String, Object> option : options.entrySet()) {
      if (!FtpProtocol.OPTIONS.containsKey(option.getKey())) {
        throw new IllegalArgumentException(
            option.getKey()
                + ": "
                + option.getValue()
                + " (expected: one of "
                + String.join(", ", FtpProtocol.OPTIONS.keySet())
                + ")");
      }
    }
    return new FtpOptions(
        opensAtCommand(options.getOrDefault(ACTIVE_OPEN, "command")),
        requiresLogin(options.getOrDefault(REQUIRE_LOGIN, true)),
        networks(options.getOrDefault(FXP_NETWORKS, List.of())),
        ports(DENIED_PORTS, options.getOrDefault(DENIED_PORTS, DEFAULT_DENIED_PORTS)),
        ports(
            DENIED_PASSIVE_PORTS,
            options.getOrDefault(DENIED_PASSIVE_PORTS, DEFAULT_DENIED_PASSIVE_PORTS)));
  }

  // Whether PORT and EPRT open at once, and not when the server has agreed.
  boolean opensAtCommand() {
    return opensAtCommand;
  }

  // Whether nothing opens before a login was accepted.
  boolean requiresLogin() {
    return requiresLogin;
  }

  boolean isFxpAllowed(InetAddress address) {
    for (Network network : fxpNetworks) {
      if (network.contains(address)) {
        return true;
      }
    }
    return false;
  }

  // Whether PORT and EPRT may not name a port.
  boolean isDenied(int port) {
    return deniedPorts.get(port);
  }

  // Whether 227 and 229 may not name a port.
  boolean isDeniedPassive(int port) {
    return deniedPassivePorts.get(port);
  }

  private static boolean opensAtCommand(Object value) {
    if (value.equals("command")) {
      return true;
    }
    if (value.equals("reply")) {
      return false;
    }
    throw refused(ACTIVE_OPEN, value, "command or reply");
  }

  private static boolean requiresLogin(Object value) {
    String text = String.valueOf(value);
    if (text.equals("true") || text.equals("false")) {
      return text.equals("true");
    }
    throw refused(REQUIRE_LOGIN, value, "true or false");
  }

  private static List<Network> networks(Object value) {
    List<Network> networks = new ArrayList<>();
    for (String text : items(value)) {
      Network network = Network.parse(text);
      if (network == null) {
        throw refused(FXP_NETWORKS, text, "networks such as 192.0.2.0/24 or 2001:db8::/32");
      }
      networks.add(network);
    }
    return List.copyOf(networks);
  }

  private static BitSet ports(String option, Object value) {
    BitSet ports = new BitSet();
    for (String text : items(value)) {
      int dash = text.indexOf('-');
      int low = port(dash < 0 ? text : text.substring(0, dash));
      int high = dash < 0 ? low : port(text.substring(dash + 1));
      if (low < 0 || high < low) {
        throw refused(option, text, "ports 0..65535 or ranges of them such as 5900-5905");
      }
      ports.set(low, high + 1);
    }
    return ports;
  }

  // Reads 0..65535; -1 if the text is anything else.
  private static int port(String text) {
    if (text.isEmpty() || text.length() > 5) {
      return -1;
    }
    int value = 0;
    for (int at = 0; at < text.length(); at++) {
      char digit = text.charAt(at);
      if (digit < '0' || digit > '9') {
        return -1;
      }
      value = value * 10 + digit - '0';
    }
    return value > PORT_MAX ? -1 : value;
  }

  private static List<String> items(Object value) {
    List<String> items = new ArrayList<>();
    if (value instanceof Iterable<?> values) {
      for (Object item : values) {
        items.add(String.valueOf(item).trim());
      }
    } else {
      for (String item : String.valueOf(value).split(",", -1)) {
        items.add(item.trim());
      }
      if (items.size() == 1 && items.get(0).isEmpty()) {
        items.clear(); // an empty text is an empty list
      }
    }
    return items;
  }

  private static IllegalArgumentException refused(String option, Object value, String expected) {
    return new IllegalArgumentException(option + ": " + value + " (expected: " + expected + ")");
  }
}
