package org.pinholed.agent.cli;

import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.control.ControlJson;
import org.pinholed.agent.control.JsonFields;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

@Command(
    name = "clear",
    description =
        "Deletes parents from the connection tracking, and with them their expectations and"
            + " pinholes. The client has to log in again. Exit code 1 if there was none.",
    footer = {
      "%nExamples:",
      "  pinholectl clear --parent 0000e39a",
      "  pinholectl clear --policy 25 --helper ftp",
      "  pinholectl clear --address 198.51.100.2 --port 40312",
      "  pinholectl clear --expectation 7",
      "  pinholectl clear --call 3fK1",
      "  pinholectl clear --all"
    })
final class ClearCommand implements Callable<Integer> {
  @SuppressWarnings("NullAway.Init") // set by picocli before the call
  @ParentCommand
  Pinholectl pinholectl;

  @Mixin FilterOptions filter = new FilterOptions();

  @SuppressWarnings("NullAway.Init") // set by picocli before the call
  @Spec
  CommandSpec spec;

  @Option(
      names = "--call",
      paramLabel = "ID",
      description =
          "One call instead, with its media: its id in the listing of calls, or how that begins.")
  @Nullable String call;

  @Option(
      names = "--expectation",
      paramLabel = "ID",
      description =
          "One expectation instead: its number in the listing. Its parent and what came through it"
              + " go on.")
  @Nullable Long expectation;

  @Option(names = "--all", description = "All parents. Needed when no filter is given.")
  boolean all;

  @Override
  public Integer call() throws Exception {
    JsonFields request = filter.request("clear");
    boolean filtered = request.names().size() > 1;
    boolean isOne = call != null || expectation != null;
    boolean isBoth = call != null && expectation != null;
    if (isBoth || (isOne && (all || filtered))) {
      throw new ParameterException(
          spec.commandLine(), "--call and --expectation go together with nothing else.");
    }
    if (expectation != null) {
      request = new JsonFields().with("command", "clearExpectation").with("id", expectation);
    } else if (call != null) {
      request =
          new JsonFields().with("command", "clearOwner").with("kind", "call").with("id", call);
    } else if (all == filtered) {
      throw new ParameterException(
          spec.commandLine(),
          "Say which: a filter such as --parent, --expectation, --call, or else --all.");
    }
    JsonFields report = new JsonFields();
    pinholectl.ask(
        all ? request.with("all", true) : request,
        row -> {
          for (String name : row.names()) {
            report.with(name, row.value(name));
          }
        });
    pinholectl
        .out()
        .println(
            pinholectl.json()
                ? ControlJson.line(report)
                : "cleared: parents "
                    + report.number("parents")
                    + ", expectations "
                    + report.number("expectations"));
    return report.number("parents") == 0 && report.number("expectations") == 0 ? 1 : 0;
  }
}
