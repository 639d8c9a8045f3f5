package org.pinholed.it;

import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.it.lab.FtpCase;
import org.pinholed.it.lab.FtpMatrix;

/**
 * Every real server with every real client in every mode over both families, behind a router that
 * drops by default: the file arrives whole. What a client cannot be made to do is printed with the
 * reason.
 */
@Tag("containers")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class FtpMatrixIT {
  private final FtpMatrix matrix = new FtpMatrix();

  @BeforeAll
  static void tellWhatIsLeftOut() {
    FtpCase.leftOut().forEach(line -> System.out.println("not in the matrix: " + line));
  }

  @AfterAll
  void close() {
    matrix.close();
  }

  static List<FtpCase> cells() {
    return FtpCase.all();
  }

  @ParameterizedTest
  @MethodSource("cells")
  void transfer_withAgent_arrivesWhole(FtpCase cell) {
    matrix.transfer(cell);
  }
}
