package org.pinholed.agent.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.EntryLimit;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.Transport;

class ConfigLoaderTest {
  private static final ConfigLoader LOADER =
      new ConfigLoader(
          List.of(
              new OptionedProtocol("ftp", Set.of(Transport.TCP)),
              new OptionedProtocol("sip", Set.of(Transport.TCP, Transport.UDP))),
          Memory.NOT_THIS_PROCESS);

  private static AgentConfig parse(String yaml) throws ConfigException {
    return LOADER.parse("f.yaml", yaml);
  }

  private static void refuses(String yaml, String message) {
    ConfigException e = assertThrows(ConfigException.class, () -> parse(yaml));
    assertEquals(message, e.getMessage());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "# nothing\n", "---\n", "{}", "queues:\nmarks:\nmetrics:\n"})
  void parse_nothing_isTheDefault(String yaml) throws ConfigException {
    assertEquals(AgentConfig.DEFAULT, parse(yaml));
  }

  @Test
  void parse_everything_isTaken() throws ConfigException {
    AgentConfig config =
        parse(
            """
            helpers:
              - {id: 1, name: ftp, protocol: tcp, port: 21}
              - id: 2
                name: ftp
                protocol: tcp
                port: 2121
                enabled: false
                timeout: parent
                options:
                  openOn: command
                  thirdParty: [192.0.2.0/24, "2001:db8::/32"]
              - {id: 3, name: sip, protocol: udp, port: 5060, timeout: 90s}
            backend: recording
            rules: agent
            asymmetricRouting: true
            queues: {first: 7, count: 3, lengthPackets: 100, receiveBufferBytes: 65536, batchPackets: 8}
            marks: {child: 0x80000000, vetted: 0x40000000, opaque: 536870912, proven: 0x2000000, read: 0x1000000, policyMask: 0xff}
            limits:
              expectationsPerParent: 2
              expectationsPerSource: 3
              expectations: 4
              parents: 5
              parentsPerSource: 6
              halfOpen: 64
              bufferedBytes: 65536
              lineBytes: 512
              streamBufferBytes: 1024
              earlySegments: 6
              historyBytes: 0
            fail: {agentDown: closed, queueFull: drop, onStop: keep}
            acceptRule: {family: ip, table: filter, chain: DOCKER-USER}
            control: {socket: /tmp/p.sock, group: netadmin}
            metrics: {enabled: false, address: "::1", port: 0}
            eventLog: {file: /var/log/pinholed.jsonl}
            """);
    assertEquals(
        new AgentConfig(
            List.of(
                new HelperEntry(
                    1, "ftp", Transport.TCP, 21, true, Duration.ofSeconds(30), Map.of()),
                new HelperEntry(
                    2,
                    "ftp",
                    Transport.TCP,
                    2121,
                    false,
                    null,
                    Map.of(
                        "openOn",
                        "command",
                        "thirdParty",
                        List.of("192.0.2.0/24", "2001:db8::/32"))),
                new HelperEntry(
                    3, "sip", Transport.UDP, 5060, true, Duration.ofSeconds(90), Map.of())),
            AgentConfig.Backend.RECORDING,
            AgentConfig.Rules.AGENT,
            true,
            new AgentConfig.Queues(7, 3, 100, 65536, 8),
            new MarkBits(0x80000000, 0x40000000, 0x20000000, 0x02000000, 0x01000000, 0xff),
            new AgentConfig.Limits(2, 3, 4, 5, 6, 64, 65536, new HelperLimits(512, 1024, 6, 0)),
            new AgentConfig.Fail(
                AgentConfig.OnFailure.DROP, AgentConfig.OnFailure.DROP, AgentConfig.OnStop.KEEP),
            List.of(
                new AgentConfig.AcceptRule(
                    AgentConfig.AcceptRule.Family.IP, "filter", "DOCKER-USER")),
            new AgentConfig.Control(Path.of("/tmp/p.sock"), "netadmin"),
            new AgentConfig.Metrics(false, "::1", 0),
            new AgentConfig.EventLog("/var/log/pinholed.jsonl")),
        config);
  }

  @Test
  void parse_externalRules_haveOneQueue() throws ConfigException {
    assertEquals(1, parse("rules: external\n").queues().count());
    assertEquals(1, parse("rules: external\nqueues: {count: 1}\n").queues().count());
    ConfigException refused =
        assertThrows(ConfigException.class, () -> parse("rules: external\nqueues: {count: 3}\n"));
    assertEquals(
        "f.yaml:2: queues.count: 3 (expected: 0 or 1 with rules: external)", refused.getMessage());
  }

  @Test
  void parse_acceptRule_isWholeOrNothing_andOfTheFirewall() {
    for (String[] each :
        new String[][] {
          {"{family: inet, table: filter}", ":1: acceptRule.chain: missing (expected: the name"},
          {"{chain: forward}", ":1: acceptRule.table: missing (expected: the name"},
          {"{family: ip6}", ":1: acceptRule.table: missing (expected: the name"},
          {"{family: bridge, table: f, chain: c}", ":1: acceptRule.family: bridge (expected: inet"},
          {"{family: ip, table: 'a b', chain: c}", ":1: acceptRule.table: a b (expected: 1..255"},
          {"{family: ip, table: '', chain: ''}", ":1: acceptRule.table: \"\" (expected: 1..255"},
          {"{family: ip, table: f, chain: ''}", ":1: acceptRule.chain: \"\" (expected: 1..255"},
          {"{table: pinholed, chain: c}", ":1: acceptRule.table: pinholed (expected: a table of"},
          {"{family: ip, table: f, chain: c, hook: 1}", ":1: acceptRule.hook: unknown key"},
          {"[{family: ip, table: f}]", ":1: acceptRule[0].chain: missing (expected: the name"},
          {"[{table: f, chain: c}, {}]", ":1: acceptRule[1].table: missing (expected: the name"},
          {"[{table: f, chain: c, hook: 1}]", ":1: acceptRule[0].hook: unknown key"},
          {"[{table: f, chain: 7}]", ":1: acceptRule[0].chain: 7 (expected: text)"},
          {"[forward]", ":1: acceptRule[0]: forward (expected: keys with values)"},
          {"forward", ":1: acceptRule: forward (expected: keys with values)"},
          {
            "[{table: f, chain: c},\n {family: inet, table: f, chain: c}]",
            ":2: acceptRule[1]: inet f c (expected: each chain once)"
          },
          {
            "[{table: f, chain: a}, {table: f, chain: b}, {table: f, chain: c},"
                + " {table: f, chain: d}, {table: f, chain: e}]",
            ":1: acceptRule: 5 chains (expected: 0..4 chains)"
          },
        }) {
      ConfigException refused =
          assertThrows(ConfigException.class, () -> parse("acceptRule: " + each[0] + "\n"));
      assertTrue(String.valueOf(refused.getMessage()).contains(each[1]), refused.getMessage());
    }
  }

  @Test
  void parse_acceptRule_isNoneOneOrMany() throws ConfigException {
    AgentConfig.AcceptRule ipv4 =
        new AgentConfig.AcceptRule(AgentConfig.AcceptRule.Family.IP, "filter", "FORWARD");
    AgentConfig.AcceptRule ipv6 =
        new AgentConfig.AcceptRule(AgentConfig.AcceptRule.Family.IP6, "filter", "FORWARD");
    for (String none : List.of("", "[]", "{}", "{family: inet, table: '', chain: ''}")) {
      assertEquals(List.of(), parse("acceptRule: " + none + "\n").acceptRules(), none);
    }
    String one = "{family: ip, table: filter, chain: FORWARD}";
    assertEquals(List.of(ipv4), parse("acceptRule: " + one + "\n").acceptRules());
    assertEquals(List.of(ipv4), parse("acceptRule: [" + one + "]\n").acceptRules());
    assertEquals(
        List.of(ipv4, ipv6),
        parse("acceptRule:\n- " + one + "\n- family: ip6\n  table: filter\n  chain: FORWARD\n")
            .acceptRules());
  }

  @ParameterizedTest
  @EnumSource
  void parse_aLimitOfAHelper_isThatOfItsKey(EntryLimit limit) throws ConfigException {
    HelperEntry entry =
        parse(
                "helpers: [{id: 1, name: ftp, protocol: tcp, port: 21, "
                    + limit.word()
                    + ": "
                    + limit.most()
                    + "}]")
            .helpers()
            .get(0);
    assertEquals(Map.of(limit, limit.most()), entry.limits().values());
  }

  @Test
  void parse_anEmptyListOfHelpers_isNone() throws ConfigException {
    assertEquals(List.of(), parse("helpers: []").helpers());
  }

  @Test
  void parse_anEmptyEventLog_isNone() throws ConfigException {
    assertEquals("", parse("eventLog: {file: \"\"}").eventLog().file());
    assertEquals("-", parse("eventLog: {file: \"-\"}").eventLog().file());
  }

  @Test
  void parse_onePortForTwoEntries_isTakenIfOneIsDisabled() throws ConfigException {
    assertEquals(
        2,
        parse(
                """
                helpers:
                - {id: 1, name: ftp, protocol: tcp, port: 21}
                - {id: 2, name: sip, protocol: tcp, port: 21, enabled: false}
                """)
            .helpers()
            .size());
  }

  @Nested
  class Refuses {
    @Test
    void aKeyThatIsMistyped() {
      refuses(
          "backend: nftables\nqueue: {}",
          "f.yaml:2: queue: unknown key (expected: helpers, backend, rules, asymmetricRouting, queues,"
              + " marks, limits, fail, acceptRule, control, metrics, eventLog; did you mean queues?)");
    }

    @Test
    void aKeyOfASectionThatIsMistyped() {
      refuses(
          "metrics:\n  adress: 127.0.0.1",
          "f.yaml:2: metrics.adress: unknown key (expected: enabled, address, port; did you mean"
              + " address?)");
    }

    @Test
    void aKeyThatIsLikeNone() {
      refuses(
          "control:\n  colour: red",
          "f.yaml:2: control.colour: unknown key (expected: socket, group)");
    }

    @Test
    void aKeyOfAHelper() {
      refuses(
          "helpers:\n- id: 1\n  Name: ftp",
          "f.yaml:3: helpers[0].Name: unknown key (expected: id, name, protocol, port, enabled,"
              + " mode, timeout, expectations, expectationsPerParent, expectationsPerSource,"
              + " expectationsPerOwner, parents, parentsPerSource, owners, ownersPerSource, options;"
              + " did you mean name?)");
    }

    @Test
    void aKeyThatIsThereTwice() {
      refuses(
          "queues:\n  first: 1\n  first: 2",
          "f.yaml:3: first: key is there twice (expected: once; see line 2)");
    }

    @ParameterizedTest
    @CsvSource(
        delimiter = '|',
        quoteCharacter = '^',
        value = {
          "queues: {first: 65536} | queues.first: 65536 (expected: 0..65535)",
          "queues: {first: -1} | queues.first: -1 (expected: 0..65535)",
          "queues: {first: 99999999999} | queues.first: 99999999999 (expected: 0..65535)",
          "queues: {count: 17} | queues.count: 17 (expected: 0..16)",
          "queues: {first: 65534, count: 3} | queues.count: 3 (expected: 0..2)",
          "queues: {lengthPackets: 0} | queues.lengthPackets: 0 (expected: 1..1048576)",
          "queues: {receiveBufferBytes: 1} | queues.receiveBufferBytes: 1 (expected:"
              + " 65536..1073741824)",
          "queues: {batchPackets: 257} | queues.batchPackets: 257 (expected: 1..256)",
          "queues: {first: two} | queues.first: two (expected: a whole number)",
          "queues: {first: '2'} | queues.first: \"2\" (expected: a whole number)",
          "queues: {first: 1.5} | queues.first: 1.5 (expected: a whole number)",
          "queues: {first: 017} | queues.first: 017 (expected: a whole number)",
          "queues: {first: 0x10} | queues.first: 0x10 (expected: a whole number)",
          "queues: {first: 1_000} | queues.first: 1_000 (expected: a whole number)",
          "queues: {first: [1]} | queues.first: a list (expected: a whole number)",
          "queues: {first: {a: 1}} | queues.first: a map (expected: a whole number)",
          "queues: {first: } | queues.first: nothing (expected: a whole number)",
          "queues: {first: true} | queues.first: true (expected: a whole number)",
          "queues: 7 | queues: 7 (expected: keys with values)",
          "queues: [] | queues: a list (expected: keys with values)",
          "marks: {child: 3} | marks.child: 3 (expected: one bit)",
          "marks: {child: 0} | marks.child: 0 (expected: one bit)",
          "marks: {child: 0x100000000} | marks.child: 0x100000000 (expected: 32 bits such as"
              + " 0x40000000)",
          "marks: {child: 4294967296} | marks.child: 4294967296 (expected: 32 bits such as"
              + " 0x40000000)",
          "marks: {child: red} | marks.child: red (expected: 32 bits such as 0x40000000)",
          "marks: {policyMask: 0xff00} | marks.policyMask: 0xff00 (expected: 0, or ones from bit 0"
              + " upwards)",
          "marks: {child: 0x8000} | marks: bits overlap: child 0x8000, policyMask 0xffff (expected: six"
              + " disjoint masks)",
          "marks: {read: 0x14} | marks.read: 0x14 (expected: one bit)",
          "marks: {read: 0} | marks.read: 0 (expected: one bit)",
          "marks: {proven: 0x08000000} | marks: bits overlap: proven 0x8000000, read 0x8000000"
              + " (expected: six disjoint masks)",
          "limits: {expectationsPerParent: 0} | limits.expectationsPerParent: 0 (expected:"
              + " 1..65535)",
          "limits: {expectationsPerSource: 0} | limits.expectationsPerSource: 0 (expected:"
              + " 1..1048576)",
          "limits: {expectations: 0} | limits.expectations: 0 (expected: 1..1048576)",
          "limits: {parents: 1048577} | limits.parents: 1048577 (expected: 1..1048576)",
          "limits: {lineBytes: 255} | limits.lineBytes: 255 (expected: 256..65536)",
          "limits: {earlySegments: 0} | limits.earlySegments: 0 (expected: 1..1024)",
          "limits: {historyBytes: 65537} | limits.historyBytes: 65537 (expected: 0..65536)",
          "limits: {streamBufferBytes: 4096} | limits.streamBufferBytes: 4096 (expected:"
              + " 8192..1048576)",
          "limits: {lineBytes: 32768} | limits: streamBufferBytes: 16384 (expected:"
              + " 32768..1048576)",
          "fail: {agentDown: open} | fail.agentDown: open (expected: bypass, closed)",
          "fail: {queueFull: dorp} | fail.queueFull: dorp (expected: accept, drop; did you mean"
              + " drop?)",
          "fail: {onStop: 1} | fail.onStop: 1 (expected: remove, keep)",
          "backend: nftable | backend: nftable (expected: nftables, conntrack, auto, recording; did you mean"
              + " nftables?)",
          "backend: | backend: nothing (expected: nftables, conntrack, auto, recording)",
          "control: {socket: run/p.sock} | control.socket: run/p.sock (expected: an absolute path"
              + " of at most 107 bytes)",
          "control: {group: a b} | control.group: a b (expected: the name of a group)",
          "control: {group: 7} | control.group: 7 (expected: text)",
          "metrics: {enabled: yes} | metrics.enabled: yes (expected: true or false)",
          "metrics: {enabled: 'true'} | metrics.enabled: \"true\" (expected: true or false)",
          "metrics: {address: localhost} | metrics.address: localhost (expected: a numeric IPv4 or"
              + " IPv6 address)",
          "metrics: {address: 127.1} | metrics.address: 127.1 (expected: text)",
          "metrics: {address: 192.0.2.256} | metrics.address: 192.0.2.256 (expected: a numeric"
              + " IPv4 or IPv6 address)",
          "metrics: {address: '2001:db8::1::'} | metrics.address: 2001:db8::1:: (expected: a"
              + " numeric IPv4 or IPv6 address)",
          "metrics: {port: 65536} | metrics.port: 65536 (expected: 0..65535)",
          "eventLog: {file: events.jsonl} | eventLog.file: events.jsonl (expected: an absolute"
              + " path, - for standard output, or \"\" for none)",
          "helpers: | helpers: nothing (expected: a list; [] for none)",
          "helpers: {} | helpers: a map (expected: a list; [] for none)",
          "helpers: [ftp] | helpers[0]: ftp (expected: keys with values)",
          "[] | a list (expected: keys with values)",
          "ftp | ftp (expected: keys with values)",
          "backend: *a | an alias (expected: plain values)",
          "queues: *a | an alias (expected: plain values)",
          "backend: !words nftables | a tag (expected: plain values)",
          "queues: !x {first: 1} | a tag (expected: plain values)",
          "backend: [[[[[[[[[[]]]]]]]]]] | nested deeper than 8 levels",
        })
    void whatIsOutOfRangeOrOfTheWrongKind(String yaml, String message) {
      refuses("# a comment first\n" + yaml + "\n", "f.yaml:2: " + message);
    }

    @ParameterizedTest
    @CsvSource(
        delimiter = '|',
        quoteCharacter = '^',
        value = {
          "{name: ftp, protocol: tcp, port: 1} | .id: missing (expected: 1..65535)",
          "{id: 1, protocol: tcp, port: 1} | .name: missing (expected: ftp, sip)",
          "{id: 1, name: ftp, port: 1} | .protocol: missing (expected: tcp, udp)",
          "{id: 1, name: ftp, protocol: tcp} | .port: missing (expected: 1..65535)",
          "{id: 0, name: ftp, protocol: tcp, port: 1} | .id: 0 (expected: 1..65535)",
          "{id: 1, name: ftp, protocol: tcp, port: 65536} | .port: 65536 (expected: 1..65535)",
          "{id: 1, name: tfp, protocol: tcp, port: 1} | .name: tfp (expected: ftp, sip; did you"
              + " mean ftp?)",
          "{id: 1, name: h323, protocol: tcp, port: 1} | .name: h323 (expected: ftp, sip)",
          "{id: 1, name: ftp, protocol: udp, port: 1} | .protocol: udp (expected: tcp)",
          "{id: 1, name: ftp, protocol: sctp, port: 1} | .protocol: sctp (expected: tcp)",
          "{id: 1, name: ftp, protocol: tcp, port: 1, timeout: 500ms} | .timeout: 500ms (expected:"
              + " 1s..1h such as 30s, 1500ms, 2m or 1h; or parent)",
          "{id: 1, name: ftp, protocol: tcp, port: 1, timeout: 30} | .timeout: 30 (expected: 1s..1h"
              + " such as 30s, 1500ms, 2m or 1h; or parent)",
          "{id: 1, name: ftp, protocol: tcp, port: 1, timeout: 61m} | .timeout: 61m (expected:"
              + " 1s..1h such as 30s, 1500ms, 2m or 1h; or parent)",
          "{id: 1, name: ftp, protocol: tcp, port: 1, timeout: } | .timeout: nothing (expected:"
              + " 1s..1h such as 30s, 1500ms, 2m or 1h; or parent)",
          "{id: 1, name: ftp, protocol: tcp, port: 1, expectations: -1} | .expectations: -1"
              + " (expected: 0..1048576)",
          "{id: 1, name: ftp, protocol: tcp, port: 1, expectationsPerParent: 65536} |"
              + " .expectationsPerParent: 65536 (expected: 0..65535)",
          "{id: 1, name: ftp, protocol: tcp, port: 1, expectationsPerSource: 1048577} |"
              + " .expectationsPerSource: 1048577 (expected: 0..1048576)",
          "{id: 1, name: ftp, protocol: tcp, port: 1, expectationsPerOwner: 65536} |"
              + " .expectationsPerOwner: 65536 (expected: 0..65535)",
          "{id: 1, name: ftp, protocol: tcp, port: 1, parents: 1048577} | .parents: 1048577"
              + " (expected: 0..1048576)",
          "{id: 1, name: ftp, protocol: tcp, port: 1, parentsPerSource: many} |"
              + " .parentsPerSource: many (expected: a whole number)",
          "{id: 1, name: ftp, protocol: tcp, port: 1, owners: 99999999999} | .owners: 99999999999"
              + " (expected: 0..1048576)",
          "{id: 1, name: ftp, protocol: tcp, port: 1, ownersPerSource: -2} | .ownersPerSource: -2"
              + " (expected: 0..1048576)",
          "{id: 1, name: ftp, protocol: tcp, port: 1, options: {openon: x}} | .options.openon:"
              + " unknown key (expected: openOn, thirdParty; did you mean openOn?)",
          "{id: 1, name: ftp, protocol: tcp, port: 1, options: {openOn: now}} | .options.openOn:"
              + " now (expected: reply, command)",
          "{id: 1, name: ftp, protocol: tcp, port: 1, options: {openOn: }} | .options.openOn:"
              + " nothing (expected: a value)",
          "{id: 1, name: ftp, protocol: tcp, port: 1, options: {thirdParty: [a/1, b]}} |"
              + " .options.thirdParty[1]: b (expected: address/length)",
        })
    void aHelper(String entry, String message) {
      refuses("helpers:\n- " + entry, "f.yaml:2: helpers[0]" + message);
    }

    @Test
    void aLimitOfAHelper_onItsOwnLine() {
      refuses(
          """
          helpers:
          - {id: 1, name: ftp, protocol: tcp, port: 21}
          - id: 2
            name: ftp
            protocol: tcp
            port: 2121
            expectations: 100
            owners: 2000000
          """,
          "f.yaml:8: helpers[1].owners: 2000000 (expected: 0..1048576)");
    }

    @Test
    void anOptionOnItsOwnLine() {
      refuses(
          """
          helpers:
          - {id: 1, name: ftp, protocol: tcp, port: 21}
          - id: 2
            name: ftp
            protocol: tcp
            port: 2121
            options:
              openOn: now
          """,
          "f.yaml:8: helpers[1].options.openOn: now (expected: reply, command)");
    }

    @Test
    void anIdOfTwoHelpers() {
      refuses(
          """
          helpers:
          - {id: 1, name: ftp, protocol: tcp, port: 21}
          - {id: 1, name: ftp, protocol: tcp, port: 2121}
          """,
          "f.yaml:3: helpers[1].id: 1 (expected: an id of its own; line 2 has it already)");
    }

    @Test
    void aPortOfTwoHelpers() {
      refuses(
          """
          helpers:
          - {id: 1, name: ftp, protocol: tcp, port: 21}
          - {id: 2, name: sip, protocol: udp, port: 21}
          - {id: 3, name: sip, protocol: tcp, port: 21}
          """,
          "f.yaml:4: helpers[2].port: tcp 21 (expected: one enabled helper for each port; line 2"
              + " has it already)");
    }

    @Test
    void aSecondDocument() {
      refuses(
          "backend: nftables\n---\nbackend: nftables\n",
          "f.yaml:3: a second document (expected: one)");
    }

    @ParameterizedTest
    @CsvSource(
        delimiter = '|',
        quoteCharacter = '^',
        value = {
          "queues: {first: 1 | 3",
          "backend: 'nftables | 3",
          "a: b: c | 2",
          "} | 2",
        })
    void whatIsNotYaml(String yaml, int line) {
      String message =
          String.valueOf(
              assertThrows(ConfigException.class, () -> parse("# first\n" + yaml + "\n"))
                  .getMessage());
      assertTrue(message.matches("f\\.yaml:" + line + ": not YAML: [ -~]+"), message);
    }

    @Test
    void controlCharacters() {
      refuses("backend:\n  \u0007", "f.yaml:2: character U+0007 (expected: printable text)");
    }

    @Test
    void longOrOddValuesEscapedAndCut() {
      refuses(
          "backend: " + "é" + "x".repeat(100),
          "f.yaml:1: backend: \\u00e9"
              + "x".repeat(58)
              + "... (expected: nftables, conntrack, auto, recording)");
    }

    @Test
    void tenThousandNestedListsInBoundedTime() {
      assertTimeoutPreemptively(
          Duration.ofSeconds(10),
          () -> {
            refuses("backend: " + "[".repeat(100_000), "f.yaml:1: nested deeper than 8 levels");
          });
    }
  }

  @Nested
  class RefusesFiles {
    @TempDir Path folder = Path.of("");

    private void refusesFile(Path file, String message) {
      ConfigException e = assertThrows(ConfigException.class, () -> LOADER.load(file));
      assertEquals(file + message, e.getMessage());
    }

    @Test
    void thatAreNotThere() {
      refusesFile(folder.resolve("none.yaml"), ": there is no such file");
    }

    @Test
    void thatAreFolders() {
      refusesFile(folder, ": cannot be read: a directory");
    }

    @Test
    void above1Mebibyte() throws IOException {
      Path file = folder.resolve("large.yaml");
      Files.writeString(file, "#".repeat((1 << 20) + 1));
      refusesFile(file, ": larger than 1048576 bytes");
    }

    @Test
    void thatAreNotUtf8() throws IOException {
      Path file = folder.resolve("latin.yaml");
      Files.write(file, "# ok\n# \u00fc\n".getBytes(StandardCharsets.ISO_8859_1));
      refusesFile(file, ":2: byte 0xfc (expected: UTF-8)");
    }

    @Test
    void thatEndInTheMiddleOfACharacter() throws IOException {
      Path file = folder.resolve("cut.yaml");
      Files.write(file, new byte[] {'#', (byte) 0xc3});
      refusesFile(file, ":1: byte 0xc3 (expected: UTF-8)");
    }

    @Test
    void butNotOneOfExactly1MebibyteWithAByteOrderMark() throws IOException, ConfigException {
      Path file = folder.resolve("full.yaml");
      Files.writeString(file, "\ufeff#" + "x".repeat((1 << 20) - 4));
      assertEquals(1 << 20, Files.size(file));
      assertEquals(AgentConfig.DEFAULT, LOADER.load(file));
    }
  }

  @Test
  void aliasesCannotMakeASmallFileLarge() {
    StringBuilder bomb = new StringBuilder("a0: &a0 [x, x]\n");
    for (int i = 1; i < 40; i++) {
      bomb.append("a" + i + ": &a" + i + " [*a" + (i - 1) + ", *a" + (i - 1) + "]\n");
    }
    refuses(bomb.toString(), "f.yaml:2: an alias (expected: plain values)");
  }

  @Test
  void everyPrefixOfAGoodFile_isTakenOrRefusedInOneLine() {
    String yaml =
        """
        helpers:
        - id: 1
          name: ftp
          protocol: tcp
          port: 21
          timeout: 30s
        marks: {child: 0x40000000}
        metrics:
          address: "127.0.0.1"
        """;
    List<String> refusals = new ArrayList<>();
    for (int length = 0; length < yaml.length(); length++) {
      try {
        parse(yaml.substring(0, length));
      } catch (ConfigException e) {
        refusals.add(String.valueOf(e.getMessage()));
      }
    }
    for (String refusal : refusals) {
      assertEquals(1, refusal.lines().count(), refusal);
      assertEquals(0, refusal.indexOf("f.yaml:"), refusal);
    }
  }
}
