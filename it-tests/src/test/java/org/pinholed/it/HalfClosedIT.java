package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;

/**
 * Scripts that pipe their commands into {@code nc} close their side long before the server does.
 */
class HalfClosedIT {
  @ParameterizedTest
  @CsvSource({"EPSV, false", "EPRT, false", "EPSV, true", "EPRT, true"})
  void clientThatHasClosed_getsItsData_andTheSessionEndsWithTheServer(
      DataMode mode, boolean replacedMeanwhile) {
    try (Scenario scenario = Scenario.start(Scenario.ftpWithTimeout("parent"))) {
      try (ScriptedSession session = scenario.login(Family.V6);
          Announcement announced = session.announceWithoutReply(mode)) {
        session.client().send("RETR a\r\nQUIT\r\n");
        session.client().shutdownOutput();
        assertEquals("RETR a\r\n", session.server().line());
        assertEquals("QUIT\r\n", session.server().line());
        if (replacedMeanwhile) {
          scenario.agent().replace();
        }
        session.reply(ScriptedSession.replyLine(mode, announced.host(), announced.port()));
        session.reply("150 here it comes\r\n");
        try (var data = announced.connect();
            var accepted = announced.listener().accept()) {
          accepted.send("a\r\n");
          assertEquals("a\r\n", data.line());
        }
        session.reply("226 done\r\n");
        assertEquals(1, scenario.rows("sessions").size());
      }
      Scenario.await(
          Duration.ofSeconds(5),
          () -> scenario.rows("sessions").isEmpty(),
          () -> scenario.rows("sessions").toString());
      assertEquals(
          List.of(),
          scenario.rows("expectations").stream()
              .filter(row -> !row.path("state").asText().equals("matched"))
              .toList());
    }
  }
}
