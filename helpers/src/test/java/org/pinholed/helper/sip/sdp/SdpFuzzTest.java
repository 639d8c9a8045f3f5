package org.pinholed.helper.sip.sdp;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.charset.StandardCharsets;

/**
 * Runs the seeds in a normal build; for hours with {@code JAZZER_FUZZ=1 mvn -Djacoco.skip test -pl
 * helpers -Dtest=SdpFuzzTest#description}.
 */
class SdpFuzzTest {
  @FuzzTest(maxDuration = "60s")
  void description(byte[] data) {
    SdpChecks.read(data);
    SdpChecks.text(new String(data, StandardCharsets.ISO_8859_1));
  }
}
