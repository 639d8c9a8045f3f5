package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pinholed.it.lab.AgentProcess;
import org.pinholed.it.lab.Conntracks;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Listener;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.NatScenario;
import org.pinholed.it.lab.Peer;
import org.pinholed.it.lab.RouterFirewall;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;

/**
 * Pinholes with expectations of the kernel beside them, behind a firewall that knows nothing of
 * pinholed: it accepts what is established or related. Some kernels have no {@code
 * nfnetlink_cthelper}; there it is shown that the agent says so.
 */
class ConntrackBackendIT {
  /** What the agent says of this kernel, once it was asked. */
  private static @Nullable String expectations;

  /** A router without rules for marks, the agent, and a peer on either side. */
  private static final class Bench implements AutoCloseable {
    private final Lab lab = Lab.create();
    private final AgentProcess agent;
    private final Peer client;
    private final Peer server;
    private final Map<Family, Listener> controls = new EnumMap<>(Family.class);

    Bench(RouterFirewall firewall, String yaml) {
      try {
        firewall.install(lab);
        firewall.acceptRelated(lab);
        agent = AgentProcess.start(lab, yaml);
        client = Peer.start(lab, Lab.Host.CLIENT);
        server = Peer.start(lab, Lab.Host.SERVER);
      } catch (RuntimeException | Error e) {
        lab.close();
        throw e;
      }
    }

    /**
     * With expectations, for long enough that an emulated processor can start an agent meanwhile.
     */
    static Bench thatExpects(RouterFirewall firewall) {
      requireExpectations();
      return new Bench(firewall, "backend: auto\n" + Scenario.ftpWithTimeout("10m"));
    }

    ScriptedSession login(Family family) {
      Listener control =
          controls.computeIfAbsent(family, f -> ScriptedSession.controlListener(server, f));
      ScriptedSession session = ScriptedSession.open(client, server, control, family);
      session.login();
      return session;
    }

    List<String> expected(Family family) {
      return Conntracks.expected(lab, family);
    }

    List<JsonNode> pinholes() {
      JsonNode rows = agent.json("expectations");
      return rows.isEmpty() ? List.of() : List.of(rows.get(0));
    }

    @Override
    public void close() {
      lab.close();
    }
  }

  /** Skips where the kernel has no expectations for pinholes. */
  private static void requireExpectations() {
    String said = expectations;
    if (said == null) {
      try (Bench bench = new Bench(RouterFirewall.NFTABLES, "backend: auto\n")) {
        said = bench.agent.feature("expectations");
      }
      expectations = said;
    }
    String can = said;
    assumeTrue(can.startsWith("yes"), () -> "expectations: " + can);
  }

  @ParameterizedTest
  @EnumSource(RouterFirewall.class)
  void children_comeThroughWithoutARuleForThem(RouterFirewall firewall) {
    try (Bench bench = Bench.thatExpects(firewall)) {
      for (Family family : Family.values()) {
        for (DataMode mode : DataMode.values()) {
          if (!mode.fits(family)) {
            continue;
          }
          try (ScriptedSession session = bench.login(family);
              Announcement announced = session.announce(mode)) {
            assertEquals(1, bench.expected(family).size(), bench.agent.log());
            assertFalse(announced.isOpenToStranger());
            announced.connect().close();
            assertEquals(List.of(), bench.expected(family));
            assertFalse(announced.isOpen(), "a second connection");
          }
        }
      }
      bench.agent.awaitEvent("matched");
      assertEquals(List.of(), bench.agent.complaints());
      assertEquals(0, bench.agent.ctl("audit").exitCode());
    }
  }

  @Test
  void pinholeThatIsCleared_isExpectedNoLonger() {
    try (Bench bench = Bench.thatExpects(RouterFirewall.NFTABLES);
        ScriptedSession session = bench.login(Family.V4);
        Announcement announced = session.announce(DataMode.PASV)) {
      assertEquals(1, bench.expected(Family.V4).size());
      bench.agent.ctl("clear", "--all").orFail();
      assertEquals(List.of(), bench.expected(Family.V4));
      assertFalse(announced.isOpen());
    }
  }

  @Test
  void parentThatEnds_takesItsExpectationsWithIt() {
    try (Bench bench = Bench.thatExpects(RouterFirewall.NFTABLES)) {
      ScriptedSession session = bench.login(Family.V6);
      try (Announcement announced = session.announce(DataMode.EPSV)) {
        session.exchange("QUIT\r\n", "221 bye\r\n");
        session.close();
        bench.agent.awaitEvent("parentClosed");
        assertEquals(List.of(), bench.expected(Family.V6));
        assertFalse(announced.isOpen());
      }
    }
  }

  @Test
  void agentThatIsKilled_leavesWhatIsExpected_andTheNextOneShutsIt() {
    try (Bench bench = Bench.thatExpects(RouterFirewall.NFTABLES);
        ScriptedSession first = bench.login(Family.V4);
        ScriptedSession second = bench.login(Family.V6)) {
      try (Announcement used = first.announce(DataMode.PASV);
          Announcement left = second.announce(DataMode.EPSV)) {
        bench.agent.kill();
        used.connect().close(); // nobody is needed for that
        assertEquals(1, bench.expected(Family.V6).size());
        bench.agent.startAgain();
        assertTrue(
            bench.agent.feature("expectations").startsWith("yes"),
            () -> bench.agent.feature("expectations"));
        assertEquals(1, bench.pinholes().size(), bench.agent.log());
        assertEquals(1, bench.expected(Family.V6).size());
        // After a kill the first line of each direction is not read.
        second.exchange("NOOP\r\n", "200 ok\r\n");
        try (Announcement next = second.announce(DataMode.EPRT)) {
          next.connect().close();
        }
        bench.agent.ctl("clear", "--all").orFail();
        assertEquals(List.of(), bench.expected(Family.V6));
        assertFalse(left.isOpen());
      }
    }
  }

  @Test
  void agentThatStops_leavesNothingExpected() {
    try (Bench bench = Bench.thatExpects(RouterFirewall.NFTABLES);
        ScriptedSession session = bench.login(Family.V4);
        Announcement announced = session.announce(DataMode.PORT)) {
      bench.agent.stop();
      assertEquals(List.of(), bench.expected(Family.V4));
      assertFalse(announced.isOpen());
    }
  }

  /** A door that the firewall leaves to the kernel does not outlive what it belongs to. */
  @Test
  void nextAgent_thatHasNoExpectations_orNoPinholesAnyMore_endsThoseOfTheOneBefore() {
    try (Bench bench = Bench.thatExpects(RouterFirewall.NFTABLES);
        ScriptedSession session = bench.login(Family.V4);
        Announcement first = session.announce(DataMode.PASV)) {
      bench.agent.kill();
      assertEquals(1, bench.expected(Family.V4).size());
      bench.agent.writeConfig(Scenario.ftpWithTimeout("10m"));
      bench.agent.startAgain();
      assertEquals(1, bench.pinholes().size(), bench.agent.log());
      assertEquals(List.of(), bench.expected(Family.V4), "it stands by its mark alone now");

      bench.agent.kill();
      bench.agent.writeConfig("backend: auto\n" + Scenario.ftpWithTimeout("10m"));
      bench.agent.startAgain();
      try (ScriptedSession next = bench.login(Family.V4);
          Announcement second = next.announce(DataMode.PASV)) {
        assertEquals(1, bench.expected(Family.V4).size());
        bench.agent.kill();
        bench
            .lab
            .run(Lab.Host.ROUTER, Lab.SHORT, "nft", "delete", "table", "inet", "pinholed")
            .orFail();
        bench.agent.startAgain();
        assertEquals(List.of(), bench.pinholes(), bench.agent.log());
        assertEquals(List.of(), bench.expected(Family.V4));
        assertFalse(first.isOpen());
        assertFalse(second.isOpen());
      }
    }
  }

  /** A kernel that does not let go of a helper has no expectations from then on, and no others. */
  @Test
  void translationThatBegins_leavesPinholesStanding() {
    try (Bench bench = Bench.thatExpects(RouterFirewall.NFTABLES);
        ScriptedSession session = bench.login(Family.V4);
        Announcement announced = session.announce(DataMode.PASV)) {
      boolean letsGo = bench.agent.feature("expectations").equals("yes");
      bench.lab.firewall(
          Lab.Host.ROUTER,
          "table ip later { chain n { type nat hook postrouting priority 100; }; }");
      if (!letsGo) {
        Scenario.await(
            Duration.ofSeconds(10),
            () -> bench.agent.feature("expectations").startsWith("no"),
            bench.agent::log);
      }
      assertEquals(letsGo ? 1 : 0, bench.expected(Family.V4).size(), bench.agent.log());
      assertEquals("no difference\n", bench.agent.ctl("audit").orFail());
      assertEquals(letsGo, announced.isOpen());
    }
  }

  /**
   * Numbers are shifted once, and what cannot be expected has its mark. The rules that translate
   * come after the agent: a kernel that does not let go of a helper gives none from then on.
   */
  @ParameterizedTest
  @EnumSource(NatMode.class)
  void translatedParents_areRewritten_andOpenByTheMark(NatMode nat) {
    requireExpectations();
    try (NatScenario scenario = NatScenario.withAgent(nat, Family.V4, "backend: auto\n")) {
      for (DataMode mode : DataMode.values()) {
        if (!mode.fits(Family.V4)) {
          continue;
        }
        String host = mode.isPassive() ? Family.V4.server() : Family.V4.client();
        try (ScriptedSession session = scenario.login();
            Listener listener = scenario.listen(mode, host, 0)) {
          Endpoint to = scenario.announce(session, mode, host, listener);
          assertEquals(List.of(), Conntracks.expected(scenario.lab(), Family.V4));
          scenario.connect(session, mode, to, listener);
          // Numbers that were shifted twice would not come through.
          session.exchange("NOOP\r\n", "200 still here\r\n");
          scenario.transfer(session, mode);
        }
      }
      String reason =
          scenario.agent().feature("expectations").equals("yes") ? "translated" : "withdrawn";
      String counted = scenario.lab().metrics();
      assertTrue(
          Pattern.compile("without_expectation_total\\{reason=\"" + reason + "\",?} [1-9]")
              .matcher(counted)
              .find(),
          counted);
    }
  }

  @Test
  void conntrackAlone_whereTheKernelCannot_doesNotStart_andAutoSaysWhy() {
    try (Bench bench = new Bench(RouterFirewall.NFTABLES, "backend: auto\n")) {
      String can = bench.agent.feature("expectations");
      assumeTrue(!can.startsWith("yes"), "this kernel has expectations for pinholes");
      assertTrue(can.startsWith("no: "), can);
      bench.agent.stop();
      AssertionError refused =
          assertThrows(
              AssertionError.class, () -> AgentProcess.start(bench.lab, "backend: conntrack\n"));
      String said = String.valueOf(refused.getMessage());
      assertTrue(said.contains("backend: conntrack cannot be used: " + can.substring(4)), said);
    }
  }
}
