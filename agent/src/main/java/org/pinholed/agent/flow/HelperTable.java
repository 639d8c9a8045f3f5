package org.pinholed.agent.flow;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.pinhole.HelperPort;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.Transport;

/** The session helpers in force: which protocol is read on which port. Immutable. */
public final class HelperTable {
  /**
   * An enabled entry with what opens its flows.
   *
   * @param entry as configured
   * @param factory makes the state of each flow
   */
  public record ActiveHelper(HelperEntry entry, HelperProtocol.Factory factory) {}

  private final List<HelperEntry> entries;
  private final Map<HelperPort, ActiveHelper> active;
  private final HelperLimits limits;

  /**
   * Puts entries in force.
   *
   * @param entries all entries, ids and ports already checked
   * @param protocols the protocols that can be read
   * @param limits limits on the bytes of one flow
   * @throws IllegalArgumentException if a protocol is not known or does not take its options
   */
  public HelperTable(
      List<HelperEntry> entries, List<HelperProtocol> protocols, HelperLimits limits) {
    this.entries = List.copyOf(entries);
    this.limits = limits;
    this.active = new HashMap<>();
    for (HelperEntry entry : entries) {
      HelperProtocol protocol = protocolOf(entry, protocols);
      HelperProtocol.Factory factory = protocol.configure(entry.options(), limits);
      if (entry.enabled()) {
        active.put(
            new HelperPort(entry.transport(), entry.port()), new ActiveHelper(entry, factory));
      }
    }
  }

  private static HelperProtocol protocolOf(HelperEntry entry, List<HelperProtocol> protocols) {
    for (HelperProtocol protocol : protocols) {
      if (protocol.name().equals(entry.name())) {
        if (!protocol.transports().contains(entry.transport())) {
          throw new IllegalArgumentException(
              "protocol: "
                  + entry.transport()
                  + " (expected for "
                  + entry.name()
                  + ": "
                  + protocol.transports()
                  + ")");
        }
        return protocol;
      }
    }
    throw new IllegalArgumentException(
        "name: "
            + entry.name()
            + " (expected: "
            + protocols.stream().map(HelperProtocol::name).collect(Collectors.joining(", "))
            + ")");
  }

  /**
   * The helper of a server port.
   *
   * @param transport TCP or UDP
   * @param port server port
   * @return null if none is enabled there
   */
  public @Nullable ActiveHelper find(Transport transport, int port) {
    return active.get(new HelperPort(transport, port));
  }

  /**
   * The ports whose control packets are diverted.
   *
   * @return ports of the enabled entries
   */
  public Set<HelperPort> ports() {
    return Set.copyOf(active.keySet());
  }

  /**
   * All entries, disabled ones too.
   *
   * @return in configured order
   */
  public List<HelperEntry> entries() {
    return entries;
  }

  /**
   * Limits on the bytes of one flow.
   *
   * @return the limits
   */
  public HelperLimits limits() {
    return limits;
  }
}
