package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.it.lab.AgentProcess;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.FtpServerProcess;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.RouterFirewall;

/**
 * A client that does not wait for replies, lftp with {@code sync-mode off}: PORT and RETR, or CWD
 * and PASV, come in one segment. Behind the agent its transfers take about as long as through an
 * open firewall; a SYN that comes before its pinhole would cost a second each, or be refused. Asked
 * for is that no SYN was lost, since milliseconds depend on who else uses the machine; they are
 * printed.
 */
class PipelinedTransfersIT {
  private static final int FILES = 25;

  /** Well below the second after which a lost SYN is sent again. */
  private static final int SYN_AGAIN_MS = 700;

  /** The first ones warm up; then the shortest counts, since others use the machine meanwhile. */
  private static final int ROUNDS = 6;

  @ParameterizedTest(name = "{0}, passive {1}, the firewall rejects: {2}")
  @CsvSource({
    "VSFTPD, no, false",
    "VSFTPD, no, true",
    "VSFTPD, yes, false",
    "VSFTPD, yes, true",
    "PYFTPDLIB, yes, true"
  })
  void manyFiles_takeAsLongAsThroughAnOpenFirewall(
      FtpServerProcess.Kind kind, String passive, boolean rejects) {
    try (Lab lab = Lab.create();
        FtpServerProcess server = FtpServerProcess.start(lab, kind)) {
      server.fill("set", FILES, 2000);
      long openMs = best(lab, passive);
      RouterFirewall.NFTABLES.installWithAcceptRule(lab);
      if (rejects) {
        lab.run(
                Lab.Host.ROUTER,
                Duration.ofSeconds(5),
                "nft",
                "add rule inet filter forward reject with tcp reset")
            .orFail();
      }
      AgentProcess agent = AgentProcess.start(lab);
      long guardedMs = best(lab, passive);
      System.out.println(
          FILES
              + " files, "
              + kind
              + ", passive "
              + passive
              + ", rejecting "
              + rejects
              + ": "
              + guardedMs
              + " ms, open firewall "
              + openMs
              + " ms");
      assertTrue(
          guardedMs - openMs < SYN_AGAIN_MS,
          () -> guardedMs + " ms against " + openMs + " ms\n" + agent.log());
      assertEquals(List.of(), agent.complaints());
    }
  }

  private static long best(Lab lab, String passive) {
    long best = Long.MAX_VALUE;
    for (int round = 0; round < ROUNDS; round++) {
      Path target = lab.workFolder().resolve("got-" + System.nanoTime());
      String script =
          "set ftp:sync-mode off; set ftp:passive-mode "
              + passive
              + "; set net:timeout 10; "
              + "set net:max-retries 1; set ftp:use-mdtm no; set cmd:fail-exit yes; "
              + "open ftp://203.0.113.2/; cd set; lcd "
              + target
              + "; mget file*";
      try {
        Files.createDirectories(target);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      long beganNs = System.nanoTime();
      CommandResult result =
          lab.run(Lab.Host.CLIENT, Duration.ofSeconds(60), "lftp", "-d", "-c", script);
      long tookMs = (System.nanoTime() - beganNs) / 1_000_000;
      assertTrue(result.succeeded(), result::toString);
      try (Stream<Path> files = Files.list(target)) {
        assertEquals(FILES, files.count(), result::toString);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      best = Math.min(best, tookMs);
    }
    return best;
  }
}
