package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.Connection;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Listener;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;

/**
 * What {@code pinholectl doctor} says of a firewall is what connections meet there: each ruleset is
 * loaded beside a running agent, transfers are tried over both families, and both are compared.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DoctorCasesIT {
  private static final Duration PATIENCE = Duration.ofMillis(500);
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Map<Family, Listener> controls = new EnumMap<>(Family.class);

  @SuppressWarnings("NullAway.Init") // started before the first test
  private Scenario scenario;

  @BeforeAll
  void start() {
    scenario = Scenario.start("");
    // Ports of the data connections, so that a range is met or not, and not by chance.
    scenario.lab().sysctl(Lab.Host.SERVER, "net.ipv4.ip_local_port_range=40000 50000");
    scenario.lab().sysctl(Lab.Host.CLIENT, "net.ipv4.ip_local_port_range=40000 50000");
    for (Family family : Family.values()) {
      controls.put(family, ScriptedSession.controlListener(scenario.server(), family));
    }
  }

  @AfterAll
  void end() {
    scenario.close();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        // file | which transfers work | what the doctor says: level, name, words
        "good                   | all  | ok   | acceptRule  | accepts children",
        "markRestored           | all  | ok   | acceptRule  | accepts children",
        "shadowPart             | none | fail | acceptRule  | ports 40000-50000",
        "preroutingDrop         | none | fail | acceptRule  | in prerouting",
        "postroutingDrop        | none | fail | acceptRule  | in postrouting",
        "rawDropHighPorts       | none | fail | acceptRule  | belongs in forward",
        "ingressDrop            | none | fail | acceptRule  | in ingress",
        "markOverwritten        | none | fail | acceptRule  | overwritten by",
        "missingDevice          | none | fail | acceptRule  | policy drop",
        "notrackControl         | none | fail | controlPort | connection tracking",
        "notrackReplies         | none | fail | controlPort | connection tracking",
        "notrackChildren        | none | fail | acceptRule  | connection tracking",
        "controlPortShut        | none | fail | controlPort | drops control connections",
        "answersShut            | none | fail | controlPort | drops the answers",
        "controlPortOfOneFamily | ipv4 | fail | controlPort | (IPv6) drops control connections",
        "zoneOfAll              | none | fail | zones       | are not read",
        "zoneOfControl          | none | fail | zones       | are not read",
      })
  void firewall_isJudgedAsConnectionsMeetIt(
      String file, String works, String level, String name, String says) throws IOException {
    load(file);
    agentMakesItsTable();
    assertEquals(works, whatWorks(), file);
    CommandResult doctor = scenario.agent().ctl("--json", "doctor");
    List<JsonNode> findings = new ArrayList<>();
    JSON.readTree(doctor.output()).forEach(findings::add);
    assertTrue(
        findings.stream()
            .anyMatch(
                finding ->
                    finding.path("level").asText().equals(level)
                        && finding.path("name").asText().equals(name)
                        && finding.path("text").asText().contains(says)),
        doctor::output);
    assertEquals(level.equals("fail") ? 1 : 0, doctor.exitCode(), doctor::output);
  }

  /** A firewall that lets nothing through, and the lines that the doctor prints, pasted. */
  @Test
  void lines_pasted_makeAllWork() throws IOException {
    load("nothing");
    agentMakesItsTable();
    assertEquals("none", whatWorks());
    for (JsonNode finding : JSON.readTree(scenario.agent().ctl("--json", "doctor").output())) {
      if (finding.path("level").asText().equals("fail")) {
        for (JsonNode line : finding.path("advice")) {
          scenario.onRouter(line.asText().split(" "));
        }
      }
    }
    assertEquals("all", whatWorks());
    CommandResult doctor = scenario.agent().ctl("doctor");
    assertEquals(0, doctor.exitCode(), doctor::output);
  }

  /** Puts one ruleset in the place of the one before; the agent's own table stays. */
  private void load(String file) throws IOException {
    for (String table : scenario.onRouter("nft", "list", "tables").lines().toList()) {
      if (!table.equals("table inet pinholed")) {
        scenario.onRouter(("nft delete " + table).split(" "));
      }
    }
    try (var in = DoctorCasesIT.class.getResourceAsStream("/doctor/" + file + ".nft")) {
      if (in == null) {
        throw new AssertionError("no ruleset " + file);
      }
      scenario
          .lab()
          .firewall(Lab.Host.ROUTER, new String(in.readAllBytes(), StandardCharsets.UTF_8));
    }
  }

  /**
   * Of two chains of one priority the one that was made last comes first: the agent's, where it is
   * started behind the firewall. Here it makes its table anew.
   */
  private void agentMakesItsTable() {
    long before = repairs();
    scenario.onRouter("nft", "delete", "table", "inet", "pinholed");
    Scenario.await(Duration.ofSeconds(10), () -> repairs() > before, () -> "the table is not back");
  }

  private long repairs() {
    return scenario.agent().json("status").path("tableRepairs").asLong();
  }

  private String whatWorks() {
    boolean ipv4 = works(Family.V4);
    boolean ipv6 = works(Family.V6);
    return ipv4 && ipv6 ? "all" : ipv4 ? "ipv4" : ipv6 ? "ipv6" : "none";
  }

  /** Whether the control connection and a transfer each way come through. */
  private boolean works(Family family) {
    Listener control = Objects.requireNonNull(controls.get(family));
    if (scenario
        .client()
        .tryConnect(family.client(), family.server(), 21, PATIENCE)
        .map(DoctorCasesIT::closed)
        .isEmpty()) {
      return false;
    }
    control.accept().close();
    try (ScriptedSession session =
        ScriptedSession.open(scenario.client(), scenario.server(), control, family)) {
      session.login();
      boolean passive = isOpen(session, DataMode.EPSV);
      assertEquals(passive, isOpen(session, DataMode.EPRT), family + ": passive and active");
      return passive;
    }
  }

  private static boolean isOpen(ScriptedSession session, DataMode mode) {
    try (Announcement announced = session.announce(mode)) {
      return announced.isOpen();
    }
  }

  private static boolean closed(Connection connection) {
    connection.close();
    return true;
  }
}
