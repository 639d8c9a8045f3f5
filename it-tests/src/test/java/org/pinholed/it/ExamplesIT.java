package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.pinholed.it.lab.AgentProcess;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;

/** Every example of the help and of the documents, typed as it stands there. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ExamplesIT {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  /** What goes on until somebody ends it, or until packets come, is ended after these seconds. */
  private static final String ENDLESS_SECONDS = "2";

  /** The head of a file of tcpdump's, of Ethernet. */
  private static final String CAPTURE_WITHOUT_PACKETS =
      "d4c3b2a1020004000000000000000000ffff000001000000";

  /** A command of a help's list: two blanks, one word, and its description. */
  private static final Pattern LISTED = Pattern.compile("  ([a-z]+)  +\\S.*");

  private final Scenario scenario = Scenario.start("");

  @AfterAll
  void close() {
    scenario.close();
  }

  @Test
  void help_everyExampleDoesWhatItSays() throws IOException {
    List<String> examples = new ArrayList<>();
    collect(List.of(), examples);
    assertTrue(examples.size() > 25, examples::toString);
    for (String kind : List.of("helpers add", "trace", "clear", "doctor", "completion", "until")) {
      assertTrue(examples.stream().anyMatch(line -> line.contains(kind)), kind);
    }
    for (String example : examples) {
      tryOut(example);
    }
  }

  @Test
  void documents_everyExampleDoesWhatItSays() throws IOException {
    List<String> examples = new ArrayList<>();
    List<Path> documents = new ArrayList<>(List.of(Lab.projectRoot().resolve("README.md")));
    try (var files = Files.newDirectoryStream(Lab.projectRoot().resolve("docs"), "*.md")) {
      files.forEach(documents::add);
    }
    for (Path document : documents) {
      for (String line : Files.readAllLines(document)) {
        if (line.startsWith("$ pinholectl ") || line.startsWith("$ printf ")) {
          examples.add(line.substring(2));
        }
      }
    }
    assertTrue(examples.size() >= 4, examples::toString);
    for (String example : examples) {
      tryOut(example);
    }
  }

  /** The examples of a command and of all below it. */
  private void collect(List<String> command, List<String> examples) {
    List<String> words = new ArrayList<>(command);
    words.add("--help");
    String help = scenario.agent().ctl(words.toArray(String[]::new)).orFail();
    boolean inExamples = false;
    boolean inCommands = false;
    String begun = "";
    for (String line : help.lines().toList()) {
      if (line.matches("[A-Z].*:")) {
        inExamples = line.equals("Examples:");
        inCommands = line.equals("Commands:");
      } else if (inCommands) {
        Matcher listed = LISTED.matcher(line);
        if (listed.matches()) {
          List<String> below = new ArrayList<>(command);
          below.add(listed.group(1));
          collect(below, examples);
        }
      } else if (inExamples && !line.isBlank()) {
        assertTrue(line.startsWith("  ") && line.length() <= 80, "wrapped: " + line);
        begun += line.strip();
        if (begun.endsWith("\\")) {
          begun = begun.substring(0, begun.length() - 1);
        } else {
          examples.add(begun);
          begun = "";
        }
      }
    }
  }

  private void tryOut(String example) throws IOException {
    Path folder = Files.createDirectories(scenario.lab().workFolder().resolve("examples"));
    for (String configuration : List.of("router.yaml", "new.yaml")) {
      Files.writeString(folder.resolve(configuration), "# all defaults\n");
    }
    for (String capture : List.of("office.pcap", "friday.pcapng")) {
      Files.write(folder.resolve(capture), HexFormat.of().parseHex(CAPTURE_WITHOUT_PACKETS));
    }
    boolean changesHelper2 = example.matches(".*helpers (delete|enable|disable) 2");
    if (changesHelper2) {
      scenario
          .agent()
          .ctl("helpers", "add", "--id", "2", "--name", "ftp", "--port", "2121")
          .orFail();
    }
    String here =
        example
            // the lab itself goes to the router
            .replaceFirst("^ip \\S+ exec router ", "")
            .replace("/tmp/", folder + "/")
            .replace("/etc/bash_completion.d/", folder + "/")
            .replace("/run/pinholed/control.sock", scenario.agent().socket().toString());
    boolean endless =
        example.contains(" --watch")
            || example.contains(" --follow")
            || example.contains("pinholectl trace");
    CommandResult result;
    try (ScriptedSession session = scenario.login(Family.V4)) {
      session.exchange("NOOP\r\n", "200 ok\r\n");
      result =
          scenario
              .lab()
              .run(
                  Lab.Host.ROUTER,
                  PATIENCE,
                  "env",
                  "--chdir=" + folder,
                  "PATH="
                      + AgentProcess.distribution().resolve("bin")
                      + ":"
                      + System.getenv("PATH"),
                  "PINHOLED_SOCKET=" + scenario.agent().socket(),
                  "timeout",
                  endless ? ENDLESS_SECONDS : "50",
                  "bash",
                  "-c",
                  here);
    }
    if (example.contains("helpers add") || (changesHelper2 && !example.contains("delete"))) {
      String id = example.replaceFirst(".*(?:--id|able) (\\d).*", "$1");
      scenario.agent().ctl("helpers", "delete", id).orFail();
    }
    String story = example + "\n" + result.output();
    assertFalse(result.output().contains("Usage:"), story);
    if (endless) {
      assertTrue(result.succeeded() || result.exitCode() == CommandResult.TIMED_OUT, story);
    } else if (example.matches(
        ".*(clear --(parent|policy|call|address|expectation)|explain|--parent 0).*")) {
      // There is no such parent, call or story, and whether one of that policy is left depends on
      // the session.
      assertTrue(result.exitCode() <= 1, story);
    } else {
      assertEquals(0, result.exitCode(), story);
    }
  }
}
