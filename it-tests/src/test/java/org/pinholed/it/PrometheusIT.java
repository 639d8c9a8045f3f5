package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.PrometheusProcess;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.ScriptedSession.Announcement;

/** A real Prometheus scrapes a running agent; what deploy/ has for it is right. */
class PrometheusIT {
  private static final Pattern SERIES = Pattern.compile("\\b(pinholed|process|jvm)_\\w+");
  private static final Pattern RECORDED = Pattern.compile("\\w+:\\w+:\\w+");
  private static final Path DEPLOY = Lab.projectRoot().resolve("deploy");

  /** What nobody counts while all is well has no series yet. */
  private static final Set<String> SILENT =
      Set.of(
          "pinholed_limits_total",
          "pinholed_malformed_total",
          "pinholed_opaque_total",
          "pinholed_part_opaque_total",
          "jvm_gc_pause_seconds_sum");

  @Test
  void everyQueryOfTheDashboard_andEveryRule_isAnswered() throws IOException {
    try (Scenario scenario = Scenario.start("")) {
      PrometheusProcess prometheus = PrometheusProcess.start(scenario.lab());
      talk(scenario);
      await(prometheus, "up{job=\"pinholed\"} == 1");
      // A rate needs a second scrape behind the first one that has the series.
      await(prometheus, "rate(pinholed_refused_total[1m])");

      List<String> unanswered = new ArrayList<>();
      List<String> queries = queries();
      assertTrue(queries.size() > 20, queries::toString);
      for (String query : queries) {
        boolean isSilent = SILENT.stream().anyMatch(query::contains);
        if (prometheus.query(query).isEmpty() && !isSilent) {
          unanswered.add(query);
        }
      }
      assertEquals(List.of(), unanswered);

      for (JsonNode group : prometheus.rules()) {
        for (JsonNode rule : group.path("rules")) {
          Scenario.await(
              Duration.ofSeconds(20),
              () -> health(prometheus, rule.path("name").asText()).equals("ok"),
              rule::toString);
        }
      }
      assertEquals(
          0, prometheus.query("ALERTS").size(), () -> prometheus.query("ALERTS").toString());

      String metrics = scenario.lab().metrics();
      Path file = Files.writeString(scenario.lab().workFolder().resolve("metrics.txt"), metrics);
      assertEquals(
          "",
          scenario.onRouter("sh", "-c", "promtool check metrics <" + file + " 2>&1"),
          "promtool");
    }
  }

  private static void talk(Scenario scenario) {
    try (ScriptedSession session = scenario.login(Family.V4)) {
      try (Announcement announced = session.announce(DataMode.PASV)) {
        announced.connect().close();
      }
      session.exchange("PORT 198,51,100,2,0,22\r\n", "200 command successful.\r\n");
      scenario.agent().awaitEvent("matched");
      scenario.agent().awaitEvent("refused");
    }
  }

  private static void await(PrometheusProcess prometheus, String query) {
    Scenario.await(
        Duration.ofSeconds(30),
        () -> !prometheus.query(query).isEmpty(),
        () -> query + ": " + prometheus.query("{job=\"pinholed\"}"));
  }

  private static String health(PrometheusProcess prometheus, String name) {
    for (JsonNode group : prometheus.rules()) {
      for (JsonNode rule : group.path("rules")) {
        if (rule.path("name").asText().equals(name)) {
          return rule.path("health").asText();
        }
      }
    }
    return "";
  }

  /** Those of the dashboard, with the variables that an operator chooses. */
  private static List<String> queries() throws IOException {
    JsonNode dashboard =
        new ObjectMapper().readTree(DEPLOY.resolve("grafana/pinholed.json").toFile());
    List<String> queries = new ArrayList<>();
    for (JsonNode panel : dashboard.path("panels")) {
      for (JsonNode target : panel.path("targets")) {
        queries.add(
            target
                .path("expr")
                .asText()
                .replace("$job", "pinholed")
                .replace("$instance", ".*")
                .replace("$__rate_interval", "1m"));
      }
    }
    return queries;
  }

  /** No rule and no panel asks for a series that docs/metrics.md does not have. */
  @Test
  void seriesOfDashboardAndRules_areDocumented() throws IOException {
    String documented = Files.readString(Lab.projectRoot().resolve("docs/metrics.md"));
    Set<String> unknown = new TreeSet<>();
    for (String file : List.of("grafana/pinholed.json", "prometheus/pinholed-rules.yml")) {
      String text = RECORDED.matcher(Files.readString(DEPLOY.resolve(file))).replaceAll("");
      Matcher series = SERIES.matcher(text);
      while (series.find()) {
        String name = series.group().replaceFirst("_(bucket|sum|count)$", "");
        if (!documented.contains("`" + name + "`")) {
          unknown.add(name);
        }
      }
    }
    assertEquals(Set.of(), unknown);
  }

  @Test
  void alerts_fireWhenTheyShould() {
    try (Scenario scenario = Scenario.start("")) {
      Path tests = DEPLOY.resolve("prometheus/pinholed-rules-test.yml");
      String output = scenario.onRouter("promtool", "test", "rules", tests.toString());
      assertTrue(output.contains("SUCCESS"), output);
    }
  }
}
