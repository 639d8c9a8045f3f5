package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pinholed.it.lab.ActiveAndPassive;
import org.pinholed.it.lab.ActiveAndPassive.End;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Scenario;

/**
 * Client and server behind the same device of the router: what comes in goes out again where it
 * came from. The server has a second link, {@code s1}, beside the client's.
 */
class HairpinIT {
  private static final Duration TIMEOUT = Duration.ofSeconds(10);

  private final Scenario scenario = Scenario.start("");

  @BeforeEach
  void putTheServerBesideTheClient() {
    on(Lab.Host.CLIENT, "ip link add s1 link c0 type macvlan mode private");
    scenario.lab().moveDevice(Lab.Host.CLIENT, "s1", Lab.Host.SERVER);
    on(Lab.Host.SERVER, "ip link set s0 down");
    on(Lab.Host.SERVER, "ip link set s1 up");
    // A shorter way, of which the router tells, would lead past it.
    for (Lab.Host host : new Lab.Host[] {Lab.Host.CLIENT, Lab.Host.SERVER}) {
      String device = host == Lab.Host.CLIENT ? "c0" : "s1";
      on(
          host,
          "sysctl -qw net.ipv4.conf.all.accept_redirects=0 net.ipv4.conf."
              + device
              + ".accept_redirects=0 net.ipv6.conf."
              + device
              + ".accept_redirects=0");
    }
  }

  @AfterEach
  void close() {
    try (Scenario ending = scenario) {
      assertEquals(List.of(), ending.agent().complaints());
    }
  }

  private void on(Lab.Host host, String command) {
    scenario.lab().run(host, TIMEOUT, command.split(" ")).orFail();
  }

  private void serverLives(String address, String gateway) {
    String family = address.contains(":") ? "-6" : "-4";
    on(
        Lab.Host.SERVER,
        "ip "
            + family
            + " addr add "
            + address
            + " dev s1"
            + (family.equals("-6") ? " nodad" : ""));
    on(Lab.Host.SERVER, "ip " + family + " route replace default via " + gateway + " dev s1");
  }

  private void translate(String rules) {
    scenario
        .lab()
        .runWithInput(
            Lab.Host.ROUTER, TIMEOUT, "table inet nat {\n" + rules + "\n}\n", "nft", "-f", "-")
        .orFail();
  }

  @ParameterizedTest
  @EnumSource(Family.class)
  void twoNetworksOnOneLink(Family family) {
    boolean v4 = family == Family.V4;
    String server = v4 ? "192.0.2.20" : "2001:db8:3::20";
    String gateway = v4 ? "192.0.2.1" : "2001:db8:3::1";
    String bits = v4 ? "/24" : "/64";
    on(Lab.Host.ROUTER, "ip addr add " + gateway + bits + " dev r0" + (v4 ? "" : " nodad"));
    serverLives(server + bits, gateway);
    ActiveAndPassive.works(
        scenario, new End(scenario.client(), family.client()), new End(scenario.server(), server));
  }

  /** The server is known by the router's outside address; the client need not be hidden. */
  @Test
  void aForwardedPort() {
    on(Lab.Host.ROUTER, "ip addr add 192.0.2.1/24 dev r0");
    serverLives("192.0.2.20/24", "192.0.2.1");
    translate(
        """
        chain pre {
          type nat hook prerouting priority dstnat;
          ip daddr 203.0.113.1 tcp dport 21 dnat ip to 192.0.2.20
        }
        """);
    ActiveAndPassive.works(
        scenario,
        new End(scenario.client(), Family.V4.client()),
        new End(scenario.server(), "192.0.2.20", "203.0.113.1"));
  }

  /** Both in one network, so that answers come by the router only if the client is hidden. */
  @ParameterizedTest
  @EnumSource(Family.class)
  void aForwardedPort_bothInOneNetwork(Family family) {
    boolean v4 = family == Family.V4;
    String ip = v4 ? "ip" : "ip6";
    String server = v4 ? "198.51.100.20" : "2001:db8:1::20";
    String outside = v4 ? "203.0.113.1" : "2001:db8:2::1";
    String inside = v4 ? "198.51.100.0/24" : "2001:db8:1::/64";
    serverLives(server + (v4 ? "/24" : "/64"), family.routerToClient());
    translate(
        """
        chain pre {
          type nat hook prerouting priority dstnat;
          IP daddr OUTSIDE tcp dport 21 dnat IP to SERVER
        }
        chain post {
          type nat hook postrouting priority srcnat;
          oifname r0 IP saddr INSIDE masquerade
        }
        """
            .replace("IP", ip)
            .replace("OUTSIDE", outside)
            .replace("SERVER", server)
            .replace("INSIDE", inside));
    ActiveAndPassive.works(
        scenario,
        new End(scenario.client(), family.client(), family.routerToClient()),
        new End(scenario.server(), server, outside));
  }
}
