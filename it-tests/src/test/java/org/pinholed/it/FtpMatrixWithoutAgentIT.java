package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pinholed.it.lab.FtpCase;
import org.pinholed.it.lab.FtpClient.Transfer;
import org.pinholed.it.lab.FtpServerProcess;
import org.pinholed.it.lab.Lab;
import org.pinholed.it.lab.RouterFirewall;

/**
 * The same matrix with the same firewall and no agent: every client gets as far as announcing its
 * data connection, and no file arrives. Else {@link FtpMatrixIT} would prove nothing.
 */
class FtpMatrixWithoutAgentIT {
  private static final Duration TIMEOUT = Duration.ofSeconds(6);

  /** The clients only wait, so that many may wait at once. */
  private static final int AT_ONCE = 30;

  @ParameterizedTest
  @EnumSource
  void transfer_withoutAgent_fails(RouterFirewall firewall)
      throws InterruptedException, ExecutionException {
    List<String> arrived = new ArrayList<>();
    List<String> strange = new ArrayList<>();
    ExecutorService clients = Executors.newFixedThreadPool(AT_ONCE);
    try {
      for (FtpServerProcess.Kind kind : FtpServerProcess.Kind.values()) {
        try (Lab lab = Lab.create();
            FtpServerProcess server = FtpServerProcess.start(lab, kind)) {
          firewall.installWithAcceptRule(lab);
          List<FtpCase> cells =
              FtpCase.of(firewall, kind).stream().filter(c -> !c.upload()).toList();
          List<Future<Transfer>> transfers = new ArrayList<>();
          for (FtpCase cell : cells) {
            transfers.add(
                clients.submit(
                    () ->
                        cell.client().download(lab, server, cell.mode(), cell.family(), TIMEOUT)));
          }
          for (int i = 0; i < cells.size(); i++) {
            Transfer transfer = transfers.get(i).get();
            if (transfer.intact()) {
              arrived.add(cells.get(i).toString());
            }
            if (!transfer.modes().equals(Set.of(cells.get(i).mode()))) {
              strange.add(cells.get(i) + ": " + transfer.result());
            }
          }
        }
      }
    } finally {
      clients.shutdownNow();
    }
    assertEquals(List.of(), arrived, "arrived although nothing opened a pinhole");
    assertEquals(List.of(), strange, "failed before the data connection was announced");
  }
}
