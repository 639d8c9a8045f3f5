package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.it.lab.AgentProcess;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Links;
import org.pinholed.it.lab.Listener;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.NatScenario;
import org.pinholed.it.lab.RouterFirewall;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;

/**
 * Translated flows of which the agent keeps its hands off: each says why, in the listing, the event
 * log and the metrics, and nothing is rewritten by halves.
 */
class RefusedRewriteIT {
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  /** As many as the agent tries for one announcement. */
  private static final int PORTS_TRIED = 128;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "nft -f - table inet helpers { ct helper ftp4 { type \"ftp\" protocol tcp; l3proto ip; };"
            + " chain pre { type filter hook prerouting priority -160;"
            + " tcp dport 21 ct helper set ftp4; }; }",
        "iptables-nft -t raw -A PREROUTING -p tcp --dport 21 -j CT --helper ftp",
        "iptables-legacy -t raw -A PREROUTING -p tcp --dport 21 -j CT --helper ftp",
      })
  void kernelHelperOnTheSameFlow_isLeftToIt_andTheTransferWorks(String command) {
    try (NatScenario scenario =
            translating(
                lab -> {
                  RouterFirewall.loadRewriteOfKernelHelper(lab);
                  assign(lab, command);
                  onRouter(lab, "nft", "add rule inet filter forward ct state related accept");
                });
        ScriptedSession session = scenario.login()) {
      AgentProcess agent = scenario.agent();
      JsonNode opaque = agent.awaitEvent("opaque");
      assertEquals("kernelHelper", opaque.path("reason").asText());
      // The kernel alone rewrites and expects: twice would be wrong sequence numbers.
      scenario.transfer(session, DataMode.PORT);
      scenario.transfer(session, DataMode.EPRT);
      scenario.transfer(session, DataMode.PASV);
      assertEquals(List.of(), rows(agent, "expectations"));
      JsonNode row = rows(agent, "sessions", "--opaque").get(0);
      assertEquals("kernelHelper", row.path("reason").asText());
      assertTrue(row.path("explanation").asText().contains("kernel helper"), row::toString);
      awaitSample(
          scenario.lab(), "pinholed_opaque_total{helper=\"ftp\",reason=\"kernelHelper\",} 1.0");
      scenario.watch().assertNone();
      assertEquals(List.of(), agent.complaints());
    }
  }

  /** Such as conntrackd's: nobody knows what its program changes. */
  @Test
  void helperOfUserSpaceOnTheSameFlow_isLeftToIt_andNothingIsRewritten() {
    String rules =
        "table inet helpers { ct helper foreign { type \"foreign\" protocol tcp; l3proto ip; };"
            + " chain pre { type filter hook prerouting priority -160; tcp dport 21 ct helper set foreign; }; }";
    Consumer<Lab> withHelper =
        lab -> {
          String script = lab.resource("user_space_helper.py").toString();
          CommandResult made = lab.run(Lab.Host.ROUTER, PATIENCE, "python3", script, "foreign");
          assumeTrue(made.exitCode() != 3, "this kernel has no nfnetlink_cthelper");
          made.orFail();
          lab.firewall(Lab.Host.ROUTER, rules);
        };
    try (NatScenario scenario = translating(withHelper);
        ScriptedSession session = scenario.login()) {
      AgentProcess agent = scenario.agent();
      assertEquals("kernelHelper", agent.awaitEvent("opaque").path("reason").asText());
      String said = port("198,51,100,2", 40_000);
      assertEquals(said, session.heardByServer(said), "as it was said");
      session.reply("200 command successful.\r\n");
      assertEquals(List.of(), rows(agent, "expectations"));
      scenario.watch().assertNone();
      assertEquals(List.of(), agent.complaints());
    }
  }

  /** A connection has one place for a helper, and the agent's own table may come first. */
  @Test
  void kernelHelperThatComesTooLate_isNotAssigned_andTheAgentReads() {
    String late =
        "nft -f - table inet helpers { ct helper ftp4 { type \"ftp\" protocol tcp; l3proto ip; };"
            + " chain pre { type filter hook prerouting priority -140;"
            + " tcp dport 21 ct helper set ftp4; }; }";
    try (NatScenario scenario = translating(lab -> assign(lab, late));
        ScriptedSession session = scenario.login()) {
      AgentProcess agent = scenario.agent();
      scenario.transfer(session, DataMode.PORT);
      scenario.transfer(session, DataMode.PASV);
      agent.awaitEvent("matched");
      scenario.watch().assertNone();
      assertEquals(List.of(), agent.complaints());
    }
  }

  private static void assign(Lab lab, String command) {
    if (command.startsWith("nft -f - ")) {
      String rules = command.substring("nft -f - ".length());
      lab.runWithInput(Lab.Host.ROUTER, PATIENCE, rules, "nft", "-f", "-").orFail();
    } else {
      onRouter(lab, command.split(" "));
    }
  }

  @Test
  void allPortsThatAreTriedTaken_refused_untilOneIsFree() {
    int port = 40_000;
    try (NatScenario scenario = translating(lab -> {})) {
      AgentProcess agent = scenario.agent();
      List<ScriptedSession> holders = new ArrayList<>();
      for (int i = 0; i < PORTS_TRIED; i++) {
        ScriptedSession holder = scenario.login(Family.V4.client());
        holders.add(holder);
        assertEquals(
            port("203,0,113,1", port + i), holder.heardByServer(port("198,51,100,2", port + i)));
        holder.reply("200 command successful.\r\n");
      }
      try (ScriptedSession late = scenario.login(Family.V4.otherClient());
          Listener listener = scenario.listen(DataMode.PORT, Family.V4.otherClient(), port)) {
        late.exchange(port("198,51,100,3", port), "500 not your address\r\n");
        JsonNode refused = agent.awaitEvent("refused");
        assertEquals("noFreePort", refused.path("reason").asText());
        JsonNode row =
            rows(agent, "sessions").stream()
                // One of the holders may have the same port, at the other address.
                .filter(r -> r.path("client").path("port").asInt() == late.client().port())
                .filter(
                    r -> r.path("client").path("address").asText().equals(Family.V4.otherClient()))
                .findFirst()
                .orElseThrow();
        assertEquals("noFreePort", row.path("reason").asText());
        awaitSample(
            scenario.lab(), "pinholed_refused_total{helper=\"ftp\",reason=\"noFreePort\",} 1.0");

        int free = port + 77;
        holders.remove(77).close();
        Scenario.await(
            PATIENCE,
            () -> rows(agent, "expectations").size() == PORTS_TRIED - 1,
            () -> rows(agent, "expectations").toString());
        var to = scenario.announce(late, DataMode.PORT, Family.V4.otherClient(), listener);
        assertEquals(new Endpoint("203.0.113.1", free), to);
        scenario.connect(late, DataMode.PORT, to, listener);
      }
      scenario.watch().assertNone();
      assertEquals(List.of(), agent.complaints());
      holders.forEach(ScriptedSession::close);
    }
  }

  private static String port(String address, int port) {
    return "PORT " + address + "," + (port >> 8) + "," + (port & 255) + "\r\n";
  }

  private static NatScenario translating(Consumer<Lab> more) {
    return NatScenario.withAgent(
        Links.VETH,
        NatMode.MASQUERADE,
        Family.V4,
        lab -> {
          RouterFirewall.NFTABLES.installWithAcceptRule(lab);
          more.accept(lab);
          return AgentProcess.start(lab);
        });
  }

  private static List<JsonNode> rows(AgentProcess agent, String... command) {
    return StreamSupport.stream(agent.json(command).spliterator(), false).toList();
  }

  private static String onRouter(Lab lab, String... command) {
    return lab.run(Lab.Host.ROUTER, PATIENCE, command).orFail();
  }

  private static void awaitSample(Lab lab, String sample) {
    Scenario.await(PATIENCE, () -> lab.metrics().contains(sample), () -> lab.metrics());
  }
}
