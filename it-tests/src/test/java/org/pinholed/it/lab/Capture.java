package org.pinholed.it.lab;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What goes over one device of a host, written to a file by tcpdump. Ends with the lab at the
 * latest.
 */
public final class Capture {
  private static final Duration TIMEOUT = Duration.ofSeconds(20);
  private static final AtomicInteger COUNTER = new AtomicInteger();

  private final Lab lab;
  private final Process captor;
  private final Path file;

  private Capture(Lab lab, Process captor, Path file) {
    this.lab = lab;
    this.captor = captor;
    this.file = file;
  }

  /** Starts on the control connections at one of the router's devices. */
  public static Capture start(Lab lab, String device) {
    return start(lab, Lab.Host.ROUTER, device, "tcp port 21");
  }

  /**
   * Starts.
   *
   * @param filter what is wanted, in the language of pcap-filter(7)
   */
  public static Capture start(Lab lab, Lab.Host host, String device, String filter) {
    String name = device + "-" + COUNTER.incrementAndGet();
    Path file = lab.workFolder().resolve(name + ".pcap");
    Path log = lab.workFolder().resolve(name + ".log");
    Process captor =
        lab.start(
            host,
            ProcessBuilder.Redirect.to(log.toFile()),
            "tcpdump",
            "-Z",
            "root",
            "-i",
            device,
            "--immediate-mode", // else the last second is not in the file when it ends
            "-B",
            "32768", // KiB; of 2 MiB, the default, each packet takes 64 KiB or more
            "-U",
            "-w",
            file.toString(),
            filter);
    Scenario.await(
        TIMEOUT,
        () -> lab.run(host, TIMEOUT, "grep", "listening on", log.toString()).succeeded(),
        () -> "no capture at " + device + ": " + lab.run(host, TIMEOUT, "cat", log.toString()));
    return new Capture(lab, captor, file);
  }

  /** What it has so far, as tcpdump prints it with all that it knows ({@code -vv}). */
  public String text() {
    return lab.run(Lab.Host.ROUTER, TIMEOUT, "tcpdump", "-n", "-vv", "-r", file.toString())
        .output();
  }

  /** Waits until its text has this in it, and returns the text. */
  public String awaitText(String wanted) {
    Scenario.await(TIMEOUT, () -> text().contains(wanted), this::text);
    return text();
  }

  /** Where it is; whole once it was stopped. */
  public Path file() {
    return file;
  }

  /** Ends it. */
  public void stop() {
    captor.destroy();
    try {
      if (!captor.waitFor(TIMEOUT.toSeconds() * Patience.FACTOR, TimeUnit.SECONDS)
          || !Files.exists(file)) {
        throw new AssertionError("no capture in " + file);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** Ends it and insists that whatever was sent again was the same again. */
  public void assertCopiesAreEqual() {
    stop();
    String script = lab.resource("copies.py").toString();
    List<String> lines =
        lab.run(Lab.Host.ROUTER, TIMEOUT, "/usr/bin/python3", script, file.toString())
            .orFail()
            .lines()
            .toList();
    if (lines.size() != 1) {
      throw new AssertionError(String.join("\n", lines));
    }
    System.out.println(file.getFileName() + ": " + lines.get(0));
  }
}
