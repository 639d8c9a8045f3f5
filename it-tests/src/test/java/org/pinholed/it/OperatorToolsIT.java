package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.pinholed.it.lab.AgentProcess;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.NatScenario;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;

/** What an operator asks for beside the listings, of an agent with a real session. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class OperatorToolsIT {
  private static final String TYPING = "it-tests/src/test/resources/completion/type.zsh";

  private static final Pattern VENDORS_LINE =
      Pattern.compile("id=20085 trace_id=(\\d+) func=(\\S+) msg=\"(.*)\"");

  private final Scenario scenario = Scenario.start("");

  @AfterAll
  void close() {
    scenario.close();
  }

  @Test
  void clearOneExpectation_shutsIt_andItsParentGoesOn() {
    try (ScriptedSession session = scenario.login(Family.V4);
        Announcement first = session.announce(DataMode.PASV)) {
      JsonNode row = scenario.agent().printed("expectations", "--port", "" + first.port()).get(0);
      scenario.agent().ctl("clear", "--expectation", row.path("id").asText()).orFail();
      assertFalse(first.isOpen(), "it was cleared");
      try (Announcement second = session.announce(DataMode.PASV)) {
        assertTrue(second.isOpen(), "the parent lives and is read");
      }
    }
  }

  @Test
  void configAndReload_nameTheKeys() {
    String config = scenario.agent().ctl("config").orFail();
    assertTrue(config.contains("  parents: 65536  # default"), config);
    scenario.agent().writeConfig("limits: {parents: 60000}\n");
    String changes = scenario.agent().ctl("reload").orFail();
    assertTrue(changes.contains("limits.parents: 65536 -> 60000"), changes);
    scenario.agent().writeConfig("limits: {parents: 60000}\nqueues: {lengthPackets: 5000}\n");
    CommandResult refused = scenario.agent().ctl("reload");
    assertEquals(1, refused.exitCode(), refused::toString);
    assertTrue(
        refused.output().contains("queues.lengthPackets: 4096 -> 5000 needs a restart"),
        refused::toString);
    scenario.agent().writeConfig("");
    scenario.agent().ctl("reload").orFail();
  }

  @Test
  void bugreport_hasWhatIsNeeded_andNoAddress() {
    try (ScriptedSession session = scenario.login(Family.V4);
        Announcement announced = session.announce(DataMode.PASV)) {
      Path file = scenario.lab().workFolder().resolve("report.tar.gz");
      scenario
          .agent()
          .ctl("bugreport", "--addresses", "hash", "--output", file.toString())
          .orFail();
      String all = scenario.onRouter("tar", "-xzOf", file.toString());
      for (String part :
          new String[] {
            "table inet pinholed", "parents: 65536", "acceptRule", "\"event\":\"created\""
          }) {
        assertTrue(all.contains(part), part + " is not in\n" + all);
      }
      assertFalse(all.contains("Unknown option"), all);
      assertFalse(all.contains("198.51.100.2") || all.contains("lab@example.org"), all);
      assertTrue(all.contains(":" + announced.port()), "ports stay");
    }
  }

  /** Runs a shell on the router that finds the product's programs and the running agent. */
  private CommandResult shell(String... command) {
    Path folder = scenario.lab().workFolder();
    List<String> all =
        new ArrayList<>(
            List.of(
                "env",
                "TERM=dumb",
                "HOME=" + folder,
                "PATH=" + AgentProcess.distribution().resolve("bin") + ":" + System.getenv("PATH"),
                "PINHOLED_SOCKET=" + scenario.agent().socket()));
    all.addAll(List.of(command));
    return scenario.lab().run(Lab.Host.ROUTER, Duration.ofSeconds(60), all.toArray(String[]::new));
  }

  private String completionScript(String shell) {
    Path script = scenario.lab().workFolder().resolve("pinholectl." + shell);
    shell("sh", "-c", "pinholectl completion " + shell + " > " + script).orFail();
    return script.toString();
  }

  private String serialOf(ScriptedSession session) {
    session.exchange("NOOP\r\n", "200 ok\r\n");
    return scenario.agent().printed("sessions").get(0).path("serial").asText();
  }

  @Test
  void bash_completesWhatTheAgentKnows() {
    try (ScriptedSession session = scenario.login(Family.V4)) {
      String serial = serialOf(session);
      CommandResult result =
          shell(
              "bash",
              "-c",
              "source "
                  + completionScript("bash")
                  + "; COMP_WORDS=(pinholectl sessions --parent '');"
                  + " COMP_CWORD=3; _pinholectl_values; echo ${COMPREPLY[*]}");
      assertTrue(result.orFail().contains(serial), result::toString);
    }
  }

  @Test
  void fish_completesWhatTheAgentKnows_andNothingThatDoesNotFit() {
    try (ScriptedSession session = scenario.login(Family.V4);
        Announcement announced = session.announce(DataMode.PASV)) {
      String serial = serialOf(session);
      String id =
          scenario
              .agent()
              .printed("expectations", "--port", "" + announced.port())
              .get(0)
              .path("id")
              .asText();
      Map<String, Set<String>> wanted = new LinkedHashMap<>();
      wanted.put("explain ", Set.of("last", serial, id));
      wanted.put("sessions --parent ", Set.of(serial));
      wanted.put("clear --expectation ", Set.of(id));
      wanted.put("expectations --helper ", Set.of("ftp"));
      wanted.put("helpers delete ", Set.of("1"));
      wanted.put("helpers add --mode ", Set.of("enforce", "observe"));
      wanted.put("trace --style ", Set.of("plain", "fortios"));
      wanted.put("completion ", Set.of("bash", "zsh", "fish"));
      wanted.put("help expl", Set.of("explain"));
      wanted.put("helpers add --sav", Set.of("--save"));
      StringBuilder script = new StringBuilder("source " + completionScript("fish") + "\n");
      for (String line : wanted.keySet()) {
        script.append("echo '== ").append(line).append("'\n");
        script.append("complete -C 'pinholectl ").append(line).append("'\n");
      }
      Map<String, Set<String>> offered = new LinkedHashMap<>();
      String line = "";
      String output = shell("fish", "--no-config", "-c", script.toString()).orFail();
      for (String each : output.lines().toList()) {
        if (each.startsWith("== ")) {
          line = each.substring(3);
          offered.put(line, new TreeSet<>());
        } else {
          offered.computeIfAbsent(line, none -> new TreeSet<>()).add(each.split("\t", -1)[0]);
        }
      }
      assertEquals(wanted, offered, output);
    }
  }

  @Test
  void zsh_completesWhatTheAgentKnows() {
    try (ScriptedSession session = scenario.login(Family.V4)) {
      String serial = serialOf(session);
      List<String> typed =
          List.of(
              "pinholectl expl",
              "explain",
              "pinholectl sessions --parent " + serial.substring(0, 4),
              serial,
              "pinholectl explain l",
              "last",
              "pinholectl expectations --helper f",
              "ftp",
              "pinholectl trace --style f",
              "fortios",
              "pinholectl helpers dele",
              "delete");
      List<String> command =
          new ArrayList<>(
              List.of(
                  "zsh",
                  "-f",
                  Lab.projectRoot().resolve(TYPING).toString(),
                  completionScript("zsh")));
      command.addAll(typed);
      String completed = shell(command.toArray(String[]::new)).orFail();
      for (int i = 1; i < typed.size(); i += 2) {
        assertTrue(completed.lines().toList().contains(typed.get(i)), completed);
      }
    }
  }

  /** Each packet in the order of the vendor's own lines, as it came to the router. */
  @Test
  void trace_inTheVendorsWords_behindMasquerade() {
    try (NatScenario masquerade = NatScenario.withAgent(NatMode.MASQUERADE, Family.V4, "")) {
      String text =
          masquerade
              .agent()
              .traceOf(
                  21,
                  () -> {
                    try (ScriptedSession session = masquerade.login()) {
                      masquerade.transfer(session, DataMode.PORT);
                    }
                  },
                  "--style",
                  "fortios");
      Map<Integer, List<String>> packets = new TreeMap<>();
      for (String line : text.lines().toList()) {
        Matcher parts = VENDORS_LINE.matcher(line);
        assertTrue(parts.matches(), line);
        packets
            .computeIfAbsent(Integer.parseInt(parts.group(1)), none -> new ArrayList<>())
            .add(parts.group(2) + " " + parts.group(3));
      }
      assertEquals(40, packets.size(), text);
      String end = "198\\.51\\.100\\.2:\\d+";
      String outside = "203\\.0\\.113\\.1:\\d+";
      String server = "203\\.0\\.113\\.2:21";
      String detail = "print_pkt_detail vd-root:0 received a packet\\(proto=6, ";
      String flags = "\\. flag \\[\\S+\\], seq \\d+";
      String known = "resolve_ip_tuple_fast Find an existing session, id-[0-9a-f]{8}, %s direction";
      List<String> sent =
          List.of(
              detail + end + "->" + server + "\\) from r0" + flags,
              known.formatted("original"),
              "__ip_session_run_tuple SNAT 198\\.51\\.100\\.2->" + outside,
              "__ip_session_run_tuple run helper-ftp\\(dir=original\\)");
      List<String> answered =
          List.of(
              detail + server + "->" + outside + "\\) from r1" + flags,
              known.formatted("reply"),
              "__ip_session_run_tuple DNAT " + outside + "->" + end,
              "__ip_session_run_tuple run helper-ftp\\(dir=reply\\)");
      assertTrue(packets.values().stream().anyMatch(lines -> beginsWith(lines, sent)), text);
      assertTrue(packets.values().stream().anyMatch(lines -> beginsWith(lines, answered)), text);
      assertTrue(text.contains("msg=\"allocate a new session-"), text);
      for (List<String> lines : packets.values()) {
        assertTrue(lines.get(0).startsWith("print_pkt_detail "), text);
        assertTrue(lines.get(0).contains(":21"), text);
        assertTrue(lines.get(lines.size() - 1).startsWith("verdict "), text);
      }
    }
  }

  private static boolean beginsWith(List<String> lines, List<String> patterns) {
    for (int i = 0; i < patterns.size(); i++) {
      if (i >= lines.size() || !lines.get(i).matches(patterns.get(i))) {
        return false;
      }
    }
    return true;
  }
}
