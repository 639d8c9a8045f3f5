package org.pinholed.agent.cli;

import java.util.concurrent.Callable;
import org.pinholed.agent.control.JsonFields;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.ParentCommand;

@Command(
    name = "audit",
    description =
        "Compares the expectation table with the kernel's maps and connection tracking. Exit code 1"
            + " if anything differs.",
    footer = {"%nExamples:", "  pinholectl audit", "  pinholectl audit --json"})
final class AuditCommand implements Callable<Integer> {
  @SuppressWarnings("NullAway.Init") // set by picocli before the call
  @ParentCommand
  Pinholectl pinholectl;

  @Mixin WidthOption width = new WidthOption();

  @Override
  public Integer call() throws Exception {
    Listing listing =
        pinholectl.json()
            ? Listings.json(pinholectl.out())
            : Listings.audit(pinholectl.out(), width.columns());
    pinholectl.ask(new JsonFields().with("command", "audit"), listing::add);
    if (listing.count() == 0) {
      pinholectl.err().println("no difference");
    }
    listing.end();
    return listing.count() == 0 ? 0 : 1;
  }
}
