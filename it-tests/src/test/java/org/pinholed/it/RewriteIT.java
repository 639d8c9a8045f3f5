package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.Capture;
import org.pinholed.it.lab.Connection;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Links;
import org.pinholed.it.lab.Listener;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.Patience;
import org.pinholed.it.lab.RewriteBench;
import org.pinholed.it.lab.ScriptedSession;

/**
 * What rewriting does to a control connection in the long run: hundreds of rewrites that make lines
 * longer and shorter in both directions, with right checksums, also when two clients announce the
 * same port. After each, the data connection comes through, both ends see the right addresses, and
 * nothing was invalid.
 */
class RewriteIT {
  static Stream<Arguments> translations() {
    return Stream.of(NatMode.MASQUERADE, NatMode.SNAT, NatMode.DNAT, NatMode.TWICE)
        .flatMap(nat -> Stream.of(Family.values()).map(family -> Arguments.of(nat, family)));
  }

  private static List<DataMode> modes(Family family) {
    return Stream.of(DataMode.values()).filter(mode -> mode.fits(family)).toList();
  }

  @Test
  void fiveHundredRewrites_inOneControlConnection_growAndShrinkAndGoOn() {
    // Both directions are rewritten: PORT from the client, 227 from the server.
    try (RewriteBench bench = RewriteBench.start(Links.VETH, NatMode.TWICE, Family.V4);
        ScriptedSession session = bench.scenario().login()) {
      for (int i = 0; i < 250; i++) {
        bench.scenario().transfer(session, i % 2 == 0 ? DataMode.PORT : DataMode.EPRT);
        bench.scenario().transfer(session, DataMode.PASV);
      }
      session.exchange("QUIT\r\n", "221 bye\r\n");
      bench.assertClean();
    }
  }

  @Test
  void aThousandRewrites_withoutDataConnections_growAndShrinkAndGoOn() {
    try (RewriteBench bench = RewriteBench.start(Links.VETH, NatMode.MASQUERADE, Family.V4);
        ScriptedSession session = bench.scenario().login()) {
      for (int i = 0; i < 500; i++) {
        int port = i % 2 == 0 ? 51210 : 2560 + i;
        String numbers = "," + (port >> 8) + "," + (port & 255) + "\r\n";
        assertEquals(
            "PORT 203,0,113,1" + numbers, session.heardByServer("PORT 198,51,100,2" + numbers));
        session.reply("200 command successful.\r\n");
        assertEquals(
            "EPRT |1|203.0.113.1|" + port + "|\r\n",
            session.heardByServer("EPRT |1|198.51.100.2|" + port + "|\r\n"));
        session.reply("200 command successful.\r\n");
      }
      session.exchange("NOOP\r\n", "200 still here\r\n");
      bench.assertClean();
    }
  }

  @ParameterizedTest
  @MethodSource("translations")
  void everyRewrite_hasRightLengthsAndChecksums(NatMode nat, Family family) {
    try (RewriteBench bench = RewriteBench.start(Links.WIRE, nat, family)) {
      Lab lab = bench.scenario().lab();
      List<Capture> captures =
          List.of(
              Capture.start(lab, Lab.Host.CLIENT, "c0", "tcp"),
              Capture.start(lab, Lab.Host.SERVER, "s0", "tcp"));
      try (ScriptedSession session = bench.scenario().login()) {
        for (int i = 0; i < 3; i++) {
          for (DataMode mode : modes(family)) {
            bench.scenario().transfer(session, mode);
          }
        }
        session.exchange("QUIT\r\n", "221 bye\r\n");
      }
      for (Capture capture : captures) {
        // All that was sent is in the file when the last line is.
        String text = capture.awaitText("221 bye");
        capture.stop();
        List<String> wrong =
            text.lines()
                .filter(l -> l.contains("incorrect") || l.contains("bad cksum") || l.contains("[|"))
                .toList();
        assertEquals(List.of(), wrong);
        assertTrue(text.lines().filter(l -> l.contains("(correct)")).count() > 30, text);
      }
      bench.assertClean();
    }
  }

  @ParameterizedTest
  @MethodSource("translations")
  void twoClients_announcingTheSamePort_bothWork(NatMode nat, Family family) {
    int port = 40001;
    DataMode mode = DataMode.EPRT;
    try (RewriteBench bench = RewriteBench.start(Links.VETH, nat, family);
        ScriptedSession first = bench.scenario().login(family.client());
        ScriptedSession second = bench.scenario().login(family.otherClient());
        Listener firstListener = bench.scenario().listen(mode, family.client(), port);
        Listener secondListener = bench.scenario().listen(mode, family.otherClient(), port)) {
      Endpoint a = bench.scenario().announce(first, mode, family.client(), firstListener);
      Endpoint b = bench.scenario().announce(second, mode, family.otherClient(), secondListener);
      assertEquals(port, a.port(), "a free port is kept");
      assertNotEquals(a, b);
      bench.scenario().connect(second, mode, b, secondListener);
      bench.scenario().connect(first, mode, a, firstListener);
      bench.assertClean();
    }
  }

  /**
   * Two announcements right behind each other, and who hears them has nothing to say: the
   * acknowledgement of the first one alone must let the second one pass.
   */
  private void twoAtOnce(NatMode nat, Family family, DataMode mode) {
    String host = mode.isPassive() ? family.server() : family.client();
    try (RewriteBench bench = RewriteBench.start(Links.VETH, nat, family);
        ScriptedSession session = bench.scenario().login();
        Listener first = bench.scenario().listen(mode, host, 0);
        Listener second = bench.scenario().listen(mode, host, 0)) {
      Connection speaker = mode.isPassive() ? session.server() : session.client();
      Connection listener = mode.isPassive() ? session.client() : session.server();
      for (int round = 0; round < 3; round++) {
        if (mode.isPassive()) {
          String command = ScriptedSession.commandLine(mode, host, 0);
          session.client().send(command + command);
          assertEquals(command, session.server().line());
          assertEquals(command, session.server().line());
        }
        long beganNs = System.nanoTime();
        for (Listener each : List.of(first, second)) {
          speaker.send(
              mode.isPassive()
                  ? ScriptedSession.replyLine(mode, host, each.port())
                  : ScriptedSession.commandLine(mode, host, each.port()));
        }
        String dialed = mode.isPassive() ? nat.dialed(family) : session.server().remoteHost();
        Endpoint a = ScriptedSession.announced(listener.line(), dialed);
        Endpoint b = ScriptedSession.announced(listener.line(), dialed);
        Duration took = Duration.ofNanos(System.nanoTime() - beganNs);
        assertNotEquals(host, a.host());
        assertNotEquals(host, b.host());
        // The second one is sent again after 200 ms; unseen, the acknowledgement took 6 s and more.
        assertTrue(took.compareTo(Patience.of(Duration.ofSeconds(3))) < 0, took::toString);
        if (!mode.isPassive()) {
          session.reply("200 command successful.\r\n");
          session.reply("200 command successful.\r\n");
        }
        bench.scenario().connect(session, mode, b, second);
      }
      session.exchange("NOOP\r\n", "200 ok\r\n");
      bench.assertClean();
    }
  }

  @Test
  void twoAnswersAtOnce_theSecondWaitsForTheAcknowledgementOfTheFirstOnly() {
    twoAtOnce(NatMode.DNAT, Family.V4, DataMode.PASV);
  }

  @ParameterizedTest
  @EnumSource
  void twoCommandsAtOnce_theSecondWaitsForTheAcknowledgementOfTheFirstOnly(Family family) {
    twoAtOnce(NatMode.SNAT, family, DataMode.EPRT);
  }

  /** The client's address has a longer text outside, so that each rewritten line grows. */
  @ParameterizedTest
  @EnumSource
  void fullSizeSegments_arriveThoughTheirAnnouncementGrows(Family family) {
    DataMode mode = DataMode.EPRT;
    int mss = 1500 - (family == Family.V4 ? 20 : 40) - 32; // TCP with time stamps
    try (RewriteBench bench = RewriteBench.start(Links.VETH, NatMode.SNAT, family);
        ScriptedSession session = bench.scenario().login();
        Listener listener = bench.scenario().listen(mode, family.client(), 0)) {
      String line = ScriptedSession.commandLine(mode, family.client(), listener.port());
      for (boolean announcementFirst : new boolean[] {true, false, true}) {
        String filler = "NOOP " + "x".repeat(mss - line.length() - 7) + "\r\n";
        session.client().send(announcementFirst ? line + filler : filler + line);
        String heard = session.server().line();
        String other = session.server().line();
        if (announcementFirst) {
          session.reply("200 command successful.\r\n");
          session.reply("200 ok\r\n");
        } else {
          session.reply("200 ok\r\n");
          session.reply("200 command successful.\r\n");
        }
        assertEquals(filler, announcementFirst ? other : heard);
        Endpoint to =
            ScriptedSession.announced(
                announcementFirst ? heard : other, session.server().remoteHost());
        bench.scenario().connect(session, mode, to, listener);
      }
      bench.assertClean();
    }
  }
}
