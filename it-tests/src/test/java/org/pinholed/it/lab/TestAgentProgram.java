package org.pinholed.it.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * The agent with the laboratory's own protocol, made by {@code src/protocol/build.sh}: compiled
 * against the jars of the distribution, and started as the distribution starts its own program.
 */
final class TestAgentProgram {
  private static final Duration BUILD_TIMEOUT = Duration.ofMinutes(2);

  /** What was made, by its path; once for this virtual machine, as compiling takes its time. */
  private static final Map<String, byte[]> FILES = new TreeMap<>();

  private TestAgentProgram() {}

  /**
   * Puts it into the work folder of a lab.
   *
   * @return the start script, which takes the arguments of {@code bin/pinholed}
   */
  static synchronized Path install(Lab lab) {
    Path folder = lab.workFolder().resolve("lab-agent");
    Path program = folder.resolve("pinholed");
    try {
      if (FILES.isEmpty()) {
        build(lab, folder);
      } else if (!Files.exists(program)) {
        for (Map.Entry<String, byte[]> file : FILES.entrySet()) {
          Path path = folder.resolve(file.getKey());
          Files.createDirectories(path.getParent());
          Files.write(path, file.getValue());
        }
        Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
      }
      return program;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void build(Lab lab, Path folder) throws IOException {
    lab.run(
            Lab.Host.ROUTER,
            BUILD_TIMEOUT,
            Lab.projectRoot().resolve("it-tests/src/protocol/build.sh").toString(),
            AgentProcess.distribution().toString(),
            folder.toString())
        .orFail();
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path file : all.filter(Files::isRegularFile).toList()) {
        FILES.put(folder.relativize(file).toString(), Files.readAllBytes(file));
      }
    }
  }
}
