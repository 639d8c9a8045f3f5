package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.it.lab.AgentProcess;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Scenario;

/**
 * A kernel that lacks a module: {@code pinholectl doctor} fails, the agent does not start, and both
 * name it. Takes modules away from the whole machine, so it runs in a guest only ({@code
 * it-tests/kernels.sh}).
 */
@Tag("guest")
class MissingModulesIT {
  /** What modprobe reads: the module is there, and loading it fails. */
  private static final Path MODPROBE = Path.of("/etc/modprobe.d/missing.conf");

  /** Removes a module and what uses it; what a network namespace used is free after a while. */
  private static final String UNLOAD =
      """
      unload() {
        [ -d /sys/module/$1 ] || return 0
        for user in $(ls /sys/module/$1/holders); do unload $user || return; done
        rmmod $1
      }
      unload %s
      """;

  @AfterEach
  void allAreThereAgain() throws IOException {
    Files.deleteIfExists(MODPROBE);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"nfnetlink_queue", "nf_conntrack_netlink", "nft_ct", "nft_chain_nat", "nft_nat"})
  void doctorFails_andTheAgentDoesNotStart_bothNameIt(String module) throws IOException {
    Files.writeString(MODPROBE, "install " + module + " /bin/false\n");
    try (Lab lab = Lab.create()) {
      Scenario.await(
          Duration.ofSeconds(20),
          () -> router(lab, "bash", "-c", UNLOAD.formatted(module)).succeeded(),
          () -> router(lab, "lsmod").output());
      CommandResult doctor =
          router(
              lab,
              lab.program("pinholectl"),
              "--socket",
              lab.workFolder().resolve("nobody.sock").toString(),
              "doctor");
      List<String> lines = doctor.output().lines().filter(line -> line.contains(module)).toList();
      assertEquals(1, doctor.exitCode(), doctor::output);
      assertTrue(
          lines.stream().anyMatch(line -> line.contains("modprobe " + module)), doctor::output);

      AssertionError refused = assertThrows(AssertionError.class, () -> AgentProcess.start(lab));
      String said = String.valueOf(refused.getMessage());
      assertTrue(said.contains("modprobe " + module), said);
    }
  }

  private static CommandResult router(Lab lab, String... command) {
    return lab.run(Lab.Host.ROUTER, Lab.SHORT, command);
  }
}
