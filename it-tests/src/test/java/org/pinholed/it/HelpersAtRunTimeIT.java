package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;

/** Session helpers are switched, deleted and added while the agent runs. */
class HelpersAtRunTimeIT {
  @Test
  void helper_disabledEnabledDeletedAdded_worksAccordingly() {
    try (Scenario scenario = Scenario.start("")) {
      assertTrue(helps(scenario), "the default helper");

      scenario.agent().ctl("helpers", "disable", "1").orFail();
      assertFalse(helps(scenario), "disabled");
      scenario.agent().ctl("helpers", "enable", "1").orFail();
      assertTrue(helps(scenario), "enabled again");

      scenario.agent().ctl("helpers", "delete", "1").orFail();
      assertFalse(helps(scenario), "deleted");
      assertEquals(0, scenario.rows("helpers", "list").size());
      CommandResult again = scenario.agent().ctl("helpers", "delete", "1");
      assertEquals(1, again.exitCode(), again::output);

      scenario
          .agent()
          .ctl(
              "helpers",
              "add",
              "--id",
              "7",
              "--name",
              "ftp",
              "--protocol",
              "tcp",
              "--port",
              "21",
              "--timeout",
              "20s")
          .orFail();
      assertTrue(helps(scenario), "added");
      assertEquals(7, scenario.rows("helpers", "list").get(0).path("id").asInt());
    }
  }

  @Test
  void badEntries_areRefused() {
    try (Scenario scenario = Scenario.start("")) {
      CommandResult sameId =
          scenario
              .agent()
              .ctl(
                  "helpers",
                  "add",
                  "--id",
                  "1",
                  "--name",
                  "ftp",
                  "--protocol",
                  "tcp",
                  "--port",
                  "2121");
      assertEquals(1, sameId.exitCode(), sameId::output);
      CommandResult badPort =
          scenario
              .agent()
              .ctl(
                  "helpers",
                  "add",
                  "--id",
                  "8",
                  "--name",
                  "ftp",
                  "--protocol",
                  "tcp",
                  "--port",
                  "70000");
      assertTrue(badPort.exitCode() == 1 || badPort.exitCode() == 2, badPort::output);
      assertEquals(1, scenario.rows("helpers", "list").size());
    }
  }

  private static boolean helps(Scenario scenario) {
    try (ScriptedSession session = scenario.login(Family.V6);
        Announcement announced = session.announce(DataMode.EPSV)) {
      return announced.isOpen();
    }
  }
}
