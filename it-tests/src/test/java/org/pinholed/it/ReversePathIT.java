package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.it.lab.ActiveAndPassive;
import org.pinholed.it.lab.ActiveAndPassive.End;
import org.pinholed.it.lab.Connection;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Listener;
import org.pinholed.it.lab.Peer;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;

/**
 * However a router routes, honest packets are read: each case logs in and opens an active and a
 * passive data connection. A second link joins router and server: {@code r2} and {@code s1}.
 */
class ReversePathIT {
  private static final Duration TIMEOUT = Duration.ofSeconds(10);

  private Scenario scenario = Scenario.start("");

  @AfterEach
  void close() {
    try (Scenario ending = scenario) {
      assertEquals(List.of(), ending.agent().complaints());
    }
  }

  private void on(Lab.Host host, String... command) {
    scenario.lab().run(host, TIMEOUT, command).orFail();
  }

  private void rules(String text) {
    scenario.lab().runWithInput(Lab.Host.ROUTER, TIMEOUT, text, "nft", "-f", "-").orFail();
  }

  private static String ip(Family family) {
    return family == Family.V4 ? "-4" : "-6";
  }

  private static String network(Family family) {
    return family == Family.V4 ? "203.0.113.0/24" : "2001:db8:2::/64";
  }

  private static String clients(Family family) {
    return family == Family.V4 ? "198.51.100.0/24" : "2001:db8:1::/64";
  }

  private static String secondServer(Family family) {
    return family == Family.V4 ? "192.0.2.2" : "2001:db8:3::2";
  }

  private static String secondRouter(Family family) {
    return family == Family.V4 ? "192.0.2.1" : "2001:db8:3::1";
  }

  /** Lays the second link and lets the server answer by it. */
  private void secondLink(Family family) {
    scenario.lab().link(Lab.Host.ROUTER, "r2", Lab.Host.SERVER, "s1");
    on(Lab.Host.ROUTER, "ip", "addr", "add", "192.0.2.1/24", "dev", "r2");
    on(Lab.Host.SERVER, "ip", "addr", "add", "192.0.2.2/24", "dev", "s1");
    on(Lab.Host.ROUTER, "ip", "addr", "add", "2001:db8:3::1/64", "dev", "r2", "nodad");
    on(Lab.Host.SERVER, "ip", "addr", "add", "2001:db8:3::2/64", "dev", "s1", "nodad");
    for (String device : new String[] {"all", "r0", "r1", "r2"}) {
      on(Lab.Host.ROUTER, "sysctl", "-qw", "net.ipv4.conf." + device + ".rp_filter=0");
    }
    for (String device : new String[] {"all", "s0", "s1"}) {
      on(Lab.Host.SERVER, "sysctl", "-qw", "net.ipv4.conf." + device + ".rp_filter=0");
    }
    on(
        Lab.Host.SERVER,
        "ip",
        ip(family),
        "route",
        "replace",
        clients(family),
        "via",
        secondRouter(family),
        "src",
        family.server());
  }

  private void secondTable(Family family) {
    on(
        Lab.Host.ROUTER,
        "ip",
        ip(family),
        "route",
        "add",
        "table",
        "100",
        network(family),
        "via",
        secondServer(family));
  }

  private void works(Family family) {
    works(scenario.client(), family.client(), scenario.server(), family.server());
  }

  private void works(Peer clients, String client, Peer servers, String server) {
    ActiveAndPassive.works(scenario, new End(clients, client), new End(servers, server));
  }

  /** Only what comes from the clients has the mark; the answers have none. */
  @ParameterizedTest
  @EnumSource(Family.class)
  void uplinkByMark(Family family) {
    secondLink(family);
    secondTable(family);
    rules(
        "table inet uplinks { chain pre { type filter hook prerouting priority mangle;"
            + " iifname \"r0\" meta mark set 5; }; }");
    on(Lab.Host.ROUTER, "ip", ip(family), "rule", "add", "fwmark", "5", "lookup", "100");
    works(family);
  }

  @ParameterizedTest
  @EnumSource(Family.class)
  void uplinkBySource(Family family) {
    secondLink(family);
    secondTable(family);
    on(Lab.Host.ROUTER, "ip", ip(family), "rule", "add", "from", clients(family), "lookup", "100");
    works(family);
  }

  /** Nearly all goes out by the first link, and all comes back by the second. */
  @ParameterizedTest
  @EnumSource(Family.class)
  void severalNextHops(Family family) {
    secondLink(family);
    String bits = family == Family.V4 ? "/32" : "/128";
    on(
        Lab.Host.ROUTER,
        "ip",
        ip(family),
        "route",
        "add",
        family.server() + bits,
        "nexthop",
        "via",
        family.otherServer(),
        "dev",
        "r1",
        "weight",
        "250",
        "nexthop",
        "via",
        secondServer(family),
        "dev",
        "r2",
        "weight",
        "1");
    works(family);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void answersByAnotherWay_areReadOnlyIfTheOperatorSaysSo(boolean asymmetricRouting) {
    if (asymmetricRouting) {
      close();
      scenario = Scenario.start("asymmetricRouting: true\n");
    }
    secondLink(Family.V4);
    if (asymmetricRouting) {
      works(Family.V4);
      return;
    }
    try (Listener control = scenario.server().listen(Family.V4.server(), 21);
        Connection commands =
            scenario.client().connect(Family.V4.client(), Family.V4.server(), 21);
        Connection replies = control.accept()) {
      ActiveAndPassive.login(commands, replies);
      JsonNode session = ActiveAndPassive.session(scenario);
      assertEquals("beganElsewhere", session.path("reason").asText(), session::toString);
      commands.send(ScriptedSession.commandLine(DataMode.EPRT, Family.V4.client(), 40000));
      replies.line();
      assertEquals(0, ActiveAndPassive.waiting(scenario));
    }
  }

  /** Two flows with the same addresses may be in two zones: what is in one is left alone. */
  @Test
  void aFlowInAZone_isNotRead_andSaidOnce() {
    rules(
        "table inet zones { chain raw { type filter hook prerouting priority raw;"
            + " ct zone set 5; }; }");
    try (Listener control = scenario.server().listen(Family.V4.server(), 21);
        Connection commands =
            scenario.client().connect(Family.V4.client(), Family.V4.server(), 21);
        Connection replies = control.accept()) {
      ActiveAndPassive.login(commands, replies);
      commands.send(ScriptedSession.commandLine(DataMode.EPRT, Family.V4.client(), 40000));
      replies.line();
      assertEquals(List.of(), scenario.rows("sessions"));
      assertEquals(0, ActiveAndPassive.waiting(scenario));
      Scenario.await(
          TIMEOUT.multipliedBy(2),
          () -> scenario.agent().log().contains("in a conntrack zone"),
          () -> scenario.agent().log());
    }
    assertTrue(scenario.agent().ctl("doctor").output().contains("zones"));
  }

  @Test
  void aTunnelOfFrames() {
    for (Lab.Host host : new Lab.Host[] {Lab.Host.ROUTER, Lab.Host.SERVER}) {
      boolean router = host == Lab.Host.ROUTER;
      on(
          host,
          "ip",
          "link",
          "add",
          "vx0",
          "type",
          "vxlan",
          "id",
          "5",
          "dstport",
          "4789",
          "local",
          router ? "203.0.113.1" : "203.0.113.2",
          "remote",
          router ? "203.0.113.2" : "203.0.113.1",
          "dev",
          router ? "r1" : "s0");
      on(host, "ip", "link", "set", "vx0", "up");
      on(host, "ip", "addr", "add", router ? "192.0.2.1/24" : "192.0.2.2/24", "dev", "vx0");
    }
    on(
        Lab.Host.SERVER,
        "ip",
        "route",
        "replace",
        "198.51.100.0/24",
        "via",
        "192.0.2.1",
        "dev",
        "vx0");
    works(scenario.client(), Family.V4.client(), scenario.server(), "192.0.2.2");
  }

  /** No address at all: frames pass, and netfilter sees the packets in them. */
  @Test
  void aTransparentBridge() {
    on(Lab.Host.ROUTER, "ip", "addr", "flush", "dev", "r0");
    on(Lab.Host.ROUTER, "ip", "addr", "flush", "dev", "r1");
    on(Lab.Host.ROUTER, "ip", "link", "add", "br0", "type", "bridge");
    on(Lab.Host.ROUTER, "ip", "link", "set", "br0", "up");
    on(Lab.Host.ROUTER, "ip", "link", "set", "r0", "master", "br0");
    on(Lab.Host.ROUTER, "ip", "link", "set", "r1", "master", "br0");
    scenario.lab().loadModule("br_netfilter");
    on(Lab.Host.ROUTER, "sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=1");
    on(Lab.Host.CLIENT, "ip", "addr", "add", "192.0.2.10/24", "dev", "c0");
    on(Lab.Host.SERVER, "ip", "addr", "add", "192.0.2.20/24", "dev", "s0");
    works(scenario.client(), "192.0.2.10", scenario.server(), "192.0.2.20");
  }

  @ParameterizedTest
  @EnumSource(Family.class)
  void theServerOnTheRouter(Family family) {
    try (Peer router = Peer.start(scenario.lab(), Lab.Host.ROUTER)) {
      works(scenario.client(), family.client(), router, family.routerToClient());
    }
  }

  @ParameterizedTest
  @EnumSource(Family.class)
  void theClientOnTheRouter(Family family) {
    String address = family == Family.V4 ? "203.0.113.1" : "2001:db8:2::1";
    try (Peer router = Peer.start(scenario.lab(), Lab.Host.ROUTER)) {
      works(router, address, scenario.server(), family.server());
    }
  }

  /** A device without link addresses, as OpenVPN, WireGuard, PPP and tunnels of packets have. */
  @ParameterizedTest
  @EnumSource(Family.class)
  void aTunnelOfPackets(Family family) {
    scenario.lab().linkWithoutFrames(Lab.Host.ROUTER, "tun0", Lab.Host.SERVER, "tun0");
    for (Lab.Host host : new Lab.Host[] {Lab.Host.ROUTER, Lab.Host.SERVER}) {
      boolean router = host == Lab.Host.ROUTER;
      String here = router ? secondRouter(family) : secondServer(family);
      String there = router ? secondServer(family) : secondRouter(family);
      // An address that is not checked for duplicates can be a route's source at once.
      String more = family == Family.V4 ? "" : " nodad";
      String line =
          "ip " + ip(family) + " addr add " + here + " peer " + there + " dev tun0" + more;
      on(host, line.split(" "));
    }
    on(
        Lab.Host.SERVER,
        "ip",
        ip(family),
        "route",
        "replace",
        clients(family),
        "dev",
        "tun0",
        "src",
        secondServer(family));
    works(scenario.client(), family.client(), scenario.server(), secondServer(family));
  }

  /** Such addresses are not forwarded: one end of the dialogue is on the router. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void linkLocalAddresses(boolean serverOnTheRouter) {
    on(Lab.Host.CLIENT, "ip", "addr", "add", "fe80::2/64", "dev", "c0", "nodad");
    on(Lab.Host.ROUTER, "ip", "addr", "add", "fe80::1/64", "dev", "r0", "nodad");
    try (Peer peer = Peer.start(scenario.lab(), Lab.Host.ROUTER)) {
      End router = new End(peer, "fe80::1%r0", "fe80::1%c0");
      End host = new End(scenario.client(), "fe80::2%c0", "fe80::2%r0");
      ActiveAndPassive.works(
          scenario, serverOnTheRouter ? host : router, serverOnTheRouter ? router : host);
    }
  }
}
