package org.pinholed.agent.cli;

import java.util.concurrent.Callable;
import org.pinholed.agent.control.JsonFields;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.ParentCommand;

@Command(
    name = "report",
    description =
        "What came of what was announced to helpers in mode observe, since the start: which"
            + " connections the firewall let in by rules of its own, so that these rules would be"
            + " needless with pinholes, and what was announced and did not come.",
    footer = {"%nExamples:", "  pinholectl report", "  pinholectl report --json"})
final class ReportCommand implements Callable<Integer> {
  @SuppressWarnings("NullAway.Init") // set by picocli before the call
  @ParentCommand
  Pinholectl pinholectl;

  @Mixin ListingOptions listing = new ListingOptions();

  @Override
  public Integer call() throws Exception {
    return listing.show(
        pinholectl,
        new JsonFields().with("command", "report"),
        "announcements observed",
        Listings::report);
  }
}
