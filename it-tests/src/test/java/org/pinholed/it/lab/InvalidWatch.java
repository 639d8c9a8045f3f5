package org.pinholed.it.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.stream.Stream;

/**
 * Drops, counts and logs on the router every packet that connection tracking calls invalid, as a
 * careful operator does: what a wrong sequence number or checksum comes to. Ends with the lab.
 */
public final class InvalidWatch {
  private static final Duration TIMEOUT = Duration.ofSeconds(10);
  private static final String GROUP = "7";

  private final Lab lab;
  private final Path log;

  private InvalidWatch(Lab lab, Path log) {
    this.lab = lab;
    this.log = log;
  }

  /** Starts to drop, count and log. */
  public static InvalidWatch start(Lab lab) {
    Path log = lab.workFolder().resolve("invalid.log");
    // Before translation: an invalid packet is not translated and so may not even be forwarded.
    String rules =
        """
        table inet watch {
          counter invalid {
          }
          chain pre {
            type filter hook prerouting priority mangle;
            ct state invalid counter name invalid log group %s drop
          }
        }
        """
            .formatted(GROUP);
    lab.firewall(Lab.Host.ROUTER, rules);
    InvalidWatch watch = new InvalidWatch(lab, log);
    lab.start(
        Lab.Host.ROUTER,
        ProcessBuilder.Redirect.to(log.toFile()),
        "tcpdump",
        "-i",
        "nflog:" + GROUP,
        "-n",
        "-l",
        "-v");
    Scenario.await(TIMEOUT, () -> watch.log().contains("listening on"), watch::log);
    return watch;
  }

  /** How many packets were invalid so far. */
  public long count() {
    return lab.counter(Lab.Host.ROUTER, "inet watch", "invalid");
  }

  /** The packets, as tcpdump prints them; the last ones may still be under way. */
  public String log() {
    try {
      return Files.exists(log) ? Files.readString(log) : "";
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Insists that nothing was invalid. */
  public void assertNone() {
    long count = count();
    if (count != 0) {
      throw new AssertionError(count + " packets were invalid:\n" + log());
    }
  }

  /**
   * Insists that nothing was invalid but bare selective acknowledgements. Where a segment is lost
   * behind a message that grew, the kernel shifts a block by the wrong one of two offsets before it
   * checks the window, and takes that one packet for invalid; the next acknowledgement says the
   * same and passes. No agent sees such a packet: it carries no data.
   */
  public void assertNoneButSelectiveAcknowledgements() {
    long count = count();
    if (count == 0) {
      return;
    }
    Scenario.await(TIMEOUT, () -> packets().count() >= count, this::log);
    if (!packets().allMatch(InvalidWatch::isBareSelectiveAcknowledgement)) {
      throw new AssertionError(count + " packets were invalid:\n" + log());
    }
  }

  private Stream<String> packets() {
    return log().lines().filter(line -> line.contains(": Flags ["));
  }

  private static boolean isBareSelectiveAcknowledgement(String packet) {
    return packet.contains(": Flags [.]")
        && packet.contains(",sack ")
        && packet.endsWith(", length 0");
  }
}
