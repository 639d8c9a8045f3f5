package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.pinholed.it.lab.DataMode;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.FtpClient;
import org.pinholed.it.lab.FtpServerProcess;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.Peer;
import org.pinholed.it.lab.RouterFirewall;
import org.pinholed.it.lab.ScriptedSession;

/**
 * That the laboratory itself is sound, without any agent: what must work does, and what not not.
 */
class LabIT {
  @Test
  void router_withoutRules_letsEveryClientTransfer() {
    try (Lab lab = Lab.create();
        FtpServerProcess server = FtpServerProcess.start(lab, FtpServerProcess.Kind.PYFTPDLIB)) {
      for (FtpClient client : FtpClient.values()) {
        for (DataMode mode : new DataMode[] {DataMode.EPSV, DataMode.EPRT}) {
          FtpClient.Transfer transfer =
              client.download(lab, server, mode, Family.V6, Duration.ofSeconds(10));
          assertTrue(transfer.intact(), transfer.result()::toString);
          assertEquals(Set.of(mode), transfer.modes(), transfer.result()::toString);
        }
      }
    }
  }

  @Test
  void firewall_withoutAgent_shutsEveryAnnouncedPort() {
    for (RouterFirewall firewall : RouterFirewall.values()) {
      try (Lab lab = Lab.create();
          Peer client = Peer.start(lab, Lab.Host.CLIENT);
          Peer server = Peer.start(lab, Lab.Host.SERVER)) {
        firewall.installWithAcceptRule(lab);
        for (Family family : Family.values()) {
          try (var control = ScriptedSession.controlListener(server, family);
              var session = ScriptedSession.open(client, server, control, family)) {
            session.login();
            for (DataMode mode : new DataMode[] {DataMode.EPSV, DataMode.EPRT}) {
              try (var announcement = session.announce(mode)) {
                assertFalse(announcement.isOpen(), firewall + " " + family + " " + mode);
              }
            }
          }
        }
      }
    }
  }
}
