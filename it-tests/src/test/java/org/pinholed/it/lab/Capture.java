package org.pinholed.it.lab;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** What goes over the control connections at one device, written to a file by tcpdump. */
public final class Capture {
  private static final Duration TIMEOUT = Duration.ofSeconds(20);

  private final Lab lab;
  private final Process captor;
  private final Path file;

  private Capture(Lab lab, Process captor, Path file) {
    this.lab = lab;
    this.captor = captor;
    this.file = file;
  }

  /** Starts on one of the router's devices; ends with the lab at the latest. */
  public static Capture start(Lab lab, String device) {
    Path file = lab.workFolder().resolve(device + "-control.pcap");
    Path log = lab.workFolder().resolve(device + "-control.log");
    Process captor =
        lab.start(
            Lab.Host.ROUTER,
            ProcessBuilder.Redirect.to(log.toFile()),
            "tcpdump",
            "-Z",
            "root",
            "-i",
            device,
            "--immediate-mode", // else the last second is not in the file when it ends
            "-w",
            file.toString(),
            "tcp port 21");
    Scenario.await(
        TIMEOUT,
        () -> lab.run(Lab.Host.ROUTER, TIMEOUT, "grep", "listening on", log.toString()).succeeded(),
        () -> "no capture at " + device);
    return new Capture(lab, captor, file);
  }

  /** Ends it and insists that whatever was sent again was the same again. */
  public void assertCopiesAreEqual() {
    captor.destroy();
    try {
      if (!captor.waitFor(TIMEOUT.toSeconds(), TimeUnit.SECONDS) || !Files.exists(file)) {
        throw new AssertionError("no capture in " + file);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
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
