package org.pinholed.agent.dist;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The unit of {@code deploy/} fits what {@code bin/pinholed} gives the virtual machine. */
class ServiceUnitTest {
  private static final Path UNIT = Path.of("..", "deploy", "pinholed.service");
  private static final Path PROGRAM = Path.of("src", "main", "dist", "bin", "pinholed");

  /** What a virtual machine of this size needs besides: stacks, symbols, the collector's tables. */
  private static final long OTHER_MIB = 120;

  @Test
  void memoryMax_holdsAllThatTheVirtualMachineMayTake() throws IOException {
    String program = Files.readString(PROGRAM);
    long sumMib = OTHER_MIB;
    for (String option :
        List.of(
            "-Xmx",
            "-XX:MaxMetaspaceSize=",
            "-XX:ReservedCodeCacheSize=",
            "-XX:MaxDirectMemorySize=")) {
      sumMib += mebibytes(program, Pattern.quote(option));
    }
    long maxMib = mebibytes(Files.readString(UNIT), "\nMemoryMax=");
    assertTrue(maxMib >= sumMib, "MemoryMax: " + maxMib + " MiB of at least " + sumMib);
    assertTrue(maxMib <= 2 * sumMib, "MemoryMax: " + maxMib + " MiB, for " + sumMib);
  }

  private static long mebibytes(String text, String option) {
    Matcher matcher = Pattern.compile(option + "(\\d+)([mMgG])").matcher(text);
    assertTrue(matcher.find(), option);
    long number = Long.parseLong(matcher.group(1));
    return matcher.group(2).equalsIgnoreCase("g") ? number * 1024 : number;
  }
}
