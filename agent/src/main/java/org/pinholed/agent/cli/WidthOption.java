package org.pinholed.agent.cli;

import picocli.CommandLine.Option;

/** How wide a table may be. */
final class WidthOption {
  @Option(
      names = "--wide",
      description =
          "All columns, whole. Without it a table on a terminal has what fits; what is no terminal"
              + " gets all.")
  boolean wide;

  /**
   * Characters of a line of the terminal, as the start script measured it.
   *
   * @return 0 for as many as it takes
   */
  int columns() {
    return wide ? 0 : Math.max(0, Integer.getInteger("pinholed.columns", 0));
  }
}
