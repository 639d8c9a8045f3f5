package org.pinholed.agent.operate.doctor;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Reads files of {@code /proc}. */
final class ProcFiles {
  private ProcFiles() {}

  /** The folder of a process; 0 is this one. */
  static Path process(long pid) {
    return Path.of("/proc", pid == 0 ? "self" : Long.toString(pid));
  }

  /** The lines of a file; none if it cannot be read. */
  static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file, StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return List.of();
    }
  }
}
