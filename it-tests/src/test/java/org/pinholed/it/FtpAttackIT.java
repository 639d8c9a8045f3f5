package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;

/**
 * Dialogues by which somebody would have the agent open a port that is none of his: each is tried
 * by a connection to that port.
 */
class FtpAttackIT {
  private static final Duration PATIENCE = Duration.ofMillis(400);
  private static final String HOST = Family.V4.server();

  private static boolean isOpen(Scenario scenario, int port) {
    var connection = scenario.client().tryConnect(Family.V4.client(), HOST, port, PATIENCE);
    connection.ifPresent(each -> each.close());
    return connection.isPresent();
  }

  /** A web page makes a browser send a request whose method is a command of FTP. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "USER / HTTP/1.1\r\n",
        "HELP / HTTP/1.1\r\n",
        "COPY / HTTP/1.1\r\n",
        "head / HTTP/1.1\r\n",
        "MODE READER\r\n",
        "NOOP\r\nHost: x\r\n"
      })
  void aPortInTheBodyOfARequest_staysShut(String first) {
    try (Scenario scenario = Scenario.start("");
        ScriptedSession session = scenario.open(Family.V4);
        var listener = scenario.client().listen(Family.V4.client(), 0)) {
      session.reply("220 the server is the attacker's\r\n");
      String port = ScriptedSession.commandLine(DataMode.PORT, Family.V4.client(), listener.port());
      String request = first + "\r\nUSER a\r\nPASS b\r\n" + port;
      session.client().send(request);
      String heard = "";
      while (!heard.equals(port)) {
        heard = session.server().line();
      }
      session.server().send("200 x\r\n331 x\r\n230 in\r\n200 x\r\n200 x\r\n200 x\r\n");
      for (int lines = 0; lines < 6; lines++) {
        session.client().line();
      }
      assertTrue(
          scenario
              .server()
              .tryConnect(HOST, Family.V4.client(), listener.port(), PATIENCE)
              .isEmpty(),
          "a page opened a port of the browser's host");
      scenario.agent().awaitEvent("opaque");
    }
  }

  /** A name with line feeds in it ends the listing of STAT and supplies the 227. */
  @ParameterizedTest
  @ValueSource(strings = {"STAT dir", "SITE WHO", "MLST f", "HELP", "XYZ"})
  void a227InTheNameOfAFile_opensNothing(String command) {
    try (Scenario scenario = Scenario.start("");
        ScriptedSession session = scenario.login(Family.V4);
        var forged = scenario.server().listen(HOST, 0);
        var meant = scenario.server().listen(HOST, 0)) {
      session.client().send(command + "\r\nPASV\r\n");
      session.server().line();
      session.server().line();
      String text =
          "213-Status\r\n x\r\n213 End\r\n"
              + ScriptedSession.replyLine(DataMode.PASV, HOST, forged.port())
              + "y\r\n213 End\r\n"
              + ScriptedSession.replyLine(DataMode.PASV, HOST, meant.port());
      session.server().send(text);
      for (int lines = 0; lines < 7; lines++) {
        session.client().line();
      }
      assertFalse(isOpen(scenario, forged.port()), "a file name opened a port");
      assertEquals("replyInDoubt", scenario.agent().awaitEvent("refused").path("reason").asText());
      session.command("PASV\r\n");
      session.reply(ScriptedSession.replyLine(DataMode.PASV, HOST, meant.port()));
      assertTrue(isOpen(scenario, meant.port()), "a client that waits goes on");
    }
  }

  /** As lftp sends it; the same with a directory whose name supplies the 227. */
  @Test
  void cwdAndPasvInOneSegment_openTheTruePortOnly() {
    try (Scenario scenario = Scenario.start("");
        ScriptedSession session = scenario.login(Family.V4);
        var forged = scenario.server().listen(HOST, 0);
        var meant = scenario.server().listen(HOST, 0)) {
      String end = ScriptedSession.replyLine(DataMode.PASV, HOST, meant.port());
      String posing = ScriptedSession.replyLine(DataMode.PASV, HOST, forged.port());
      for (String reply : new String[] {"250 OK. Current directory is /up/x\r\n" + posing, ""}) {
        session.client().send("CWD dir\r\nPASV\r\n");
        session.server().line();
        session.server().line();
        boolean honest = reply.isEmpty();
        String text = honest ? "250 Directory successfully changed.\r\n" : reply;
        session.server().send(text + end);
        for (int lines = 0; lines < (honest ? 2 : 3); lines++) {
          session.client().line();
        }
        assertFalse(isOpen(scenario, forged.port()), "a directory's name opened a port");
        assertEquals(honest, isOpen(scenario, meant.port()));
      }
    }
  }

  @Test
  void nothingOpens_beforeTheLogin() {
    try (Scenario scenario = Scenario.start("");
        ScriptedSession session = scenario.open(Family.V4);
        var listener = scenario.server().listen(HOST, 0)) {
      String passive = ScriptedSession.replyLine(DataMode.PASV, HOST, listener.port());
      session.reply("220 ready\r\n");
      session.exchange("PASV\r\n", passive);
      assertFalse(isOpen(scenario, listener.port()), "before the login");
      session.exchange("USER a\r\n", "331 password\r\n");
      session.exchange("PASS b\r\n", "530 no\r\n");
      session.exchange("PASV\r\n", passive);
      assertFalse(isOpen(scenario, listener.port()), "after a refused login");
      session.exchange("USER a\r\n", "230 in\r\n");
      session.exchange("PASV\r\n", passive);
      assertTrue(isOpen(scenario, listener.port()), "after the login");
      session.exchange("REIN\r\n", "220 again\r\n");
      session.exchange("PASV\r\n", passive);
      assertFalse(isOpen(scenario, listener.port()), "after REIN");
    }
  }
}
