package org.pinholed.helper.text;

import java.net.InetAddress;
import java.util.List;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperWord;
import org.pinholed.helper.LeasedPorts;
import org.pinholed.helper.Lifetime;
import org.pinholed.helper.Ranges;

/**
 * Servers whose clients may come to some ports although nobody can read which one was announced:
 * the way out where a control connection is encrypted. A lease is for one client and one server, it
 * lasts as long as the control connection, and it lets in so many connections. Immutable.
 *
 * @param networks where the servers are; none by default, and then nothing is leased
 * @param ports the ports of a lease
 * @param connections how many connections it lets in, 1..1024
 */
public record LeaseOptions(List<Network> networks, LeasedPorts ports, int connections) {
  /** Option: networks of servers. */
  public static final String NETWORKS = "leaseNetworks";

  /** Option: one range of ports. */
  public static final String PORTS = "leasePorts";

  /** Option: how many connections. */
  public static final String CONNECTIONS = "leaseConnections";

  /** The ports that are taken where none are configured: those for dynamic use (RFC 6335). */
  public static final String USUAL_PORTS = "49152-65535";

  private static final int USUAL_CONNECTIONS = 4;
  private static final int CONNECTIONS_MAX = 1024;
  private static final int LOWEST_PORT = 1024;

  /** Refuses a number outside of its range. */
  public LeaseOptions {
    networks = List.copyOf(networks);
    Ranges.require(CONNECTIONS, connections, 1, CONNECTIONS_MAX);
  }

  /**
   * Reads the three options of an entry. A lease opens each of its ports, so none may be one that
   * an announcement must not name.
   *
   * @param options those of the entry
   * @param deniedOption name of the option that denies ports
   * @param denied the ports that it denies; those below 1024 are, too
   * @return what they say
   * @throws IllegalArgumentException for a bad value, in the form {@code field: value (expected:
   *     range)}
   */
  public static LeaseOptions of(Options options, String deniedOption, PortSet denied) {
    LeaseOptions lease =
        new LeaseOptions(
            options.networks(NETWORKS),
            options.portRange(PORTS, USUAL_PORTS),
            options.number(CONNECTIONS, USUAL_CONNECTIONS, 1, CONNECTIONS_MAX));
    LeasedPorts ports = lease.ports();
    for (int port = ports.first(); port <= ports.last() && !lease.networks().isEmpty(); port++) {
      if (port < LOWEST_PORT || denied.contains(port)) {
        throw Options.refused(
            PORTS,
            ports.first() + "-" + ports.last(),
            "ports above 1023 that " + deniedOption + " does not name; " + port + " is one");
      }
    }
    return lease;
  }

  /**
   * Whether clients of a server get leases.
   *
   * @param server its own address
   * @return true if it lies in {@link #networks}
   */
  public boolean allows(InetAddress server) {
    return Options.anyContains(networks, server);
  }

  /**
   * The ranges that a helper may lease with these options.
   *
   * @return none if there is no network
   */
  public List<LeasedPorts> leasedPorts() {
    return networks.isEmpty() ? List.of() : List.of(ports);
  }

  /**
   * Begins the request for a lease: the client of a flow may come to its server as long as the flow
   * lives. No text of the flow changes for it.
   *
   * @param group its group, 1..41 characters
   * @param facts of the flow, whose server {@link #allows} says yes to
   * @param cause the message because of which it is asked for, which the server sent
   * @return a builder for what else is to be said
   */
  public ExpectationRequest.Builder request(String group, FlowFacts facts, HelperWord cause) {
    Endpoint first = new Endpoint(facts.server().address(), ports.first());
    return ExpectationRequest.builder(group, Direction.REPLY, first, cause)
        .many()
        .portsUpTo(ports.last(), connections)
        .lifetime(new Lifetime.WithOwner(null))
        .text(ExpectationRequest.Text.STAYS)
        .label("lease");
  }
}
