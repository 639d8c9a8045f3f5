package org.pinholed.agent.operate.doctor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.operate.doctor.DoctorProbe.Answer;

/** The lines are those of the doctor; what was put in is found by its comment. */
class FirewallRulesTest {
  private final FakeProbe probe = new FakeProbe();
  private final FirewallRules rules =
      new FirewallRules(probe, DoctorSettings.of(AgentConfig.DEFAULT));

  private void nft(String ruleset) {
    probe.nft = Answer.of(FakeProbe.resource(ruleset + ".json"));
  }

  @Test
  void look_ruleMissing_lineIsTheDoctorsWithAComment() {
    nft("noRule");
    FirewallRules.Look look = rules.look(null, false);
    assertEquals(
        List.of(
            "nft insert rule inet filter forward ct mark and 0x40000000 != 0 accept"
                + " comment \"pinholed\""),
        look.lines());
    assertEquals(Set.of(FrontEnd.NFTABLES), look.inForce());
    assertFalse(look.stands());
    assertFalse(look.lasting().isEmpty());
  }

  @Test
  void look_ruleByHand_stands() {
    nft("rule");
    FirewallRules.Look look = rules.look(null, false);
    assertTrue(look.stands(), look::toString);
    assertEquals(List.of(), look.lines());
  }

  @Test
  void look_frontEndThatIsNotThere_saysWhichAre() {
    nft("firewalld");
    FirewallRules.Look look = rules.look(FrontEnd.UFW, false);
    assertFalse(look.stands());
    assertEquals("no rules of ufw are here (in force: firewalld)", look.findings().get(0).text());
    assertFalse(rules.look(FrontEnd.FIREWALLD, false).lines().isEmpty());
  }

  @Test
  void look_unreadableRuleset_doesNotStand() {
    probe.nft = Answer.failed("not root");
    assertFalse(rules.look(null, true).stands());
  }

  @Test
  void removal_findsWhatWasPutIn_andTheScriptsRules_andNoOther() {
    probe.nft =
        Answer.of(
            "{\"nftables\":["
                + rule(3, "pinholed")
                + ","
                + rule(4, "mine")
                + ","
                + rule(5, "pinholed: children of pinholes, mark 0x40000000")
                + ","
                + rule(6, "kept by pinholed: children, mark 0x40000000")
                + "]}");
    assertEquals(
        List.of(
            "nft delete rule inet filter forward handle 3",
            "nft delete rule inet filter forward handle 5"),
        rules.removal());
  }

  private static String rule(int handle, String comment) {
    return "{\"rule\":{\"family\":\"inet\",\"table\":\"filter\",\"chain\":\"forward\",\"handle\":"
        + handle
        + ",\"comment\":\""
        + comment
        + "\",\"expr\":[]}}";
  }

  @Test
  void removal_ofIptables_comesFirst_withItsTable() {
    probe.iptables.add(
        Answer.of(
            """
            *mangle
            :FORWARD ACCEPT [0:0]
            -A FORWARD -m comment --comment pinholed -j ACCEPT
            COMMIT
            *filter
            :FORWARD DROP [0:0]
            -A FORWARD -p tcp -m tcp --dport 21 -m comment --comment pinholed -j ACCEPT
            -A FORWARD -p tcp -m tcp --dport 22 -m comment --comment pinholedx -j ACCEPT
            COMMIT
            """));
    assertEquals(
        List.of(
            "iptables -t mangle -D FORWARD -m comment --comment pinholed -j ACCEPT",
            "iptables -t filter -D FORWARD -p tcp -m tcp --dport 21 -m comment --comment pinholed"
                + " -j ACCEPT"),
        rules.removal());
  }

  @Test
  void withComment_standsBeforeTheTarget() {
    assertEquals(
        "ip6tables -I FORWARD 1 -p tcp --dport 21 -m comment --comment x -j ACCEPT",
        RuleAdvice.withComment("ip6tables -I FORWARD 1 -p tcp --dport 21 -j ACCEPT", "x"));
  }
}
