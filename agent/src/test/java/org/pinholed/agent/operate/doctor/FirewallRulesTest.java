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

  /** As Docker writes it: containers may connect to anywhere, and nothing else may. */
  private static final String DOCKER =
      """
      *nat
      :PREROUTING ACCEPT [0:0]
      COMMIT
      *filter
      :FORWARD DROP [0:0]
      :DOCKER-USER - [0:0]
      -A FORWARD -j DOCKER-USER
      -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
      -A FORWARD -i docker0 ! -o docker0 -j ACCEPT
      -A DOCKER-USER -j RETURN
      COMMIT
      """;

  @Test
  void look_controlPorts_areLetInFromAnywhere_alsoWhereSomePassAlready() {
    probe.devices.add("docker0");
    probe.iptables.add(Answer.of(DOCKER));
    assertEquals(
        List.of(
            "iptables -I DOCKER-USER 1 -p tcp --dport 21 -m conntrack --ctstate NEW -m comment"
                + " --comment pinholed -j ACCEPT",
            "iptables -I DOCKER-USER 1 -m conntrack --ctstate ESTABLISHED,RELATED -m comment"
                + " --comment pinholed -j ACCEPT",
            "iptables -I DOCKER-USER 1 -m connmark --mark 0x40000000/0x40000000 -m comment"
                + " --comment pinholed -j ACCEPT"),
        rules.look(null, true).lines());
    assertEquals(1, rules.look(null, false).lines().size(), "the ports are left to the firewall");
  }

  @Test
  void look_saysWhoKeepsTheRule() {
    probe.devices.add("docker0");
    probe.iptables.add(Answer.of(DOCKER));
    probe.ip6tables.add(Answer.of("*filter\n:FORWARD DROP [0:0]\nCOMMIT\n"));
    List<Finding> lasting = rules.look(null, true).lasting();
    assertEquals(
        List.of("ip6tables-save > /etc/iptables/rules.v6", "systemctl enable netfilter-persistent"),
        lasting.get(0).advice(),
        "not the rules of Docker's containers");
    assertEquals(
        List.of(
            "acceptRule: [{family: ip, table: filter, chain: DOCKER-USER},"
                + " {family: ip6, table: filter, chain: FORWARD}]"),
        lasting.get(lasting.size() - 1).advice());
  }

  @Test
  void look_tablesOfOneProgram_areNoneOfAnother() {
    probe.nft =
        Answer.of(
            "{\"nftables\":["
                + chain("ip", "nat", "PREROUTING", "prerouting")
                + ","
                + chain("bridge", "filter", "FORWARD", "forward")
                + "]}");
    probe.iptables.add(Answer.of(DOCKER.replace("DOCKER-USER", "shorewall")));
    FirewallRules.Look look = rules.look(null, false);
    assertEquals("iptables-nft, shorewall", look.inForceWords());
    assertEquals(
        "/etc/shorewall/started:   run_iptables -I FORWARD -m connmark --mark"
            + " 0x40000000/0x40000000 -j ACCEPT",
        look.lasting().get(0).advice().get(0));
  }

  private static String chain(String family, String table, String name, String hook) {
    return "{\"chain\":{\"family\":\""
        + family
        + "\",\"table\":\""
        + table
        + "\",\"name\":\""
        + name
        + "\",\"handle\":1,\"type\":\"filter\",\"hook\":\""
        + hook
        + "\",\"prio\":0,\"policy\":\"accept\"}}";
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
