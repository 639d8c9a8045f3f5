package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;

/**
 * An operator's rule sets the whole mark of control connections, of each packet and not only of the
 * first one, and so takes the bits of pinholed away. The kernel does not tell of the end of such a
 * connection; its pinhole is shut all the same.
 */
class ForeignMarkIT {
  /**
   * A pinhole that lives with its parent is renewed every 20 s, and then the parent is asked for.
   */
  private static final Duration PATIENCE = Duration.ofSeconds(45);

  @Test
  void pinholeOfAParentWhoseEndIsNotTold_isShut_andLostBitsArePutBackAndSaid() {
    try (Scenario scenario = Scenario.start(Scenario.ftpWithTimeout("parent"))) {
      scenario.onRouter("nft", "add", "table", "inet", "careless");
      scenario.onRouter(
          "nft",
          "add chain inet careless forward { type filter hook forward priority 10; policy accept;"
              + " }");
      scenario.onRouter(
          "nft",
          "add",
          "rule",
          "inet",
          "careless",
          "forward",
          "tcp",
          "dport",
          "21",
          "ct",
          "mark",
          "set",
          "25");
      try (ScriptedSession session = scenario.login(Family.V4);
          Announcement announced = session.announce(DataMode.PORT)) {
        session.exchange("NOOP\r\n", "200 fine\r\n");
        assertTrue(marks(scenario).contains("mark=25"), marks(scenario)::toString);
        assertEquals(1, scenario.rows("expectations").size());

        scenario.agent().awaitEvent(PATIENCE, e -> e.path("event").asText().equals("marksPutBack"));
        assertFalse(marks(scenario).contains("mark=25"), marks(scenario)::toString);
        assertEquals(1, scenario.rows("expectations").size());

        session.exchange("NOOP\r\n", "200 fine\r\n"); // and they are gone again
        scenario.onRouter("conntrack", "-D", "-p", "tcp", "--orig-port-dst", "21");
        scenario.agent().awaitEvent(PATIENCE, e -> e.path("event").asText().equals("parentClosed"));
        assertEquals(List.of(), scenario.rows("expectations"));
        assertFalse(announced.isOpen());
      }
    }
  }

  private static List<String> marks(Scenario scenario) {
    return scenario.conntracks(21).stream()
        .flatMap(line -> List.of(line.split(" +", -1)).stream())
        .filter(word -> word.startsWith("mark="))
        .toList();
  }
}
