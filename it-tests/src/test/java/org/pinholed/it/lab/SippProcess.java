package org.pinholed.it.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * One sipp that plays a scenario of the folder {@code sipp} of the resources. Who is called echoes
 * the media that come to it. Closing it ends the process.
 */
public final class SippProcess implements AutoCloseable {
  /** The port from which a caller speaks; over TCP that which it names. */
  public static final int CALLER_PORT = 5062;

  private static final AtomicInteger COUNTER = new AtomicInteger();

  /** A second of silence in PCMA (ITU-T G.711). */
  private static final int AUDIO_BYTES = 8000;

  private static final int SECONDS = 40;

  private final Lab lab;
  private final Process process;
  private final Path folder;

  private SippProcess(Lab lab, Process process, Path folder) {
    this.lab = lab;
    this.process = process;
    this.folder = folder;
  }

  /**
   * Starts who is called, for as many calls as come: a copy of a message that comes after the end
   * of its call counts as one, too.
   *
   * @param scenario the scenario's name, without {@code -uas.xml}
   * @param transport {@code u1}, {@code t1} or {@code tn}, as of the option {@code -t}
   */
  public static SippProcess answer(Lab lab, String scenario, String transport, String own) {
    // Whom is called, one socket serves for all of them.
    String answering = transport.startsWith("t") ? "t1" : transport;
    return start(
        lab,
        Lab.Host.SERVER,
        scenario + "-uas.xml",
        List.of(
            "-i",
            own,
            "-mi",
            own,
            "-p",
            "" + Service.SIP_PORT,
            "-mp",
            "6000",
            "-rtp_echo",
            "-t",
            answering));
  }

  /**
   * Starts who is called once, over UDP at the port from which it registered, on the client's side.
   *
   * @param mediaPort where it echoes media
   */
  public static SippProcess answerAtClient(Lab lab, String scenario, String own, int mediaPort) {
    return start(
        lab,
        Lab.Host.CLIENT,
        scenario + "-uas.xml",
        List.of(
            "-i",
            own,
            "-mi",
            own,
            "-p",
            "" + CALLER_PORT,
            "-mp",
            "" + mediaPort,
            "-rtp_echo",
            "-t",
            "u1",
            "-m",
            "1"));
  }

  /** Starts who calls: so many calls, ten a second, all of them at once if they take so long. */
  public static SippProcess call(
      Lab lab, String scenario, String transport, String own, Endpoint dialed, int calls) {
    return start(
        lab,
        Lab.Host.CLIENT,
        scenario + "-uac.xml",
        List.of(
            Family.inUrl(dialed.host()) + ":" + dialed.port(),
            "-i",
            own,
            "-mi",
            own,
            "-p",
            "" + CALLER_PORT,
            "-mp",
            "5500",
            "-t",
            transport,
            "-m",
            "" + calls,
            "-r",
            "10"));
  }

  private static SippProcess start(
      Lab lab, Lab.Host host, String scenario, List<String> arguments) {
    try {
      Path folder =
          Files.createDirectories(lab.workFolder().resolve("sipp-" + COUNTER.incrementAndGet()));
      Path file = folder.resolve(scenario);
      try (var in = SippProcess.class.getResourceAsStream("/sipp/" + scenario)) {
        if (in == null) {
          throw new IllegalArgumentException("no scenario " + scenario);
        }
        Files.copy(in, file);
      }
      byte[] silence = new byte[AUDIO_BYTES];
      Arrays.fill(silence, (byte) 0xd5);
      Files.write(folder.resolve("audio.raw"), silence);
      // It reads the audio from, and writes what went wrong to, the folder where it starts.
      List<String> command =
          new ArrayList<>(List.of("sh", "-c", "cd \"$0\" && exec sipp \"$@\"", folder.toString()));
      command.addAll(
          List.of("-sf", file.toString(), "-nostdin", "-trace_err", "-max_socket", "1000"));
      command.addAll(List.of("-timeout", SECONDS + "s"));
      if (arguments.contains("u1")) {
        // Nothing is lost here, and sipp takes some of its own copies for unexpected messages.
        command.add("-nr");
      }
      command.addAll(arguments);
      Process process =
          lab.start(
              host,
              ProcessBuilder.Redirect.to(folder.resolve("screen").toFile()),
              command.toArray(String[]::new));
      return new SippProcess(lab, process, folder);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Waits until one that was started by {@link #answerAtClient} listens. */
  public static void awaitPort(Lab lab, Lab.Host host) {
    Scenario.await(
        Lab.SHORT,
        () ->
            !lab.run(host, Lab.SHORT, "ss", "-Hlun", "sport = :" + CALLER_PORT).orFail().isBlank(),
        () -> "sipp does not listen");
  }

  /**
   * Waits until all its calls are over, and insists that each of them went as its scenario says.
   *
   * @param called who was called, and may know why if not
   */
  public void assertSuccess(SippProcess called) {
    try {
      if (!process.waitFor((SECONDS + 5L) * Patience.FACTOR, TimeUnit.SECONDS)
          || process.exitValue() != 0) {
        throw new AssertionError(
            "sipp: "
                + (process.isAlive() ? "still there" : "" + process.exitValue())
                + complaint()
                + "\ncalled:"
                + called.complaint());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** What it wrote of calls that failed. */
  private String complaint() {
    StringBuilder text = new StringBuilder();
    try (var files = Files.list(folder)) {
      for (Path file :
          files
              .filter(f -> f.toString().endsWith("_errors.log") || f.endsWith("screen"))
              .toList()) {
        String all = Files.readString(file);
        text.append('\n').append(all, 0, Math.min(4000, all.length()));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return text.toString();
  }

  @Override
  public void close() {
    lab.kill(process);
  }
}
