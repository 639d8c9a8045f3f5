package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.Connection;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Listener;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.NatScenario;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;

/**
 * Beside a flowtable that takes every established flow out of the firewall's way: it takes data
 * connections, and never a control connection, whose packets nobody would read.
 */
class FlowtableIT {
  private static final String RULES =
      """
      table inet fast {
        flowtable f {
          hook ingress priority filter
          devices = { r0, r1 }
        }
        chain forward {
          type filter hook forward priority filter - 10
          meta l4proto tcp ct state established flow add @f
        }
      }
      """;

  static Stream<Arguments> ways() {
    return Stream.of(
        Arguments.of(null, Family.V4),
        Arguments.of(null, Family.V6),
        Arguments.of(NatMode.MASQUERADE, Family.V4),
        Arguments.of(NatMode.DNAT, Family.V6));
  }

  @ParameterizedTest
  @MethodSource("ways")
  void dataConnections_areTaken_controlConnectionsNever(@Nullable NatMode nat, Family family) {
    try (NatScenario scenario = NatScenario.withAgent(nat, family, "")) {
      CommandResult loaded =
          scenario.lab().runWithInput(Lab.Host.ROUTER, Lab.SHORT, RULES, "nft", "-f", "-");
      assumeTrue(
          loaded.succeeded(), () -> "this kernel has no flowtables: " + loaded.output().strip());
      try (ScriptedSession session = scenario.login()) {
        for (int i = 0; i < 5; i++) {
          session.exchange("NOOP\r\n", "200 ok\r\n");
          assertFalse(isTaken(scenario, 21), "the control connection");
        }
        for (DataMode mode : new DataMode[] {DataMode.EPSV, DataMode.EPRT}) {
          data(scenario, session, mode, family);
          assertFalse(isTaken(scenario, 21), "the control connection");
        }
      }
      scenario.watch().assertNone();
      assertEquals(List.of(), scenario.agent().complaints());
    }
  }

  private static void data(
      NatScenario scenario, ScriptedSession session, DataMode mode, Family family) {
    boolean passive = mode.isPassive();
    String listening = passive ? family.server() : family.client();
    try (Listener listener = scenario.listen(mode, listening, 0)) {
      Endpoint to = scenario.announce(session, mode, listening, listener);
      try (Connection dialed =
              (passive ? scenario.client() : scenario.server())
                  .connect(passive ? family.client() : family.server(), to.host(), to.port());
          Connection accepted = listener.accept()) {
        Scenario.await(
            Duration.ofSeconds(5),
            () -> {
              accepted.send("content\n");
              assertEquals("content\n", dialed.line());
              dialed.send("more\n");
              assertEquals("more\n", accepted.line());
              return isTaken(scenario, to.port());
            },
            () -> "never taken: " + scenario.conntracks(to.port()));
        accepted.send("the short way\n");
        assertEquals("the short way\n", dialed.line());
      }
    }
  }

  private static boolean isTaken(NatScenario scenario, int port) {
    List<String> flows = scenario.conntracks(port);
    assertFalse(flows.isEmpty(), "no flow to port " + port);
    return flows.stream().anyMatch(line -> line.contains("[OFFLOAD]"));
  }
}
