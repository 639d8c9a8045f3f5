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
 * for is that the firewall sees no such SYN, since milliseconds depend on who else uses the
 * machine; they are printed.
 */
class PipelinedTransfersIT {
  private static final int FILES = 25;
  private static final int ROUNDS = 4;

  /** Behind all rules that accept: a SYN that comes here has no pinhole. */
  private static final String NO_PINHOLE =
      "add rule inet filter forward tcp flags & (syn | ack) == syn counter comment no-pinhole";

  @ParameterizedTest(name = "{0}, passive {1}, the firewall rejects: {2}")
  @CsvSource({
    "VSFTPD, no, false",
    "VSFTPD, no, true",
    "VSFTPD, yes, false",
    "VSFTPD, yes, true",
    "PYFTPDLIB, yes, true"
  })
  void manyFiles_everySynFindsItsPinhole(
      FtpServerProcess.Kind kind, String passive, boolean rejects) {
    try (Lab lab = Lab.create();
        FtpServerProcess server = FtpServerProcess.start(lab, kind)) {
      server.fill("set", FILES, 2000);
      long openMs = best(lab, passive);
      RouterFirewall.NFTABLES.installWithAcceptRule(lab);
      nft(lab, NO_PINHOLE);
      if (rejects) {
        nft(lab, "add rule inet filter forward reject with tcp reset");
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
      String rules = nft(lab, "list chain inet filter forward");
      assertTrue(rules.contains("counter packets 0 bytes 0 comment \"no-pinhole\""), rules);
      assertEquals(List.of(), agent.complaints());
    }
  }

  private static String nft(Lab lab, String command) {
    return lab.run(Lab.Host.ROUTER, Duration.ofSeconds(5), "nft", command).orFail();
  }

  /** The shortest of some rounds, since others use the machine meanwhile. */
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
