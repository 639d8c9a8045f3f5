package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
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
 * However the bytes of the control connection are cut into segments, ordered and repeated, the same
 * pinhole opens and the transfer works.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SplitIT {
  private static final String LOGIN = "USER a\r\nPASS b\r\n";
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private final Scenario scenario = Scenario.start("");
  private int nextRawPort = 20000;
  private int transfers;

  SplitIT() {
    RawConnection.silenceResets(scenario.lab(), Lab.Host.CLIENT, "20000-29999");
    RawConnection.silenceResets(scenario.lab(), Lab.Host.SERVER, "21");
  }

  @AfterAll
  void everyTransfer_madeOneExpectation_andNothingWasRefused() {
    try (scenario) {
      scenario.agent().awaitEvent(PATIENCE, e -> count("matched") == transfers);
      assertEquals(transfers, count("created"));
      assertEquals(0, count("refused"));
      assertEquals(List.of(), scenario.agent().complaints());
    }
  }

  private long count(String event) {
    return scenario.agent().events().stream()
        .filter(e -> e.path("event").asText().equals(event))
        .count();
  }

  @ParameterizedTest
  @MethodSource("org.pinholed.it.OneShotPinholeIT#modes")
  void everyLine_cutAtEveryByte_opensTheSame(Family family, DataMode mode) {
    String host = mode.isPassive() ? family.server() : family.client();
    int longest =
        Math.max(
            ScriptedSession.commandLine(mode, host, 65535).length(),
            ScriptedSession.replyLine(mode, host, 65535).length());
    try (var control = ScriptedSession.controlListener(scenario.server(), family)) {
      for (int cut = 1; cut < longest; cut++) {
        int offset = cut;
        // Lines shorter than that are cut before their last byte.
        transfer(
            control, family, mode, (who, line) -> List.of(Math.min(offset, line.length() - 1)));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("org.pinholed.it.OneShotPinholeIT#modes")
  void everyByte_inASegmentOfItsOwn_opensTheSame(Family family, DataMode mode) {
    try (var control = ScriptedSession.controlListener(scenario.server(), family)) {
      transfer(
          control, family, mode, (who, line) -> IntStream.range(1, line.length()).boxed().toList());
    }
  }

  private void transfer(Listener control, Family family, DataMode mode, ScriptedSession.Cuts cuts) {
    try (ScriptedSession session =
        ScriptedSession.open(scenario.client(), scenario.server(), control, family)) {
      session.cutLines(cuts);
      session.login();
      try (Announcement announced = session.announce(mode)) {
        session.command("RETR file\r\n");
        try (var data = announced.connect();
            var accepted = announced.listener().accept()) {
          session.reply("150 here it comes\r\n");
          accepted.send("content\n");
          assertEquals("content\n", data.line());
        }
        session.reply("226 done\r\n");
      }
      session.exchange("QUIT\r\n", "221 bye\r\n");
    }
    transfers++;
  }

  @ParameterizedTest
  @MethodSource("org.pinholed.it.OneShotPinholeIT#modes")
  void command_outOfOrderRepeatedAndOverlapped_opensTheSame(Family family, DataMode mode) {
    try (var control = ScriptedSession.controlListener(scenario.server(), family)) {
      for (Reordering reordering : Reordering.values()) {
        rawClientTransfer(control, family, mode, reordering);
      }
    }
  }

  /** How the two halves of a line reach the wire. */
  private enum Reordering {
    SECOND_HALF_FIRST,
    EVERYTHING_TWICE,
    HALVES_OVERLAP,
    SECOND_HALF_FIRST_THEN_ALL;

    void send(RawConnection raw, int offset, String line) {
      int half = line.length() / 2;
      switch (this) {
        case SECOND_HALF_FIRST -> {
          raw.segment(offset + half, line.substring(half));
          raw.segment(offset, line.substring(0, half));
        }
        case EVERYTHING_TWICE -> {
          raw.segment(offset, line);
          raw.segment(offset, line);
        }
        case HALVES_OVERLAP -> {
          raw.segment(offset, line.substring(0, half + 2));
          raw.segment(offset + half - 2, line.substring(half - 2));
        }
        case SECOND_HALF_FIRST_THEN_ALL -> {
          raw.segment(offset + half, line.substring(half));
          raw.segment(offset, line);
        }
      }
    }
  }

  private void rawClientTransfer(
      Listener control, Family family, DataMode mode, Reordering reordering) {
    Peer client = scenario.client();
    Peer server = scenario.server();
    Peer listening = mode.isPassive() ? server : client;
    String host = mode.isPassive() ? family.server() : family.client();
    try (var raw = client.rawConnect(family.client(), nextRawPort++, family.server(), 21);
        var accepted = control.accept();
        var listener = listening.listen(host, 0)) {
      accepted.send("220 ready\r\n");
      assertEquals("220 ready\r\n", raw.line());
      raw.segment(0, LOGIN);
      assertEquals("USER a\r\n", accepted.line());
      assertEquals("PASS b\r\n", accepted.line());
      accepted.send("331 password\r\n230 in\r\n");
      assertEquals("331 password\r\n", raw.line());
      assertEquals("230 in\r\n", raw.line());
      String line = ScriptedSession.commandLine(mode, host, listener.port());
      reordering.send(raw, LOGIN.length(), line);
      assertEquals(line, accepted.line());
      String reply = ScriptedSession.replyLine(mode, host, listener.port());
      accepted.send(reply);
      assertEquals(reply, raw.line());
      connectThrough(family, mode, host, listener.port(), reordering.toString());
      raw.fin(LOGIN.length() + line.length());
    }
    transfers++;
  }

  @ParameterizedTest
  @MethodSource("org.pinholed.it.OneShotPinholeIT#modes")
  void reply_outOfOrderRepeatedAndOverlapped_opensTheSame(Family family, DataMode mode) {
    for (Reordering reordering : Reordering.values()) {
      rawServerTransfer(family, mode, reordering);
    }
  }

  private void rawServerTransfer(Family family, DataMode mode, Reordering reordering) {
    Peer client = scenario.client();
    Peer server = scenario.server();
    Peer listening = mode.isPassive() ? server : client;
    String host = mode.isPassive() ? family.server() : family.client();
    try (var raw = server.rawListen(family.server(), 21);
        var listener = listening.listen(host, 0)) {
      var connecting =
          CompletableFuture.supplyAsync(() -> client.connect(family.client(), family.server(), 21));
      raw.accept();
      try (var control = connecting.join()) {
        String greeting = "220 ready\r\n230 in\r\n";
        control.send("USER a\r\n");
        assertEquals("USER a\r\n", raw.line());
        raw.segment(0, greeting);
        assertEquals("220 ready\r\n", control.line());
        assertEquals("230 in\r\n", control.line());
        String line = ScriptedSession.commandLine(mode, host, listener.port());
        control.send(line);
        assertEquals(line, raw.line());
        String reply = ScriptedSession.replyLine(mode, host, listener.port());
        reordering.send(raw, greeting.length(), reply);
        assertEquals(reply, control.line());
        connectThrough(family, mode, host, listener.port(), reordering.toString());
        raw.fin(greeting.length() + reply.length());
      }
    }
    transfers++;
  }

  /** The modes in which the client announces. */
  static List<Arguments> activeModes() {
    return List.of(
        Arguments.of(Family.V4, DataMode.PORT),
        Arguments.of(Family.V4, DataMode.EPRT),
        Arguments.of(Family.V6, DataMode.EPRT));
  }

  private void connectThrough(Family family, DataMode mode, String host, int port, String message) {
    Peer dialer = mode.isPassive() ? scenario.client() : scenario.server();
    String source = mode.isPassive() ? family.client() : family.server();
    dialer
        .tryConnect(source, host, port, PATIENCE)
        .orElseThrow(() -> new AssertionError(message + ": the pinhole is shut"))
        .close();
  }

  @ParameterizedTest
  @MethodSource("activeModes")
  void repeatedBytes_thatDifferFromTheFirstCopy_openNothing(Family family, DataMode mode) {
    Peer client = scenario.client();
    try (var control = ScriptedSession.controlListener(scenario.server(), family);
        var raw = client.rawConnect(family.client(), nextRawPort++, family.server(), 21);
        var accepted = control.accept();
        var listener = client.listen(family.client(), 0)) {
      accepted.send("220 ready\r\n");
      assertEquals("220 ready\r\n", raw.line());
      raw.segment(0, LOGIN);
      assertEquals("USER a\r\n", accepted.line());
      assertEquals("PASS b\r\n", accepted.line());
      accepted.send("331 password\r\n230 in\r\n");
      assertEquals("331 password\r\n", raw.line());
      assertEquals("230 in\r\n", raw.line());
      String line = ScriptedSession.commandLine(mode, family.client(), listener.port());
      int from = LOGIN.length();
      int half = line.length() / 2;
      // Two copies of the second half arrive before the first: which will the server take?
      raw.segment(from + half, line.substring(half));
      raw.segment(from + half, line.substring(half).replaceFirst("[0-9]", "x"));
      raw.segment(from, line.substring(0, half));
      accepted.line();
      accepted.send("200 command successful.\r\n");
      raw.line();
      assertFalse(
          scenario
              .server()
              .tryConnect(family.server(), family.client(), listener.port(), Duration.ofMillis(400))
              .isPresent(),
          "a flow that contradicts itself opened a pinhole");
      raw.fin(LOGIN.length() + line.length());
    }
  }
}
