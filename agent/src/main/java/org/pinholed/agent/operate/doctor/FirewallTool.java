package org.pinholed.agent.operate.doctor;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.pinholed.agent.operate.doctor.DoctorProbe.Answer;

/** Runs the firewall's own tools. */
final class FirewallTool {
  private static final long TOOL_SECONDS = 20;
  private static final int TOOL_BYTES_MAX = 256 << 20;

  private FirewallTool() {}

  /** What a command says; if it fails or takes too long, why. */
  static Answer run(String... command) {
    Process process;
    try {
      process = new ProcessBuilder(command).start();
    } catch (IOException e) {
      return Answer.failed("there is no " + command[0]);
    }
    CompletableFuture.delayedExecutor(TOOL_SECONDS, TimeUnit.SECONDS)
        .execute(process::destroyForcibly);
    CompletableFuture<String> problem = CompletableFuture.supplyAsync(() -> firstLine(process));
    try {
      byte[] out = process.getInputStream().readNBytes(TOOL_BYTES_MAX);
      int code = process.waitFor();
      return code == 0
          ? Answer.of(new String(out, StandardCharsets.UTF_8))
          : Answer.failed(command[0] + " ended with " + code + ": " + problem.join());
    } catch (IOException e) {
      return Answer.failed(command[0] + ": " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Answer.failed(command[0] + " was interrupted");
    } finally {
      process.destroyForcibly();
    }
  }

  private static String firstLine(Process process) {
    try {
      String text =
          new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      return text.lines().findFirst().orElse("");
    } catch (IOException e) {
      return "";
    }
  }
}
