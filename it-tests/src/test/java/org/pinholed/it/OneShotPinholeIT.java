package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;

/**
 * A pinhole lets one connection in, the announced one, and is shut before it and after it for
 * everything else: each time with a real connection attempt.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class OneShotPinholeIT {
  private static final Duration TIMEOUT = Duration.ofSeconds(4);

  private final Scenario scenario = Scenario.start(Scenario.ftpWithTimeout(TIMEOUT));

  @BeforeAll
  void startsShut() {
    assertEquals(List.of(), scenario.rows("expectations"));
  }

  @AfterAll
  void close() {
    List<String> complaints = scenario.agent().complaints();
    scenario.close();
    assertEquals(List.of(), complaints);
  }

  /** Every mode over every family that can carry it. */
  static List<Arguments> modes() {
    List<Arguments> modes = new ArrayList<>();
    for (Family family : Family.values()) {
      for (DataMode mode : DataMode.values()) {
        if (mode.fits(family)) {
          modes.add(Arguments.of(family, mode));
        }
      }
    }
    return modes;
  }

  @ParameterizedTest
  @MethodSource("modes")
  void firstConnection_comesThrough_theSecondDoesNot(Family family, DataMode mode) {
    try (ScriptedSession session = scenario.login(family);
        Announcement announced = session.announce(mode)) {
      try (var data = announced.connect();
          var accepted = announced.listener().accept()) {
        accepted.send("150 bytes\r\n");
        assertEquals("150 bytes\r\n", data.line());
        assertFalse(announced.isOpen(), "a second connection beside the first");
      }
      assertFalse(announced.isOpen(), "a second connection after the first");
    }
  }

  @ParameterizedTest
  @MethodSource("modes")
  void loneAck_doesNotUseThePinholeUp(Family family, DataMode mode) {
    try (ScriptedSession session = scenario.login(family);
        Announcement announced = session.announce(mode)) {
      boolean passive = mode.isPassive();
      String from = passive ? family.client() : family.server();
      announced.dialer().rawAck(from, 45_000, announced.host(), announced.port());
      announced.connect().close();
    }
  }

  @ParameterizedTest
  @MethodSource("modes")
  void otherPortsAndSources_areShut_theAnnouncedOneStaysOpen(Family family, DataMode mode) {
    try (ScriptedSession session = scenario.login(family);
        Announcement announced = session.announce(mode);
        var neighbour =
            (mode.isPassive() ? scenario.server() : scenario.client())
                .listen(announced.host(), 0)) {
      assertFalse(announced.isOpenToStranger(), "another address of the same host");
      assertFalse(announced.isOpenAt(neighbour.port()), "another port that listens");
      announced.connect().close();
    }
  }

  @ParameterizedTest
  @MethodSource("modes")
  void pinhole_afterItsTimeout_isShut(Family family, DataMode mode) {
    try (ScriptedSession session = scenario.login(family);
        Announcement announced = session.announce(mode)) {
      String source = Integer.toString(announced.port());
      scenario
          .agent()
          .awaitEvent(
              TIMEOUT.plusSeconds(4),
              e ->
                  e.path("event").asText().equals("expired")
                      && e.path("destination").path("port").asText().equals(source));
      assertFalse(announced.isOpen());
    }
  }

  @ParameterizedTest
  @MethodSource("modes")
  void pinhole_afterQuit_isShut(Family family, DataMode mode) {
    ScriptedSession session = scenario.login(family);
    try (Announcement announced = session.announce(mode)) {
      session.exchange("QUIT\r\n", "221 bye\r\n");
      session.close();
      awaitParentClosed(announced);
      assertFalse(announced.isOpen());
    }
  }

  @ParameterizedTest
  @MethodSource("modes")
  void pinhole_afterResetOfTheParent_isShut(Family family, DataMode mode) {
    ScriptedSession session = scenario.login(family);
    try (Announcement announced = session.announce(mode)) {
      session.client().reset();
      session.server().close();
      awaitParentClosed(announced);
      assertFalse(announced.isOpen());
    }
  }

  @ParameterizedTest
  @MethodSource("modes")
  void pinhole_afterClear_isShut(Family family, DataMode mode) {
    try (ScriptedSession session = scenario.login(family);
        Announcement announced = session.announce(mode)) {
      scenario.agent().ctl("clear", "--helper", "ftp").orFail();
      assertFalse(announced.isOpen());
      assertEquals(List.of(), scenario.rows("expectations"));
    }
  }

  @ParameterizedTest
  @MethodSource("modes")
  void pinhole_afterItsParentsConntrackWasDeleted_isShut(Family family, DataMode mode) {
    try (ScriptedSession session = scenario.login(family);
        Announcement announced = session.announce(mode)) {
      String name = family == Family.V4 ? "ipv4" : "ipv6";
      scenario.onRouter("conntrack", "-D", "-f", name, "-p", "tcp", "--orig-port-dst", "21");
      awaitParentClosed(announced);
      assertFalse(announced.isOpen());
    }
  }

  @ParameterizedTest
  @MethodSource("modes")
  void pinhole_afterANewerAnnouncement_isShutAndTheNewerIsOpen(Family family, DataMode mode) {
    try (ScriptedSession session = scenario.login(family);
        Announcement older = session.announce(mode);
        Announcement newer = session.announce(mode)) {
      assertFalse(older.isOpen());
      assertTrue(newer.isOpen());
    }
  }

  private void awaitParentClosed(Announcement announced) {
    scenario
        .agent()
        .awaitEvent(
            Duration.ofSeconds(5),
            e ->
                e.path("event").asText().equals("parentClosed")
                    && e.path("destination").path("port").asInt() == announced.port());
  }
}
