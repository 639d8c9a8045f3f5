package org.pinholed.helper.dcerpc.words;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Scanner;
import java.util.Set;

/**
 * The file of well-known interfaces, which is a part of the program as its classes are, and is read
 * once with them.
 */
final class InterfaceFile {
  private static final String NAME = "interfaces.txt";

  private InterfaceFile() {}

  /**
   * One line: an interface and what it is called.
   *
   * @param uuid its UUID
   * @param names at least one; the first is the one to show. Letters, digits, {@code _}
   */
  record Line(Uuid uuid, List<String> names) {}

  /**
   * The lines of the file.
   *
   * @return in the order of the file
   */
  static List<Line> read() {
    try (Scanner file =
        new Scanner(
            Objects.requireNonNull(InterfaceFile.class.getResourceAsStream(NAME), NAME),
            StandardCharsets.US_ASCII)) {
      return parse(file.useDelimiter("\\A").next());
    }
  }

  /**
   * Reads the text of such a file: {@code uuid name [further names]}, with one blank between, empty
   * lines, and lines that begin with {@code #}.
   *
   * @param text all of it
   * @return its lines, without those that say nothing
   * @throws IllegalArgumentException if a line is not so, or a UUID stands there twice
   */
  static List<Line> parse(String text) {
    List<Line> lines = new ArrayList<>();
    Set<Uuid> seen = new HashSet<>();
    for (String line : text.split("\n", -1)) {
      if (line.isEmpty() || line.startsWith("#")) {
        continue;
      }
      String[] words = line.split(" ", -1);
      Uuid uuid = Uuid.parse(words[0]);
      List<String> names = List.of(words).subList(1, words.length);
      if (uuid == null || names.isEmpty() || !names.stream().allMatch(InterfaceFile::isName)) {
        throw new IllegalArgumentException("not an interface: " + line);
      }
      if (!seen.add(uuid)) {
        throw new IllegalArgumentException("twice: " + line);
      }
      lines.add(new Line(uuid, names));
    }
    return lines;
  }

  /** A name goes into comments of the kernel and into a configuration as it is. */
  private static boolean isName(String name) {
    return name.matches("[A-Za-z][A-Za-z0-9_]{0,31}");
  }
}
