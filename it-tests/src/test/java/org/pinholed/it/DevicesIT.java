package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.ActiveAndPassive;
import org.pinholed.it.lab.ActiveAndPassive.End;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab.Host;
import org.pinholed.it.lab.Scenario;

/**
 * Packets that come by another device than a network card are read: each case logs in and opens an
 * active and a passive data connection. {@link ReversePathIT} has those that every kernel has; here
 * are drivers that a kernel may lack.
 */
class DevicesIT {
  private static final Duration TIMEOUT = Duration.ofSeconds(10);

  private final Scenario scenario = Scenario.start("");

  @AfterEach
  void close() {
    try (Scenario ending = scenario) {
      assertEquals(List.of(), ending.agent().complaints());
    }
  }

  private CommandResult run(Host host, String line) {
    return scenario.lab().run(host, TIMEOUT, "bash", "-c", line);
  }

  private String on(Host host, String line) {
    return run(host, line).orFail();
  }

  /** A kernel without the driver is told of, not failed. */
  private void device(Host host, String line) {
    CommandResult made = run(host, line);
    assumeTrue(made.succeeded(), () -> "this kernel has no such device: " + made.output().strip());
  }

  private static String outer(Family family, boolean router) {
    return family == Family.V4
        ? router ? "203.0.113.1" : "203.0.113.2"
        : router ? "2001:db8:2::1" : "2001:db8:2::2";
  }

  private static String inner(Family family, boolean router) {
    return family == Family.V4
        ? router ? "192.0.2.1" : "192.0.2.2"
        : router ? "2001:db8:3::1" : "2001:db8:3::2";
  }

  /** The server's second address lies behind {@code t0}; its answers take the same way. */
  private void works(Family family) {
    String clients = family == Family.V4 ? "198.51.100.0/24" : "2001:db8:1::/64";
    for (boolean router : new boolean[] {true, false}) {
      Host host = router ? Host.ROUTER : Host.SERVER;
      String address =
          inner(family, router) + (family == Family.V4 ? "/24 dev t0" : "/64 dev t0 nodad");
      on(host, "ip addr add " + address + "; ip link set t0 up");
    }
    on(Host.SERVER, "ip route replace %s dev t0 src %s".formatted(clients, inner(family, false)));
    ActiveAndPassive.works(
        scenario,
        new End(scenario.client(), family.client()),
        new End(scenario.server(), inner(family, false)));
  }

  static Stream<Arguments> tunnels() {
    return Stream.of(
        Arguments.of("gre", Family.V4),
        Arguments.of("gre", Family.V6),
        Arguments.of("ipip", Family.V4),
        Arguments.of("sit", Family.V6));
  }

  /** Tunnels over IPv4. */
  @ParameterizedTest
  @MethodSource("tunnels")
  void tunnel(String type, Family carried) {
    for (boolean router : new boolean[] {true, false}) {
      device(
          router ? Host.ROUTER : Host.SERVER,
          "ip link add t0 type %s local %s remote %s"
              .formatted(type, outer(Family.V4, router), outer(Family.V4, !router)));
    }
    works(carried);
  }

  @ParameterizedTest
  @EnumSource(Family.class)
  void wireguard(Family carried) {
    String[] keys = {on(Host.SERVER, "wg genkey").strip(), on(Host.ROUTER, "wg genkey").strip()};
    for (boolean router : new boolean[] {true, false}) {
      Host host = router ? Host.ROUTER : Host.SERVER;
      String far = on(host, "echo %s | wg pubkey".formatted(keys[router ? 0 : 1])).strip();
      device(host, "ip link add t0 type wireguard");
      on(
          host,
          "wg set t0 private-key <(echo %s) listen-port 51820 peer %s endpoint %s:51820"
              .concat(" allowed-ips 0.0.0.0/0,::/0")
              .formatted(keys[router ? 1 : 0], far, outer(Family.V4, !router)));
    }
    works(carried);
  }

  private void enslave(String device, int network, String master) {
    on(Host.ROUTER, "ip link set %s master %s".formatted(device, master));
    // A device that changes its VRF loses its IPv6 addresses.
    on(Host.ROUTER, "ip -6 addr replace 2001:db8:%d::1/64 dev %s nodad".formatted(network, device));
  }

  private void routedWorks(Family family) {
    ActiveAndPassive.works(
        scenario,
        new End(scenario.client(), family.client()),
        new End(scenario.server(), family.server()));
  }

  /** The server's link in a VRF, the client's not; routes lead over. */
  @ParameterizedTest
  @EnumSource(Family.class)
  void vrfOfOneLink(Family family) {
    device(Host.ROUTER, "ip link add blue type vrf table 10");
    on(Host.ROUTER, "ip link set blue up");
    enslave("r1", 2, "blue");
    on(Host.ROUTER, "ip route add 203.0.113.0/24 dev r1; ip -6 route add 2001:db8:2::/64 dev r1");
    on(
        Host.ROUTER,
        "ip route add table 10 198.51.100.0/24 dev r0;"
            + " ip -6 route add table 10 2001:db8:1::/64 dev r0");
    routedWorks(family);
  }

  /** Both links in one VRF: packets come in by the VRF's device. */
  @ParameterizedTest
  @EnumSource(Family.class)
  void vrfOfBothLinks(Family family) {
    device(Host.ROUTER, "ip link add red type vrf table 20");
    on(Host.ROUTER, "ip link set red up");
    enslave("r0", 1, "red");
    enslave("r1", 2, "red");
    routedWorks(family);
  }
}
