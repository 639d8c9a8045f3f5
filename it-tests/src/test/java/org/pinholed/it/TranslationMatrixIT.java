package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pinholed.it.lab.AgentProcess;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.FtpCase;
import org.pinholed.it.lab.FtpClient.Transfer;
import org.pinholed.it.lab.FtpServerProcess;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.RouterFirewall;
import org.pinholed.it.lab.Scenario;
import org.pinholed.it.lab.ScriptedSession;
import org.pinholed.it.lab.Translation;

/**
 * Real clients in every mode over both families through each kind of address translation, with a
 * firewall that drops whatever conntrack takes for invalid: the file arrives whole, and nothing was
 * invalid.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TranslationMatrixIT {
  private static final Duration TIMEOUT = Duration.ofSeconds(10);

  @ParameterizedTest
  @EnumSource(Translation.class)
  void everyTransfer_throughTranslation_arrivesWhole(Translation translation) {
    try (Lab lab = Lab.create()) {
      RouterFirewall.NFTABLES.installWithAcceptRule(lab);
      translation.install(lab);
      FtpServerProcess.Kind kind = FtpServerProcess.Kind.VSFTPD;
      FtpServerProcess server = FtpServerProcess.start(lab, kind);
      AgentProcess agent = AgentProcess.start(lab, kind.agentConfig());
      for (FtpCase cell : FtpCase.of(RouterFirewall.NFTABLES, kind)) {
        Transfer transfer =
            cell.upload()
                ? cell.client().upload(lab, server, cell.mode(), cell.family(), TIMEOUT)
                : cell.client().download(lab, server, cell.mode(), cell.family(), TIMEOUT);
        assertTrue(transfer.intact(), () -> cell + "\n" + transfer.result() + "\n" + agent.log());
        assertEquals(Set.of(cell.mode()), transfer.modes(), transfer.result()::toString);
      }
      assertEquals(0, Translation.invalidPackets(lab));
      assertEquals(List.of(), agent.complaints());
    }
  }

  @Test
  void fiveHundredRewrites_ofOneControlConnection_inBothLengths() {
    try (Scenario scenario = Scenario.start(Scenario.ftpWithTimeout("30s"))) {
      Lab lab = scenario.lab();
      Translation.MASQUERADE.install(lab);
      try (ScriptedSession session = scenario.login(Family.V4)) {
        for (int i = 0; i < 500; i++) {
          int port = i % 2 == 0 ? 51210 : 2560 + i;
          session.client().send("PORT 198,51,100,2," + (port >> 8) + "," + (port & 255) + "\r\n");
          assertEquals(
              "PORT 203,0,113,1," + (port >> 8) + "," + (port & 255) + "\r\n",
              session.server().line());
          session.reply("200 command successful.\r\n");
          session.client().send("EPRT |1|198.51.100.2|" + port + "|\r\n");
          assertEquals("EPRT |1|203.0.113.1|" + port + "|\r\n", session.server().line());
          session.reply("200 command successful.\r\n");
        }
        session.exchange("NOOP\r\n", "200 still here\r\n");
      }
      assertEquals(0, Translation.invalidPackets(lab));
      assertEquals(List.of(), scenario.agent().complaints());
    }
  }
}
