package org.pinholed.agent.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.control.ControlError;
import org.pinholed.agent.operate.doctor.SystemProbe;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.view.Version;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

@Command(
    name = "bugreport",
    description = {
      "Writes one archive with what a report of a fault needs: version, status, counters, doctor,"
          + " audit, configuration, expectations, sessions, the agent's table, the packet queues"
          + " and the last events. Also without a running agent.",
      "There are no passwords in it. Look at it before you send it."
    },
    footer = {
      "%nExamples:",
      "  pinholectl bugreport",
      "  pinholectl bugreport --addresses hash --output /tmp/report.tar.gz"
    })
final class BugreportCommand implements Callable<Integer> {
  /** What becomes of addresses. */
  enum Addresses {
    /** They stay. */
    KEEP,
    /** Each becomes a name of its own, the same wherever it stands in this archive. */
    HASH;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT); // as it is typed, and as shells complete it
    }
  }

  @SuppressWarnings("NullAway.Init") // set by picocli before the call
  @ParentCommand
  Pinholectl pinholectl;

  @Option(
      names = "--addresses",
      paramLabel = "HOW",
      description =
          "keep, or hash: each address becomes a name of its own that nobody can turn back."
              + " Default: keep.")
  Addresses addresses = Addresses.KEEP;

  @Option(
      names = "--output",
      paramLabel = "FILE",
      description = "The archive, which must not be there yet. Default: pinholed-TIME.tar.gz.")
  @Nullable Path output;

  @Override
  public Integer call() throws Exception {
    long nowMicros = Clock.SYSTEM.epochMicros();
    String name =
        "pinholed-"
            + DateTimeFormatter.ofPattern("uuuuMMdd-HHmmss", Locale.ROOT)
                .withZone(ZoneOffset.UTC)
                .format(Instant.ofEpochSecond(nowMicros / 1_000_000));
    Path file = output == null ? Path.of(name + ".tar.gz") : output;
    Map<String, String> parts = parts();
    if (addresses == Addresses.HASH) {
      HashedAddresses hashed = new HashedAddresses();
      parts.replaceAll((part, text) -> hashed.in(text));
    }
    try {
      TarGz.write(file, name, parts, nowMicros / 1_000_000);
    } catch (IOException e) {
      throw new ControlError(ControlError.REFUSED, file + ": " + why(e));
    }
    pinholectl.out().println(file + ": " + parts.size() + " files");
    return 0;
  }

  private static String why(IOException e) {
    return e instanceof java.nio.file.FileAlreadyExistsException
        ? "is there already"
        : e.getClass().getSimpleName() + ": " + e.getMessage();
  }

  private Map<String, String> parts() {
    Map<String, String> parts = new LinkedHashMap<>();
    parts.put(
        "version.txt",
        "pinholed "
            + Version.text()
            + "\njava "
            + System.getProperty("java.version")
            + " "
            + System.getProperty("java.vm.name")
            + "\nkernel "
            + System.getProperty("os.version")
            + " "
            + System.getProperty("os.arch")
            + "\n"
            + osRelease());
    for (String command :
        List.of("status", "stats", "config", "helpers", "expectations", "sessions", "audit")) {
      parts.put(command + ".txt", ofCommand(command, "--wide"));
    }
    parts.put("doctor.txt", ofCommand("doctor"));
    parts.put("calls.json", ofCommand("calls", "--json"));
    parts.put("registrations.json", ofCommand("registrations", "--json"));
    parts.put("events.jsonl", ofCommand("events", "--json"));
    parts.put("explain.txt", ofCommand("explain", "0.0.0.0/0", "--most", "50"));
    parts.put("explain6.txt", ofCommand("explain", "::/0", "--most", "50"));
    parts.put("nft-table.txt", SystemProbe.agentTable());
    parts.put("queues.txt", SystemProbe.queueCounters());
    return parts;
  }

  private static String osRelease() {
    try {
      return Files.readString(Path.of("/etc/os-release"));
    } catch (IOException e) {
      return "";
    }
  }

  /** What a command prints, or why it prints nothing. */
  private String ofCommand(String... command) {
    List<String> words = new ArrayList<>(List.of("--socket", pinholectl.socket().toString()));
    for (String word : command) {
      if (!word.equals("--wide") || isTable(command[0])) {
        words.add(word);
      }
    }
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int code =
        Pinholectl.run(words.toArray(String[]::new), new PrintWriter(out), new PrintWriter(err));
    return out
        + (err.toString().isEmpty() ? "" : "# " + err)
        + (code == 0 ? "" : "# exit code " + code + "\n");
  }

  private static boolean isTable(String command) {
    return List.of("helpers", "expectations", "sessions", "audit").contains(command);
  }
}
