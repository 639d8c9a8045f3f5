package org.pinholed.it;

import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.FtpMatrix;
import org.pinholed.it.lab.NatCase;

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

  static List<NatCase> cells() {
    return NatCase.all();
  }

  @ParameterizedTest
  @MethodSource("cells")
  void transfer_behindTranslation_arrivesWhole(NatCase which) {
    matrix.transfer(which);
  }
}
