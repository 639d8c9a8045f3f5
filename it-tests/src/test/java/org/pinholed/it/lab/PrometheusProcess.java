package org.pinholed.it.lab;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/**
 * A Prometheus on the router, with the scrape example and the rules of {@code deploy/prometheus}.
 * It asks every second. Ends with the lab.
 */
public final class PrometheusProcess {
  private static final Duration READY = Duration.ofSeconds(60);
  private static final String LISTENS = "127.0.0.1:9090";
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Lab lab;

  private PrometheusProcess(Lab lab) {
    this.lab = lab;
  }

  /** Starts it and waits until it answers. */
  public static PrometheusProcess start(Lab lab) {
    Path folder = lab.workFolder().resolve("prometheus");
    Path example = Lab.projectRoot().resolve("deploy/prometheus");
    try {
      Files.createDirectories(folder);
      Files.copy(example.resolve("pinholed-rules.yml"), folder.resolve("pinholed-rules.yml"));
      Files.writeString(
          folder.resolve("prometheus.yml"),
          "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
              + Files.readString(example.resolve("scrape.yml")));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Path log = folder.resolve("log");
    lab.start(
        Lab.Host.ROUTER,
        ProcessBuilder.Redirect.to(log.toFile()),
        "prometheus",
        "--config.file=" + folder.resolve("prometheus.yml"),
        "--storage.tsdb.path=" + folder.resolve("data"),
        "--web.listen-address=" + LISTENS,
        "--web.enable-lifecycle");
    PrometheusProcess prometheus = new PrometheusProcess(lab);
    Scenario.await(
        READY,
        () -> prometheus.asked("/-/ready", "").exitCode() == 0,
        () -> {
          try {
            return Files.readString(log);
          } catch (IOException e) {
            return e.toString();
          }
        });
    return prometheus;
  }

  /**
   * What a query gives now.
   *
   * @return one element for each series
   */
  public JsonNode query(String query) {
    JsonNode answer = json("/api/v1/query", "query=" + query);
    if (!answer.path("status").asText().equals("success")) {
      throw new AssertionError(query + ": " + answer);
    }
    return answer.path("data").path("result");
  }

  /** The rules with what became of each. */
  public JsonNode rules() {
    return json("/api/v1/rules", "").path("data").path("groups");
  }

  private JsonNode json(String path, String parameter) {
    try {
      return JSON.readTree(asked(path, parameter).output());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private CommandResult asked(String path, String parameter) {
    String fails = path.equals("/-/ready") ? "-f" : "-s";
    return lab.run(
        Lab.Host.ROUTER,
        Lab.SHORT,
        "curl",
        "-sS",
        fails,
        "-G",
        "--data-urlencode",
        parameter,
        "http://" + LISTENS + path);
  }
}
