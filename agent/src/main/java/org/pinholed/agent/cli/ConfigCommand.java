package org.pinholed.agent.cli;

import java.util.concurrent.Callable;
import org.pinholed.agent.control.ControlJson;
import org.pinholed.agent.control.JsonFields;
import org.pinholed.helper.Printable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParentCommand;

@Command(
    name = "config",
    description =
        "The configuration in force, as the file that would set it. A comment says of each key"
            + " whether its value is the default.",
    footer = {
      "%nExamples:",
      "  pinholectl config",
      "  pinholectl config | grep '# set'      # what differs from the defaults",
      "  pinholectl config --json | jq .limits.parents"
    })
final class ConfigCommand implements Callable<Integer> {
  @SuppressWarnings("NullAway.Init") // set by picocli before the call
  @ParentCommand
  Pinholectl pinholectl;

  @Override
  public Integer call() throws Exception {
    boolean isText = !pinholectl.json();
    pinholectl.ask(
        new JsonFields().with("command", "config").with("yaml", isText ? true : null),
        row -> pinholectl.out().print(isText ? text(row) : ControlJson.line(row) + "\n"));
    return 0;
  }

  static String text(JsonFields row) {
    StringBuilder out = new StringBuilder();
    row.text("yaml").lines().forEach(line -> out.append(Printable.of(line)).append('\n'));
    return out.toString();
  }
}
