package org.pinholed.helper.dcerpc;

import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.pinholed.helper.dcerpc.opening.DceRpcSettings;
import org.pinholed.helper.dcerpc.opening.InterfacePolicy;
import org.pinholed.helper.text.LeaseOptions;
import org.pinholed.helper.text.Options;
import org.pinholed.helper.text.PortSet;

/**
 * The options of an entry, and what is taken where one is not set.
 *
 * <p>The denied ports are those of remote control and data bases. They are few, because servers
 * take whatever port is free for a service: a refused port is a service that is not reached.
 */
final class DceRpcOptions {
  static final String INTERFACES = "interfaces";
  static final String DENIED_INTERFACES = "deniedInterfaces";
  static final String LOOKUP = "lookup";
  static final String FOREIGN_NETWORKS = "foreignNetworks";
  static final String DENIED_PORTS = "deniedPorts";
  static final String IDLE = "idle";
  static final String LONGEST = "longest";
  static final String LEARNED_NETWORKS = "learnedNetworks";
  static final String LEARNED_FOR = "learnedFor";

  static final String DEFAULT_DENIED_PORTS =
      "1433,1521,2375-2376,3306,3389,5432,5900,5985-5986,6379,11211,27017";

  static final Map<String, String> DESCRIBED = described();

  private static final Duration SECOND = Duration.ofSeconds(1);
  private static final Duration DAY = Duration.ofDays(1);
  private static final Duration WEEK = Duration.ofDays(7);

  private DceRpcOptions() {}

  /**
   * Checks options.
   *
   * @param options values as the configuration gives them; lists may be one text with commas
   * @return checked settings
   * @throws IllegalArgumentException for an unknown option or a bad value
   */
  static DceRpcSettings of(Map<String, Object> options) {
    Options values = new Options(options, DESCRIBED.keySet());
    PortSet deniedPorts = values.ports(DENIED_PORTS, DEFAULT_DENIED_PORTS);
    return new DceRpcSettings(
        InterfacePolicy.of(values, INTERFACES, DENIED_INTERFACES),
        values.word(LOOKUP, "ignore", "open").equals("open"),
        values.networks(FOREIGN_NETWORKS),
        deniedPorts,
        values.duration(IDLE, Duration.ofMinutes(10), SECOND, DAY),
        values.duration(LONGEST, DAY, SECOND, WEEK),
        values.networks(LEARNED_NETWORKS),
        values.duration(LEARNED_FOR, Duration.ofHours(1), SECOND, DAY),
        LeaseOptions.of(values, DENIED_PORTS, deniedPorts));
  }

  private static Map<String, String> described() {
    Map<String, String> options = new LinkedHashMap<>();
    options.put(
        INTERFACES,
        "Interfaces for which ports are opened: UUIDs, or well-known names such as netlogon; any by"
            + " default.");
    options.put(
        DENIED_INTERFACES,
        "Interfaces for which no port is opened, whatever interfaces says; none by default.");
    options.put(
        LOOKUP,
        "What the list of all services (ept_lookup) does: ignore (default), nothing; open, it opens"
            + " what it lists, as far as interfaces allows.");
    options.put(
        FOREIGN_NETWORKS,
        "Networks in CIDR notation that a server may announce beside its own address; none by"
            + " default.");
    options.put(
        DENIED_PORTS,
        "Ports and ranges that are never opened, in place of the default list "
            + DEFAULT_DENIED_PORTS
            + "; ports below 1024 never are.");
    options.put(
        IDLE,
        "How long a port stays open after its last connection ended, 1s..24h; 10m by default.");
    options.put(
        LONGEST,
        "How long a port stays open after it was announced last at most, 1s..168h; 24h by"
            + " default.");
    options.put(
        LEARNED_NETWORKS,
        "Servers, as networks in CIDR notation: a client whose call is encrypted may come to the"
            + " ports that they announced in clear to anybody; none by default.");
    options.put(LEARNED_FOR, "How long an announcement counts for that, 1s..24h; 1h by default.");
    options.put(
        LeaseOptions.NETWORKS,
        "Servers, as networks in CIDR notation: a client whose call is encrypted may come to some of"
            + " leasePorts; none by default.");
    options.put(
        LeaseOptions.PORTS,
        "The range of ports of such a lease; " + LeaseOptions.USUAL_PORTS + " by default.");
    options.put(
        LeaseOptions.CONNECTIONS,
        "How many connections such a lease lets in, 1..1024; 4 by default.");
    return Collections.unmodifiableMap(options);
  }
}
