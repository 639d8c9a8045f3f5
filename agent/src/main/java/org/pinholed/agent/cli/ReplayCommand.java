package org.pinholed.agent.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.config.ConfigException;
import org.pinholed.agent.control.ControlError;
import org.pinholed.agent.replay.Decision;
import org.pinholed.agent.replay.Replay;
import org.pinholed.agent.replay.ReplayDifferences;
import org.pinholed.agent.replay.ReplayDifferences.Side;
import org.pinholed.agent.replay.ReplayText;
import org.pinholed.agent.replay.ReplayTotals;
import org.pinholed.agent.replay.capture.CaptureException;
import org.pinholed.agent.replay.capture.CaptureReader;
import org.pinholed.helper.Printable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

@Command(
    name = "replay",
    description = {
      "Reads a capture (pcap or pcapng) as the agent would have read it: what would have been"
          + " opened, refused, not read and shut, and which later connections came by it. Needs no"
          + " agent, no privilege and no kernel; time is that of the packets, addresses are not"
          + " translated.",
      "With --json each line is an object: decisions as in the event log, with the number of the"
          + " packet, and a summary. Exit code 1 if the capture is damaged, or cannot be read."
    },
    footer = {
      "%nExamples:",
      "  pinholectl replay friday.pcapng",
      "  pinholectl replay friday.pcapng --config new.yaml",
      "  pinholectl replay friday.pcapng --diff new.yaml",
      "  pinholectl replay friday.pcapng --json | jq 'select(.event == \"refused\")'"
    })
final class ReplayCommand implements Callable<Integer> {
  private static final int EXIT_DAMAGED = 1;

  /** Set by the script that starts this: Java does not tell. */
  private static final String STDERR_IS_TERMINAL = "pinholed.stderrIsTerminal";

  @SuppressWarnings("NullAway.Init") // set by picocli before the call
  @ParentCommand
  Pinholectl pinholectl;

  @SuppressWarnings("NullAway.Init") // set by picocli before the call
  @Parameters(paramLabel = "FILE", description = "The capture.")
  Path file;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description =
          "Configuration of the agent. Default: /etc/pinholed/pinholed.yaml, and the built-in"
              + " values where that is missing.")
  Path configFile = GivenConfig.DEFAULT_FILE;

  @Option(
      names = "--diff",
      paramLabel = "FILE",
      description =
          "Another configuration: prints only what it would decide (+) and the first one would not,"
              + " or the other way round (-), and both summaries.")
  @Nullable Path other;

  @Override
  public Integer call() throws Exception {
    AgentConfig config = config(configFile);
    AgentConfig compared = other == null ? null : config(other);
    try (CaptureReader reader = CaptureReader.open(file)) {
      return run(reader, config, compared);
    } catch (CaptureException e) {
      throw refused(file + ": " + e.getMessage());
    } catch (NoSuchFileException e) {
      throw refused("there is no " + file);
    } catch (AccessDeniedException e) {
      throw refused(file + " may not be read");
    } catch (IOException e) {
      throw refused(file + ": " + e.getMessage());
    }
  }

  private static AgentConfig config(Path from) throws ControlError {
    try {
      return GivenConfig.of(from);
    } catch (ConfigException e) {
      throw refused(String.valueOf(e.getMessage()));
    }
  }

  private int run(CaptureReader reader, AgentConfig config, @Nullable AgentConfig compared)
      throws IOException {
    Replay replay = new Replay(GivenConfig.PROTOCOLS);
    ReplayDifferences differences = new ReplayDifferences(this::printDifference);
    if (compared == null) {
      replay.add(config, this::print);
    } else {
      replay.add(config, differences::first);
      replay.add(compared, differences::second);
      replay.setStepDone(differences::compare);
    }
    Progress progress = Progress.of(pinholectl.err(), Files.size(file));
    replay.setProgress(progress);
    replay.run(reader);
    progress.end();
    printSummary(replay, reader.damage());
    return reader.damage().isEmpty() ? 0 : EXIT_DAMAGED;
  }

  private void print(Decision decision) {
    emit(pinholectl.json() ? ReplayText.json(decision).toString() : ReplayText.line(decision));
  }

  private void printDifference(Side side, Decision decision) {
    String sign = side == Side.FIRST ? "-" : "+";
    emit(
        pinholectl.json()
            ? ReplayText.json(decision).with("only", nameOf(side)).toString()
            : sign + " " + ReplayText.line(decision));
  }

  private String nameOf(Side side) {
    return String.valueOf(side == Side.FIRST ? configFile : other);
  }

  private void printSummary(Replay replay, String damage) {
    List<ReplayTotals> all = replay.totals();
    printSummary(replay, all.get(0), damage, all.size() > 1 ? nameOf(Side.FIRST) : null);
    if (all.size() > 1) {
      printSummary(replay, all.get(1), damage, nameOf(Side.SECOND));
    }
    if (!damage.isEmpty()) {
      pinholectl.err().println("pinholectl: " + Printable.of(file + ": " + damage));
    }
  }

  private void printSummary(
      Replay replay, ReplayTotals totals, String damage, @Nullable String config) {
    if (pinholectl.json()) {
      emit(ReplayText.summaryJson(replay, totals, damage).with("config", config).toString());
      return;
    }
    emit(config == null ? "" : "\n" + Printable.of(config));
    ReplayText.summary(replay, totals, damage).forEach(this::emit);
  }

  private void emit(String line) {
    pinholectl.emit(line + "\n");
  }

  private static ControlError refused(String message) {
    return new ControlError(1, message);
  }

  /** Says on a terminal how far the file was read, in one line that is written over. */
  private static final class Progress implements LongConsumer {
    private final @Nullable PrintWriter err;
    private final long sizeBytes;
    private long shown = -1;

    private Progress(@Nullable PrintWriter err, long sizeBytes) {
      this.err = err;
      this.sizeBytes = sizeBytes;
    }

    static Progress of(PrintWriter err, long sizeBytes) {
      return new Progress(Boolean.getBoolean(STDERR_IS_TERMINAL) ? err : null, sizeBytes);
    }

    @Override
    public void accept(long offset) {
      long percent = sizeBytes == 0 ? 100 : offset * 100 / sizeBytes;
      if (err != null && percent != shown) {
        shown = percent;
        err.print("\r" + percent + " % of " + (sizeBytes >> 20) + " MiB ");
        err.flush();
      }
    }

    void end() {
      if (err != null && shown >= 0) {
        err.print("\r" + " ".repeat(40) + "\r");
        err.flush();
      }
    }
  }
}
