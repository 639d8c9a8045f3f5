package org.pinholed.agent.cli;

import java.util.concurrent.Callable;
import org.pinholed.agent.control.JsonFields;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.ParentCommand;

@Command(
    name = "registrations",
    description = "Where others can be reached: who, for how long, what is open.",
    footer = {
      "%nExamples:",
      "  pinholectl registrations",
      "  pinholectl registrations --watch",
      "  pinholectl registrations --json"
    })
final class RegistrationsCommand implements Callable<Integer> {
  @SuppressWarnings("NullAway.Init") // set by picocli before the call
  @ParentCommand
  Pinholectl pinholectl;

  @Mixin ListingOptions listing = new ListingOptions();

  @Override
  public Integer call() throws Exception {
    return listing.show(
        pinholectl,
        new JsonFields().with("command", "registrations"),
        "registrations",
        Listings::owners);
  }
}
