package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.RouterFirewall;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;

/** {@code pinholectl explain} and {@code events} tell what became of real packets. */
class ExplainIT {
  @Test
  void opened_usedAndOver_withItsPackets() {
    try (Scenario scenario = Scenario.start("")) {
      scenario.onRouter("sysctl", "-q", "-w", "net.netfilter.nf_conntrack_acct=1");
      try (ScriptedSession session = scenario.login(Family.V4);
          Announcement announced = session.announce(DataMode.PASV)) {
        JsonNode waiting = only(scenario, "203.0.113.2:" + announced.port());
        assertEquals("open", waiting.path("outcome").asText(), waiting::toString);
        announced.connect().close();
        JsonNode matched = scenario.agent().awaitEvent("matched");

        JsonNode story = only(scenario, matched.path("childSerial").asText());
        assertEquals("used", story.path("outcome").asText(), story::toString);
        assertEquals(matched.path("serial"), story.path("parentSerial"));
        List<String> steps = steps(story);
        assertEquals(
            List.of("parent", "announced", "decision", "pinhole", "used", "traffic", "ended"),
            steps,
            story::toString);
        String traffic = story.path("steps").get(5).path("text").asText();
        assertTrue(traffic.matches("child .* [1-9]\\d* packets, [1-9]\\d* bytes.*"), traffic);
        String announcement = story.path("steps").get(1).path("text").asText();
        assertTrue(announcement.contains("227") && announcement.contains(":" + announced.port()));

        String text =
            scenario
                .agent()
                .ctl("explain", "tcp", "198.51.100.2", ">", "203.0.113.2:" + announced.port())
                .orFail();
        assertTrue(text.contains("opened, and used by 1 connection"), text);
      }
      String events = scenario.agent().ctl("events", "--since", "10m", "--port", "21").orFail();
      assertTrue(events.contains(" created ftp ") && events.contains(" matched ftp "), events);
      CommandResult none = scenario.agent().ctl("explain", "192.0.2.77:4000");
      assertEquals(1, none.exitCode(), none::toString);
      assertTrue(none.output().contains("nothing is known of 192.0.2.77:4000"), none::toString);
    }
  }

  @Test
  void refused_withTheReasonAndWhatToSet_andUnreadOnceItIsEncrypted() {
    try (Scenario scenario = Scenario.start("");
        ScriptedSession session = scenario.login(Family.V4)) {
      session.exchange("PORT 198,51,100,3,200,10\r\n", "200 ok\r\n");
      scenario.agent().awaitEvent("refused");
      JsonNode story = only(scenario, "last");
      assertEquals("refused", story.path("outcome").asText(), story::toString);
      assertEquals("addressNotAnnouncer", story.path("reason").asText());
      assertTrue(story.path("advice").get(0).asText().contains("fxpNetworks"), story::toString);

      try (ScriptedSession encrypted = scenario.login(Family.V4)) {
        encrypted.exchange("AUTH TLS\r\n", "234 go on\r\n");
        scenario.agent().awaitEvent("opaque");
        JsonNode unread = only(scenario, "last");
        assertEquals("unread", unread.path("outcome").asText(), unread::toString);
        assertTrue(unread.path("advice").get(0).asText().contains("leaseNetworks"));
      }
    }
  }

  @Test
  void firewallDropped_thoughAPinholeStood() {
    try (Scenario scenario =
        Scenario.start(RouterFirewall.NFTABLES, Scenario.ftpWithTimeout("2s"))) {
      RouterFirewall.NFTABLES.acceptRule(scenario.lab(), "remove").orFail();
      try (ScriptedSession session = scenario.login(Family.V4);
          Announcement announced = session.announce(DataMode.PASV)) {
        assertFalse(announced.isOpen(), "nobody lets its packets through");
        JsonNode expired = scenario.agent().awaitEvent(Duration.ofSeconds(20), this::isExpired);
        assertTrue(expired.path("detail").asText().contains("a rule behind the mark"));
        JsonNode story = only(scenario, "203.0.113.2:" + announced.port());
        assertEquals("dropped", story.path("outcome").asText(), story::toString);
        assertTrue(story.path("advice").get(0).asText().contains("doctor"), story::toString);
      }
      try (ScriptedSession session = scenario.login(Family.V4);
          Announcement untried = session.announce(DataMode.PASV)) {
        String port = Integer.toString(untried.port());
        scenario
            .agent()
            .awaitEvent(
                Duration.ofSeconds(20),
                event ->
                    isExpired(event)
                        && event.path("destination").path("port").asText().equals(port));
        assertEquals("unused", only(scenario, "last").path("outcome").asText(), "nobody came");
      }
    }
  }

  private boolean isExpired(JsonNode event) {
    return event.path("event").asText().equals("expired");
  }

  private static JsonNode only(Scenario scenario, String what) {
    JsonNode stories = scenario.agent().printed("explain", what);
    assertEquals(1, stories.size(), stories::toString);
    return stories.get(0);
  }

  private static List<String> steps(JsonNode story) {
    return StreamSupport.stream(story.path("steps").spliterator(), false)
        .map(step -> step.path("step").asText())
        .toList();
  }
}
