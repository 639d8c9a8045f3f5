package org.pinholed.it.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/**
 * kamailio on the server host: registrar, and proxy that stays in the way of each call by
 * Record-Route. Media go from phone to phone. Closing it ends the process.
 */
public final class KamailioProcess implements AutoCloseable {
  private static final Duration READY = Duration.ofSeconds(20);

  private final Lab lab;
  private final Process process;
  private final String known;

  private KamailioProcess(Lab lab, Process process, String known) {
    this.lab = lab;
    this.process = process;
    this.known = known;
  }

  /**
   * Starts it on port 5060 of an address, over both transports, and waits until it listens.
   *
   * @param known the address at which the phones know it
   */
  public static KamailioProcess start(Lab lab, String own, String known) {
    Path log = lab.workFolder().resolve("kamailio.log");
    String config = lab.resource("kamailio.cfg").toString();
    String end = Family.inUrl(own) + ":" + Service.SIP_PORT;
    Path run;
    try {
      run = Files.createDirectories(lab.workFolder().resolve("kamailio"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Process process =
        lab.start(
            Lab.Host.SERVER,
            ProcessBuilder.Redirect.to(log.toFile()),
            "kamailio",
            "-f",
            config,
            "-DD",
            "-E",
            "-m",
            "32",
            "-l",
            "udp:" + end,
            "-l",
            "tcp:" + end,
            "-w",
            run.toString(),
            "-Y",
            run.toString(),
            "-A",
            // It listens there, and must connect from there, too.
            own.contains(":") ? "SOURCE6=" + own : "SOURCE4");
    Scenario.await(READY, () -> listens(lab) || !process.isAlive(), () -> read(log));
    if (!process.isAlive()) {
      throw new AssertionError(read(log));
    }
    return new KamailioProcess(lab, process, known);
  }

  /** Where somebody who registers here is called. */
  public String uri(String user) {
    return "sip:" + user + "@" + Family.inUrl(known);
  }

  /** TCP is the last of its sockets that listens. */
  private static boolean listens(Lab lab) {
    String sockets =
        lab.run(Lab.Host.SERVER, Lab.SHORT, "ss", "-Hltn", "sport = :" + Service.SIP_PORT).orFail();
    return !sockets.isBlank();
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }

  @Override
  public void close() {
    lab.kill(process);
  }
}
