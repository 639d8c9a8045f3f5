package org.pinholed.helper.ftp;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.junit.FuzzTest;
import org.pinholed.helper.text.AddressParser;
import org.pinholed.helper.text.Network;

/**
 * Runs the seeds in a normal build; for hours with {@code JAZZER_FUZZ=1 mvn -Djacoco.skip test -pl
 * helpers -Dtest=FtpHelperFuzzTest#dialogue}.
 */
class FtpHelperFuzzTest {
  /** A dialogue: a byte 0x01 changes who speaks, the server begins. */
  @FuzzTest(maxDuration = "60s")
  void dialogue(byte[] data) {
    String[] turns = new String(data, ISO_8859_1).split("\u0001", -1);
    FtpDialogue whole = FtpDialogue.fresh();
    FtpDialogue torn = FtpDialogue.fresh().cut(1);
    for (FtpDialogue ftp : new FtpDialogue[] {whole, torn}) {
      for (int turn = 0; turn < turns.length; turn++) {
        if (turn % 2 == 0) {
          ftp.server(turns[turn]);
        } else {
          ftp.client(turns[turn]);
        }
        assertTrue(ftp.bufferedBytes() < 2 * FtpDialogue.LIMITS.lineBytes());
      }
    }
    assertEquals(whole.outcomes(), torn.outcomes());
    assertEquals(whole.understood(), torn.understood());
    assertEquals(whole.state(), torn.state());
  }

  @FuzzTest(maxDuration = "60s")
  void parsers(byte[] data) {
    String text = new String(data, ISO_8859_1);
    byte[] address = new byte[16];
    assertTrue(
        HostPortParser.find(TelnetLineViewTest.of(text)) >= HostPortParser.OCTET_OUT_OF_RANGE);
    assertTrue(HostPortParser.parseArgument(TelnetLineViewTest.of(text)) < 1L << 48);
    assertTrue(ExtendedPortParser.parseArgument(TelnetLineViewTest.of(text), address) < 17L << 16);
    assertTrue(ExtendedPassiveParser.find(TelnetLineViewTest.of(text), address) < 17L << 16);
    assertTrue(AddressParser.parseIpv6(TelnetLineViewTest.of(text), address) <= 16);
    Network network = Network.parse(text);
    assertTrue(network == null || text.length() >= 2);
  }
}
