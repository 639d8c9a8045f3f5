package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.FtpClient;
import org.pinholed.it.lab.FtpServerProcess;
import org.pinholed.it.lab.InvalidWatch;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Links;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.NatScenario;
import org.pinholed.it.lab.RouterFirewall;
import org.pinholed.it.lab.ScriptedSession;

/**
 * That the translating laboratory itself is sound, without any agent: the kernel's own FTP helper
 * gets every mode through it, nothing at all gets only those through that need nobody's help.
 */
class NatLabIT {
  private static final Duration TIMEOUT = Duration.ofSeconds(10);
  private static final Duration SHORT_TIMEOUT = Duration.ofSeconds(2);

  @ParameterizedTest
  @EnumSource
  void kernelHelper_behindTranslation_getsEveryModeThrough(NatMode nat) {
    try (Lab lab = Lab.create();
        FtpServerProcess server = FtpServerProcess.start(lab, FtpServerProcess.Kind.VSFTPD)) {
      RouterFirewall.installWithKernelHelper(lab);
      nat.install(lab, RouterFirewall.NFTABLES);
      InvalidWatch watch = InvalidWatch.start(lab);
      for (Family family : Family.values()) {
        for (DataMode mode : DataMode.values()) {
          if (mode.fits(family)) {
            FtpClient.Transfer transfer =
                FtpClient.FTPLIB.download(lab, server, nat.dialed(family), mode, TIMEOUT);
            assertTrue(transfer.intact(), () -> family + " " + transfer.result());
          }
        }
      }
      watch.assertNone();
    }
  }

  @ParameterizedTest
  @EnumSource
  void openFirewall_withoutHelper_getsOnlyThroughWhatNeedsNone(NatMode nat) {
    Set<DataMode> expected = EnumSet.noneOf(DataMode.class);
    Set<DataMode> arrived = EnumSet.noneOf(DataMode.class);
    try (Lab lab = Lab.create();
        FtpServerProcess server = FtpServerProcess.start(lab, FtpServerProcess.Kind.VSFTPD)) {
      nat.install(lab, RouterFirewall.NFTABLES);
      for (DataMode mode : DataMode.values()) {
        if (nat.needsNoHelper(mode)) {
          expected.add(mode);
        }
        FtpClient.Transfer transfer =
            FtpClient.FTPLIB.download(lab, server, nat.dialed(Family.V4), mode, SHORT_TIMEOUT);
        if (transfer.intact()) {
          arrived.add(mode);
        }
        assertEquals(Set.of(mode), transfer.modes(), transfer.result()::toString);
      }
    }
    assertEquals(expected, arrived);
  }

  @Test
  void badLinks_loseAndReorder_andTheKernelHelperGetsThrough() {
    List<Long> milliseconds = new ArrayList<>();
    for (Links links : List.of(Links.WIRE, Links.BAD)) {
      try (NatScenario scenario =
              NatScenario.start(
                  links, NatMode.TWICE, Family.V4, RouterFirewall::installWithKernelHelper);
          ScriptedSession session = scenario.login()) {
        long begin = System.nanoTime();
        for (DataMode mode : DataMode.values()) {
          scenario.transfer(session, mode);
        }
        for (int i = 0; i < 30; i++) {
          session.exchange("NOOP\r\n", "200 still here\r\n");
        }
        milliseconds.add((System.nanoTime() - begin) / 1_000_000);
        scenario.watch().assertNone();
      }
    }
    // A lost packet costs a timeout of 50 ms at least, and one in twenty is lost.
    assertTrue(milliseconds.get(1) > milliseconds.get(0) + 400, milliseconds::toString);
  }
}
