package org.pinholed.agent.cli;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.control.AgentUnreachableException;
import org.pinholed.agent.control.ControlClient;
import org.pinholed.agent.control.ControlError;
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
    FORTIOS
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

  private final Map<String, String> helpers = new HashMap<>();

  @Override
  public Integer call() throws Exception {
    FortiosTrace fortios = new FortiosTrace(this::helperOf);
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

  /** The name of the helper of a parent, asked once for each. */
  private String helperOf(String serial) {
    return helpers.computeIfAbsent(
        serial,
        unknown -> {
          String[] name = {""};
          try {
            pinholectl.ask(
                new JsonFields().with("command", "sessions").with("parentSerial", unknown),
                row -> name[0] = row.text("helper"));
          } catch (AgentUnreachableException | ControlError e) {
            return ""; // it ended in between
          }
          return name[0];
        });
  }
}
