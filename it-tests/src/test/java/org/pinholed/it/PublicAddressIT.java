package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.pinholed.it.lab.AgentProcess;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.FtpClient;
import org.pinholed.it.lab.FtpClient.Transfer;
import org.pinholed.it.lab.FtpServerProcess;
import org.pinholed.it.lab.InvalidWatch;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.RouterFirewall;

/**
 * Real servers and clients that name another address than their own: their public one behind
 * translation, as manuals recommend, or one that is of no use. The transfer works, the text stays.
 */
class PublicAddressIT {
  private static final Duration TIMEOUT = Duration.ofSeconds(10);

  @ParameterizedTest
  @EnumSource
  void serverBehindForwarding_namesItsPublicAddress(FtpServerProcess.Kind kind) {
    try (Lab lab = Lab.create()) {
      RouterFirewall.NFTABLES.installWithAcceptRule(lab);
      NatMode.DNAT.install(lab, RouterFirewall.NFTABLES);
      InvalidWatch watch = InvalidWatch.start(lab);
      String seen = NatMode.DNAT.dialed(Family.V4);
      try (FtpServerProcess server = FtpServerProcess.startNaming(lab, kind, seen)) {
        AgentProcess agent = AgentProcess.start(lab);
        // wget connects to the address that is named, lftp to a public one that is named.
        for (FtpClient client : List.of(FtpClient.WGET, FtpClient.LFTP)) {
          Transfer transfer = client.download(lab, server, seen, DataMode.PASV, TIMEOUT);
          assertTrue(transfer.intact(), () -> transfer.result() + "\n" + agent.log());
          assertEquals(Set.of(DataMode.PASV), transfer.modes(), transfer.result()::toString);
        }
        assertEquals(List.of(), agent.complaints());
        watch.assertNone();
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"VSFTPD, 127.0.0.1", "VSFTPD, 192.0.2.77", "PYFTPDLIB, 192.0.2.77"})
  void serverThatNamesAUselessAddress_isReachedByClientsOfToday(
      FtpServerProcess.Kind kind, String address) {
    for (NatMode nat : new NatMode[] {null, NatMode.DNAT}) {
      try (Lab lab = Lab.create()) {
        RouterFirewall.NFTABLES.installWithAcceptRule(lab);
        String dialed = Family.V4.server();
        if (nat != null) {
          nat.install(lab, RouterFirewall.NFTABLES);
          dialed = nat.dialed(Family.V4);
        }
        try (FtpServerProcess server = FtpServerProcess.startNaming(lab, kind, address)) {
          AgentProcess agent = AgentProcess.start(lab);
          // Both connect to the host that they speak to, whatever it names.
          for (FtpClient client : List.of(FtpClient.CURL, FtpClient.FTPLIB)) {
            Transfer transfer = client.download(lab, server, dialed, DataMode.PASV, TIMEOUT);
            assertTrue(transfer.intact(), () -> transfer.result() + "\n" + agent.log());
          }
          assertEquals("serverAddressIgnored", agent.awaitEvent("refused").path("reason").asText());
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void clientBehindMasquerade_namesItsPublicAddress(FtpServerProcess.Kind kind) {
    try (Lab lab = Lab.create()) {
      RouterFirewall.NFTABLES.installWithAcceptRule(lab);
      NatMode.SNAT.install(lab, RouterFirewall.NFTABLES);
      try (FtpServerProcess server = FtpServerProcess.start(lab, kind)) {
        assertTrue(server.file(FtpServerProcess.FILE).toFile().exists());
        AgentProcess agent = AgentProcess.start(lab);
        String target = lab.workFolder().resolve("named.bin").toString();
        CommandResult result =
            lab.run(
                Lab.Host.CLIENT,
                Duration.ofSeconds(20),
                "lftp",
                "-d",
                "-c",
                "set net:timeout 10; set net:max-retries 1; set cmd:fail-exit yes; "
                    + "set ftp:passive-mode no; set ftp:port-ipv4 203.0.113.165; open ftp://"
                    + Family.V4.server()
                    + "; get "
                    + FtpServerProcess.FILE
                    + " -o "
                    + target);
        assertTrue(result.succeeded(), () -> result + "\n" + agent.log());
        assertTrue(result.output().contains("PORT 203,0,113,165,"), result::toString);
        assertEquals(List.of(), agent.complaints());
      }
    }
  }
}
