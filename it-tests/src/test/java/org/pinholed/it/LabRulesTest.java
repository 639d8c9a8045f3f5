package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * No scenario knows what the hosts of the laboratory are made of, so that one whose hosts are made
 * of something else can take the place of the one that there is. Looks at the sources.
 */
class LabRulesTest {
  private static final Path SOURCES = Path.of("src/test");

  /** What gives the implementation away, and the files in which it belongs. */
  private static final Map<Pattern, Set<String>> SECRETS =
      Map.of(
          Pattern.compile("netns|setns"), Set.of("NamespaceLab.java", "LocalLab.java", "wire.py"),
          Pattern.compile("nsenter"),
              Set.of("ContainerLab.java", "LocalLab.java", "SystemdService.java"),
          Pattern.compile("NamespaceLab"), Set.of("NamespaceLab.java", "Lab.java"),
          Pattern.compile("ContainerLab"),
              Set.of("ContainerLab.java", "Lab.java", "ProductContainer.java", "ComposeLab.java"),
          Pattern.compile("testcontainers|dockerjava"),
              Set.of("ContainerLab.java", "ContainerProcess.java", "ProductContainer.java"),
          Pattern.compile("wire\\.py"), Set.of("LocalLab.java", "Links.java"),
          // A command of which the lab does not know would run beside the hosts.
          Pattern.compile("new ProcessBuilder\\("), Set.of("NamespaceLab.java", "Processes.java"),
          Pattern.compile("Processes\\."), Set.of("LocalLab.java", "Processes.java"));

  @Test
  void onlyTheImplementation_knowsWhatHostsAreMadeOf() throws IOException {
    List<String> found = new ArrayList<>();
    List<Path> files;
    try (Stream<Path> all = Files.walk(SOURCES)) {
      files =
          all.filter(Files::isRegularFile)
              .filter(file -> !file.endsWith("LabRulesTest.java"))
              .toList();
    }
    assertTrue(files.size() > 50, "not the sources: " + files);
    for (Path file : files) {
      for (String line : Files.readAllLines(file)) {
        SECRETS.forEach(
            (secret, home) -> {
              if (secret.matcher(line).find() && !home.contains(file.getFileName().toString())) {
                found.add(file + ": " + line.strip());
              }
            });
      }
    }
    assertEquals(List.of(), found);
  }

  @Test
  void everySecret_isWhereItBelongs() throws IOException {
    for (Map.Entry<Pattern, Set<String>> secret : SECRETS.entrySet()) {
      for (String name : secret.getValue()) {
        try (Stream<Path> all = Files.walk(SOURCES)) {
          Path file = all.filter(path -> path.endsWith(name)).findFirst().orElseThrow();
          assertTrue(
              secret.getKey().matcher(Files.readString(file)).find()
                  || name.equals("Processes.java"),
              name + " has nothing of " + secret.getKey() + ": take it out of the exceptions");
        }
      }
    }
  }
}
