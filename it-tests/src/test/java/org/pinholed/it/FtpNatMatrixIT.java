package org.pinholed.it;

import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.FtpClient;
import org.pinholed.it.lab.FtpMatrix;
import org.pinholed.it.lab.FtpServerProcess;
import org.pinholed.it.lab.NatCase;
import org.pinholed.it.lab.RouterFirewall;

/**
 * The matrix of {@link FtpMatrixIT} behind a router that translates and drops what connection
 * tracking calls invalid: the file arrives whole, and nothing was invalid. Both servers refuse data
 * connections and announcements of an address that is not the client's. {@link NatLabIT} shows that
 * without a helper no such transfer works.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class FtpNatMatrixIT {
  private final FtpMatrix matrix = new FtpMatrix();

  @AfterAll
  void close() {
    matrix.close();
  }

  static List<NatCase> oneClient() {
    return NatCase.all().stream()
        .filter(which -> isOfOneClient(which, RouterFirewall.NFTABLES))
        .toList();
  }

  static List<NatCase> oneClientUnderIptables() {
    return NatCase.all().stream()
        .filter(which -> isOfOneClient(which, RouterFirewall.IPTABLES))
        .toList();
  }

  static List<NatCase> otherCells() {
    return NatCase.all().stream()
        .filter(which -> !isOfOneClient(which, which.cell().firewall()))
        .toList();
  }

  private static boolean isOfOneClient(NatCase which, RouterFirewall firewall) {
    return which.cell().firewall() == firewall
        && which.cell().server() == FtpServerProcess.Kind.VSFTPD
        && which.cell().client() == FtpClient.FTPLIB;
  }

  /** Every translation, mode and family, for a laboratory that has less time. */
  @Tag("containers")
  @ParameterizedTest
  @MethodSource("oneClient")
  void transferOfOneClient_behindTranslation_arrivesWhole(NatCase which) {
    matrix.transfer(which);
  }

  /** The same for such a laboratory under the other firewall. */
  @ParameterizedTest
  @MethodSource("oneClientUnderIptables")
  void transferUnderIptables_behindTranslation_arrivesWhole(NatCase which) {
    matrix.transfer(which);
  }

  @ParameterizedTest
  @MethodSource("otherCells")
  void transfer_behindTranslation_arrivesWhole(NatCase which) {
    matrix.transfer(which);
  }
}
