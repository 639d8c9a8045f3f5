package org.pinholed.agent.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.ftp.FtpProtocol;
import org.pinholed.helper.sip.SipProtocol;

/** What is written of a configuration: the whole as a file, what differs, and one entry more. */
class ConfigTextTest {
  private static final String CHANGED =
      """
      helpers:
        - {id: 1, name: ftp, protocol: tcp, port: 21, timeout: parent, expectations: 7}
        - id: 13
          name: sip
          protocol: udp
          port: 5060
          enabled: false
          options: {mediaNetworks: [192.0.2.0/24, "2001:db8::/32"], media: any, calls: 5}
      asymmetricRouting: true
      limits: {parents: 64000, lineBytes: 4096}
      marks: {policyMask: 0xff}
      metrics: {address: "::1", enabled: false}
      eventLog: {file: "-"}
      control: {socket: "/run/a b/\\"c\\".sock"}
      fail: {onStop: keep, queueFull: drop}
      acceptRule:
        - {family: ip, table: filter, chain: FORWARD}
        - {family: ip6, table: filter, chain: DOCKER-USER}
      """;

  private final ConfigLoader loader =
      new ConfigLoader(List.of(new FtpProtocol(), new SipProtocol()), Memory.NOT_THIS_PROCESS);

  private AgentConfig parse(String yaml) throws ConfigException {
    return loader.parse("test.yaml", yaml);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "helpers: []\n", "acceptRule: {table: filter, chain: forward}\n", CHANGED})
  void yaml_readAgain_isTheSame(String yaml) throws ConfigException {
    AgentConfig config = parse(yaml);
    String text = ConfigText.yaml(config);
    assertEquals(config, parse(text), text);
  }

  @Test
  void yaml_saysWhatIsSet_andWhatIsDefault() throws ConfigException {
    String text = ConfigText.yaml(parse(CHANGED));
    assertTrue(text.contains("  parents: 64000  # set, default: 65536\n"), text);
    assertTrue(text.contains("  halfOpen: 262144  # default\n"), text);
    assertTrue(
        text.contains("  parentsPerSource: 4000  # default\n"), "a share of parents\n" + text);
    assertTrue(text.contains("asymmetricRouting: true  # set, default: false\n"), text);
    assertTrue(
        text.contains(
            "acceptRule: [{family: ip, table: filter, chain: FORWARD},"
                + " {family: ip6, table: filter, chain: DOCKER-USER}]  # set, default: []\n"),
        text);
    assertTrue(
        ConfigText.yaml(parse("acceptRule: {table: filter, chain: forward}\n"))
            .contains("acceptRule: {family: inet, table: filter, chain: forward}  # set"),
        "one as most write it");
    String builtIn = ConfigText.yaml(parse(""));
    assertTrue(builtIn.startsWith("helpers:  # default\n  - id: 1\n"), builtIn);
    assertEquals(List.of(), builtIn.lines().filter(line -> line.contains("# set")).toList());
  }

  @Test
  void keys_areThoseOfTheLoader() throws ConfigException {
    Set<String> known = new TreeSet<>();
    for (String key : ConfigLoader.knownKeys()) {
      if (!key.startsWith("helpers")) {
        known.add(key.startsWith("acceptRule.") ? "acceptRule" : key); // whole: it may be a list
      }
    }
    assertEquals(known, new TreeSet<>(ConfigKeys.of(parse("")).keySet()));
  }

  @Test
  void changes_byKey_withBothValues() throws ConfigException {
    List<String> changes =
        ConfigKeys.changes(parse(""), parse(CHANGED)).stream()
            .map(ConfigKeys.Change::toString)
            .toList();
    assertEquals(
        List.of(
            "asymmetricRouting: false -> true",
            "marks.policyMask: 0x0000ffff -> 0x000000ff",
            "acceptRule: [] -> [{family: ip, table: filter, chain: FORWARD},"
                + " {family: ip6, table: filter, chain: DOCKER-USER}]",
            "limits.parents: 65536 -> 64000",
            "limits.parentsPerSource: 4096 -> 4000",
            "limits.lineBytes: 8192 -> 4096",
            "fail.queueFull: accept -> drop",
            "fail.onStop: remove -> keep",
            "control.socket: /run/pinholed/control.sock -> \"/run/a b/\\\"c\\\".sock\"",
            "metrics.enabled: true -> false",
            "metrics.address: \"127.0.0.1\" -> \"::1\"",
            "eventLog.file: \"\" -> \"-\"",
            "helpers[1].timeout: 30s -> parent",
            "helpers[1].expectations: added, 7",
            "helpers[13]: added, sip/udp/5060 disabled"),
        changes);
    assertEquals(List.of(), ConfigKeys.changes(parse(CHANGED), parse(CHANGED)));
    assertTrue(
        ConfigKeys.changes(parse(CHANGED), parse("")).stream()
            .anyMatch(c -> c.toString().equals("helpers[13]: removed, sip/udp/5060 disabled")));
  }

  /** One entry more in a file that somebody wrote. */
  @Nested
  class Added {
    private final HelperEntry entry =
        new HelperEntry(
            7,
            "ftp",
            org.pinholed.helper.Transport.TCP,
            2121,
            true,
            HelperEntry.DEFAULT_TIMEOUT,
            java.util.Map.of("fxpNetworks", List.of("192.0.2.0/24")));

    private void assertAdded(String yaml, String expected) throws ConfigException {
      String text = HelperInFile.add(yaml, entry);
      assertEquals(expected, text);
      List<HelperEntry> wanted = new ArrayList<>(parse(yaml).helpers());
      wanted.add(entry);
      assertEquals(parse(yaml).withHelpers(wanted), parse(text));
    }

    @Test
    void behindTheLastEntry_commentsStay() throws ConfigException {
      assertAdded(
          """
          # mine
          helpers:   # these
            - id: 1
              name: ftp
              # not this one
              protocol: tcp
              port: 21
          #  - id: 13
          #    name: sip

          limits: {parents: 5}
          """,
          """
          # mine
          helpers:   # these
            - id: 1
              name: ftp
              # not this one
              protocol: tcp
              port: 21
            - id: 7
              name: ftp
              protocol: tcp
              port: 2121
              options:
                fxpNetworks: ["192.0.2.0/24"]
          #  - id: 13
          #    name: sip

          limits: {parents: 5}
          """);
    }

    @Test
    void dashesAtTheMargin_emptyList_noList() throws ConfigException {
      String own =
          """
          - id: 7
            name: ftp
            protocol: tcp
            port: 2121
            options:
              fxpNetworks: ["192.0.2.0/24"]
          """;
      assertAdded(
          "helpers:\n- {id: 1, name: ftp, protocol: tcp, port: 21}\nbackend: nftables\n",
          "helpers:\n- {id: 1, name: ftp, protocol: tcp, port: 21}\n"
              + own
              + "backend: nftables\n");
      assertAdded("helpers: []  # none\n", "helpers:\n" + own.indent(2));
      String first =
          """
          - id: 1
            name: ftp
            protocol: tcp
            port: 21
          """;
      assertAdded("# all defaults\n", "# all defaults\n\nhelpers:\n" + (first + own).indent(2));
      assertAdded("", "helpers:\n" + (first + own).indent(2));
    }

    @Test
    void listInOneLine_isRefusedWithItsLine() {
      String yaml = "# a\nhelpers: [{id: 1, name: ftp, protocol: tcp, port: 21}]\n";
      IllegalArgumentException refused =
          assertThrows(IllegalArgumentException.class, () -> HelperInFile.add(yaml, entry));
      assertTrue(String.valueOf(refused.getMessage()).startsWith("line 2: "));
    }
  }
}
