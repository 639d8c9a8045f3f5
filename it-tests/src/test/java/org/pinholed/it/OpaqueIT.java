package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.pinholed.it.lab.AgentProcess;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.FtpServerProcess;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.RouterFirewall;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;

/** A control connection that turns unreadable passes, opens nothing, and says why. */
class OpaqueIT {
  private static final int MANY = 50;

  @Test
  void authTls_accepted_opensNothing_isNoLongerQueued_andSaysWhy() {
    try (Scenario scenario = Scenario.start("");
        ScriptedSession session = scenario.open(Family.V4)) {
      session.reply("220 ready\r\n");
      session.exchange("AUTH TLS\r\n", "234 go ahead\r\n");
      JsonNode event = scenario.agent().awaitEvent("opaque");
      assertFalse(event.path("reason").asText().isEmpty(), event::toString);

      try (Announcement announced = session.announce(DataMode.PASV)) {
        assertFalse(announced.isOpen(), "what looks like a reply in an encrypted flow");
      }
      long before = packets(scenario);
      for (int i = 0; i < MANY; i++) {
        session.exchange("\u0017\u0003\u0003 sealed\n", "\u0017\u0003\u0003 sealed\n");
      }
      long queued = packets(scenario) - before;
      assertTrue(queued < MANY, () -> queued + " packets of an opaque flow were still queued");

      List<JsonNode> opaque = scenario.rows("sessions", "--opaque");
      assertEquals(1, opaque.size(), opaque::toString);
      assertTrue(opaque.get(0).path("opaque").asBoolean(), opaque::toString);
      assertFalse(opaque.get(0).path("reason").asText().isEmpty(), opaque::toString);
    }
  }

  @Test
  void realTls_isRecognizedAndItsControlConnectionWorks() {
    try (Lab lab = Lab.create();
        FtpServerProcess server = FtpServerProcess.startVsftpdWithTls(lab)) {
      assertTrue(server.file(FtpServerProcess.FILE).toFile().exists());
      RouterFirewall.NFTABLES.installWithAcceptRule(lab);
      AgentProcess agent = AgentProcess.start(lab);
      CommandResult size =
          lab.run(
              Lab.Host.CLIENT,
              Duration.ofSeconds(15),
              "curl",
              "-sS",
              "-v",
              "-m",
              "10",
              "--ssl-reqd",
              "--insecure",
              "--head",
              "ftp://203.0.113.2/" + FtpServerProcess.FILE);
      assertTrue(size.succeeded(), size::toString);
      assertTrue(size.output().contains("Content-Length: 300000"), size::toString);
      assertTrue(size.output().contains("AUTH"), size::toString);
      assertFalse(agent.awaitEvent("opaque").path("reason").asText().isEmpty());

      CommandResult data =
          lab.run(
              Lab.Host.CLIENT,
              Duration.ofSeconds(15),
              "curl",
              "-sS",
              "-m",
              "3",
              "--ssl-reqd",
              "--insecure",
              "-o",
              lab.workFolder().resolve("sealed.bin").toString(),
              "ftp://203.0.113.2/" + FtpServerProcess.FILE);
      assertFalse(data.succeeded(), "who opened a port for an announcement that nobody can read?");
      assertEquals(List.of(), agent.complaints());
    }
  }

  private static long packets(Scenario scenario) {
    return scenario.agent().json("status").path("packets").asLong();
  }

  @Test
  void authTls_refusedByTheServer_isReadOn() {
    try (Scenario scenario = Scenario.start("");
        ScriptedSession session = scenario.open(Family.V6)) {
      session.reply("220 ready\r\n");
      session.exchange("AUTH TLS\r\n", "502 not here\r\n");
      session.exchange("USER a\r\n", "230 in\r\n");
      try (Announcement announced = session.announce(DataMode.EPSV)) {
        announced.connect().close();
      }
    }
  }

  @Test
  void http_onTheControlPort_passesAndOpensNothing() {
    try (Scenario scenario = Scenario.start("");
        ScriptedSession session = scenario.open(Family.V4);
        var listener = scenario.client().listen(Family.V4.client(), 0)) {
      session.command("POST / HTTP/1.1\r\n");
      session.command("Content-Length: 100\r\n");
      session.command("\r\n");
      // NAT slipstreaming: a browser is made to say something that looks like FTP.
      session.command(
          ScriptedSession.commandLine(DataMode.PORT, Family.V4.client(), listener.port()));
      session.reply("HTTP/1.1 200 OK\r\n");
      session.reply("200 command successful.\r\n");
      assertTrue(
          scenario
              .server()
              .tryConnect(
                  Family.V4.server(), Family.V4.client(), listener.port(), Duration.ofMillis(400))
              .isEmpty(),
          "a POST opened a port of the client");
      assertEquals(List.of(), scenario.rows("expectations"));
      assertEquals(List.of(), scenario.agent().complaints());
    }
  }
}
