package org.pinholed.agent.operate.doctor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.control.JsonFields;
import org.pinholed.agent.operate.doctor.DoctorProbe.Answer;
import org.pinholed.agent.operate.doctor.DoctorProbe.HoldingProcess;
import org.pinholed.agent.operate.doctor.DoctorProbe.QueueHolder;
import org.pinholed.helper.Transport;

/** The rulesets are what nft 1.0.6 and iptables 1.8.9 printed; the .nft files are their sources. */
class DoctorTest {
  private static final DoctorSettings SETTINGS =
      new DoctorSettings(
          MarkBits.DEFAULT,
          0,
          1,
          false,
          AgentConfig.Backend.NFTABLES,
          DoctorSettings.Diversion.DEFAULT,
          List.of(
              new HelperEntry(
                  1, "ftp", Transport.TCP, 21, true, Duration.ofSeconds(30), Map.of())));

  private final FakeProbe probe = new FakeProbe();

  @Nested
  class AcceptRule {
    @ParameterizedTest
    @ValueSource(
        strings = {
          "rule",
          "ruleInCalledChain",
          "ruleByMap",
          "ruleByNamedMap",
          "invertedRule",
          "staticPorts"
        })
    void isThere(String ruleset) {
      Finding finding = nft(ruleset);
      assertEquals(Finding.Level.OK, finding.level(), finding::toString);
    }

    @ParameterizedTest
    @CsvSource({
      "noRule, inet filter forward, policy drop",
      "ruleBehindReject, inet filter forward, inet filter forward handle",
      "wrongBit, inet filter forward, policy drop",
      "packetMark, inet filter forward, policy drop",
      "firewalld, inet firewalld filter_FORWARD, inet firewalld filter_FORWARD handle"
    })
    void isNotThere(String ruleset, String chain, String by) {
      Finding finding = nft(ruleset);
      assertEquals(Finding.Level.FAIL, finding.level(), finding::toString);
      assertTrue(finding.text().contains(by), finding::toString);
      assertEquals(
          List.of("nft insert rule " + chain + " ct mark and 0x40000000 != 0 accept"),
          finding.advice());
    }

    @Test
    void hasItsOwnRuleNamed() {
      Finding finding = nft("rule");
      assertTrue(
          finding.text().startsWith("nftables inet filter forward accepts children of pinholes:"),
          finding::toString);
    }

    @Test
    void asksForAnInterfaceToo_onlySomePass() {
      Finding finding = nft("ruleForOneInterface");
      assertEquals(Finding.Level.WARN, finding.level(), finding::toString);
      assertTrue(finding.text().contains("only some"), finding::toString);
    }

    @Test
    void asksForTheWholeMark_onlyThoseWithoutPolicyPass() {
      assertEquals(Finding.Level.WARN, nft("exactMark").level());
    }

    @Test
    void isInOneOfTwoChains_theOtherOneIsNamed() {
      List<Finding> findings = all("secondChainDrops");
      assertEquals(Finding.Level.OK, findings.get(0).level());
      assertEquals(Finding.Level.FAIL, findings.get(1).level());
      assertEquals(
          List.of("nft insert rule ip other guard ct mark and 0x40000000 != 0 accept"),
          findings.get(1).advice());
    }

    @Test
    void isThereForOneFamilyOnly() {
      List<Finding> findings = all("oneFamily");
      assertEquals(Finding.Level.OK, findings.get(0).level());
      assertEquals(Finding.Level.FAIL, findings.get(1).level());
      assertTrue(findings.get(1).text().contains("ip6 filter6 forward"), findings::toString);
      Finding inside = nft("oneFamilyInside");
      assertEquals(Finding.Level.FAIL, inside.level());
      assertTrue(inside.text().contains("(IPv6)"), inside::toString);
    }

    @Test
    void letsTheFirstPacketThroughAlone() {
      Finding finding = nft("firstPacketOnly");
      assertEquals(Finding.Level.FAIL, finding.level());
      assertEquals(
          List.of("nft insert rule inet filter forward ct state established,related accept"),
          finding.advice());
    }

    @Test
    void standsBehindABlocklist_goodAndSaid() {
      Finding finding = nft("blocklistBefore");
      assertEquals(Finding.Level.OK, finding.level());
      assertTrue(finding.text().contains("before it may drop"), finding::toString);
    }

    @Test
    void isNotNeededWhereNothingDrops() {
      assertEquals(
          "nothing here drops forwarded packets, so no accept rule is needed",
          named("acceptRule").get(0).text());
    }

    @Test
    void anotherChildBit_anotherRule() {
      DoctorSettings other =
          new DoctorSettings(
              new MarkBits(0x20000000, 0x40000000, 0x10000000, 0x04000000, 0x08000000, 0xffff),
              0,
              1,
              false,
              AgentConfig.Backend.NFTABLES,
              DoctorSettings.Diversion.DEFAULT,
              List.of());
      probe.nft = Answer.of(FakeProbe.resource("rule.json"));
      List<Finding> findings =
          Doctor.examine(probe, other).stream()
              .filter(finding -> finding.name().equals("acceptRule"))
              .toList();
      assertEquals(
          List.of("nft insert rule inet filter forward ct mark and 0x20000000 != 0 accept"),
          findings.get(0).advice());
    }

    @Test
    void isNotNeededWhereChildrenAreRelated_ifThatIsAccepted() {
      DoctorSettings related = with(AgentConfig.Backend.CONNTRACK);
      Map<String, Finding.Level> levels = new LinkedHashMap<>();
      List<String> advice = new ArrayList<>();
      for (String ruleset : List.of("noRule", "firstPacketOnly")) {
        probe.nft = Answer.of(FakeProbe.resource(ruleset + ".json"));
        Finding finding =
            Doctor.examine(probe, related).stream()
                .filter(each -> each.name().equals("acceptRule"))
                .findFirst()
                .orElseThrow();
        levels.put(ruleset, finding.level());
        advice.addAll(finding.advice());
      }
      assertEquals(Finding.Level.OK, levels.get("noRule"), levels::toString);
      assertEquals(Finding.Level.FAIL, levels.get("firstPacketOnly"), levels::toString);
      assertFalse(advice.toString().contains("mark"), advice::toString);
    }

    @Test
    void pathsWithoutEnd_areGivenUp() {
      Finding finding = nft("manyPaths");
      assertEquals(Finding.Level.WARN, finding.level());
      assertTrue(finding.text().contains("too long"), finding::toString);
    }

    private Finding nft(String ruleset) {
      return all(ruleset).get(0);
    }

    private List<Finding> all(String ruleset) {
      probe.nft = Answer.of(FakeProbe.resource(ruleset + ".json"));
      return named("acceptRule");
    }
  }

  /** Rulesets with what is true of them: each was loaded on a router, with a server and clients. */
  @Nested
  class Truths {
    @ParameterizedTest
    @CsvSource(
        delimiter = '|',
        value = {
          // all passive transfers to a range of ports fail
          "shadowPart | acceptRule | FAIL | ports 40000-50000",
          // all transfers fail
          "preroutingDrop | acceptRule | FAIL | inet filter pre (IPv4), in prerouting",
          "postroutingDrop | acceptRule | FAIL | inet filter post (IPv4), in postrouting",
          "rawDropHighPorts | acceptRule | FAIL | belongs in forward",
          "markOverwrittenAlways | acceptRule | FAIL | overwritten by inet filter pre handle",
          "missingDevice | acceptRule | FAIL | policy drop",
          // nothing is read
          "notrackControl | controlPort | FAIL | kept from the connection tracking",
          "noControlPort | controlPort | FAIL | drops control connections of ftp to TCP port 21",
        })
    void brokenFirewall_isNotGood(String ruleset, String name, Finding.Level level, String says) {
      probe.nft = Answer.of(FakeProbe.resource(ruleset + ".json"));
      List<Finding> bad =
          Doctor.examine(probe, SETTINGS).stream()
              .filter(finding -> finding.level() == level && finding.name().equals(name))
              .toList();
      assertFalse(bad.isEmpty(), () -> Doctor.examine(probe, SETTINGS).toString());
      assertTrue(bad.get(0).text().contains(says), bad::toString);
    }

    /** The mark goes to the packet and back: all work. */
    @Test
    void markThatIsSavedAndRestored_isKept() {
      probe.nft = Answer.of(FakeProbe.resource("markRestored.json"));
      List<Finding> findings = Doctor.examine(probe, SETTINGS);
      assertTrue(
          findings.stream()
              .filter(finding -> !finding.name().equals("agent"))
              .noneMatch(
                  finding ->
                      finding.level() == Finding.Level.FAIL
                          || finding.level() == Finding.Level.WARN),
          findings::toString);
    }

    /** The usual lines for policy routing: what has a mark keeps it, what has none gets one. */
    @Test
    void marksOfPolicyRouting_areKept() {
      probe.iptables.add(
          Answer.of(
              """
              *mangle
              :PREROUTING ACCEPT [0:0]
              -A PREROUTING -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff
              -A PREROUTING -m mark ! --mark 0x0 -j ACCEPT
              -A PREROUTING -j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff
              COMMIT
              *filter
              :FORWARD DROP [0:0]
              -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
              -A FORWARD -m connmark --mark 0x40000000/0x40000000 -j ACCEPT
              COMMIT
              """));
      assertEquals(Finding.Level.OK, named("acceptRule").get(0).level());
      assertEquals(List.of(), named("markKept"));
    }

    /** A rule that compares all of the agent's bits leaves out children that are read. */
    @Test
    void ruleOnAllStateBits_isNotForChildrenThatAreRead() {
      probe.iptables.add(
          Answer.of(
              """
              *filter
              :FORWARD DROP [0:0]
              -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
              -A FORWARD -m connmark --mark 0x40000000/0x7c000000 -j ACCEPT
              COMMIT
              """));
      assertEquals(Finding.Level.WARN, named("acceptRule").get(0).level());
      assertTrue(named("marks").get(0).text().contains("0x08000000 child that is read"));
    }

    @Test
    void controlPort_lineToType() {
      probe.nft = Answer.of(FakeProbe.resource("noControlPort.json"));
      assertEquals(
          List.of("nft insert rule inet filter forward tcp dport 21 ct state new accept"),
          named("controlPort").get(0).advice());
    }

    @Test
    void controlPort_forSomeClientsOnly_isWhatAFirewallIsFor() {
      probe.iptables.add(
          Answer.of(
              """
              *filter
              :FORWARD DROP [0:0]
              -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
              -A FORWARD -s 198.51.100.0/24 -p tcp -m tcp --dport 21 -j ACCEPT
              COMMIT
              """));
      assertEquals(Finding.Level.OK, named("controlPort").get(0).level());
    }

    @Test
    void controlPort_translatedToAnother_isNotMissed() {
      probe.iptables.add(
          Answer.of(
              """
              *nat
              :PREROUTING ACCEPT [0:0]
              -A PREROUTING -d 203.0.113.1/32 -p tcp -m tcp --dport 21 -j DNAT --to-destination 192.0.2.9:2121
              COMMIT
              *filter
              :FORWARD DROP [0:0]
              -A FORWARD -p tcp -m tcp --dport 2121 -j ACCEPT
              COMMIT
              """));
      assertEquals(Finding.Level.OK, named("controlPort").get(0).level());
    }

    @Test
    void controlPort_answersAreDropped_withALineToType() {
      probe.iptables.add(
          Answer.of(
              """
              *filter
              :FORWARD DROP [0:0]
              -A FORWARD -p tcp -m tcp --dport 21 -j ACCEPT
              -A FORWARD -m connmark --mark 0x40000000/0x40000000 -j ACCEPT
              COMMIT
              """));
      Finding finding = named("controlPort").get(0);
      assertEquals(Finding.Level.FAIL, finding.level());
      assertTrue(finding.text().contains("drops the answers of control"), finding::toString);
      assertEquals(
          List.of("iptables -I FORWARD 1 -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"),
          finding.advice());
    }

    @ParameterizedTest
    @CsvSource(
        delimiter = '|',
        value = {
          "-p tcp -m tcp --dport 21 -j CT --notrack | FAIL",
          "-p tcp -m tcp --sport 21 -j CT --notrack | FAIL",
          "-i eth0 -p tcp -m tcp --dport 21 -j NOTRACK | WARN",
          "-p tcp -m tcp --sport 20 -j NOTRACK | OK",
          "-p tcp -m tcp --dport 21 --tcp-flags FIN,SYN,RST,ACK SYN -j DROP | FAIL",
          "-p tcp -m tcp --dport 21 --tcp-flags SYN,ACK SYN,ACK -j DROP | OK",
          "-p tcp -m tcp --sport 21 --tcp-flags SYN,ACK SYN,ACK -j DROP | FAIL",
          "-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j DROP | FAIL",
          "-p tcp -m tcp --tcp-flags FIN,SYN FIN,SYN -j DROP | OK",
          "-p tcp -m tcp --tcp-flags ALL NONE -j DROP | OK"
        })
    void controlPort_beforeTheConnectionTracking(String rule, Finding.Level level) {
      probe.iptables.add(raw(rule));
      assertEquals(level, named("controlPort").get(0).level());
    }

    /** A chain at one of several devices stops only what comes by it. */
    @ParameterizedTest
    @CsvSource({"'\"eth0\"', WARN", "'[\"eth0\", \"eth1\"]', FAIL"})
    void ingress_isAWayToo(String devices, Finding.Level level) {
      probe.nft =
          Answer.of(
              """
              {"nftables": [{"table": {"family": "netdev", "name": "in", "handle": 1}},
              {"chain": {"family": "netdev", "table": "in", "name": "all", "handle": 1,
               "dev": DEVICES, "type": "filter", "hook": "ingress", "prio": 0, "policy": "accept"}},
              {"rule": {"family": "netdev", "table": "in", "chain": "all", "handle": 2, "expr": [
               {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}},
                "right": {"range": [21, 65535]}}}, {"drop": null}]}}]}
              """
                  .replace("DEVICES", devices));
      for (String name : List.of("controlPort", "acceptRule")) {
        List<Finding> bad =
            named(name).stream().filter(f -> f.level() != Finding.Level.OK).toList();
        assertFalse(bad.isEmpty());
        assertTrue(bad.stream().allMatch(f -> f.level() == level), bad::toString);
      }
      assertEquals(List.of(), named("acceptRule").get(0).advice(), "it sees no mark");
    }

    @Test
    void untrackedDataConnections_areNotMarked() {
      probe.iptables.add(
          Answer.of(
              """
              *raw
              :PREROUTING ACCEPT [0:0]
              -A PREROUTING -p tcp -m tcp --dport 1024:65535 -j CT --notrack
              COMMIT
              *filter
              :FORWARD DROP [0:0]
              -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
              -A FORWARD -m connmark ! --mark 0x0/0x40000000 -j ACCEPT
              COMMIT
              """));
      Finding finding = named("acceptRule").get(0);
      assertEquals(Finding.Level.FAIL, finding.level());
      assertTrue(finding.text().contains("kept from the connection tracking"), finding::toString);
      assertEquals(List.of(), finding.advice());
    }

    @ParameterizedTest
    @CsvSource({
      "5900, WARN, port 5900 before",
      "5900:5999, WARN, ports 5900-5999",
      "30000:31000, FAIL, ports 30000-31000"
    })
    void portsDroppedBeforeTheRule_byTheirNumber(String ports, Finding.Level level, String says) {
      probe.iptables.add(
          Answer.of(
              """
              *filter
              :FORWARD DROP [0:0]
              -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
              -A FORWARD -p tcp -m tcp --dport PORTS -j DROP
              -A FORWARD -m connmark --mark 0x40000000/0x40000000 -j ACCEPT
              COMMIT
              """
                  .replace("PORTS", ports)));
      Finding finding = named("acceptRule").get(0);
      assertEquals(level, finding.level(), finding::toString);
      assertTrue(finding.text().contains(says), finding::toString);
    }

    private List<Finding> controlPortOverUdp() {
      DoctorSettings settings =
          new DoctorSettings(
              MarkBits.DEFAULT,
              0,
              1,
              false,
              AgentConfig.Backend.NFTABLES,
              DoctorSettings.Diversion.DEFAULT,
              List.of(new HelperEntry(2, "voip", Transport.UDP, 5060, true, null, Map.of())));
      return Doctor.examine(probe, settings).stream()
          .filter(finding -> finding.name().equals("controlPort"))
          .toList();
    }

    @Test
    void controlPortOverUdp_isDropped_withALineToType() {
      probe.nft = Answer.of(FakeProbe.resource("noControlPort.json"));
      Finding finding = controlPortOverUdp().get(0);
      assertEquals(Finding.Level.FAIL, finding.level());
      assertTrue(
          finding.text().contains("drops datagrams of voip to UDP port 5060"), finding::toString);
      assertEquals(
          List.of("nft insert rule inet filter forward udp dport 5060 ct state new accept"),
          finding.advice());
    }

    @ParameterizedTest
    @CsvSource(
        delimiter = '|',
        value = {
          "-p udp -m udp --dport 5060 | OK",
          "-p udp -m multiport --dports 5060,5062 | OK",
          "-p 17 -m udp --dport 5060 | OK",
          "-p all | OK",
          "-p udp -m udp --dport 5061 | FAIL",
          "-p tcp -m tcp --dport 5060 | FAIL",
          "-p tcp | FAIL"
        })
    void controlPortOverUdp_behindIptables(String asks, Finding.Level level) {
      probe.iptables.add(
          Answer.of(
              """
              *filter
              :FORWARD DROP [0:0]
              -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
              -A FORWARD RULE -j ACCEPT
              COMMIT
              """
                  .replace("RULE", asks)));
      assertEquals(level, controlPortOverUdp().get(0).level());
    }

    @ParameterizedTest
    @CsvSource({"udp, OK", "th, OK", "tcp, FAIL", "sctp, FAIL"})
    void controlPortOverUdp_behindNftables(String protocol, Finding.Level level) {
      String port =
          "{\"match\": {\"op\": \"==\", \"left\": {\"payload\": {\"protocol\": \"%s\","
              + " \"field\": \"dport\"}}, \"right\": 5060}}";
      probe.nft =
          Answer.of(
              FakeProbe.resource("noControlPort.json")
                  .replace(
                      "{\"match\": {\"op\": \"==\", \"left\": {\"meta\": {\"key\": \"l4proto\"}},"
                          + " \"right\": {\"set\": [\"icmp\", \"ipv6-icmp\"]}}}",
                      port.formatted(protocol)));
      assertEquals(level, controlPortOverUdp().get(0).level());
    }

    @Test
    void controlPortOverUdp_untracked_isSaid() {
      probe.iptables.add(
          Answer.of(
              """
              *raw
              :PREROUTING ACCEPT [0:0]
              -A PREROUTING -p udp -m udp --dport 5060 -j CT --notrack
              COMMIT
              """));
      Finding finding = controlPortOverUdp().get(0);
      assertEquals(Finding.Level.FAIL, finding.level());
      assertTrue(finding.text().startsWith("datagrams to UDP port 5060"), finding::toString);
    }

    @Test
    void controlPort_untrackedByIptables_isSaid() {
      probe.ip6tables.add(
          Answer.of(
              """
              *raw
              :PREROUTING ACCEPT [0:0]
              -A PREROUTING -p tcp -m tcp --dport 21 -j CT --notrack
              COMMIT
              """));
      Finding finding = named("controlPort").get(0);
      assertEquals(Finding.Level.FAIL, finding.level());
      assertTrue(finding.text().contains("connection tracking"), finding::toString);
    }

    @ParameterizedTest
    @CsvSource({"eth0, WARN", "eth+, WARN", "wg0, FAIL", "wg+, FAIL", "lo, FAIL"})
    void acceptRule_ofADevice(String device, Finding.Level level) {
      probe.iptables.add(
          Answer.of(
              """
              *filter
              :FORWARD DROP [0:0]
              -A FORWARD -i %s -m connmark --mark 0x40000000/0x40000000 -j ACCEPT
              -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
              COMMIT
              """
                  .formatted(device)));
      assertEquals(level, named("acceptRule").get(0).level());
    }
  }

  @Nested
  class Iptables {
    @Test
    void rule_inACalledChain() {
      probe.iptables.add(Answer.of(FakeProbe.resource("rule.iptables")));
      Finding finding = named("acceptRule").get(0);
      assertEquals(Finding.Level.OK, finding.level(), finding::toString);
      assertTrue(
          finding.text().endsWith("-A PIN -m connmark ! --mark 0x0/0x40000000 -j ACCEPT"),
          finding::toString);
    }

    @Test
    void noRule_lineToType() {
      probe.ip6tables.add(Answer.of(FakeProbe.resource("noRule.iptables")));
      Finding finding = named("acceptRule").get(0);
      assertEquals(Finding.Level.FAIL, finding.level());
      assertEquals(
          List.of("ip6tables -I FORWARD 1 -m connmark --mark 0x40000000/0x40000000 -j ACCEPT"),
          finding.advice());
    }

    /** Two kinds of tables that know nothing of each other: each has its own tool. */
    @Test
    void noRule_inLegacyTables_lineOfTheLegacyTool() {
      probe.legacy.add(Answer.of(FakeProbe.resource("noRule.iptables")));
      Finding finding = named("acceptRule").get(0);
      assertEquals(Finding.Level.FAIL, finding.level());
      assertEquals(
          List.of(
              "iptables-legacy -I FORWARD 1 -m connmark --mark 0x40000000/0x40000000 -j ACCEPT"),
          finding.advice());
      assertEquals(
          List.of(
              "iptables-legacy-save > /etc/iptables/rules-legacy.v4",
              "iptables-legacy-restore < /etc/iptables/rules-legacy.v4   # at each boot, by a unit"
                  + " of yours"),
          named("lasting").get(0).advice());
    }

    @Test
    void tableOfNft_besidesALegacyTableOfItsName_isJudgedToo() {
      probe.legacy.add(Answer.of("*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n"));
      probe.nft =
          Answer.of(
              """
              {"nftables": [{"table": {"family": "ip", "name": "filter", "handle": 1}},
              {"chain": {"family": "ip", "table": "filter", "name": "FORWARD", "handle": 1,
               "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}}]}
              """);
      assertEquals(Finding.Level.FAIL, named("acceptRule").get(0).level());
    }

    @Test
    void noRule_besideDocker_lineForItsOwnChain() {
      probe.iptables.add(
          Answer.of(
              """
              *filter
              :FORWARD DROP [0:0]
              :DOCKER-USER - [0:0]
              -A FORWARD -j DOCKER-USER
              -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
              COMMIT
              """));
      assertEquals(
          List.of("iptables -I DOCKER-USER 1 -m connmark --mark 0x40000000/0x40000000 -j ACCEPT"),
          named("acceptRule").get(0).advice());
    }

    @Test
    void packetMark_isNoConntrackMark() {
      probe.iptables.add(
          Answer.of(
              """
              *filter
              :FORWARD DROP [0:0]
              -A FORWARD -m mark --mark 0x40000000/0x40000000 -j ACCEPT
              COMMIT
              """));
      assertEquals(Finding.Level.FAIL, named("acceptRule").get(0).level());
    }

    @Test
    void markOverwritten_onlyByWhatMayMeetAChild() {
      probe.iptables.add(
          Answer.of(
              """
              *mangle
              :PREROUTING ACCEPT [0:0]
              :FORWARD ACCEPT [0:0]
              -A PREROUTING -i eth0 -j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff
              -A PREROUTING -p tcp -m tcp --dport 21 -j CONNMARK --set-xmark 0x19/0xffffffff
              -A FORWARD -j CONNMARK --set-xmark 0x19/0xffff
              COMMIT
              """));
      List<Finding> findings = named("markKept");
      assertEquals(1, findings.size());
      assertTrue(findings.get(0).text().contains("--save-mark"), findings::toString);
      assertFalse(findings.get(0).text().contains("0x19/0xffff "), findings::toString);
      assertFalse(findings.get(0).text().contains("--dport 21"), findings::toString);
    }

    @Test
    void kernelHelper_found() {
      probe.iptables.add(Answer.of(FakeProbe.resource("rule.iptables")));
      Finding finding = named("kernelHelper").get(0);
      assertEquals(Finding.Level.WARN, finding.level());
      assertEquals(1, finding.advice().size());
      assertTrue(
          finding.advice().get(0).matches("iptables( -t raw)? -D [A-Z]+ .*-j CT --helper ftp"),
          finding::toString);
    }

    @Test
    void tablesOfIptablesNft_areJudgedOnce() {
      probe.iptables.add(Answer.of(FakeProbe.resource("rule.iptables")));
      // what nft says of the same table: matches of xtables that it cannot read
      probe.nft =
          Answer.of(
              """
              {"nftables": [{"table": {"family": "ip", "name": "filter", "handle": 1}},
              {"chain": {"family": "ip", "table": "filter", "name": "FORWARD", "handle": 1,
               "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}},
              {"rule": {"family": "ip", "table": "filter", "chain": "FORWARD", "handle": 2,
               "expr": [{"xt": {"type": "match", "name": "connmark"}}, {"accept": null}]}}]}
              """);
      assertEquals(
          List.of(Finding.Level.OK), named("acceptRule").stream().map(Finding::level).toList());
    }

    @Test
    void ufw_linesForItsFiles() {
      probe.iptables.add(Answer.of(FakeProbe.resource("ufw.iptables")));
      assertEquals(Finding.Level.FAIL, named("acceptRule").get(0).level());
      assertEquals(
          "/etc/ufw/before.rules:   -A ufw-before-forward"
              + " -m connmark --mark 0x40000000/0x40000000 -j ACCEPT",
          named("ufw").get(0).advice().get(0));
    }

    @Test
    void garbage_isNoFirewall() {
      probe.iptables.add(Answer.of("*\n:\n-A\n-A X\n*filter\n:FORWARD\n-A FORWARD -m\n-A F -j\n!"));
      assertEquals(Finding.Level.OK, named("acceptRule").get(0).level());
    }
  }

  @Nested
  class Nftables {
    @Test
    void firewalld_itsOwnAdvice() {
      probe.nft = Answer.of(FakeProbe.resource("firewalld.json"));
      assertTrue(named("firewalld").get(0).text().contains("NftablesTableOwner"));
      assertEquals(
          List.of("acceptRule: {family: inet, table: firewalld, chain: filter_FORWARD}"),
          named("lasting").get(0).advice());
    }

    /** It accepts whatever it has translated, and has no rule that translates. */
    @Test
    void firewalldWithoutAPolicyForThem_dropsControlConnections() {
      probe.nft = Answer.of(FakeProbe.resource("firewalld.json"));
      Finding finding = named("controlPort").get(0);
      assertEquals(Finding.Level.FAIL, finding.level(), finding::toString);
      assertEquals(
          List.of("nft insert rule inet firewalld filter_FORWARD tcp dport 21 ct state new accept"),
          finding.advice());
    }

    @Test
    void whatIsTranslated_mayBeAccepted() {
      probe.nft =
          Answer.of(
              FakeProbe.resource("firewalld.json")
                  .replaceFirst(
                      "]}$",
                      """
                      ,{"chain":{"family":"ip","table":"n","name":"p","handle":1,
                      "type":"nat","hook":"prerouting","prio":-100,"policy":"accept"}},
                      {"rule":{"family":"ip","table":"n","chain":"p","handle":2,"expr":[
                      {"dnat":{"addr":"192.0.2.1"}}]}}]}"""));
      assertTrue(
          named("controlPort").stream().noneMatch(finding -> finding.text().contains("IPv4")),
          () -> named("controlPort").toString());
      assertTrue(
          named("controlPort").stream().anyMatch(finding -> finding.text().contains("IPv6")),
          () -> named("controlPort").toString());
    }

    @Test
    void markOverwritten_onlyByWhatMayMeetAChild() {
      probe.nft = Answer.of(FakeProbe.resource("markOverwritten.json"));
      List<Finding> findings = named("markKept");
      assertEquals(1, findings.size());
      assertTrue(
          findings.get(0).text().contains("inet policies forward handle 2"), findings::toString);
      assertFalse(findings.get(0).text().contains("handle 3"), findings::toString);
      assertFalse(findings.get(0).text().contains("handle 4"), findings::toString);
    }

    @Test
    void kernelHelper_found() {
      probe.nft = Answer.of(FakeProbe.resource("kernelHelper.json"));
      Finding finding = named("kernelHelper").get(0);
      assertEquals(Finding.Level.WARN, finding.level());
      assertTrue(finding.text().contains("helper ftp"), finding::toString);
      assertTrue(
          finding.advice().get(0).matches("nft delete rule inet \\w+ \\w+ handle \\d+"),
          finding::toString);
    }

    @Test
    void ruleset_thatCannotBeRead() {
      probe.nft = Answer.failed("there is no nft");
      assertEquals(Finding.Level.FAIL, named("acceptRule").get(0).level());
      probe.nft = Answer.of("{");
      assertEquals(Finding.Level.FAIL, named("acceptRule").get(0).level());
      probe.nft = Answer.of("[]");
      assertEquals(Finding.Level.FAIL, named("acceptRule").get(0).level());
    }

    @Test
    void ownTable_missingWhileTheAgentRuns() {
      probe.status = status();
      assertEquals(Finding.Level.FAIL, named("table").get(0).level());
    }

    @Test
    void ownTable_leftBehind() {
      probe.nft =
          Answer.of(
              "{\"nftables\": [{\"table\": {\"family\": \"inet\", \"name\": \"pinholed\"}}]}");
      assertEquals(Finding.Level.INFO, named("table").get(0).level());
      probe.status = status();
      assertEquals(Finding.Level.OK, named("table").get(0).level());
    }
  }

  @Nested
  class Queue {
    @Test
    void heldByAnother() {
      probe.queues.add(holder(0, 77, "suricata"));
      Finding finding = named("queue").get(0);
      assertEquals(Finding.Level.FAIL, finding.level());
      assertTrue(finding.text().contains("process 77 (suricata)"), finding::toString);
      probe.status = status();
      assertEquals(Finding.Level.FAIL, named("queue").get(0).level());
    }

    @Test
    void heldByTheAgent() {
      probe.status = status();
      probe.queues.add(holder(0, 4711, "java"));
      assertEquals(Finding.Level.OK, named("queue").get(0).level());
    }

    /** Under our own unit: systemd has the socket too, and its number comes first. */
    @Test
    void heldByTheAgentAndItsServiceManager() {
      probe.queues.add(
          new QueueHolder(
              0, List.of(new HoldingProcess(1, "systemd"), new HoldingProcess(4711, "java"))));
      probe.status = status();
      assertEquals(Finding.Level.OK, named("queue").get(0).level());
      probe.status = null;
      Finding another = named("queue").get(0);
      assertEquals(Finding.Level.FAIL, another.level());
      assertTrue(another.text().contains("process 1 (systemd), process 4711 (java)"));
    }

    /** Nothing that is typed here may take the queues away from it. */
    @Test
    void heldByAnAgentThatDoesNotAnswer_noAdviceAgainstIt() {
      probe.queues.add(
          new QueueHolder(
              0, List.of(new HoldingProcess(1, "systemd"), new HoldingProcess(4711, "pinholed"))));
      Finding finding = named("queue").get(0);
      assertEquals(Finding.Level.FAIL, finding.level());
      assertTrue(finding.text().contains("process 4711 (pinholed)"), finding::toString);
      assertEquals(List.of(), finding.advice());
    }

    @Test
    void keptByTheServiceManager_isForTheNextAgent() {
      probe.queues.add(holder(0, 1, "systemd"));
      Finding finding = named("queue").get(0);
      assertEquals(Finding.Level.INFO, finding.level());
      assertEquals(List.of(), finding.advice());
    }

    @Test
    void eachOfSeveral() {
      DoctorSettings three =
          new DoctorSettings(
              MarkBits.DEFAULT,
              2,
              3,
              false,
              AgentConfig.Backend.NFTABLES,
              DoctorSettings.Diversion.DEFAULT,
              List.of());
      probe.queues.add(holder(4, 77, "suricata"));
      List<String> words =
          Doctor.examine(probe, three).stream()
              .filter(finding -> finding.name().equals("queue"))
              .map(finding -> finding.level() + " " + finding.text().substring(0, 7))
              .toList();
      assertEquals(List.of("OK queue 2", "OK queue 3", "FAIL queue 4"), words);
    }

    @Test
    void another_isNoMatter() {
      probe.queues.add(holder(3, 77, "suricata"));
      assertEquals("queue 0 is free", named("queue").get(0).text());
    }

    @Test
    void notOpenWhileTheAgentRuns() {
      probe.status = status();
      assertEquals(Finding.Level.FAIL, named("queue").get(0).level());
      probe.sharesNetwork = false;
      assertEquals(Finding.Level.OK, named("queue").get(0).level());
      assertEquals(Finding.Level.WARN, named("agent").get(0).level());
    }
  }

  /** What the control socket says, as the doctor reads it. */
  @Test
  void configurationOfTheRunningAgent_isReadBack() {
    JsonFields config =
        new JsonFields()
            .with("backend", "nftables")
            .with("rules", "external")
            .with("fail", new JsonFields().with("agentDown", "drop"))
            .with("asymmetricRouting", true)
            .with("queues", new JsonFields().with("first", 7L).with("workers", 3L))
            .with(
                "marks",
                new JsonFields()
                    .with("child", 0x80000000L)
                    .with("vetted", 0x20000000L)
                    .with("opaque", 0x10000000L)
                    .with("proven", 0x04000000L)
                    .with("read", 0x08000000L)
                    .with("policyMask", 0xffL))
            .with(
                "helpers",
                List.of(
                    new JsonFields()
                        .with("id", 1L)
                        .with("name", "sip")
                        .with("protocol", "udp")
                        .with("port", 5070L)
                        .with("enabled", true),
                    new JsonFields().with("id", 2L).with("name", "ftp").with("enabled", false)));
    DoctorSettings settings = DoctorSettings.of(config);
    assertEquals(0x80000000, settings.marks().child());
    assertEquals(0xff, settings.marks().policyMask());
    assertEquals(7, settings.queue());
    assertEquals(3, settings.queues());
    assertTrue(settings.asymmetricRouting());
    assertTrue(settings.usesNftables());
    assertEquals(new DoctorSettings.Diversion(true, false), settings.diversion());
    assertEquals(
        List.of("sip UDP 5070"),
        settings.helpers().stream()
            .map(helper -> helper.name() + " " + helper.transport() + " " + helper.port())
            .toList());
    assertTrue(settings.isLike(DoctorSettings.of(config)));
    assertFalse(settings.isLike(SETTINGS));
  }

  @Test
  void privileges_missing() {
    probe.ownCapabilities = 0;
    assertEquals(Finding.Level.FAIL, named("privileges").get(0).level());
    probe.queues.add(new QueueHolder(0, List.of()));
    assertEquals("queue 0 is held; by whom can be seen by root alone", queue().text());
    probe.seesQueues = false;
    assertEquals(Finding.Level.INFO, queue().level());
    assertFalse(queue().text().contains("free"), queue()::toString);
    probe.seesQueues = true;
    probe.features.put("nftables", "missing: errno 1 (EPERM)");
    assertEquals(List.of(), named("nftables"), "nothing was tried");
    probe.ownCapabilities = 1 << 12;
    assertEquals(Finding.Level.OK, named("privileges").get(0).level());
  }

  @Test
  void agent_silent_fails() {
    Finding finding = named("agent").get(0);
    assertEquals(Finding.Level.FAIL, finding.level());
    assertEquals("it does not answer: there is no control socket", finding.text());
    assertFalse(Doctor.isHealthy(Doctor.examine(probe, SETTINGS)));
  }

  @Test
  void anotherGateway_isWarnedOf_byWhatTheAgentCounted() {
    probe.status = status();
    probe.counters.with("refused.sip.portBelow1024", 7L).with("refused.sip.anotherAlg", 0L);
    assertEquals(List.of(), named("otherAlg"));
    probe
        .counters
        .with("refused.sip.anotherAlg", 3L)
        .with("malformed.sip.contentLengthBeyondEnd", 2L);
    Finding finding = named("otherAlg").get(0);
    assertEquals(Finding.Level.WARN, finding.level());
    assertTrue(finding.text().contains("3 messages had the outside address"), finding::toString);
    assertTrue(finding.text().contains("2 messages were shorter"), finding::toString);
    probe.status = null;
    assertEquals(List.of(), named("otherAlg"));
  }

  @Test
  void tableNotWatched_isSaidWithTheReason() {
    probe.status = status();
    assertEquals(List.of(), named("tableWatch"));
    probe.status = status().with("tableWatchProblem", "open netlink socket: errno 24 (EMFILE)");
    Finding finding = named("tableWatch").get(0);
    assertEquals(Finding.Level.WARN, finding.level());
    assertTrue(finding.text().contains("errno 24 (EMFILE)"), finding::toString);
  }

  @Test
  void features_missingOneFails() {
    probe.features.put("nftQueue", "no: the xtables target NFQUEUE is used instead");
    assertEquals(Finding.Level.INFO, named("nftQueue").get(0).level());
    probe.status = status();
    probe.queues.add(holder(0, 4711, "java"));
    probe.nft =
        Answer.of("{\"nftables\": [{\"table\": {\"family\": \"inet\", \"name\": \"pinholed\"}}]}");
    assertTrue(Doctor.isHealthy(Doctor.examine(probe, SETTINGS)));
    probe.features.put("nftables", "missing: pinholes cannot be opened");
    assertEquals(Finding.Level.FAIL, named("nftables").get(0).level());
    assertEquals("pinholes cannot be opened", named("nftables").get(0).text());
    assertFalse(Doctor.isHealthy(Doctor.examine(probe, SETTINGS)));
  }

  @ParameterizedTest
  @CsvSource({
    "CONNTRACK, yes, OK",
    "AUTO, yes, OK",
    "AUTO, 'yes, as long as nobody translates addresses', OK",
    "AUTO, no: no module, INFO",
    "CONNTRACK, no: no module, FAIL",
  })
  void expectationsOfTheKernel_areNeededWhereAllPinholesHaveOne(
      AgentConfig.Backend backend, String found, Finding.Level level) {
    probe.expectations = found;
    Finding finding =
        Doctor.examine(probe, with(backend)).stream()
            .filter(each -> each.name().equals("expectations"))
            .findFirst()
            .orElseThrow();
    assertEquals(level, finding.level(), finding::toString);
    assertTrue(finding.text().startsWith(found), finding::toString);
  }

  @Test
  void expectationsOfTheKernel_areNotTriedWhereNoPinholeHasOne() {
    assertEquals(List.of(), named("expectations"));
  }

  private static DoctorSettings with(AgentConfig.Backend backend) {
    return new DoctorSettings(
        MarkBits.DEFAULT, 0, 1, false, backend, DoctorSettings.Diversion.DEFAULT, List.of());
  }

  private void forwards() {
    probe.sysctls.put("net.ipv4.ip_forward", "1");
    probe.sysctls.put("net.ipv6.conf.all.forwarding", "1");
  }

  @Test
  void reversePath_aRouterThatLooksAtNoSource_isWarnedForBothFamilies() {
    assertEquals(List.of(), named("reversePath"));
    forwards();
    List<Finding> findings = named("reversePath");
    assertEquals(2, findings.size(), findings::toString);
    assertTrue(findings.get(0).text().startsWith("IPv4 packets"), findings::toString);
    assertTrue(findings.get(1).text().startsWith("IPv6 packets"), findings::toString);
    assertTrue(findings.stream().allMatch(f -> f.level() == Finding.Level.WARN));
    assertTrue(findings.stream().allMatch(f -> f.text().contains("it costs")));
  }

  @ParameterizedTest
  @CsvSource({"1, 0, 1", "1, 1, 1", "0, 1, 1", "2, 1, 2", "0, 0, 2", "2, 2, 2", "0, 2, 2"})
  void reversePath_strictFilterOfIpv4_isGood(String all, String byDefault, int findings) {
    forwards();
    probe.sysctls.put("net.ipv4.conf.all.rp_filter", all);
    probe.sysctls.put("net.ipv4.conf.default.rp_filter", byDefault);
    assertEquals(findings, named("reversePath").size());
  }

  @Test
  void reversePath_aRuleThatAsksForTheWayBack_isGood() {
    forwards();
    probe.ip6tables.add(Answer.of("*raw\n-A PREROUTING -m rpfilter --invert -j DROP\nCOMMIT\n"));
    assertEquals(1, named("reversePath").size());
    probe.nft =
        Answer.of(
            "{\"nftables\": [{\"rule\": {\"family\": \"inet\", \"table\": \"rp\", \"chain\":"
                + " \"pre\", \"handle\": 2, \"expr\": [{\"match\": {\"op\": \"==\", \"left\":"
                + " {\"fib\": {\"result\": \"oif\", \"flags\": [\"saddr\", \"mark\", \"iif\"]}},"
                + " \"right\": false}}, {\"drop\": null}]}}]}");
    assertEquals(List.of(), named("reversePath"));
  }

  @Test
  void reversePath_packetsThatWereNotRead_areSaid() {
    probe.status = status();
    assertEquals(List.of(), named("reversePath"));
    probe.status = status().with("misroutedPackets", 7);
    Finding finding = named("reversePath").get(0);
    assertEquals(Finding.Level.WARN, finding.level());
    assertTrue(finding.text().startsWith("7 control packets were not read"), finding::toString);
  }

  /** What nft 1.0.6 printed of a rule that puts everything into zone 5. */
  @Test
  void zones_ofAllConnections_fail_ofSome_warn() {
    assertEquals(List.of(), named("zones"));
    probe.nft = Answer.of(FakeProbe.resource("zone.json"));
    assertEquals(Finding.Level.FAIL, named("zones").get(0).level());
    probe.nft = Answer.of(FakeProbe.resource("zoneOfOneDevice.json"));
    assertEquals(Finding.Level.WARN, named("zones").get(0).level());
    probe.nft = Answer.of(FakeProbe.NO_RULES);
    probe.iptables.add(raw("-j CT --zone 5"));
    assertEquals(Finding.Level.FAIL, named("zones").get(0).level());
    probe.iptables.set(0, raw("-i eth1 -j CT --zone 5"));
    assertEquals(Finding.Level.WARN, named("zones").get(0).level());
    probe.iptables.set(0, raw("-p tcp -m tcp --dport 21 -j CT --zone-orig 5"));
    assertEquals(Finding.Level.FAIL, named("zones").get(0).level());
    probe.iptables.set(0, raw("-p udp -m udp --dport 53 -j CT --zone 5"));
    assertEquals(List.of(), named("zones"));
  }

  private static Answer raw(String rule) {
    return Answer.of("*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING " + rule + "\nCOMMIT\n");
  }

  @ParameterizedTest
  @CsvSource({
    "net.netfilter.nf_conntrack_events, 0, FAIL",
    "net.netfilter.nf_conntrack_helper, 1, WARN",
    "net.ipv4.ip_forward, 0, WARN",
    "net.ipv6.conf.all.forwarding, 0, INFO",
    "net.netfilter.nf_conntrack_tcp_be_liberal, 1, INFO"
  })
  void sysctl_bad(String name, String value, Finding.Level level) {
    assertEquals(List.of(), named("sysctl"));
    probe.sysctls.put(name, value);
    assertEquals(level, named("sysctl").get(0).level());
    probe.sysctls.put(name, value.equals("0") ? "1" : "0");
    assertEquals(List.of(), named("sysctl"));
  }

  private static QueueHolder holder(int number, long pid, String command) {
    return new QueueHolder(number, List.of(new HoldingProcess(pid, command)));
  }

  private static JsonFields status() {
    return new JsonFields().with("pid", 4711L).with("version", "0.1.0");
  }

  private Finding queue() {
    return named("queue").get(0);
  }

  private List<Finding> named(String name) {
    return Doctor.examine(probe, SETTINGS).stream()
        .filter(finding -> finding.name().equals(name))
        .toList();
  }
}
