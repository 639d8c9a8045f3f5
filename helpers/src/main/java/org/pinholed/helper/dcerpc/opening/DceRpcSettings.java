package org.pinholed.helper.dcerpc.opening;

import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import org.pinholed.helper.text.LeaseOptions;
import org.pinholed.helper.text.Network;
import org.pinholed.helper.text.Options;
import org.pinholed.helper.text.PortSet;

/**
 * What can be configured about DCE-RPC. Immutable, one per configured helper, shared by all its
 * flows.
 *
 * @param interfaces for which interfaces ports are opened
 * @param opensLookup whether ept_lookup opens what it lists
 * @param foreignNetworks networks that a server may announce beside its own address
 * @param deniedPorts ports that are never opened
 * @param idle how long a port stays open after its last connection ended, above zero
 * @param longest how long it stays open after it was announced last at most, above zero
 * @param learnedNetworks servers whose ports open for a client whose call was sealed, if they
 *     announced them in clear
 * @param learnedFor how long such an announcement counts, above zero
 * @param lease what opens for a client whose call was sealed, and of which servers
 */
public record DceRpcSettings(
    InterfacePolicy interfaces,
    boolean opensLookup,
    List<Network> foreignNetworks,
    PortSet deniedPorts,
    Duration idle,
    Duration longest,
    List<Network> learnedNetworks,
    Duration learnedFor,
    LeaseOptions lease) {
  /** Refuses values outside their ranges. */
  public DceRpcSettings {
    foreignNetworks = List.copyOf(foreignNetworks);
    learnedNetworks = List.copyOf(learnedNetworks);
    requirePositive("idle", idle);
    requirePositive("longest", longest);
    requirePositive("learnedFor", learnedFor);
  }

  /**
   * Whether a server may announce an address that is not its own.
   *
   * @param address the address
   * @return true if it lies in {@link #foreignNetworks}
   */
  public boolean isForeignAllowed(InetAddress address) {
    return Options.anyContains(foreignNetworks, address);
  }

  /**
   * Whether what a server announced in clear opens for clients whose calls are sealed.
   *
   * @param server its address
   * @return true if it lies in {@link #learnedNetworks}
   */
  public boolean isLearned(InetAddress server) {
    return Options.anyContains(learnedNetworks, server);
  }

  private static void requirePositive(String field, Duration value) {
    if (value.isNegative() || value.isZero()) {
      throw new IllegalArgumentException(field + ": " + value + " (expected: above zero)");
    }
  }
}
