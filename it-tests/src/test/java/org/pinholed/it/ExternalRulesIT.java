package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.it.lab.AgentProcess;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Links;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.NatScenario;
import org.pinholed.it.lab.RouterFirewall;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.SipCall;
import org.pinholed.it.lab.SipCall.Side;
import org.pinholed.it.lab.SipLine;
import org.pinholed.it.lab.SipRouter;
import org.pinholed.it.lab.SipRouter.Help;
import org.pinholed.it.lab.SipScenario;

/** {@code rules: external}: the operator's firewall gives control packets to the queue. */
class ExternalRulesIT {
  private static final String EXTERNAL = "rules: external\n";

  /** Says whether there is such a statement, and leaves nothing. */
  private static final String[] QUEUE_STATEMENT = {
    "nft", "-c", "add table inet t; add chain inet t c; add rule inet t c queue num 5 bypass"
  };

  /** Loads what {@code firewall diversion} prints for a kind of iptables, or for nftables. */
  private static void divert(Lab lab, AgentProcess agent, String kind) {
    if (kind.equals("nftables")) {
      lab.firewall(Lab.Host.ROUTER, agent.ctl("firewall", "diversion").orFail());
      return;
    }
    String rules = agent.ctl("firewall", "diversion", "--front-end", "iptables-" + kind).orFail();
    for (String tool : List.of("iptables", "ip6tables")) {
      lab.runWithInput(
              Lab.Host.ROUTER, Lab.SHORT, rules, tool + "-" + kind + "-restore", "--noflush")
          .orFail();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"nft", "legacy", "nftables"})
  void routed(String kind) {
    try (Scenario scenario = Scenario.start(EXTERNAL)) {
      CommandResult there =
          scenario
              .lab()
              .run(
                  Lab.Host.ROUTER,
                  Lab.SHORT,
                  kind.equals("nftables")
                      ? QUEUE_STATEMENT
                      : ("iptables-" + kind + " -t mangle -S FORWARD").split(" "));
      assumeTrue(there.succeeded(), () -> "this kernel has no such rules: " + there.output());
      assertFalse(scenario.opens(Family.V4), "nothing diverts yet");
      CommandResult missing = scenario.agent().ctl("doctor");
      assertEquals(1, missing.exitCode());
      assertTrue(missing.output().contains("fail  diversion"), missing::output);

      divert(scenario.lab(), scenario.agent(), kind);
      CommandResult found = scenario.agent().ctl("doctor");
      assertEquals(0, found.exitCode(), found::output);
      scenario.assertOpens();
      assertEquals(List.of(), scenario.agent().complaints());

      scenario.agent().kill();
      try (ScriptedSession session = scenario.login(Family.V4)) {
        session.exchange("NOOP\r\n", "200 still here\r\n"); // by --queue-bypass
      }
    }
  }

  /** The queue may get packets before their source is translated, so none of them is read. */
  @ParameterizedTest
  @EnumSource(
      value = NatMode.class,
      names = {"MASQUERADE", "DNAT"})
  void translated_passesUnread_andSaysWhy(NatMode nat) {
    try (NatScenario scenario =
            NatScenario.withAgent(
                Links.VETH,
                nat,
                Family.V4,
                lab -> {
                  RouterFirewall.NFTABLES.installWithAcceptRule(lab);
                  AgentProcess agent = AgentProcess.start(lab, EXTERNAL);
                  divert(lab, agent, "nft");
                  return agent;
                });
        ScriptedSession session = scenario.login()) {
      AgentProcess agent = scenario.agent();
      JsonNode opaque = agent.awaitEvent("opaque");
      assertEquals("externalRules", opaque.path("reason").asText());
      session.exchange("EPSV\r\n", "229 Entering Extended Passive Mode (|||40001|)\r\n");
      assertEquals(0, agent.json("expectations").size());
      assertEquals(
          List.of("externalRules"),
          StreamSupport.stream(agent.json("sessions", "--opaque").spliterator(), false)
              .map(row -> row.path("reason").asText())
              .toList());
      scenario.watch().assertNone();
    }
  }

  private static SipScenario sip(@Nullable NatMode nat) {
    SipScenario scenario =
        SipScenario.start(Links.VETH, nat, Family.V4, Help.AGENT, EXTERNAL + SipRouter.helpers(""));
    divert(scenario.lab(), scenario.agent(), "nft");
    return scenario;
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void sipCall_hasAudio(boolean overUdp) {
    try (SipScenario scenario = sip(null);
        SipLine line = scenario.line(overUdp);
        SipCall call = scenario.call(line).connect()) {
      call.assertAudio();
      call.hangUp(Side.CALLEE);
      scenario.awaitNoMedia();
      scenario.assertClean();
    }
  }

  /** The first datagram does not tell yet that its flow is going to be translated. */
  @Test
  void sipMasqueraded_whatTheFirstDatagramOpened_isShut() {
    try (SipScenario scenario = sip(NatMode.MASQUERADE);
        SipLine line = scenario.udp(0);
        SipCall call = scenario.call(line)) {
      line.say(true, call.build(Side.CALLER, "INVITE", call.audio(Side.CALLER).sdp()));
      JsonNode opaque = scenario.agent().awaitEvent("opaque");
      assertEquals("externalRules", opaque.path("reason").asText());
      Scenario.await(
          Duration.ofSeconds(10),
          () -> scenario.agent().json("expectations").isEmpty(),
          () -> scenario.agent().json("expectations").toString());
    }
  }
}
