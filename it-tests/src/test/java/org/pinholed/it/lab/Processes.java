package org.pinholed.it.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * The processes that a lab has started on this machine; ends them by process id, never by name.
 * Thread-safe.
 */
final class Processes {
  private final Path folder;
  private final List<Process> started = new ArrayList<>();

  /**
   * No process yet.
   *
   * @param folder where they start, and where their output goes meanwhile
   */
  Processes(Path folder) {
    this.folder = folder;
  }

  Process start(ProcessBuilder.Redirect output, List<String> command) {
    return launch(new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output));
  }

  Process startPiped(Path errors, List<String> command) {
    return launch(new ProcessBuilder(command).redirectError(errors.toFile()));
  }

  private Process launch(ProcessBuilder builder) {
    builder.directory(folder.toFile());
    // No start-up file of whoever runs this, and messages in one language.
    builder.environment().putAll(Map.of("HOME", folder.toString(), "LC_ALL", "C"));
    try {
      Process process = builder.start();
      synchronized (started) {
        started.removeIf(p -> !p.isAlive());
        started.add(process);
      }
      return process;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  CommandResult run(List<String> command, String input, Duration timeout) {
    Path output = null;
    try {
      output = Files.createTempFile(folder, "run", ".out");
      // A file and not a pipe: a grandchild that keeps a pipe open would keep us waiting.
      Process process = start(ProcessBuilder.Redirect.to(output.toFile()), command);
      try (var stdin = process.getOutputStream()) {
        stdin.write(input.getBytes(StandardCharsets.UTF_8));
      } catch (IOException e) {
        // It ended before it had read everything; its exit code tells.
      }
      boolean ended = process.waitFor(Patience.of(timeout).toMillis(), TimeUnit.MILLISECONDS);
      if (!ended) {
        kill(process);
      }
      int exitCode = ended ? process.exitValue() : CommandResult.TIMED_OUT;
      String text = Files.readString(output, StandardCharsets.ISO_8859_1);
      return new CommandResult(String.join(" ", command), exitCode, text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted in " + command, e);
    } finally {
      if (output != null) {
        WorkFolder.deleteQuietly(output);
      }
    }
  }

  /** Like {@link Lab#kill}. */
  static void kill(Process process) {
    List<ProcessHandle> family = process.descendants().toList();
    process.destroyForcibly();
    family.forEach(ProcessHandle::destroyForcibly);
    try {
      process.waitFor(5L * Patience.FACTOR, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  void killAll() {
    List<Process> mine;
    synchronized (started) {
      mine = List.copyOf(started);
      started.clear();
    }
    mine.forEach(Processes::kill);
  }
}
