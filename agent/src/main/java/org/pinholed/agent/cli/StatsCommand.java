package org.pinholed.agent.cli;

import java.util.concurrent.Callable;
import org.pinholed.agent.control.ControlJson;
import org.pinholed.agent.control.JsonFields;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParentCommand;

@Command(
    name = "stats",
    description = "The main counters since the agent started. All of them: its /metrics.",
    footer = {"%nExamples:", "  pinholectl stats", "  pinholectl stats --json | jq .packets"})
final class StatsCommand implements Callable<Integer> {
  @SuppressWarnings("NullAway.Init") // set by picocli before the call
  @ParentCommand
  Pinholectl pinholectl;

  @Override
  public Integer call() throws Exception {
    pinholectl.ask(
        new JsonFields().with("command", "stats"),
        row ->
            pinholectl
                .out()
                .print(pinholectl.json() ? ControlJson.line(row) + "\n" : Listings.stats(row)));
    return 0;
  }
}
