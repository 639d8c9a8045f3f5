package org.pinholed.agent.cli;

import java.time.Duration;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.control.ControlClient;
import org.pinholed.agent.control.ControlJson;
import org.pinholed.agent.control.JsonFields;
import picocli.CommandLine.Command;
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
      "  pinholectl trace --policy 25 --count 0      # until Ctrl-C"
    })
final class TraceCommand implements Callable<Integer> {
  @SuppressWarnings("NullAway.Init") // set by picocli before the call
  @ParentCommand
  Pinholectl pinholectl;

  @Option(names = "--port", paramLabel = "PORT", description = "Only packets from or to this port.")
  @Nullable Long port;

  @Option(
      names = "--address",
      paramLabel = "ADDRESS",
      description = "Only packets from or to this numeric address.")
  @Nullable String address;

  @Option(names = "--helper", paramLabel = "NAME", description = "Only this helper, as in ftp.")
  @Nullable String helper;

  @Option(
      names = "--policy",
      paramLabel = "ID",
      description = "Only parents that were let in by this firewall policy.")
  @Nullable Long policy;

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

  @Override
  public Integer call() throws Exception {
    JsonFields request =
        new JsonFields()
            .with("command", "trace")
            .with("port", port)
            .with("address", address)
            .with("helper", helper)
            .with("policyId", policy)
            .with("count", count)
            .with("timeoutSeconds", timeout);
    Interruption.endsWithSuccess();
    try {
      ControlClient.call(
          pinholectl.socket(),
          request,
          Duration.ZERO,
          row ->
              pinholectl.emit(
                  pinholectl.json() ? ControlJson.line(row) + "\n" : Listings.trace(row)));
    } finally {
      Interruption.over();
    }
    return 0;
  }
}
