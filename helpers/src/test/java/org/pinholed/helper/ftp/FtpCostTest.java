package org.pinholed.helper.ftp;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.testkit.CostChecks;
import org.pinholed.helper.testkit.Dialogue;
import org.pinholed.helper.testkit.HelperSetup;

/**
 * What reading costs: bytes of heap for a packet and for a flow, and work for the longest lines.
 */
class FtpCostTest {
  private static final HelperSetup FTP =
      new HelperSetup(
          new FtpProtocol(),
          HelperLimits.DEFAULT,
          FtpDialogue.facts(FlowFacts.Origin.FIRST_BYTE, false));

  @Test
  void segmentsOfNoInterest_allocateNothing() {
    CostChecks.allocatesNothing(
        FTP,
        new Dialogue().server("220 ready\r\n"),
        new Dialogue()
            .client("NOOP\r\nTYPE I\r\nXYZ a\r\nRETR file name.txt\r\n")
            .server("200 ok\r\n200 ok\r\n500-no\r\n  no\r\n500 no\r\n226 done\r\n"));
  }

  @Test
  void anIdleFlow_isSmall() {
    long bytes =
        CostChecks.bytesPerFlow(
            FTP, new Dialogue().server("220 ready\r\n").client("USER anonymous\r\n"));
    assertTrue(bytes < 1024, bytes + " bytes a flow");
  }

  /** What parsers look for, again and again, but for the last byte that would make it one. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "x",
        "(",
        "|",
        "1,",
        "1,2,3,4,5,",
        "9",
        "\u00ff",
        "\u00ff\u00fa",
        "\u00ff\u00f0",
        "(|",
        "\r"
      })
  void theWorstLines_takeLinearWork(String pattern) {
    CostChecks.linear(
        FTP,
        size -> {
          String filler = pattern.repeat(size / pattern.length());
          return new Dialogue()
              .server("220 ready\r\n")
              .client("PASV\r\nEPSV\r\nPORT " + filler + "\r\nEPRT " + filler + "\r\n")
              .server("227 " + filler + "\r\n229 " + filler + "\r\n500 no\r\n500 no\r\n");
        },
        2000);
  }

  @Test
  void manyLines_takeLinearWork() {
    CostChecks.linear(
        FTP,
        lines ->
            new Dialogue()
                .server("220 ready\r\n")
                .client("NOOP\r\n".repeat(lines))
                .server("200 ok\r\n".repeat(lines)),
        100);
  }
}
