package org.pinholed.helper.sip;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.nio.ByteBuffer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.sip.message.SipMessage;

/** Who calls whom, as operators see it. */
class PartiesTest {
  private static SipMessage from(String from) {
    String text =
        "OPTIONS sip:x SIP/2.0\r\nv: SIP/2.0/UDP x\r\nt: <sip:b@y>\r\ni: 1\r\nCSeq: 1 OPTIONS\r\n"
            + "f: "
            + from
            + "\r\n\r\n";
    byte[] bytes = text.getBytes(ISO_8859_1);
    ByteCursor cursor = new ByteCursor().wrap(ByteBuffer.wrap(bytes), 0, bytes.length, 0);
    SipMessage message = new SipMessage();
    assertNull(message.readDatagram(cursor, 0, bytes.length));
    return message;
  }

  @ParameterizedTest
  @CsvSource({
    "<sip:alice@example.com:5062>, ***@example.com, alice@example.com",
    "\"Alice\" <sip:alice:secret@example.com>, ***@example.com, alice@example.com",
    "<sip:example.com;user=alice>, example.com, example.com",
    "<tel:+15550100>, tel:***, tel:+15550100",
    "<sip:Alice Miller@example.com>, sip:***, sip:Alice Miller@example.com",
    "<Alice Miller:5@example.com>, ***, Alice Miller:5@example.com",
    "<alice:5>, ***, alice:5",
    "<alice>, ***, alice"
  })
  void userParts_areMaskedUnlessTheyAreShown(String from, String masked, String shown) {
    assertEquals(masked + " -> ***@y", new SipText(false).parties(from(from)));
    assertEquals(shown + " -> b@y", new SipText(true).parties(from(from)));
  }
}
