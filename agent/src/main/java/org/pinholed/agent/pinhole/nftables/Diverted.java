package org.pinholed.agent.pinhole.nftables;

import java.util.Collection;
import java.util.List;
import org.pinholed.agent.pinhole.HelperPort;
import org.pinholed.agent.pinhole.PortRange;

/**
 * What the table has of the configuration of helpers.
 *
 * @param ports whose flows are diverted
 * @param leased the ranges that leases may be given for, each once
 */
record Diverted(List<HelperPort> ports, List<PortRange> leased) {
  static final Diverted NOTHING = new Diverted(List.of(), List.of());

  static Diverted of(Collection<HelperPort> ports, Collection<PortRange> leased) {
    return new Diverted(List.copyOf(ports), leased.stream().distinct().toList());
  }
}
