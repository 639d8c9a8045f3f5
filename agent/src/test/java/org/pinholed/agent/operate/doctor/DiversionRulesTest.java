package org.pinholed.agent.operate.doctor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.operate.doctor.DoctorProbe.Answer;
import org.pinholed.helper.Transport;

/** The rules of {@code rules: external}: what is printed, and what doctor makes of them. */
class DiversionRulesTest {
  private static final DoctorSettings DEFAULT = DoctorSettings.of(AgentConfig.DEFAULT);
  private static final DoctorSettings EXTERNAL = with(new DoctorSettings.Diversion(true, true), 0);

  private static DoctorSettings with(DoctorSettings.Diversion diversion, int queue) {
    return new DoctorSettings(
        MarkBits.DEFAULT,
        queue,
        1,
        false,
        AgentConfig.Backend.NFTABLES,
        diversion,
        List.of(
            new HelperEntry(1, "ftp", Transport.TCP, 2121, true, null, Map.of()),
            new HelperEntry(2, "ftp", Transport.TCP, 21, true, null, Map.of()),
            new HelperEntry(3, "sip", Transport.UDP, 5060, true, null, Map.of())));
  }

  private final FakeProbe probe = new FakeProbe();

  @ParameterizedTest
  @ValueSource(strings = {"iptables", "nft"})
  void theShippedFiles_areWhatIsPrintedForTheDefaults(String kind) throws IOException {
    DiversionRules rules = new DiversionRules(DEFAULT);
    Path file = Path.of("..", "iptables-rules", "diversion." + kind);
    assertEquals(
        Files.readAllLines(file).stream().filter(line -> !line.startsWith("#")).toList(),
        kind.equals("nft") ? rules.nftables() : rules.iptables());
  }

  @Test
  void portsQueueAndWhatHappensWithoutAnAgent_areThoseOfTheConfiguration() {
    DiversionRules rules = new DiversionRules(with(new DoctorSettings.Diversion(true, false), 7));
    List<String> iptables = rules.iptables();
    assertTrue(
        iptables.contains(
            "-A PINHOLED -p tcp -m conntrack --ctorigdstport 2121 -j NFQUEUE --queue-num 7"),
        iptables::toString);
    assertTrue(
        iptables.contains(
            "-A PINHOLED -p udp -m conntrack --ctorigdstport 5060 -j NFQUEUE --queue-num 7"),
        iptables::toString);
    List<String> nftables = rules.nftables();
    assertTrue(
        nftables.contains("    meta l4proto tcp ct original proto-dst { 21, 2121 } queue num 7"),
        nftables::toString);
  }

  private List<String> diversion(DoctorSettings settings) {
    return Doctor.examine(probe, settings).stream()
        .filter(finding -> finding.name().equals("diversion"))
        .map(finding -> finding.level() + " " + finding.text())
        .toList();
  }

  private void iptables(String text) {
    probe.iptables.add(Answer.of(text));
  }

  @Test
  void none_isAFailureIfTheyAreNeeded() {
    List<String> found = diversion(EXTERNAL);
    assertEquals(2, found.size(), found::toString);
    assertTrue(found.get(0).startsWith("FAIL rules: external, and no rule gives"), found::toString);
    assertTrue(found.get(1).startsWith("WARN"), found::toString);
    assertEquals(List.of(), diversion(DEFAULT));
  }

  @Test
  void loaded_isFound_andOneTooManyIfTheAgentDivertsByItself() {
    String loaded = String.join("\n", new DiversionRules(EXTERNAL).iptables()) + "\n";
    iptables(
        loaded.replace("*mangle\n", "*mangle\n:INPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n"));
    String found = diversion(EXTERNAL).get(0);
    assertTrue(
        found.startsWith(
            "OK rules: external: the firewall gives packets of IPv4 to queue 0: iptables mangle"),
        found);
    assertTrue(diversion(DEFAULT).get(0).startsWith("WARN a rule gives packets of IPv4"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "-A POSTROUTING -p tcp -j NFQUEUE --queue-num 3",
        "-A PREROUTING -p tcp -j NFQUEUE --queue-num 0",
        "-A ELSEWHERE -p tcp -j NFQUEUE --queue-num 0",
      })
  void anotherQueueOrPlace_isNone(String rule) {
    iptables(
        "*mangle\n:PREROUTING ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n:ELSEWHERE - [0:0]\n"
            + rule
            + "\nCOMMIT\n");
    assertTrue(diversion(EXTERNAL).get(0).startsWith("FAIL"));
    assertEquals(List.of(), diversion(DEFAULT));
  }
}
