package org.pinholed.helper.ftp;

import java.net.InetAddress;
import java.util.List;
import java.util.Map;
import org.pinholed.helper.text.LeaseOptions;
import org.pinholed.helper.text.Network;
import org.pinholed.helper.text.Options;
import org.pinholed.helper.text.PortSet;

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

  private final boolean opensAtCommand;
  private final boolean requiresLogin;
  private final List<Network> fxpNetworks;
  private final PortSet deniedPorts;
  private final PortSet deniedPassivePorts;
  private final LeaseOptions lease;

  private FtpOptions(
      boolean opensAtCommand,
      boolean requiresLogin,
      List<Network> fxpNetworks,
      PortSet deniedPorts,
      PortSet deniedPassivePorts,
      LeaseOptions lease) {
    this.opensAtCommand = opensAtCommand;
    this.requiresLogin = requiresLogin;
    this.fxpNetworks = fxpNetworks;
    this.deniedPorts = deniedPorts;
    this.deniedPassivePorts = deniedPassivePorts;
    this.lease = lease;
  }

  /**
   * Checks options.
   *
   * @param options values as the configuration gives them; lists may be one text with commas
   * @return checked options
   * @throws IllegalArgumentException for an unknown option or a bad value
   */
  static FtpOptions of(Map<String, Object> options) {
    Options values = new Options(options, FtpProtocol.OPTIONS.keySet());
    PortSet deniedPassivePorts = values.ports(DENIED_PASSIVE_PORTS, DEFAULT_DENIED_PASSIVE_PORTS);
    return new FtpOptions(
        values.word(ACTIVE_OPEN, "command", "reply").equals("command"),
        values.flag(REQUIRE_LOGIN, true),
        values.networks(FXP_NETWORKS),
        values.ports(DENIED_PORTS, DEFAULT_DENIED_PORTS),
        deniedPassivePorts,
        LeaseOptions.of(values, DENIED_PASSIVE_PORTS, deniedPassivePorts));
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
    return Options.anyContains(fxpNetworks, address);
  }

  // Whether PORT and EPRT may not name a port.
  boolean isDenied(int port) {
    return deniedPorts.contains(port);
  }

  // What is open for data connections where nobody can read which port was announced.
  LeaseOptions lease() {
    return lease;
  }

  // Whether 227 and 229 may not name a port.
  boolean isDeniedPassive(int port) {
    return deniedPassivePorts.contains(port);
  }
}
