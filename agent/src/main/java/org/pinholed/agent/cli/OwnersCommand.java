package org.pinholed.agent.cli;

import java.util.concurrent.Callable;
import org.pinholed.agent.control.JsonFields;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.ParentCommand;

/** A listing of what outlives control connections, by its kind. */
abstract class OwnersCommand implements Callable<Integer> {
  private final String kind;

  @SuppressWarnings("NullAway.Init") // set by picocli before the call
  @ParentCommand
  Pinholectl pinholectl;

  @Mixin ListingOptions listing = new ListingOptions();

  OwnersCommand(String kind) {
    this.kind = kind;
  }

  @Override
  public Integer call() throws Exception {
    return listing.show(
        pinholectl,
        new JsonFields().with("command", "owners").with("kind", kind),
        kind + "s",
        Listings::owners);
  }

  @Command(
      name = "calls",
      description =
          "The calls that the agent knows: their state, what is open for them and leads where, how"
              + " much came through, and why something was not opened.",
      footer = {
        "%nExamples:",
        "  pinholectl calls",
        "  pinholectl calls --watch",
        "  pinholectl calls --json"
      })
  static final class Calls extends OwnersCommand {
    Calls() {
      super("call");
    }
  }

  @Command(
      name = "registrations",
      description =
          "The registrations that the agent knows: until when they were granted, and which port"
              + " outside leads to which phone.",
      footer = {"%nExamples:", "  pinholectl registrations", "  pinholectl registrations --json"})
  static final class Registrations extends OwnersCommand {
    Registrations() {
      super("registration");
    }
  }
}
