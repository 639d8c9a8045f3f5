package org.pinholed.agent.cli;

import java.util.concurrent.Callable;
import org.pinholed.agent.control.ControlJson;
import org.pinholed.agent.control.JsonFields;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParentCommand;

@Command(
    name = "status",
    description = "Whether the agent runs, what it reads and what this kernel lets it do.",
    footer = {
      "%nExamples:",
      "  pinholectl status",
      "  until pinholectl status >/dev/null 2>&1; do sleep 0.1; done   # waits"
    })
final class StatusCommand implements Callable<Integer> {
  @SuppressWarnings("NullAway.Init") // set by picocli before the call
  @ParentCommand
  Pinholectl pinholectl;

  @Override
  public Integer call() throws Exception {
    pinholectl.ask(
        new JsonFields().with("command", "status"),
        row ->
            pinholectl
                .out()
                .print(pinholectl.json() ? ControlJson.line(row) + "\n" : Listings.status(row)));
    return 0;
  }
}
