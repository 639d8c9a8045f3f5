package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.pinholed.it.lab.AgentProcess;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.FtpClient;
import org.pinholed.it.lab.FtpServerProcess;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Patience;
import org.pinholed.it.lab.RouterFirewall;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;

/** What {@code kill -9} of the agent does, and does not do, to the traffic. */
@Tag("containers")
class KillIT {
  @Test
  void runningTransfer_goesOn_andANewStartWorks() throws IOException, InterruptedException {
    try (Lab lab = Lab.create();
        FtpServerProcess server = FtpServerProcess.start(lab, FtpServerProcess.Kind.VSFTPD)) {
      RouterFirewall.NFTABLES.installWithAcceptRule(lab);
      AgentProcess agent = AgentProcess.start(lab);
      Path copy = lab.workFolder().resolve("copy.bin");
      Process transfer =
          lab.start(
              Lab.Host.CLIENT,
              ProcessBuilder.Redirect.to(lab.workFolder().resolve("curl.log").toFile()),
              "curl",
              "-sS",
              "--limit-rate",
              Patience.load(4000) + "k",
              "-o",
              copy.toString(),
              "ftp://203.0.113.2/" + FtpServerProcess.BIG_FILE);
      agent.awaitEvent("matched");
      agent.kill();
      assertTrue(transfer.isAlive(), "the transfer was over before the agent was killed");
      long longest = Patience.of(Duration.ofSeconds(30)).toSeconds();
      assertTrue(transfer.waitFor(longest, TimeUnit.SECONDS), "the transfer hangs");
      assertEquals(0, transfer.exitValue());
      assertEquals(-1, Files.mismatch(server.file(FtpServerProcess.BIG_FILE), copy));

      agent.startAgain();
      for (DataMode mode : DataMode.values()) {
        FtpClient.Transfer next =
            FtpClient.CURL.download(lab, server, mode, Family.V4, Duration.ofSeconds(10));
        assertTrue(next.intact(), () -> next.result() + "\n" + agent.log());
      }
    }
  }

  @Test
  void controlConnections_pass_andPinholesRunOut() {
    try (Scenario scenario = Scenario.start(Scenario.ftpWithTimeout(Duration.ofSeconds(3)));
        ScriptedSession session = scenario.login(Family.V6);
        Announcement announced = session.announce(DataMode.EPSV)) {
      assertTrue(openElements(scenario) > 0, "no pinhole in the kernel before the kill");
      scenario.agent().kill();

      session.exchange("NOOP\r\n", "200 still here\r\n");
      try (ScriptedSession fresh = scenario.login(Family.V4)) {
        fresh.exchange("NOOP\r\n", "200 here too\r\n");
      }
      Scenario.await(
          Duration.ofSeconds(8),
          () -> openElements(scenario) == 0,
          () -> scenario.onRouter("nft", "list", "table", "inet", "pinholed"));
      assertFalse(announced.isOpen(), "the pinhole outlived its timeout");
    }
  }

  /** How many elements the kernel holds in the maps of pinholes. */
  private static long openElements(Scenario scenario) {
    return scenario
        .onRouter("nft", "list", "table", "inet", "pinholed")
        .lines()
        .filter(line -> line.contains("expires"))
        .count();
  }

  @Test
  void cleanStop_takesPinholesAndDiversionAway_unlessToldToKeep() {
    try (Scenario scenario = Scenario.start("");
        ScriptedSession session = scenario.login(Family.V4);
        Announcement announced = session.announce(DataMode.PASV)) {
      scenario.agent().stop();
      assertFalse(announced.isOpen());
      String ruleset = scenario.onRouter("nft", "list", "ruleset");
      assertFalse(ruleset.contains("table inet pinholed"), ruleset);
      session.exchange("NOOP\r\n", "200 still here\r\n");
    }
    try (Scenario scenario = Scenario.start("fail: {onStop: keep}\n");
        ScriptedSession session = scenario.login(Family.V4);
        Announcement announced = session.announce(DataMode.PASV)) {
      scenario.agent().stop();
      session.exchange("NOOP\r\n", "200 still here\r\n");
      announced.connect().close();
    }
  }
}
