package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;

/** {@code deploy/logrotate/pinholed} with the real logrotate, while the agent writes. */
class LogRotationIT {
  private static final String CONFIGURED = "/var/log/pinholed/events.jsonl";
  private static final Duration PATIENCE = Duration.ofSeconds(15);

  @Test
  void rotated_theAgentGoesOnInANewFile_andNoLineIsLost() throws IOException {
    try (Scenario scenario = Scenario.start(Scenario.ftpWithTimeout("30s"));
        ScriptedSession session = scenario.login(Family.V4)) {
      Path log = scenario.agent().eventLog();
      String rules = Files.readString(Lab.projectRoot().resolve("deploy/logrotate/pinholed"));
      assertTrue(rules.contains(CONFIGURED));
      Path own = scenario.lab().workFolder().resolve("logrotate.conf");
      Path state = scenario.lab().workFolder().resolve("logrotate.state");
      // A folder to which others may write needs su; the one of the unit is the agent's own.
      Files.writeString(own, "su root root\n" + rules.replace(CONFIGURED, log.toString()));

      session.announce(DataMode.PASV).close();
      scenario.agent().awaitEvent("created");
      String before = Files.readString(log);
      scenario
          .lab()
          .run(
              Lab.Host.ROUTER,
              PATIENCE,
              "logrotate",
              "--force",
              "--state",
              state.toString(),
              own.toString())
          .orFail();
      session.announce(DataMode.PASV).close();
      scenario.agent().awaitEvent("created");

      Path rotated = Path.of(log + ".1");
      assertTrue(Files.readString(rotated).startsWith(before), "what was there is kept");
      assertEquals("rw-r-----", PosixFilePermissions.toString(Files.getPosixFilePermissions(log)));
      assertFalse((Files.readString(rotated) + Files.readString(log)).contains("eventsLost"));
    }
  }
}
