package org.pinholed.it.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/**
 * Counts the transactions that change the agent's table, as {@code nft monitor} sees them. Ends
 * with the lab.
 */
public final class TableWatch {
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private final Lab lab;
  private final Path log;
  private int markers;

  private TableWatch(Lab lab, Path log) {
    this.lab = lab;
    this.log = log;
  }

  /** Starts to watch. */
  public static TableWatch start(Lab lab) {
    TableWatch watch = new TableWatch(lab, lab.workFolder().resolve("monitor.log"));
    lab.start(
        Lab.Host.ROUTER, ProcessBuilder.Redirect.to(watch.log.toFile()), "nft", "-n", "monitor");
    // It says nothing when it is ready: a table of our own is made until it sees one.
    Scenario.await(
        PATIENCE,
        () -> {
          lab.firewall(Lab.Host.ROUTER, "add table inet marker0 { }\ndelete table inet marker0\n");
          return watch.text().contains("marker0");
        },
        watch::text);
    return watch;
  }

  /** How many transactions have changed elements of the agent's table since the start. */
  public int transactions() {
    String marker = "marker-" + ++markers;
    // What came before this is in the log when this is.
    lab.firewall(
        Lab.Host.ROUTER, "add table inet " + marker + " { }\ndelete table inet " + marker + "\n");
    Scenario.await(PATIENCE, () -> text().contains(marker), this::text);
    int count = 0;
    boolean changes = false;
    for (String line : text().lines().toList()) {
      changes |= line.matches("(add|delete|create|destroy) element inet pinholed .*");
      if (line.startsWith("# new generation") && changes) {
        count++;
        changes = false;
      }
    }
    return count;
  }

  /** Waits until there were so many, and insists that there were not more. */
  public void awaitTransactions(int wanted) {
    Scenario.await(PATIENCE, () -> transactions() >= wanted, this::text);
    if (transactions() != wanted) {
      throw new AssertionError(transactions() + " transactions:\n" + text());
    }
  }

  private String text() {
    try {
      return Files.readString(log, StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
