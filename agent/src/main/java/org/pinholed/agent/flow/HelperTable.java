package org.pinholed.agent.flow;

import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.pinhole.HelperPort;
import org.pinholed.agent.pinhole.PortRange;
import org.pinholed.agent.shared.SharedStates;
import org.pinholed.helper.EntryLimits;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.SessionHelper;
import org.pinholed.helper.SharedState;
import org.pinholed.helper.Transport;

/** The session helpers in force: which protocol is read on which port. Immutable. */
public final class HelperTable {
  /**
   * An enabled entry with what opens its flows.
   *
   * @param entry as configured
   * @param factory makes the state of each flow
   * @param limits limits on the bytes of each flow
   * @param shared what the flows of its protocol share
   */
  public record ActiveHelper(
      HelperEntry entry, HelperProtocol.Factory factory, HelperLimits limits, SharedState shared) {
    /**
     * Makes the state of a flow.
     *
     * @param facts what is known of it
     * @return what reads it
     */
    public SessionHelper open(FlowFacts facts) {
      return factory.open(facts, shared);
    }
  }

  private final List<HelperEntry> entries;
  private final Map<HelperPort, ActiveHelper> active;
  private final List<HelperProtocol> protocols;
  private final SharedStates shared;

  /**
   * Puts entries in force.
   *
   * @param entries all entries, ids and ports already checked
   * @param protocols the protocols that can be read
   * @param limits limits on the bytes of one flow
   * @param shared what the flows of each protocol share; outlives this table
   * @throws IllegalArgumentException if a protocol is not known or does not take its options
   */
  public HelperTable(
      List<HelperEntry> entries,
      List<HelperProtocol> protocols,
      HelperLimits limits,
      SharedStates shared) {
    this.entries = List.copyOf(entries);
    this.protocols = List.copyOf(protocols);
    this.shared = shared;
    this.active = new HashMap<>();
    for (HelperEntry entry : entries) {
      HelperProtocol protocol = protocolOf(entry, protocols);
      HelperLimits own = limits.forMessages(protocol.longestMessageBytes());
      HelperProtocol.Factory factory = protocol.configure(entry.options(), own);
      if (entry.enabled()) {
        active.put(
            new HelperPort(entry.transport(), entry.port()),
            new ActiveHelper(
                entry.withLimitsOf(protocol.limits()), factory, own, shared.of(entry.name())));
      }
    }
  }

  /**
   * Other entries of the same protocols, whose flows share what those before them shared.
   *
   * @param newEntries all entries, ids and ports already checked
   * @param newLimits limits on the bytes of one flow
   * @return a new table
   * @throws IllegalArgumentException if a protocol is not known or does not take its options
   */
  public HelperTable with(List<HelperEntry> newEntries, HelperLimits newLimits) {
    return new HelperTable(newEntries, protocols, newLimits, shared);
  }

  /**
   * What the flows of each protocol share.
   *
   * @return the same at every call, also of tables that were made {@link #with} others
   */
  public SharedStates shared() {
    return shared;
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
   * The entry in force of a protocol, for what outlives flows.
   *
   * @param protocol its name
   * @return the one with the lowest id; null if none is enabled
   */
  public @Nullable HelperEntry entryOf(String protocol) {
    return active.values().stream()
        .map(ActiveHelper::entry)
        .filter(entry -> entry.name().equals(protocol))
        .min(Comparator.comparingInt(HelperEntry::id))
        .orElse(null);
  }

  /**
   * The limits of the enabled entries, with those of their protocols where they have none.
   *
   * @return by the numbers of the entries
   */
  public Map<Integer, EntryLimits> entryLimits() {
    return active.values().stream()
        .map(ActiveHelper::entry)
        .collect(Collectors.toUnmodifiableMap(HelperEntry::id, HelperEntry::limits));
  }

  /**
   * The helper of a child that is read.
   *
   * @param name its protocol
   * @param id the entry that announced it
   * @param transport of the child
   * @return that entry, or if the child comes over the other transport one of the same protocol;
   *     null if none is enabled
   */
  public @Nullable ActiveHelper find(String name, int id, Transport transport) {
    ActiveHelper other = null;
    for (ActiveHelper each : active.values()) {
      HelperEntry entry = each.entry();
      if (entry.transport() == transport && entry.name().equals(name)) {
        if (entry.id() == id) {
          return each;
        }
        if (other == null || entry.id() < other.entry().id()) {
          other = each;
        }
      }
    }
    return other;
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
   * Whether datagrams are read, so that packets should come with their conntrack: that of a first
   * datagram cannot be asked for.
   *
   * @return true if an enabled entry is for UDP
   */
  public boolean readsDatagrams() {
    return active.keySet().stream().anyMatch(port -> port.transport() == Transport.UDP);
  }

  /**
   * Whether an enabled entry only observes, so that connections matter that nobody has marked.
   *
   * @return true if there is one
   */
  public boolean observes() {
    return active.values().stream().anyMatch(each -> each.entry().isObserved());
  }

  /**
   * The ranges of ports that helpers in force may lease.
   *
   * @return each once
   */
  public Set<PortRange> leased() {
    return active.values().stream()
        .flatMap(each -> each.factory().leasedPorts().stream())
        .map(range -> new PortRange(range.first(), range.last()))
        .collect(Collectors.toUnmodifiableSet());
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
   * Limits on the bytes of the flows that are streams.
   *
   * @return those of each enabled entry over TCP
   */
  public List<HelperLimits> ofStreams() {
    return active.values().stream()
        .filter(each -> each.entry().transport() == Transport.TCP)
        .map(ActiveHelper::limits)
        .toList();
  }
}
