package org.pinholed.agent.operate.doctor;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.pinholed.agent.operate.doctor.ForwardedPath.Stop;

/** The ways that the children of pinholes take through the firewall. For one thread. */
final class ChildPaths {
  private final List<Ruleset> rulesets;
  private final Set<String> devices;
  private final DoctorSettings settings;
  private final Map<Integer, List<Stop>> paths = new HashMap<>();

  ChildPaths(List<Ruleset> rulesets, Set<String> devices, DoctorSettings settings) {
    this.rulesets = rulesets;
    this.devices = ForwardedPath.forwarding(devices);
    this.settings = settings;
  }

  /** The devices that can forward. */
  Set<String> devices() {
    return devices;
  }

  /** The way of a first packet. */
  List<Stop> of(int family) {
    ImaginedPacket.State first =
        settings.expectsAll() ? ImaginedPacket.State.RELATED : ImaginedPacket.State.NEW;
    return paths.computeIfAbsent(
        family, key -> ForwardedPath.ofChild(rulesets, packet(key, first)));
  }

  /** Where the first packet comes to a chain. */
  Stop stopAt(Ruleset ruleset, Ruleset.Entry entry, int family) {
    return of(family).stream()
        .filter(stop -> stop.isAt(ruleset, entry))
        .findFirst()
        .orElseThrow(); // each entry of a family is on its path
  }

  ImaginedPacket packet(int family, ImaginedPacket.State state) {
    // with the read bit or without: the firewall must let both kinds of children pass
    int known = settings.marks().stateMask() & ~settings.marks().read();
    return ImaginedPacket.child(family, state, known, settings.marks().child());
  }
}
