package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.List;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;

/** The metrics tell what happened, on the loopback address only, under documented names. */
class MetricsIT {
  private static final Pattern OWN_SAMPLE = Pattern.compile("^(pinholed_[a-z_]+?)[{ ]");

  @Test
  void counters_followTheTraffic_andEveryNameIsDocumented() throws IOException {
    try (Scenario scenario = Scenario.start("")) {
      double matchedBefore = sum(scenario, "matched");
      double refusedBefore = sum(scenario, "pinholed_refused_total");
      try (ScriptedSession session = scenario.login(Family.V4)) {
        try (Announcement announced = session.announce(DataMode.PASV)) {
          announced.connect().close();
        }
        session.exchange("PORT 198,51,100,2,0,22\r\n", "200 command successful.\r\n");
        scenario.agent().awaitEvent("matched");
        scenario.agent().awaitEvent("refused");
      }
      Scenario.await(
          Duration.ofSeconds(5),
          () -> sum(scenario, "matched") == matchedBefore + 1,
          () -> scrape(scenario));
      assertTrue(sum(scenario, "pinholed_refused_total") > refusedBefore, scrape(scenario));
      assertTrue(sum(scenario, "pinholed_packets_total") > 0, scrape(scenario));
      assertTrue(sum(scenario, "pinholed_verdict_latency_seconds_count") > 0, scrape(scenario));
      assertTrue(sum(scenario, "jvm_memory_used_bytes") > 0, scrape(scenario));

      String documented = Files.readString(Lab.projectRoot().resolve("docs/metrics.md"));
      List<String> unknown =
          scrape(scenario)
              .lines()
              .flatMap(line -> OWN_SAMPLE.matcher(line).results())
              .map(m -> m.group(1).replaceFirst("_(bucket|count|sum|created)$", ""))
              .distinct()
              .filter(Predicate.not(documented::contains))
              .toList();
      assertEquals(List.of(), unknown, "not in docs/metrics.md");

      CommandResult fromOutside =
          scenario
              .lab()
              .run(
                  Lab.Host.CLIENT,
                  Duration.ofSeconds(5),
                  "curl",
                  "-sS",
                  "-m",
                  "2",
                  "http://198.51.100.1:9765/metrics");
      assertEquals(7, fromOutside.exitCode(), "curl must be refused: " + fromOutside);
    }
  }

  private static String scrape(Scenario scenario) {
    return scenario.lab().metrics();
  }

  /** The sum of all samples whose line contains the text. */
  private static double sum(Scenario scenario, String text) {
    return scrape(scenario)
        .lines()
        .filter(line -> !line.startsWith("#") && line.contains(text))
        .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
        .sum();
  }
}
