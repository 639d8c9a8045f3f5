package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;

/**
 * Servers announce the same port again as soon as its data connection has come. Each data
 * connection is told once, with the announcement that it used, and no pinhole outlives its control
 * connection.
 */
class SamePortIT {
  private static final int ROUNDS = 200;
  private static final Set<String> ENDS =
      Set.of("matched", "replaced", "closed", "parentClosed", "expired");

  /** What one control connection announced: the children by the number of the announcement. */
  private record Round(int clientPort, Set<Integer> children) {}

  @Test
  void samePortAnnouncedAgain_eachChildIsToldOnceWithItsOwn_andNothingStays() {
    try (Scenario scenario = Scenario.start(Scenario.ftpWithTimeout("30s"))) {
      List<Round> rounds = new ArrayList<>();
      for (int round = 0; round < ROUNDS; round++) {
        rounds.add(play(scenario, round));
      }
      Scenario.await(
          Duration.ofSeconds(10),
          () -> scenario.rows("expectations").isEmpty() && scenario.rows("sessions").isEmpty(),
          () -> scenario.rows("expectations").toString());
      assertFalse(
          scenario.onRouter("nft", "list", "map", "inet", "pinholed", "once4").contains("elements"),
          "a pinhole outlives its parent");
      scenario.agent().ctl("audit").orFail();

      Map<Integer, List<Long>> created = new HashMap<>();
      Map<Long, List<String>> ends = new LinkedHashMap<>();
      for (JsonNode event : scenario.agent().events()) {
        long id = event.path("expectationId").asLong();
        String word = event.path("event").asText();
        if (word.equals("created")) {
          created
              .computeIfAbsent(event.path("client").path("port").asInt(), port -> new ArrayList<>())
              .add(id);
        } else if (ENDS.contains(word)) {
          ends.computeIfAbsent(id, each -> new ArrayList<>()).add(word);
        }
      }
      for (Round round : rounds) {
        List<Long> ids = created.getOrDefault(round.clientPort(), List.of());
        for (int number = 0; number < ids.size(); number++) {
          List<String> told = ends.getOrDefault(ids.get(number), List.of());
          assertEquals(1, told.size(), round + " announcement " + number + ": " + told);
          assertEquals(
              round.children().contains(number),
              told.get(0).equals("matched"),
              round + " announcement " + number + ": " + told);
        }
      }
      assertEquals(List.of(), scenario.agent().complaints());
    }
  }

  private static Round play(Scenario scenario, int round) {
    try (ScriptedSession session = scenario.login(Family.V4);
        var first = scenario.server().listen(Family.V4.server(), 0);
        var second = scenario.server().listen(Family.V4.server(), 0)) {
      String same = ScriptedSession.replyLine(DataMode.PASV, Family.V4.server(), first.port());
      String other = ScriptedSession.replyLine(DataMode.PASV, Family.V4.server(), second.port());
      Set<Integer> children;
      session.exchange("PASV\r\n", same);
      if (round % 3 == 2) {
        session.exchange("PASV\r\n", same); // nobody came for the first one
        children = Set.of(1);
      } else {
        children = Set.of(0);
      }
      try (var data =
          scenario.client().connect(Family.V4.client(), Family.V4.server(), first.port())) {
        assertEquals(Family.V4.server(), data.remoteHost());
        session.exchange("PASV\r\n", same);
        if (round % 2 == 0) {
          session.exchange("PASV\r\n", other);
        }
        return new Round(session.client().port(), children);
      }
    }
  }
}
