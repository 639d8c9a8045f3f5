package org.pinholed.agent.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.api.parallel.Resources;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.control.ControlJson;
import org.pinholed.agent.control.ControlServer;
import org.pinholed.agent.control.FakeAgent;
import org.pinholed.agent.control.JsonFields;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.view.AuditRow;
import org.pinholed.agent.view.EndpointRow;
import org.pinholed.agent.view.ExpectationRow;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.ObservedRow;
import org.pinholed.agent.view.OwnerRow;
import org.pinholed.agent.view.StoryRow;
import org.pinholed.agent.view.TraceLine;
import org.pinholed.helper.Transport;

/** The whole way from the command line over the real socket to a fake agent and back. */
@Timeout(60)
class PinholectlTest {
  private final FakeAgent agent = new FakeAgent();
  private final Path socket;
  private final ControlServer server;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  PinholectlTest(@TempDir Path directory) throws IOException {
    socket = directory.resolve("control.sock");
    String group =
        Files.readAttributes(Path.of("/proc/self"), PosixFileAttributes.class).group().getName();
    server = ControlServer.open(socket, group, agent);
  }

  @AfterEach
  void close() throws IOException {
    server.close();
  }

  @Test
  void status_running_0() {
    assertEquals(0, run("status"));
    assertTrue(out.toString().startsWith("agent          pinholed 0.1.0, pid 4711, up 1m1s\n"));
    assertTrue(out.toString().contains("helpers        ftp/tcp/21\n"), out::toString);
    assertTrue(out.toString().contains("expectations   1 pending\n"), out::toString);
    assertTrue(out.toString().contains("kernel         queueStatement: yes\n"), out::toString);
    assertTrue(out.toString().contains("table watched  yes\n"), out::toString);
    assertTrue(
        out.toString().contains("accept rule    present: inet filter forward\n"), out::toString);
  }

  @Test
  void status_tableNotWatched_saysWhy() {
    agent.tableWatchProblem = "open netlink socket: errno 24 (EMFILE)";
    assertEquals(0, run("status"));
    assertTrue(
        out.toString().contains("table watched  no: open netlink socket: errno 24 (EMFILE)\n"),
        out::toString);
  }

  @Test
  void options_beforeOrAfterTheCommand_same() throws IOException {
    assertEquals(0, exec("--socket", socket.toString(), "--json", "status"));
    String before = out.toString();
    out.getBuffer().setLength(0);
    assertEquals(0, exec("status", "--json", "--socket=" + socket));
    assertEquals(before, out.toString());
    byte[] bytes = before.getBytes(StandardCharsets.UTF_8);
    assertEquals(4711, ControlJson.read(bytes, 0, bytes.length).number("pid"));
  }

  @Test
  void options_betweenHelpersAndItsCommand_same() {
    assertEquals(0, exec("helpers", "--socket", socket.toString(), "list", "--json"));
    assertEquals(
        "[\n {\"id\":1,\"name\":\"ftp\",\"protocol\":\"tcp\",\"port\":21,\"enabled\":true,"
            + "\"mode\":\"enforce\",\"timeout\":\"30s\",\"options\":{\"loose\":false}}\n]\n",
        out.toString());
  }

  @Test
  void expectations_table_aligned() {
    agent.expectations.add(FakeAgent.passive(1, 25));
    agent.expectations.add(FakeAgent.active6(2));
    assertEquals(0, run("expectations"));
    assertEquals(
        """
        ID  PROTO  STATE    HELPER  POLICY  PARENT    AGE  EXPIRE  TIMEOUT  SOURCE              DESTINATION              USE  FLAGS  CAUSE  CHILD
        1   tcp    pending  ftp     25      0000e39a  3    26      30       198.51.100.2:*      203.0.113.2:40000        0    once   227    -
        2   tcp    matched  ftp     0       00beef01  95   -35     parent   [2001:db8:2::2]:*   [2001:db8:1::2]:50000    2    many   EPRT   00beef02
        """
            .replaceAll("\\s+\n", "\n")
            .lines()
            .map(line -> line.replaceAll(" +", " "))
            .toList()
            .toString(),
        out.toString().lines().map(line -> line.replaceAll(" +", " ")).toList().toString());
    List<String> lines = out.toString().lines().toList();
    assertEquals(lines.get(0).indexOf("DESTINATION"), lines.get(1).indexOf("203.0.113.2:40000"));
    assertEquals(lines.get(0).indexOf("CHILD"), lines.get(2).indexOf("00beef02"));
  }

  @Test
  void expectations_fortios_manyLineForm() {
    agent.expectations.add(FakeAgent.passive(1, 25));
    agent.expectations.add(FakeAgent.active6(2));
    assertEquals(0, run("expectations", "--style", "fortios"));
    assertEquals(
        """
        session info: proto=6 proto_state=00 duration=3 expire=26 timeout=30 flags=00000000 use=0
        helper=ftp policy_dir=0
        state=pending once
        hook=pre dir=org act=noop 198.51.100.2:0->203.0.113.2:40000(0.0.0.0:0)
        hook=post dir=reply act=noop 203.0.113.2:40000->198.51.100.2:0(0.0.0.0:0)
        misc=0 policy_id=25 mark=40000019
        serial=0000e39a

        session info: proto=6 proto_state=00 duration=95 expire=-35 timeout=0 flags=00000009 use=2
        helper=ftp policy_dir=1
        state=matched many
        hook=pre dir=org act=noop 2001:db8:2::2:0->2001:db8:1::2:50000(:::0)
        hook=post dir=reply act=noop 2001:db8:1::2:50000->2001:db8:2::2:0(:::0)
        misc=0 policy_id=0 mark=40000000
        serial=00beef01 child=00beef02

        total session 2
        """,
        out.toString());
  }

  @Test
  void expectations_fortios_translationsOfBothSides() {
    EndpointRow inside = new EndpointRow("198.51.100.2", 50000);
    EndpointRow seen = new EndpointRow("198.51.100.1", 0);
    agent.expectations.add(FakeAgent.translated(null, inside));
    agent.expectations.add(FakeAgent.translated(seen, null));
    agent.expectations.add(FakeAgent.translated(seen, inside));
    assertEquals(0, run("expectations", "--style", "fortios"));
    assertEquals(
        """
        hook=pre dir=org act=dnat 203.0.113.2:0->203.0.113.1:50001(198.51.100.2:50000)
        hook=post dir=reply act=snat 198.51.100.2:50000->203.0.113.2:0(203.0.113.1:50001)
        hook=post dir=org act=snat 203.0.113.2:0->198.51.100.2:50001(198.51.100.1:0)
        hook=pre dir=reply act=dnat 198.51.100.2:50001->198.51.100.1:0(203.0.113.2:0)
        hook=pre dir=org act=dnat 203.0.113.2:0->203.0.113.1:50001(198.51.100.2:50000)
        hook=post dir=org act=snat 203.0.113.2:0->198.51.100.2:50000(198.51.100.1:0)
        hook=pre dir=reply act=dnat 198.51.100.2:50000->198.51.100.1:0(203.0.113.2:0)
        hook=post dir=reply act=snat 198.51.100.2:50000->203.0.113.2:0(203.0.113.1:50001)
        """,
        out.toString()
            .lines()
            .filter(line -> line.startsWith("hook="))
            .map(line -> line + "\n")
            .collect(Collectors.joining()));
  }

  @Test
  void expectations_fortios_directionOfATranslatedChild() {
    agent.expectations.add(FakeAgent.translated(null, new EndpointRow("198.51.100.2", 50000)));
    assertEquals(0, run("expectations", "--style", "fortios"));
    assertTrue(out.toString().contains("policy_dir=1"), out::toString);
  }

  @Test
  void expectations_json_recordComponents() throws IOException {
    agent.expectations.add(FakeAgent.passive(1, 25));
    assertEquals(0, run("expectations", "--json", "--policy", "25"));
    List<?> rows = (List<?>) ControlJson.readValue(out.toString());
    JsonFields row = (JsonFields) rows.get(0);
    assertEquals(
        Stream.of(ExpectationRow.class.getRecordComponents()).map(c -> c.getName()).toList(),
        List.copyOf(row.names()));
    assertEquals("227", row.text("cause"));
    assertEquals(JsonFields.NULL, row.value("childSerial"));
  }

  @Test
  void expectations_none_cleanPipe() {
    assertEquals(0, run("expectations"));
    assertEquals("", out.toString());
    assertEquals("no expectations\n", err.toString());
  }

  @Test
  void expectations_noneAsJson_emptyArray() {
    assertEquals(0, run("expectations", "--json"));
    assertEquals("[]\n", out.toString());
    assertEquals("", err.toString());
  }

  @Test
  void expectations_watched_againAndAgainUntilInterrupted() throws Exception {
    agent.expectations.add(FakeAgent.passive(1, 25));
    int[] code = {-1};
    Thread watch = new Thread(() -> code[0] = run("expectations", "--watch", "1"));
    watch.start();
    while (watch.isAlive() && out.toString().split("STATE", -1).length < 3) {
      Thread.onSpinWait();
    }
    watch.interrupt();
    watch.join();
    assertEquals(0, code[0]);
    assertEquals(-1, out.toString().indexOf('\u001b')); // not a terminal
  }

  @Test
  void sessions_opaque_saysWhy() {
    agent.sessions.add(FakeAgent.session(false));
    agent.sessions.add(FakeAgent.session(true));
    assertEquals(0, run("sessions", "--opaque"));
    assertEquals(2, out.toString().lines().count());
    assertTrue(out.toString().contains("authTls  AUTH TLS was accepted"), out::toString);
  }

  @Test
  void sessions_opaque_alsoThoseWithPartsThatAreEncrypted() {
    agent.sessions.add(FakeAgent.session(false));
    agent.sessions.add(FakeAgent.sealedSession());
    assertEquals(0, run("sessions", "--opaque"));
    List<String> lines = out.toString().lines().toList();
    assertEquals(2, lines.size(), out::toString);
    assertTrue(lines.get(0).endsWith("SEALED  SEALED-LAST"), out::toString);
    assertTrue(
        lines.get(1).endsWith("2       IActivation opnum 0, server 203.0.113.2, level 6"),
        out::toString);
  }

  @Test
  void clear_byParent_reported() {
    agent.sessions.add(FakeAgent.session(false));
    agent.expectations.add(FakeAgent.passive(1, 25));
    assertEquals(0, run("clear", "--parent", "0000E39A"));
    assertEquals("cleared: parents 1, expectations 1\n", out.toString());
    assertEquals(List.of(new ListingFilter(null, null, "0000e39a")), agent.clears);
  }

  private static OwnerRow owner(String id, String kind, @Nullable Long packets) {
    EndpointRow phone = new EndpointRow("192.0.2.10", 30000);
    EndpointRow outside = new EndpointRow("203.0.113.9", 30002);
    return new OwnerRow(
        id,
        kind,
        "***@example.net",
        "answered",
        "sip",
        12,
        packets == null ? null : 300L,
        List.of(
            new OwnerRow.Media(
                "m", "0", "pending", "udp", new EndpointRow("0.0.0.0", 0), outside, phone, 1),
            new OwnerRow.Media(
                "m", "0c", "pending", "udp", new EndpointRow("0.0.0.0", 0), phone, phone, 0)),
        packets,
        packets == null ? null : 200 * packets,
        "noFreePort");
  }

  @Test
  void calls_andRegistrations_areListedByTheirKind() {
    agent.owners.add(owner("AAAAbbbbCCCCdddd", "call", 7L));
    agent.owners.add(owner("-RRRbbbbCCCCdddd", "registration", null));
    assertEquals(0, run("calls"));
    List<String> lines = out.toString().lines().toList();
    assertEquals(2, lines.size());
    assertTrue(
        lines
            .get(1)
            .replaceAll(" +", " ")
            .contains(
                "AAAAbbbbCCCCdddd answered sip 12 300 7 1400 0.0.0.0:*>203.0.113.9:30002>"
                    + "192.0.2.10:30000,0.0.0.0:*>192.0.2.10:30000 noFreePort ***@example.net"),
        lines.get(1));
    assertEquals(0, run("registrations"));
    assertTrue(out.toString().replaceAll(" +", " ").contains("sip 12 - - - "), out::toString);
    assertEquals(0, run("registrations", "--json"));
    assertTrue(out.toString().contains("\"packets\":null,\"bytes\":null"), out::toString);
    agent.owners.clear();
    assertEquals(0, run("calls"));
    assertEquals("no calls\n", err.toString());
  }

  @Test
  void clear_ofACall_isReported_andGoesWithNothingElse() {
    agent.owners.add(owner("-AAAbbbbCCCCdddd", "call", 7L));
    assertEquals(0, run("clear", "--call=-AAA"));
    assertEquals("cleared: parents 0, expectations 1\n", out.toString());
    assertEquals(List.of("call -AAA"), agent.clearedOwners);
    assertEquals(1, run("clear", "--call", "zzz"));
    assertEquals(2, run("clear", "--call", "AAA", "--all"));
    assertEquals(2, run("clear", "--call", "AAA", "--helper", "sip"));
    assertEquals(2, run("clear", "--call", "A*"));
    assertEquals(List.of(), agent.clears);
  }

  @Test
  void clear_nothingThere_1() {
    assertEquals(1, run("clear", "--all"));
    assertEquals("cleared: parents 0, expectations 0\n", out.toString());
  }

  @Test
  void clear_noFilter_2() {
    assertEquals(2, run("clear"));
    assertEquals(2, run("clear", "--all", "--policy", "25"));
    assertTrue(agent.clears.isEmpty());
  }

  @Test
  void helpers_addEnableDelete() {
    assertEquals(
        0,
        run(
            "helpers",
            "add",
            "--id",
            "7",
            "--name",
            "ftp",
            "--port",
            "2121",
            "--timeout",
            "parent",
            "--disabled",
            "--option",
            "loose=true",
            "--option",
            "note=a b"));
    assertEquals("added: helper 7 ftp/tcp/2121\n", out.toString());
    HelperEntry entry = agent.helpers.get(1);
    assertEquals("{loose=true, note=a b}", new java.util.TreeMap<>(entry.options()).toString());
    assertEquals(false, entry.enabled());
    assertEquals(null, entry.timeout());
    assertEquals(Transport.TCP, entry.transport());
    assertEquals(0, run("helpers", "enable", "7"));
    assertTrue(agent.helpers.get(1).enabled());
    assertEquals(0, run("helpers", "delete", "7"));
    assertEquals(1, run("helpers", "delete", "7"));
    assertEquals("pinholectl: there is no helper with id 7\n", err.toString());
  }

  @Test
  void helpers_defaultTimeout_30s() {
    assertEquals(0, run("helpers", "add", "--id", "7", "--name", "ftp", "--port", "2121"));
    assertEquals(Duration.ofSeconds(30), agent.helpers.get(1).timeout());
  }

  @Test
  void helpers_timeoutsAndListsAsInTheConfigurationFile() {
    assertEquals(
        0,
        run(
            "helpers",
            "add",
            "--id",
            "7",
            "--name",
            "ftp",
            "--port",
            "2121",
            "--timeout",
            "2m",
            "--option",
            "nets=[192.0.2.0/24, 198.51.100.0/24]"));
    assertEquals(Duration.ofMinutes(2), agent.helpers.get(1).timeout());
    assertEquals(
        Map.of("nets", List.of("192.0.2.0/24", "198.51.100.0/24")), agent.helpers.get(1).options());
    out.getBuffer().setLength(0);
    assertEquals(0, run("helpers", "--json"));
    assertTrue(out.toString().contains("\"timeout\":\"2m\""), out::toString);
    assertEquals(
        2, run("helpers", "add", "--id", "8", "--name", "ftp", "--port", "1", "--timeout", "1d"));
    assertEquals(
        2, run("helpers", "add", "--id", "8", "--name", "ftp", "--port", "1", "--option", "nets"));
  }

  @Test
  void helpers_badPort_2() {
    assertEquals(2, run("helpers", "add", "--id", "7", "--name", "ftp", "--port", "65536"));
    assertEquals("pinholectl: port: 65536 (expected: 1..65535)\n", err.toString());
  }

  @Test
  void trace_lines_escaped() {
    agent.traceLines.add(
        new TraceLine(
            "2026-11-23T09:00:00.000001Z",
            1,
            "0000e39a",
            "ftp",
            "understood",
            "USER \"\u001b[31m\""));
    assertEquals(0, run("trace", "--count", "1", "--port", "21", "--policy", "25"));
    assertEquals(
        "time=2026-11-23T09:00:00.000001Z packet=1 serial=0000e39a step=understood"
            + " msg=\"USER \\\"\\x1b[31m\\\"\"\n",
        out.toString());
    assertEquals(List.of(new ListingFilter(25, null, null, null, 21, Set.of())), agent.traces);
  }

  @Test
  void stats_aligned() {
    assertEquals(0, run("stats"));
    assertTrue(out.toString().contains("packets               1234\n"), out::toString);
  }

  @Test
  void report_namesTheRanges() {
    agent.observed.add(
        new ObservedRow("ftp", "tcp", "192.0.2.0/24", "203.0.113.10", 30000, 30009, 40, 37, 37, 3));
    agent.observed.add(
        new ObservedRow("ftp", "tcp", "192.0.2.7", "2001:db8::1", 30000, 30000, 1, 2, 1, 0));
    agent.observed.add(new ObservedRow("others", "", "any", "any", 0, 0, 0, 0, 0, 5));
    assertEquals(0, run("report"));
    assertEquals(
        """
        ftp
          tcp 203.0.113.10:30000-30009 from 192.0.2.0/24: 37 connections, all announced, \
        3 announced and did not come
          tcp [2001:db8::1]:30000 from 192.0.2.7: 2 connections, 1 announced
        others
          5 announcements and ends that lead to too many places
        """,
        out.toString());
  }

  @Test
  void audit_noDifference_done() {
    assertEquals(0, run("audit"));
    assertEquals("", out.toString());
    assertEquals("no difference\n", err.toString());
  }

  @Test
  @ResourceLock(Resources.SYSTEM_PROPERTIES)
  void onANarrowTerminal_tablesFit_andWideShowsAll() {
    String explanation = "the kernel has it and nobody waits for it, so it lets in who comes";
    agent.differences.add(new AuditRow("orphan", "0000e39a", "once tcp a -> b", explanation));
    for (String command : List.of("audit", "helpers", "helpers list")) {
      String[] words = command.split(" ", -1);
      String[] wide = Arrays.copyOf(words, words.length + 1);
      wide[words.length] = "--wide";
      System.setProperty("pinholed.columns", "60");
      try {
        run(words);
        assertTrue(out.toString().lines().allMatch(line -> line.length() <= 60), out::toString);
        out.getBuffer().setLength(0);
        run(wide);
        String all = out.toString();
        System.clearProperty("pinholed.columns");
        out.getBuffer().setLength(0);
        run(words);
        assertEquals(out.toString(), all);
        out.getBuffer().setLength(0);
      } finally {
        System.clearProperty("pinholed.columns");
      }
    }
  }

  @Test
  void audit_difference_exitCodeOne() {
    agent.differences.add(new AuditRow("orphan", "0000e39a", "once tcp a -> b", "nobody waits"));
    assertEquals(1, run("audit"));
    assertEquals(
        """
        DIFFERENCE  PARENT    WHAT             EXPLANATION
        orphan      0000e39a  once tcp a -> b  nobody waits
        """,
        out.toString());
  }

  @Test
  void config_asAFile_orAsJson() {
    assertEquals(0, run("config"));
    assertTrue(out.toString().startsWith("helpers:\n  - id: 1\n    name: ftp\n"), out::toString);
    assertTrue(out.toString().contains("  parents: 65536  # default\n"), out::toString);
    assertEquals(0, run("config", "--json"));
    assertTrue(out.toString().contains("\"parents\":65536"), out::toString);
  }

  @Test
  void events_text_json_andNone() {
    assertEquals(0, run("events"));
    assertEquals("no events\n", err.toString());
    agent.events.onEvent(
        new AgentEvent(
            1_000_000,
            AgentEvent.Kind.REFUSED,
            "ftp",
            25,
            "0000e39a",
            null,
            0,
            null,
            null,
            null,
            null,
            "",
            "portDenied",
            "port 3306\u001b[31m",
            2));
    assertEquals(0, run("events"));
    assertEquals(
        "1970-01-01T00:00:01.000000Z refused ftp 0000e39a portDenied: port 3306\\x1b[31m"
            + " (and 2 more like it)\n",
        out.toString());
    assertEquals(
        0,
        run("events", "--json", "--event", "refused,expired", "--since", "1970-01-01T00:00:00Z"));
    assertTrue(
        out.toString().startsWith("{\"time\":\"1970-01-01T00:00:01.000000Z\","), out::toString);
    assertEquals(2, run("events", "--since", "soon"));
    assertEquals(2, run("events", "--event", "boom"));
  }

  @Test
  void explain_aTimeline_thenWhatToDo() {
    assertEquals(1, run("explain"));
    assertTrue(err.toString().startsWith("pinholectl: nothing was announced yet"), err::toString);
    agent.stories.add(
        new StoryRow(
            "dropped",
            "opened, and the firewall dropped who came",
            7,
            "ftp",
            25,
            "0000e39a",
            new EndpointRow("198.51.100.2", 40312),
            new EndpointRow("203.0.113.2", 21),
            "tcp",
            new EndpointRow("198.51.100.2", 0),
            new EndpointRow("203.0.113.2", 40000),
            null,
            null,
            0,
            "",
            List.of(
                new StoryRow.Step(null, "parent", "the control connection, which is over"),
                new StoryRow.Step(
                    "2026-11-27T15:32:11.220871Z", "announced", "the server said 227")),
            List.of("look at the firewall")));
    assertEquals(0, run("explain", "tcp", "198.51.100.2", ">", "203.0.113.2:40000", "--most", "3"));
    assertEquals(
        """
        expectation 7: opened, and the firewall dropped who came
          control connection 0000e39a, ftp, policy 25, 198.51.100.2:40312 > 203.0.113.2:21
          data connection tcp 198.51.100.2:* > 203.0.113.2:40000
                                    -  parent     the control connection, which is over
          2026-11-27T15:32:11.220871Z  announced  the server said 227
          -> look at the firewall
        """,
        out.toString());
    assertEquals(3, agent.asked.get(1).most());
    assertEquals(0, run("explain", "7", "--json"));
    assertTrue(out.toString().startsWith("[\n {\"outcome\":\"dropped\","), out::toString);
  }

  @Test
  void clear_oneExpectation_andNothingBesides() {
    agent.expectations.add(FakeAgent.passive(1, 25));
    agent.expectations.add(FakeAgent.passive(2, 25));
    assertEquals(0, run("clear", "--expectation", "2"));
    assertEquals("cleared: parents 0, expectations 1\n", out.toString());
    assertEquals(2, run("clear", "--expectation", "2", "--all"));
    assertEquals(2, run("clear", "--expectation", "2", "--call", "x"));
    assertEquals(2, run("clear", "--expectation", "2", "--helper", "ftp"));
  }

  @Test
  void filters_reachTheAgent() {
    agent.sessions.add(FakeAgent.session(false));
    assertEquals(
        0, run("sessions", "--address", "203.0.113.0/24", "--port", "21", "--not", "port"));
    assertEquals("no sessions\n", err.toString());
    assertEquals(0, run("sessions", "--address", "203.0.113.0/24", "--port", "21"));
    assertTrue(out.toString().contains("0000e39a"), out::toString);
    assertEquals(1, run("sessions", "--helper", "ftq"));
    assertEquals(2, run("sessions", "--not", "colour"));
  }

  @Test
  void helpersTypes_withTheirOptions() {
    assertEquals(0, run("helpers", "types"));
    assertTrue(out.toString().contains("ftp (tcp)\n  activeOpen: "), out::toString);
    assertTrue(out.toString().contains("\nsip (tcp, udp)\n"), out::toString);
    assertEquals(0, run("helpers", "types", "--json"));
    assertTrue(out.toString().contains("\"name\":\"dcerpc\""), out::toString);
  }

  @Test
  void helpersAdd_save_keepsTheFileAndItsMode() throws IOException {
    Path file = socket.resolveSibling("own.yaml");
    Files.writeString(file, "# mine\nhelpers:\n  - {id: 1, name: ftp, protocol: tcp, port: 21}\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r-----"));
    String[] add = {
      "helpers",
      "add",
      "--id",
      "7",
      "--name",
      "ftp",
      "--port",
      "2121",
      "--save",
      "--config",
      file.toString()
    };
    assertEquals(0, run(add));
    assertEquals(
        """
        # mine
        helpers:
          - {id: 1, name: ftp, protocol: tcp, port: 21}
          - id: 7
            name: ftp
            protocol: tcp
            port: 2121
        """,
        Files.readString(file));
    assertEquals("rw-r-----", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
    assertEquals(2, agent.helpers.size());
    assertEquals(1, run(add), "the id is taken in the file");
    assertEquals(2, agent.helpers.size(), "nothing was changed before the file was looked at");
    try (Stream<Path> files = Files.list(file.getParent())) {
      assertTrue(files.noneMatch(path -> path.toString().endsWith(".new")));
    }
  }

  @Test
  void bugreport_hasAllParts_alsoOfWhatFails() throws Exception {
    Path file = socket.resolveSibling("report.tar.gz");
    agent.sessions.add(FakeAgent.session(false));
    assertEquals(0, run("bugreport", "--addresses", "hash", "--output", file.toString()));
    Process tar =
        new ProcessBuilder("tar", "-xzOf", file.toString()).redirectErrorStream(true).start();
    String all = new String(tar.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, tar.waitFor(), all);
    for (String part :
        List.of("pinholed 0.1.0, pid 4711", "0000e39a", "  parents: 65536", "acceptRule")) {
      assertTrue(all.contains(part), part);
    }
    assertTrue(all.contains("ip4-"), all);
    assertTrue(!all.contains("203.0.113.2"), "an address was left");
    assertEquals(1, run("bugreport", "--output", file.toString()));
    assertTrue(err.toString().contains("is there already"), err::toString);
  }

  @Test
  void help_ofACommand() {
    assertEquals(0, run("help", "clear"));
    assertTrue(out.toString().contains("--expectation"), out::toString);
    assertEquals(0, run("help"));
    assertTrue(out.toString().contains("  explain"), out::toString);
  }

  @Test
  void completion_valuesOfTheAgent() {
    agent.sessions.add(FakeAgent.session(false));
    agent.expectations.add(FakeAgent.passive(7, 25));
    assertEquals(0, run("completion", "--values", "serials"));
    assertEquals("0000e39a\n", out.toString());
    assertEquals(0, run("completion", "--values", "expectations"));
    assertEquals("7\n", out.toString());
    assertEquals(0, run("completion", "--values", "helpers"));
    assertEquals("ftp\n", out.toString());
    assertEquals(0, run("completion", "--values", "types"));
    assertEquals("dcerpc\nftp\nsip\n", out.toString());
    assertEquals(0, run("completion", "fish"));
    assertTrue(
        out.toString()
            .contains(
                "complete -c pinholectl -n '__fish_seen_subcommand_from sessions' -l parent -x -a"
                    + " '(pinholectl completion --values serials 2>/dev/null)'\n"),
        out::toString);
  }

  @Test
  void reload_changes() {
    assertEquals(0, run("reload"));
    assertEquals("helper 2 ftp/tcp/2121 added\n", out.toString());
  }

  @Nested
  class ExitCodes {
    @Test
    void noSocket_3() {
      assertEquals(3, exec("status", "--socket", socket + ".none"));
      assertTrue(
          err.toString().startsWith("pinholectl: there is no control socket"), err::toString);
      assertTrue(err.toString().contains("is pinholed running"), err::toString);
    }

    @Test
    void deadAgent_3() throws IOException {
      Path dead = socket.resolveSibling("dead.sock");
      java.nio.channels.ServerSocketChannel channel =
          java.nio.channels.ServerSocketChannel.open(java.net.StandardProtocolFamily.UNIX);
      channel.bind(java.net.UnixDomainSocketAddress.of(dead));
      channel.close();
      assertEquals(3, exec("status", "--socket", dead.toString()));
      assertTrue(err.toString().contains("nobody answers on"), err::toString);
    }

    @Test
    void unknownCommandOrOption_2() {
      assertEquals(2, run("formt"));
      assertEquals(2, run("expectations", "--polcy", "1"));
      assertEquals(2, run("expectations", "--style", "csv"));
      assertEquals(2, run("expectations", "--watch", "0"));
      assertEquals(2, exec());
    }

    @Test
    void unfinishedAnswer_3() throws Exception {
      Path half = socket.resolveSibling("half.sock");
      try (var listener =
          java.nio.channels.ServerSocketChannel.open(java.net.StandardProtocolFamily.UNIX)) {
        listener.bind(java.net.UnixDomainSocketAddress.of(half));
        Thread agentThread =
            new Thread(
                () -> {
                  try (var client = listener.accept()) {
                    client.write(
                        java.nio.ByteBuffer.wrap("{\"row\":{".getBytes(StandardCharsets.UTF_8)));
                  } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                  }
                });
        agentThread.start();
        assertEquals(3, exec("status", "--socket", half.toString()));
        agentThread.join();
        assertTrue(err.toString().contains("broke off"), err::toString);
      }
    }
  }

  @Nested
  class Help {
    @Test
    void everyCommand_hasOneWithExamples() {
      for (String command :
          List.of(
              "status",
              "expectations",
              "sessions",
              "calls",
              "registrations",
              "clear",
              "helpers",
              "trace",
              "stats",
              "audit",
              "report",
              "explain",
              "events",
              "config",
              "bugreport",
              "reload",
              "completion")) {
        assertHelp(command);
      }
      for (String command : List.of("list", "types", "add", "delete", "enable", "disable")) {
        assertHelp("helpers", command);
      }
    }

    @Test
    void top_listsEveryCommand() {
      assertEquals(0, exec("--help"));
      for (String command : List.of("status", "expectations", "trace", "completion")) {
        assertTrue(out.toString().contains("\n  " + command), out::toString);
      }
    }

    @Test
    void version_named() {
      assertEquals(0, exec("--version"));
      assertTrue(out.toString().startsWith("pinholectl "), out::toString);
    }

    @Test
    void completion_isABashScriptThatKnowsTheCommands() throws Exception {
      assertEquals(0, exec("completion"));
      Path script = socket.resolveSibling("completion.bash");
      Files.writeString(script, out.toString());
      Process bash =
          new ProcessBuilder("bash", "-n", script.toString()).redirectErrorStream(true).start();
      assertEquals("", new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
      assertEquals(0, bash.waitFor());
      assertTrue(out.toString().contains("--parent"), out::toString);
    }

    private void assertHelp(String... command) {
      out.getBuffer().setLength(0);
      String[] args = Stream.concat(Stream.of(command), Stream.of("--help")).toArray(String[]::new);
      assertEquals(0, exec(args));
      assertTrue(out.toString().contains("Examples:"), out::toString);
      assertTrue(out.toString().contains("--socket"), out::toString);
      assertTrue(out.toString().contains("Exit codes:"), out::toString);
    }
  }

  private int run(String... args) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    return exec(
        Stream.concat(Stream.of("--socket", socket.toString()), Stream.of(args))
            .toArray(String[]::new));
  }

  private int exec(String... args) {
    return Pinholectl.run(args, new PrintWriter(out), new PrintWriter(err, true));
  }
}
