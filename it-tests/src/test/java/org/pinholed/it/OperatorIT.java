package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;

/** What the operator types and sees, beside a real session. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class OperatorIT {
  private final Scenario scenario = Scenario.start("");

  @AfterAll
  void close() {
    scenario.close();
  }

  @Test
  void expectations_asTable_asManyLines_asJson() {
    try (ScriptedSession session = scenario.login(Family.V4);
        Announcement announced = session.announce(DataMode.PASV)) {
      String port = Integer.toString(announced.port());
      String table = scenario.agent().ctl("expectations").orFail();
      assertTrue(table.contains(port) && table.contains("pending"), table);

      String lines = scenario.agent().ctl("expectations", "--style", "fortios").orFail();
      for (String field :
          List.of(
              "session info: proto=6",
              "duration=",
              "expire=",
              "timeout=30",
              "flags=",
              "use=",
              "hook=pre dir=org act=",
              "198.51.100.2:0->203.0.113.2:" + port,
              "policy_id=25",
              "serial=")) {
        assertTrue(lines.contains(field), field + " is not in\n" + lines);
      }

      JsonNode row = scenario.agent().printed("expectations").get(0);
      assertEquals("198.51.100.2", row.path("source").path("address").asText());
      assertEquals(0, row.path("source").path("port").asInt());
      assertEquals("203.0.113.2", row.path("destination").path("address").asText());
      assertEquals(announced.port(), row.path("destination").path("port").asInt());
      assertEquals("227", row.path("cause").asText());
      assertTrue(row.path("expireSeconds").asInt() <= 30, row::toString);

      announced.connect().close();
      scenario.agent().awaitEvent("matched");
    }
  }

  @Test
  void sessions_tellWhatWasRead() {
    try (ScriptedSession session = scenario.login(Family.V6)) {
      session.exchange("NOOP\r\n", "200 ok\r\n");
      List<JsonNode> rows =
          StreamSupport.stream(scenario.agent().printed("sessions").spliterator(), false)
              .filter(r -> r.path("client").path("port").asInt() == session.client().port())
              .toList();
      assertEquals(1, rows.size(), rows::toString);
      JsonNode row = rows.get(0);
      assertEquals(Family.V6.client(), row.path("client").path("address").asText());
      assertEquals(21, row.path("server").path("port").asInt());
      assertEquals(25, row.path("policyId").asInt());
      assertEquals(
          "USER anonymous\r\nPASS lab@example.org\r\nTYPE I\r\nNOOP\r\n".length(),
          row.path("bytesFromClient").asInt());
      assertFalse(row.path("opaque").asBoolean());
      JsonNode status = scenario.agent().printed("status");
      assertTrue(status.path("parents").asInt() >= 1, status::toString);
      assertEquals(scenario.agent().pid(), status.path("pid").asLong());
    }
  }

  @Test
  void trace_showsTheDialogue_itsDevices_andNoPassword() {
    String text =
        scenario
            .agent()
            .traceOf(
                21,
                () -> {
                  try (ScriptedSession session = scenario.login(Family.V4)) {
                    session.announce(DataMode.PASV).close();
                  }
                });
    String session = "existing session, direction original, policy 25, in by r0, out by r1\"";
    assertTrue(text.contains(session), text);
    assertTrue(text.contains("198.51.100.2") && text.contains("203.0.113.2"), text);
    assertTrue(text.contains("PASV") || text.contains("227"), text);
    assertFalse(text.contains("lab@example.org"), "the password is in the trace\n" + text);
    assertFalse(scenario.agent().log().contains("lab@example.org"), "the password is in the log");
  }

  @Test
  void exitCodes_tellUsageAndNotFoundApart() {
    assertEquals(0, scenario.agent().ctl("--help").exitCode());
    for (String command :
        List.of(
            "status",
            "expectations",
            "sessions",
            "clear",
            "helpers",
            "trace",
            "stats",
            "reload",
            "doctor")) {
      CommandResult help = scenario.agent().ctl(command, "--help");
      assertEquals(0, help.exitCode(), help::toString);
      assertTrue(help.output().contains("pinholectl"), help::toString);
    }
    assertEquals(2, scenario.agent().ctl("nonsense").exitCode());
    assertEquals(2, scenario.agent().ctl("expectations", "--policy", "x").exitCode());
    assertEquals(1, scenario.agent().ctl("helpers", "delete", "99").exitCode());
  }

  @Test
  void controlSocket_answersRootOnly() {
    CommandResult stranger =
        scenario
            .lab()
            .run(
                Lab.Host.ROUTER,
                Duration.ofSeconds(10),
                "setpriv",
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                "/usr/bin/python3",
                "-c",
                "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
                    + " s.send(b'{\"command\":\"status\"}\\n'); print(s.recv(4096))",
                scenario.agent().socket().toString());
    assertFalse(stranger.output().contains("uptime"), stranger::toString);
  }
}
