package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Lab.Host;
import org.pinholed.it.lab.Listener;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.NatScenario;
import org.pinholed.it.lab.ScriptedSession;

/**
 * Segments that the sender's kernel leaves together for the network card to cut (GSO), and segments
 * that it cuts itself: both are read in order, and rewritten.
 */
class SegmentationIT {
  private static final String NOOP = "NOOP " + "x".repeat(180) + "\r\n";
  private static final int NOOPS = 20;

  /** The router counts the packets of the control connection that are longer than its links. */
  private static final String COUNT =
      """
      table inet segments {
        counter uncut { }
        chain pre {
          type filter hook prerouting priority -350;
          tcp dport 21 meta length > 1500 counter name uncut
        }
      }
      """;

  @ParameterizedTest
  @CsvSource({"64, MASQUERADE, V4", "1, MASQUERADE, V4", "64, SNAT, V6", "1, SNAT, V6"})
  void announcementBehindSegmentsOfOtherLines_isRewritten(
      int segments, NatMode nat, Family family) {
    try (NatScenario scenario = NatScenario.withAgent(nat, family, "")) {
      scenario
          .lab()
          .run(Host.CLIENT, Lab.SHORT, ("ip link set c0 gso_max_segs " + segments).split(" "))
          .orFail();
      scenario.lab().firewall(Host.ROUTER, COUNT);
      DataMode mode = family == Family.V4 ? DataMode.PORT : DataMode.EPRT;
      try (ScriptedSession session = scenario.login();
          Listener listener = scenario.listen(mode, family.client(), 0)) {
        String said = ScriptedSession.commandLine(mode, family.client(), listener.port());
        session.client().send(NOOP.repeat(NOOPS) + said);
        for (int i = 0; i < NOOPS; i++) {
          assertEquals(NOOP, session.server().line());
        }
        String heard = session.server().line();
        Endpoint to = ScriptedSession.announced(heard, session.server().remoteHost());
        for (int i = 0; i <= NOOPS; i++) {
          session.reply("200 command ok\r\n");
        }
        scenario.connect(session, mode, to, listener);
        session.exchange(NOOP, "200 still here\r\n");
      }
      assertEquals(
          segments == 1, scenario.lab().counter(Host.ROUTER, "inet segments", "uncut") == 0);
      scenario.watch().assertNone();
      assertEquals(List.of(), scenario.agent().complaints());
    }
  }
}
