package org.pinholed.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** A reader finds what ARCHITECTURE.md names. */
class ArchitectureDocumentationTest {
  private static final Path TOP = Path.of("..");
  private static final Path AGENT = Path.of("src", "main", "java", "org", "pinholed", "agent");

  private static String page() throws IOException {
    return Files.readString(TOP.resolve("ARCHITECTURE.md"));
  }

  private static List<Path> sources() throws IOException {
    List<Path> all = new ArrayList<>();
    for (String folder :
        List.of(
            "native-bindings/src/main",
            "helpers/src/main",
            "agent/src/main",
            "it-tests/src/test")) {
      try (Stream<Path> files = Files.walk(TOP.resolve(folder).resolve("java"))) {
        files.filter(file -> file.toString().endsWith(".java")).forEach(all::add);
      }
    }
    return all;
  }

  private static Set<String> found(String pattern, String text) {
    Set<String> all = new TreeSet<>();
    Matcher matcher = Pattern.compile(pattern, Pattern.MULTILINE).matcher(text);
    while (matcher.find()) {
      all.add(matcher.group(1));
    }
    return all;
  }

  @Test
  void everyClassThatIsNamedWithItsRoom_isThere() throws IOException {
    List<Path> sources = sources();
    Set<String> missing = new TreeSet<>();
    for (String name : found("`((?:[a-z]+\\.)+[A-Z][A-Za-z]+)[`.(]", page())) {
      Path file = Path.of(name.replace('.', '/') + ".java");
      if (sources.stream().noneMatch(source -> source.endsWith(file))) {
        missing.add(name);
      }
    }
    assertEquals(Set.of(), missing);
  }

  @Test
  void everyFileThatIsToBeRead_isThere() throws IOException {
    String page = page();
    Set<String> files =
        found(
            "`((?:[a-z]+/)+[A-Za-z]+\\.java)`", page.substring(page.indexOf("## Where to start")));
    Set<String> missing = new TreeSet<>();
    for (String file : files) {
      if (!Files.exists(AGENT.resolve(file))) {
        missing.add(file);
      }
    }
    assertEquals(Set.of(), missing);
    assertTrue(files.size() > 5, files::toString);
  }

  @Test
  void everyRoom_isInTheTable_andNoOther() throws IOException {
    String page = page();
    String table =
        page.substring(page.indexOf("| room |"), page.indexOf("`ArchitectureTest` holds"));
    Set<String> named = new TreeSet<>();
    for (String row : found("^\\| (`[^|]*) \\|", table)) {
      named.addAll(found("`(\\w+)`", row));
    }
    Set<String> rooms = new TreeSet<>();
    try (Stream<Path> folders = Files.list(AGENT)) {
      folders
          .filter(folder -> Files.exists(folder.resolve("package-info.java")))
          .forEach(folder -> rooms.add(folder.getFileName().toString()));
    }
    assertEquals(rooms, named);
  }

  @Test
  void whereToBeginInARoom_isThere() throws IOException {
    String page = page();
    String table =
        page.substring(page.indexOf("| room |"), page.indexOf("`ArchitectureTest` holds"));
    List<Path> sources = sources();
    Set<String> missing = new TreeSet<>();
    for (String name : found("`([A-Z]\\w+)`", table)) {
      if (sources.stream().noneMatch(source -> source.endsWith(name + ".java"))) {
        missing.add(name);
      }
    }
    assertEquals(Set.of(), missing);
  }
}
