package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
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
import org.pinholed.it.lab.Lab.Host;
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
  void badLinks_makeTcpSendAgain_andTheKernelHelperGetsThrough() {
    try (NatScenario scenario =
            NatScenario.start(
                Links.BAD, NatMode.TWICE, Family.V4, RouterFirewall::installWithKernelHelper);
        ScriptedSession session = scenario.login()) {
      for (DataMode mode : DataMode.values()) {
        scenario.transfer(session, mode);
      }
      for (int i = 0; i < 30; i++) {
        session.exchange("NOOP\r\n", "200 still here\r\n");
      }
      scenario.watch().assertNone();
      Lab lab = scenario.lab();
      int sentAgain = retransmissions(lab, Host.CLIENT) + retransmissions(lab, Host.SERVER);
      // Some hundred segments cross two links that lose one in twenty each.
      assertTrue(sentAgain > 0, "the links lost nothing");
    }
  }

  /** What one namespace sent again: {@code tcpRetransSegs} of RFC 4022. */
  private static int retransmissions(Lab lab, Host host) {
    String text = lab.run(host, SHORT_TIMEOUT, "cat", "/proc/net/snmp").output();
    List<String> tcp = text.lines().filter(line -> line.startsWith("Tcp:")).toList();
    int column = List.of(tcp.get(0).split(" ", -1)).indexOf("RetransSegs");
    return Integer.parseInt(tcp.get(1).split(" ", -1)[column]);
  }
}
