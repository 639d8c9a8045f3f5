package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pinholed.it.lab.AgentProcess;
import org.pinholed.it.lab.Connection;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Listener;
import org.pinholed.it.lab.Peer;
import org.pinholed.it.lab.RawConnection;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;

/**
 * A web page makes a browser send a request to port 21 of a server that is in league with it; in
 * its body a line looks like PORT (NAT slipstreaming). The server makes the agent lose sight of the
 * connection before the request comes, or waits until it does: whatever comes afterwards opens
 * nothing. Honest connections go on, as far as it is known what they are.
 */
class ResumedFlowAttackIT {
  private static final int OPAQUE = 0x10000000;
  private static final int PROVEN = 0x04000000;
  private static final int VETTED = 0x20000000;
  private static final int ALL = OPAQUE | PROVEN | VETTED;
  private static final Duration SHUT_PATIENCE = Duration.ofMillis(400);
  private static final List<String> HEAD_LINES =
      List.of("POST / HTTP/1.1\r\n", "Host: a\r\n", "Content-Length: 99\r\n", "\r\n");

  /** How the agent loses sight of a connection. */
  enum Loss {
    /** It is killed and started again. */
    KILL,
    /** Another one takes its place. */
    REPLACE,
    /** Its helper is switched off and on. */
    HELPER_OFF_AND_ON,
    /** Its helper is deleted and added. */
    HELPER_DELETED,
    /** Its table is deleted, which it repairs. */
    TABLE_DELETED,
    /** All conntracks are deleted. */
    CONNTRACK_FLUSHED;

    void happen(Scenario scenario) {
      AgentProcess agent = scenario.agent();
      switch (this) {
        case KILL -> {
          agent.kill();
          agent.startAgain();
        }
        case REPLACE -> agent.replace();
        case HELPER_OFF_AND_ON -> {
          agent.ctl("helpers", "disable", "1").orFail();
          agent.ctl("helpers", "enable", "1").orFail();
        }
        case HELPER_DELETED -> {
          agent.ctl("helpers", "delete", "1").orFail();
          agent
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
                  "21")
              .orFail();
        }
        case TABLE_DELETED -> {
          scenario.onRouter("nft", "delete", "table", "inet", "pinholed");
          agent.awaitEvent("tableRepaired");
        }
        case CONNTRACK_FLUSHED -> {
          scenario.onRouter("conntrack", "-F");
          agent.awaitEvent("parentsLost");
        }
      }
    }
  }

  private static int mark(Scenario scenario) {
    List<String> lines = scenario.conntracks(21);
    assertEquals(1, lines.size(), lines::toString);
    return (int) Long.parseLong(lines.get(0).replaceAll(".* mark=([0-9]+).*", "$1").strip());
  }

  private static String port(Listener listener) {
    return ScriptedSession.commandLine(DataMode.PORT, Family.V4.client(), listener.port());
  }

  private static void assertShut(Scenario scenario, Listener victim) {
    assertTrue(
        scenario
            .server()
            .tryConnect(Family.V4.server(), Family.V4.client(), victim.port(), SHUT_PATIENCE)
            .isEmpty(),
        () -> "a web page opened a port of its browser\n" + scenario.agent().log());
    assertEquals(List.of(), scenario.rows("expectations"));
    assertEquals(List.of(), scenario.agent().complaints());
  }

  /** The request comes, and the server answers as an FTP server would. */
  private static void attack(Scenario scenario, ScriptedSession session) {
    try (Listener victim = scenario.client().listen(Family.V4.client(), 0)) {
      HEAD_LINES.forEach(session::command);
      session.exchange(port(victim), "200 agreed\r\n");
      session.exchange(port(victim), "200 agreed\r\n");
      assertShut(scenario, victim);
    }
  }

  @ParameterizedTest
  @EnumSource
  void lostBehindTheGreeting(Loss loss) {
    try (Scenario scenario = Scenario.start("");
        ScriptedSession session = scenario.open(Family.V4)) {
      session.reply("220 ready\r\n");
      loss.happen(scenario);
      attack(scenario, session);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"KILL", "REPLACE"})
  void lostInTheMiddleOfTheGreeting(Loss loss) {
    try (Scenario scenario = Scenario.start("");
        ScriptedSession session = scenario.open(Family.V4)) {
      session.server().send("22");
      Scenario.await(
          Duration.ofSeconds(5),
          () -> scenario.rows("sessions").get(0).path("bytesFromServer").asInt() == 2,
          () -> scenario.rows("sessions").toString());
      loss.happen(scenario);
      session.server().send("0 ready\r\n");
      assertEquals("220 ready\r\n", session.client().line());
      assertEquals(OPAQUE, mark(scenario) & ALL);
      attack(scenario, session);
    }
  }

  /**
   * The server withholds the request by a window of 0, sends a greeting that the client drops by
   * its old timestamp, and a RST behind it. That is in turn for the agent; the client answers it
   * with a challenge, and conntrack keeps the connection.
   */
  @Test
  void endedByARst_thatTheClientDoesNotBelieve() {
    try (Scenario scenario = Scenario.start("")) {
      RawConnection.silenceResets(scenario.lab(), Lab.Host.SERVER, "21");
      try (RawConnection raw = scenario.server().rawListen(Family.V4.server(), 21, 0, true);
          Peer browser = Peer.start(scenario.lab(), Lab.Host.CLIENT)) {
        CompletableFuture<Connection> connecting =
            CompletableFuture.supplyAsync(
                () -> browser.connect(Family.V4.client(), Family.V4.server(), 21));
        raw.accept();
        try (Connection client = connecting.join();
            Listener victim = scenario.client().listen(Family.V4.client(), 0)) {
          raw.oldSegment(0, "220 ready\r\n");
          raw.awaitSegment(); // the client says again what it waits for
          raw.reset(11);
          Scenario.await(
              Duration.ofSeconds(5),
              () -> scenario.rows("sessions").isEmpty(),
              () -> "the RST was not in turn: " + scenario.rows("sessions"));
          String conntrack = scenario.conntracks(21).get(0);
          assertTrue(conntrack.contains("ESTABLISHED"), conntrack);
          assertEquals(OPAQUE, mark(scenario) & ALL);

          client.send(String.join("", HEAD_LINES) + port(victim));
          raw.window(0, 65000);
          HEAD_LINES.forEach(line -> assertEquals(line, raw.line()));
          assertEquals(port(victim), raw.line());
          raw.segment(0, "200 agreed\r\n");
          assertEquals("200 agreed\r\n", client.line());
          client.send(port(victim));
          assertEquals(port(victim), raw.line());
          raw.segment(12, "200 agreed\r\n");
          assertEquals("200 agreed\r\n", client.line());
          assertShut(scenario, victim);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"KILL", "REPLACE", "TABLE_DELETED"})
  void honestSession_loggedIn_goesOn(Loss loss) {
    try (Scenario scenario = Scenario.start("");
        ScriptedSession session = scenario.login(Family.V4)) {
      assertEquals(VETTED | PROVEN, mark(scenario) & ALL);
      loss.happen(scenario);
      // Whoever resumes begins at the next line, and waits for an answer to what was said since.
      session.exchange("NOOP\r\n", "200 still here\r\n");
      session.exchange("NOOP\r\n", "200 still here\r\n");
      try (Announcement announced = session.announce(DataMode.PASV)) {
        announced.connect().close();
      }
      assertEquals(VETTED | PROVEN, mark(scenario) & ALL);
    }
  }

  @Test
  void honestSession_replacedBeforeAndInTheLogin_goesOn() {
    try (Scenario scenario = Scenario.start("");
        ScriptedSession session = scenario.open(Family.V6)) {
      scenario.agent().replace();
      session.reply("220 ready\r\n");
      scenario.agent().replace();
      session.exchange("USER a\r\n", "331 password\r\n");
      scenario.agent().replace();
      session.exchange("PASS b\r\n", "230 in\r\n");
      try (Announcement announced = session.announce(DataMode.EPSV)) {
        announced.connect().close();
      }
      assertEquals(VETTED | PROVEN, mark(scenario) & ALL);
    }
  }

  @Test
  void helperOff_leavesItsSessionsUntrusted_evenProvenOnes() {
    try (Scenario scenario = Scenario.start("");
        ScriptedSession session = scenario.login(Family.V4)) {
      Loss.HELPER_OFF_AND_ON.happen(scenario);
      assertEquals(OPAQUE, mark(scenario) & ALL);
      session.exchange("NOOP\r\n", "200 still here\r\n");
      try (Announcement announced = session.announce(DataMode.PASV)) {
        assertFalse(announced.isOpen());
      }
    }
  }

  /** Conntrack uses the entry of a connection again whose end it has not seen. */
  @Test
  void honestConnection_onTheConntrackOfAnUntrustedOne_isRead() {
    try (Scenario scenario = Scenario.start("")) {
      RawConnection.silenceResets(scenario.lab(), Lab.Host.CLIENT, "40000-40100");
      RawConnection.silenceResets(scenario.lab(), Lab.Host.SERVER, "21");
      try (Listener control = scenario.server().listen(Family.V4.server(), 21)) {
        Connection before =
            scenario.client().connectFrom(Family.V4.client(), 40001, Family.V4.server(), 21);
        Connection beforeServer = control.accept();
        before.send("GET / HTTP/1.1\r\n");
        assertEquals("GET / HTTP/1.1\r\n", beforeServer.line());
        assertEquals(VETTED | OPAQUE, mark(scenario) & ALL);
        before.reset();
        beforeServer.reset();

        Connection client =
            scenario.client().connectFrom(Family.V4.client(), 40001, Family.V4.server(), 21);
        Connection server = control.accept();
        assertEquals(VETTED, mark(scenario) & ALL);
        server.send("220 ready\r\n");
        assertEquals("220 ready\r\n", client.line());
        client.send("USER a\r\n");
        assertEquals("USER a\r\n", server.line());
        server.send("230 in\r\n");
        assertEquals("230 in\r\n", client.line());
        assertEquals(VETTED | PROVEN, mark(scenario) & ALL);
      }
    }
  }

  /** The request comes with the SYN, where it is not read. */
  @ParameterizedTest
  @EnumSource(names = {"KILL", "REPLACE"})
  void fastOpen_isNeverRead(Loss loss) {
    try (Scenario scenario = Scenario.start("")) {
      allowFastOpen(scenario, Lab.Host.CLIENT);
      allowFastOpen(scenario, Lab.Host.SERVER);
      try (Listener control = scenario.server().listenFastOpen(Family.V4.server(), 21);
          Listener victim = scenario.client().listen(Family.V4.client(), 0)) {
        try (Connection client =
                scenario
                    .client()
                    .connectFastOpen(
                        Family.V4.client(), Family.V4.server(), 21, "POST / HTTP/1.1\r\n");
            Connection server = control.accept()) {
          assertEquals("POST / HTTP/1.1\r\n", server.line());
          server.send("220 ready\r\n");
          assertEquals("220 ready\r\n", client.line());
          assertEquals(OPAQUE | PROVEN, mark(scenario) & ALL);
          assertEquals("fastOpen", scenario.rows("sessions").get(0).path("reason").asText());
          loss.happen(scenario);
          client.send("USER a\r\n");
          assertEquals("USER a\r\n", server.line());
          server.send("230 in\r\n");
          assertEquals("230 in\r\n", client.line());
          client.send(port(victim));
          assertEquals(port(victim), server.line());
          server.send("200 agreed\r\n");
          assertEquals("200 agreed\r\n", client.line());
          assertShut(scenario, victim);
        }
      }
    }
  }

  private static void allowFastOpen(Scenario scenario, Lab.Host host) {
    // client and server, and neither needs a cookie (ip-sysctl)
    scenario
        .lab()
        .run(host, Duration.ofSeconds(10), "sysctl", "-qw", "net.ipv4.tcp_fastopen=0x207")
        .orFail();
  }
}
