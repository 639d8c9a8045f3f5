package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.it.lab.Capture;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;

/**
 * What tcpdump saw on the router while an agent decided, replayed: the same decisions. On one
 * device, and on all of them, where each packet is there twice.
 */
class ReplayIT {
  private static final Set<String> COMPARED = Set.of("created", "matched", "refused");

  @ParameterizedTest
  @ValueSource(strings = {"r0", "any"})
  void replayed_decidesAsTheAgentDid(String device) throws IOException {
    try (Scenario scenario = Scenario.start("")) {
      Capture capture = Capture.start(scenario.lab(), Lab.Host.ROUTER, device, "tcp or udp");
      for (Family family : Family.values()) {
        talk(scenario, family);
      }
      // All that was decided on is in the file when the last command is.
      capture.awaitText(refused(Family.V6).strip());
      capture.stop();
      List<JsonNode> decisions = new ArrayList<>();
      String output = scenario.agent().ctl("replay", "--json", capture.file().toString()).orFail();
      for (String line : output.lines().toList()) {
        decisions.add(new ObjectMapper().readTree(line));
      }
      assertEquals(told(scenario.agent().events()), told(decisions), output);
      JsonNode summary = decisions.get(decisions.size() - 1);
      assertEquals("summary", summary.path("event").asText());
      assertEquals(6, summary.path("matched").asInt(), output);
      long packets = summary.path("packets").asLong();
      long copies = summary.path("skipped").path("copy").asLong();
      // What the router itself says, an ICMP error say, is there once.
      assertTrue(device.equals("any") ? 2 * copies > packets - 8 : copies == 0, output);
    }
  }

  private static String refused(Family family) {
    return family == Family.V4 ? "PORT 198,51,100,2,0,22\r\n" : "EPRT |2|2001:db8:1::2|22|\r\n";
  }

  /** Every mode, each used, and an announcement that is refused. */
  private static void talk(Scenario scenario, Family family) {
    try (ScriptedSession session = scenario.login(family)) {
      for (DataMode mode : DataMode.values()) {
        if (family == Family.V4 || mode == DataMode.EPSV || mode == DataMode.EPRT) {
          try (Announcement announced = session.announce(mode)) {
            announced.connect().close();
          }
        }
      }
      session.exchange(refused(family), "200 yes\r\n");
    }
    String client = family == Family.V4 ? "198.51.100.2" : "2001:db8:1::2";
    scenario
        .agent()
        .awaitEvent(
            Duration.ofSeconds(10),
            event ->
                event.path("event").asText().equals("refused")
                    && event.path("client").path("address").asText().equals(client));
  }

  /** Without times, serials and numbers, which a replay has of its own. */
  private static Set<String> told(List<JsonNode> events) {
    Set<String> told = new TreeSet<>();
    for (JsonNode event : events) {
      if (COMPARED.contains(event.path("event").asText())) {
        told.add(
            event.path("event").asText()
                + " "
                + event.path("reason").asText()
                + " "
                + event.path("client")
                + " "
                + event.path("source")
                + " "
                + event.path("destination"));
      }
    }
    return told;
  }
}
