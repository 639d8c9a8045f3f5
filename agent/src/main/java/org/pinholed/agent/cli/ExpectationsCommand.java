package org.pinholed.agent.cli;

import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

@Command(
    name = "expectations",
    description =
        "The expectation table: data sessions that were announced, and what let them through.",
    footer = {
      "%nExamples:",
      "  pinholectl expectations",
      "  pinholectl expectations --policy 25 --watch",
      "  pinholectl expectations --style fortios",
      "  pinholectl expectations --json | jq '.[] | select(.state == \"pending\")'"
    })
final class ExpectationsCommand implements Callable<Integer> {
  /** How an expectation looks. */
  enum Style {
    /** One line each. */
    TABLE,
    /** Many lines each, with the field names of FortiOS. */
    FORTIOS;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT); // as it is typed, and as shells complete it
    }
  }

  @SuppressWarnings("NullAway.Init") // set by picocli before the call
  @ParentCommand
  Pinholectl pinholectl;

  @Mixin FilterOptions filter = new FilterOptions();
  @Mixin ListingOptions listing = new ListingOptions();

  @Option(
      names = "--style",
      paramLabel = "STYLE",
      description = "table (one line each) or fortios (the many-line form). Default: table.")
  Style style = Style.TABLE;

  @Override
  public Integer call() throws Exception {
    return listing.show(
        pinholectl,
        filter.request("expectations"),
        "expectations",
        style == Style.FORTIOS ? Listings::fortios : Listings::expectations);
  }
}
