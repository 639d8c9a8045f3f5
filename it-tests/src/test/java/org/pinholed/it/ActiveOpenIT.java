package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;

/** When the port of an active transfer opens: at the command, or with the server's consent. */
class ActiveOpenIT {
  @ParameterizedTest
  @CsvSource({"'', true", "activeOpen: command, true", "activeOpen: reply, false"})
  void port_beforeTheReply_isOpenAsConfigured(String options, boolean open) {
    String yaml =
        "helpers: [{id: 1, name: ftp, protocol: tcp, port: 21, options: {" + options + "}}]\n";
    try (Scenario scenario = Scenario.start(yaml);
        ScriptedSession session = scenario.login(Family.V4)) {
      try (Announcement announced = session.announceWithoutReply(DataMode.PORT)) {
        assertEquals(open, announced.isOpen(), "before the reply");
        session.reply("500 no\r\n");
        assertEquals(false, announced.isOpen(), "after the server said no");
      }
      try (Announcement announced = session.announce(DataMode.PORT)) {
        assertEquals(true, announced.isOpen(), "after the server said yes");
      }
    }
  }
}
