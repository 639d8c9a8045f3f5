package org.pinholed.it.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.stream.Stream;

/** The folder for the files of one lab. Thread-safe. */
final class WorkFolder {
  private final Path path;

  private WorkFolder(Path path) {
    this.path = path;
  }

  static WorkFolder create(String prefix) {
    try {
      Path path = Files.createTempDirectory(prefix);
      // The FTP servers drop to an unprivileged user, who must get to its files.
      Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxr-xr-x"));
      return new WorkFolder(path);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  Path path() {
    return path;
  }

  /** Like {@link Lab#resource}. */
  synchronized Path resource(String name) {
    Path file = path.resolve(name);
    if (Files.exists(file)) {
      return file;
    }
    try (var in = WorkFolder.class.getResourceAsStream("/lab/" + name)) {
      if (in == null) {
        throw new IllegalArgumentException("resource: " + name + " (expected: a file of lab/)");
      }
      Files.copy(in, file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return file;
  }

  void delete() {
    try (Stream<Path> files = Files.walk(path)) {
      files.sorted(Comparator.reverseOrder()).forEach(WorkFolder::deleteQuietly);
    } catch (IOException e) {
      System.err.println("folder " + path + " stays: " + e);
    }
  }

  static void deleteQuietly(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      System.err.println(file + " stays: " + e);
    }
  }
}
