package org.pinholed.agent.cli;

import java.util.concurrent.Callable;
import org.pinholed.agent.control.JsonFields;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.ParentCommand;

@Command(
    name = "calls",
    description =
        "The calls that have something open or announced: who, where it stands, what is open.",
    footer = {
      "%nExamples:",
      "  pinholectl calls",
      "  pinholectl calls --watch",
      "  pinholectl calls --json"
    })
final class CallsCommand implements Callable<Integer> {
  @SuppressWarnings("NullAway.Init") // set by picocli before the call
  @ParentCommand
  Pinholectl pinholectl;

  @Mixin ListingOptions listing = new ListingOptions();

  @Override
  public Integer call() throws Exception {
    return listing.show(
        pinholectl, new JsonFields().with("command", "calls"), "calls", Listings::owners);
  }
}
