package org.pinholed.agent.cli;

import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.control.ControlClient;
import org.pinholed.agent.control.ControlJson;
import org.pinholed.agent.control.JsonFields;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

@Command(
    name = "trace",
    description = {
      "Shows live what the agent does with control packets: received, existing session and"
          + " direction, helper run, what it understood, expectation made or why not, verdict.",
      "With --json one JSON object a line."
    },
    footer = {
      "%nExamples:",
      "  pinholectl trace --port 21 --count 6",
      "  pinholectl trace --address 198.51.100.2 --timeout 30",
      "  pinholectl trace --port 21 --style fortios",
      "  pinholectl trace --policy 25 --count 0      # until Ctrl-C"
    })
final class TraceCommand implements Callable<Integer> {
  /** How a line looks. */
  enum Style {
    /** The agent's own words. */
    PLAIN,
    /** Those of FortiOS. */
    FORTIOS;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT); // as it is typed, and as shells complete it
    }
  }

  @SuppressWarnings("NullAway.Init") // set by picocli before the call
  @ParentCommand
  Pinholectl pinholectl;

  @Mixin FilterOptions filter = new FilterOptions();

  @Option(
      names = "--count",
      paramLabel = "N",
      description = "Ends after N packets; 0: only when interrupted. Default: 100.")
  long count = 100;

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      description = "Ends after so many seconds. Default: never.")
  @Nullable Long timeout;

  @Option(
      names = "--style",
      paramLabel = "STYLE",
      description = "plain, or fortios: in the words of diagnose debug flow. Default: plain.")
  Style style = Style.PLAIN;

  @Override
  public Integer call() throws Exception {
    FortiosTrace fortios = new FortiosTrace();
    JsonFields request =
        filter.request("trace").with("count", count).with("timeoutSeconds", timeout);
    Interruption.endsWithSuccess();
    try {
      ControlClient.call(
          pinholectl.socket(),
          request,
          Duration.ZERO,
          row ->
              pinholectl.emit(
                  pinholectl.json()
                      ? ControlJson.line(row) + "\n"
                      : style == Style.FORTIOS ? fortios.lines(row) : Listings.trace(row)));
      pinholectl.emit(fortios.rest());
    } finally {
      Interruption.over();
    }
    return 0;
  }
}
