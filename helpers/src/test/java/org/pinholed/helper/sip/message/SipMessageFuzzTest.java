package org.pinholed.helper.sip.message;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import com.code_intelligence.jazzer.junit.FuzzTest;

/**
 * Runs the seeds in a normal build; for hours with {@code JAZZER_FUZZ=1 mvn -Djacoco.skip test -pl
 * helpers -Dtest=SipMessageFuzzTest#datagram}.
 */
class SipMessageFuzzTest {
  @FuzzTest(maxDuration = "60s")
  void datagram(byte[] data) {
    MessageChecks.datagram(new String(data, ISO_8859_1));
  }

  @FuzzTest(maxDuration = "60s")
  void stream(byte[] data) {
    MessageChecks.streams(new String(data, ISO_8859_1));
  }
}
