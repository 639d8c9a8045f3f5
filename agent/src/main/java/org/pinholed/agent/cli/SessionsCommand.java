package org.pinholed.agent.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

@Command(
    name = "sessions",
    description =
        "The parent flows that the agent reads or read: where their dialogue stands, and why one"
            + " opens nothing.",
    footer = {
      "%nExamples:",
      "  pinholectl sessions",
      "  pinholectl sessions --opaque        # encrypted, or not what its port says",
      "  pinholectl sessions --parent 0000e39a --json"
    })
final class SessionsCommand implements Callable<Integer> {
  @SuppressWarnings("NullAway.Init") // set by picocli before the call
  @ParentCommand
  Pinholectl pinholectl;

  @Mixin FilterOptions filter = new FilterOptions();
  @Mixin ListingOptions listing = new ListingOptions();

  @Option(
      names = "--opaque",
      description = "Only those that are no longer read, or of which parts are encrypted.")
  boolean opaque;

  @Override
  public Integer call() throws Exception {
    return listing.show(
        pinholectl,
        filter.request("sessions").with("opaque", opaque ? true : null),
        "sessions",
        Listings::sessions);
  }
}
