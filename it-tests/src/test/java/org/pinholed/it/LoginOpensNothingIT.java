package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.NullSource;
import org.pinholed.it.lab.AgentProcess;
import org.pinholed.it.lab.Connection;
import org.pinholed.it.lab.Conntracks;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Links;
import org.pinholed.it.lab.Listener;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.NatScenario;
import org.pinholed.it.lab.RouterFirewall;
import org.pinholed.it.lab.ScriptedSession;

/**
 * A connection that is to have its sequence numbers shifted gets an object of the kernel that
 * expects connections. Nothing may come of that, though the firewall accepts what is related: not
 * on any kernel (Linux 7.2 changed what the object means).
 */
class LoginOpensNothingIT {
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final Duration SHUT_PATIENCE = Duration.ofSeconds(1);

  /** How many the kernel may have at a time where they are to run out. */
  private static final int EXPECTATIONS = 20;

  /** The port that the object names. */
  private static final int PORT = 1;

  @ParameterizedTest
  @NullSource
  @EnumSource(names = {"MASQUERADE", "DNAT", "TWICE"})
  void afterALogin_nothingIsExpected_andNoPortIsOpen(@Nullable NatMode nat) {
    try (NatScenario scenario = start(nat);
        Listener control = ScriptedSession.controlListener(scenario.server(), Family.V6)) {
      // Who is next to the router can send to the client, also where that is hidden.
      onServer(scenario, "ip route add 198.51.100.0/24 via 203.0.113.1");
      onServer(scenario, "ip -6 route add 2001:db8:1::/64 via 2001:db8:2::1");
      try (ScriptedSession four = scenario.login()) {
        assertShut(scenario, nat, Family.V4);
        scenario.transfer(four, DataMode.PASV);
      }
      String dialed = nat == null ? Family.V6.server() : nat.dialed(Family.V6);
      try (ScriptedSession six =
          ScriptedSession.open(
              scenario.client(),
              scenario.server(),
              control,
              Family.V6,
              Family.V6.client(),
              dialed)) {
        six.login();
        assertShut(scenario, nat, Family.V6);
      }
      scenario.watch().assertNone();
      assertEquals(List.of(), scenario.agent().complaints());
      assertEquals("", scenario.agent().json("status").path("lastError").asText("none"));
    }
  }

  /**
   * From Linux 7.2 on the object of each connection is an expectation that is dead at once and
   * stays for a minute. A full table would drop the first packet of every login after that.
   */
  @Test
  @EnabledIfSystemProperty(
      named = "pinholed.guest",
      matches = "true",
      disabledReason = "the limit is one for the whole machine (it-tests/kernels.sh has its own)")
  void moreLoginsThanTheKernelMayExpectConnections_allComeThrough() throws IOException {
    Path limit = Path.of("/proc/sys/net/netfilter/nf_conntrack_expect_max");
    String before = Files.readString(limit);
    Files.writeString(limit, Integer.toString(EXPECTATIONS));
    List<ScriptedSession> sessions = new ArrayList<>();
    try (NatScenario scenario = start(NatMode.MASQUERADE)) {
      try {
        for (int i = 0; i < 2 * EXPECTATIONS; i++) {
          sessions.add(scenario.login());
        }
        scenario.transfer(sessions.get(0), DataMode.PORT);
        scenario.transfer(sessions.get(sessions.size() - 1), DataMode.PORT);
      } finally {
        sessions.forEach(ScriptedSession::close);
      }
    } finally {
      Files.writeString(limit, before);
    }
  }

  /** What is looked at above would be seen. */
  @Test
  void objectOfAnOperatorThatExpectsAPort_isSeen() {
    String rules =
        """
        table inet operator {
          ct expectation door { protocol tcp; dport 1; timeout 20s; size 1; l3proto ip; }
          chain pre {
            type filter hook prerouting priority -160;
            tcp dport 21 ct state new ct expectation set "door"
          }
        }
        """;
    // Without the agent: from Linux 7.2 on a second object on the same connection takes the place.
    try (NatScenario scenario =
            NatScenario.start(
                Links.VETH,
                null,
                Family.V4,
                lab -> {
                  installFirewall(lab);
                  lab.firewall(Lab.Host.ROUTER, rules);
                });
        ScriptedSession session = scenario.login()) {
      assertEquals(1, expected(scenario).size(), () -> expected(scenario).toString());
      assertTrue(isOpen(scenario, Family.V4, Family.V4.client()), session::toString);
    }
  }

  /** One that accepts what is related. */
  private static void installFirewall(Lab lab) {
    RouterFirewall.NFTABLES.installWithAcceptRule(lab);
    RouterFirewall.NFTABLES.acceptRelated(lab);
  }

  private static NatScenario start(@Nullable NatMode nat) {
    return NatScenario.withAgent(
        Links.VETH,
        nat,
        Family.V4,
        lab -> {
          installFirewall(lab);
          return AgentProcess.start(lab);
        });
  }

  private static void assertShut(NatScenario scenario, @Nullable NatMode nat, Family family) {
    assertFalse(isOpen(scenario, family, family.client()), () -> family + " " + nat);
    if (nat != null && nat.hidesClient()) {
      assertFalse(isOpen(scenario, family, routerToServer(family)), () -> family + " " + nat);
    }
    assertEquals(List.of(), expected(scenario));
  }

  private static void onServer(NatScenario scenario, String command) {
    scenario.lab().run(Lab.Host.SERVER, PATIENCE, command.split(" ")).orFail();
  }

  private static String routerToServer(Family family) {
    return family == Family.V4 ? "203.0.113.1" : "2001:db8:2::1";
  }

  /** Whether the server comes to a listener of the client. */
  private static boolean isOpen(NatScenario scenario, Family family, String address) {
    try (Listener listener = scenario.client().listen(family.client(), PORT)) {
      Optional<Connection> connection =
          scenario.server().tryConnect(family.server(), address, PORT, SHUT_PATIENCE);
      connection.ifPresent(Connection::close);
      return connection.isPresent() && listener.port() == PORT;
    }
  }

  private static List<String> expected(NatScenario scenario) {
    List<String> lines = new ArrayList<>();
    for (Family family : Family.values()) {
      lines.addAll(Conntracks.expected(scenario.lab(), family));
    }
    return lines;
  }
}
