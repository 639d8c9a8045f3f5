package org.pinholed.agent.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.pinholed.agent.control.JsonFields;
import org.pinholed.helper.Printable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParentCommand;

@Command(
    name = "reload",
    description =
        "Reads the configuration file again and puts it in force; a bad file changes nothing.",
    footer = {"%nExamples:", "  pinholectl reload"})
final class ReloadCommand implements Callable<Integer> {
  @SuppressWarnings("NullAway.Init") // set by picocli before the call
  @ParentCommand
  Pinholectl pinholectl;

  @Override
  public Integer call() throws Exception {
    List<JsonFields> changes = new ArrayList<>();
    pinholectl.ask(new JsonFields().with("command", "reload"), changes::add);
    if (pinholectl.json()) {
      Listing listing = Listings.json(pinholectl.out());
      changes.forEach(listing::add);
      listing.end();
    } else if (changes.isEmpty()) {
      pinholectl.err().println("nothing changed");
    } else {
      for (JsonFields change : changes) {
        pinholectl.out().println(Printable.of(change.text("change")));
      }
    }
    return 0;
  }
}
