package org.pinholed.it.lab;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * FTP sessions on the client that transfer one file after the other until they are told to stop.
 */
public final class TransferLoad {
  /** How long a control connection may take to come, and to answer. */
  private static final int REPLY_SECONDS = 60;

  private final Path stopFile;
  private final Path output;
  private final Process process;

  private TransferLoad(Path stopFile, Path output, Process process) {
    this.stopFile = stopFile;
    this.output = output;
    this.process = process;
  }

  /**
   * Starts the sessions.
   *
   * @param dataTimeoutSeconds how long a data connection may take to come, where a processor is not
   *     emulated
   */
  public static TransferLoad start(
      Lab lab, FtpServerProcess server, int sessions, int dataTimeoutSeconds) throws IOException {
    Path stopFile = lab.workFolder().resolve("stop");
    Path output = lab.workFolder().resolve("load.out");
    Process process =
        lab.start(
            Lab.Host.CLIENT,
            ProcessBuilder.Redirect.to(output.toFile()),
            "/usr/bin/python3",
            lab.resource("ftp_loop.py").toString(),
            "203.0.113.2",
            Integer.toString(sessions),
            FtpServerProcess.FILE,
            Long.toString(Files.size(server.file(FtpServerProcess.FILE))),
            stopFile.toString(),
            Integer.toString(dataTimeoutSeconds * Patience.FACTOR),
            Integer.toString(REPLY_SECONDS * Patience.FACTOR),
            // An emulated processor has to have time for an agent that starts, too.
            Integer.toString(Patience.FACTOR - 1));
    return new TransferLoad(stopFile, output, process);
  }

  /** Ends it; how many transfers came whole and failed, and how many sessions broke. */
  public JsonNode stop() throws IOException, InterruptedException {
    Files.createFile(stopFile);
    if (!process.waitFor(100L * Patience.FACTOR, TimeUnit.SECONDS)) {
      throw new AssertionError("sessions hang");
    }
    JsonNode result = new ObjectMapper().readTree(Files.readString(output));
    System.out.println(result);
    return result;
  }
}
