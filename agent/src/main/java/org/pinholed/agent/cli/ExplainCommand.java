package org.pinholed.agent.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.pinholed.agent.control.JsonFields;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

@Command(
    name = "explain",
    description =
        "Tells why a port was open, or why it was not: what was announced, how it was read, what"
            + " was decided, who came, how it ended, and what to set. Also of what is over, as far"
            + " as it is remembered. Exit code 1 if nothing is known.",
    footer = {
      "%nExamples:",
      "  pinholectl explain last",
      "  pinholectl explain 0000e39a",
      "  pinholectl explain 203.0.113.2:40000",
      "  pinholectl explain 'tcp 198.51.100.2 > 203.0.113.2:40000'",
      "  pinholectl explain 198.51.100.0/24 --most 3 --json"
    })
final class ExplainCommand implements Callable<Integer> {
  @SuppressWarnings("NullAway.Init") // set by picocli before the call
  @ParentCommand
  Pinholectl pinholectl;

  @Parameters(
      arity = "0..4",
      paramLabel = "WHAT",
      description =
          "last (the default); a serial of a control or data connection; the number of an"
              + " expectation; an address or network; a data connection: protocol, source and"
              + " destination with its port, of which the last is enough.")
  List<String> what = new ArrayList<>();

  @Option(
      names = "--most",
      paramLabel = "N",
      description = "Tells the newest N stories, 1..1000. Default: 10.")
  long most = 10;

  @Override
  public Integer call() throws Exception {
    JsonFields request =
        new JsonFields()
            .with("command", "explain")
            .with("what", what.isEmpty() ? "last" : String.join(" ", what))
            .with("most", most);
    return new ListingOptions()
        .show(
            pinholectl,
            request,
            "stories",
            (out, columns) -> Listing.blocks(out, "", "\n", StoryText::of, count -> ""));
  }
}
