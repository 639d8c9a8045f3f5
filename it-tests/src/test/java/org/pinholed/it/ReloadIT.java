package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;

/** A changed configuration file takes effect at a reload; a bad one changes nothing. */
class ReloadIT {
  private static final String NO_HELPERS = "helpers: []\n";
  private static final String FTP = Scenario.ftpWithTimeout("20s");

  @Test
  void reload_byCommandAndByHangUp_switchesTheHelper() {
    try (Scenario scenario = Scenario.start(NO_HELPERS)) {
      assertFalse(helps(scenario), "no helper, no pinhole");

      scenario.agent().writeConfig(FTP);
      scenario.agent().ctl("reload").orFail();
      assertTrue(helps(scenario), "after pinholectl reload");

      scenario.agent().writeConfig(NO_HELPERS);
      scenario.agent().hangUp();
      Scenario.await(
          Duration.ofSeconds(10),
          () -> scenario.rows("helpers", "list").isEmpty(),
          () -> scenario.agent().log());
      assertFalse(helps(scenario), "after SIGHUP");
    }
  }

  @Test
  void hangUp_afterAGarbageCollection_stillReloads() {
    try (Scenario scenario = Scenario.start(NO_HELPERS)) {
      // A handler that nobody but native code refers to would be gone now.
      String jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd").toString();
      scenario.onRouter(jcmd, Long.toString(scenario.agent().pid()), "GC.run");
      scenario.agent().writeConfig(FTP);
      scenario.agent().hangUp();
      Scenario.await(
          Duration.ofSeconds(10),
          () -> scenario.rows("helpers", "list").size() == 1,
          () -> scenario.agent().log());
    }
  }

  @Test
  void badFile_isRefusedWithItsLine_andNothingChanges() {
    try (Scenario scenario = Scenario.start(FTP)) {
      scenario.agent().writeConfig(FTP + "queues: {first: -1}\n");
      CommandResult refused = scenario.agent().ctl("reload");
      assertEquals(1, refused.exitCode(), refused::output);
      assertTrue(refused.output().contains("queues.first"), refused::output);
      assertTrue(refused.output().contains(".yaml:5"), refused::output);

      scenario.agent().hangUp();
      assertTrue(helps(scenario), "the old configuration is still in force");
      assertTrue(scenario.agent().isAlive());
    }
  }

  @Test
  void pendingPinhole_survivesAReload() {
    try (Scenario scenario = Scenario.start(FTP);
        ScriptedSession session = scenario.login(Family.V4);
        Announcement announced = session.announce(DataMode.PASV)) {
      scenario.agent().ctl("reload").orFail();
      announced.connect().close();
      try (Announcement next = session.announce(DataMode.EPSV)) {
        next.connect().close();
      }
    }
  }

  private static boolean helps(Scenario scenario) {
    try (ScriptedSession session = scenario.login(Family.V4);
        Announcement announced = session.announce(DataMode.PASV)) {
      return announced.isOpen();
    }
  }
}
