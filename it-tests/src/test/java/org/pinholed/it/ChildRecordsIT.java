package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.pinholed.it.lab.Connection;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;

/** The records of forwarded traffic: what the kernel says of children at their end. */
class ChildRecordsIT {
  private static final Duration PATIENCE = Duration.ofSeconds(15);

  /**
   * The end of a child. Where most connections have long to live, the kernel looks for those that
   * are over only once a minute; whoever lists them makes it look at once.
   */
  private static JsonNode ended(Scenario scenario, JsonNode began) {
    int port = began.path("destination").path("port").asInt();
    Scenario.await(
        PATIENCE,
        () -> scenario.conntracks(port).isEmpty(),
        () -> scenario.conntracks(port).toString());
    String serial = began.path("childSerial").asText();
    return scenario
        .agent()
        .awaitEvent(
            PATIENCE,
            event ->
                event.path("event").asText().equals("childEnded")
                    && event.path("childSerial").asText().equals(serial));
  }

  private static void setting(Scenario scenario, String name, int value) {
    scenario.onRouter("sysctl", "-q", "-w", "net.netfilter." + name + "=" + value);
  }

  @Test
  void child_thatIsClosed_hasItsBytes() {
    try (Scenario scenario = Scenario.start(Scenario.ftpWithTimeout("30s"))) {
      setting(scenario, "nf_conntrack_acct", 1);
      setting(scenario, "nf_conntrack_tcp_timeout_time_wait", 2);
      try (ScriptedSession session = scenario.login(Family.V4);
          ScriptedSession.Announcement announced = session.announce(DataMode.PASV)) {
        Connection child = announced.connect();
        Connection other = announced.listener().accept();
        child.send("x".repeat(1000));
        assertEquals(1000, other.take(1000, PATIENCE).length());
        other.close();
        child.close();
        JsonNode began = scenario.agent().awaitEvent("childBegan");
        JsonNode ended = ended(scenario, began);

        assertEquals("finished", ended.path("reason").asText(), ended::toString);
        assertEquals("ftp", ended.path("helper").asText());
        assertEquals(began.path("serial"), ended.path("serial"));
        assertEquals(began.path("source"), ended.path("source"));
        assertEquals(announced.port(), ended.path("destination").path("port").asInt());
        long headers = 52L * ended.path("sent").path("packets").asLong();
        long bytes = ended.path("sent").path("bytes").asLong();
        assertTrue(bytes >= 1000 + headers && bytes < 1100 + headers, ended::toString);
        assertTrue(ended.path("received").path("packets").asLong() >= 2, ended::toString);
        assertTrue(ended.path("lastedMillis").asLong() >= 1000, ended::toString);
      }
    }
  }

  @Test
  void child_whoseConntrackIsDeleted_saysSo_andThatNobodyCounted() {
    try (Scenario scenario = Scenario.start(Scenario.ftpWithTimeout("30s"))) {
      setting(scenario, "nf_conntrack_acct", 0);
      try (ScriptedSession session = scenario.login(Family.V4);
          ScriptedSession.Announcement announced = session.announce(DataMode.PASV)) {
        announced.connect();
        JsonNode began = scenario.agent().awaitEvent("childBegan");
        scenario.onRouter(
            "conntrack", "-D", "-p", "tcp", "--dport", Integer.toString(announced.port()));
        JsonNode ended = ended(scenario, began);

        assertEquals("removed", ended.path("reason").asText(), ended::toString);
        assertFalse(ended.path("counted").asBoolean(true), ended::toString);
        assertFalse(ended.has("sent"), ended::toString);
        assertEquals(List.of(), scenario.agent().complaints());
      }
    }
  }
}
