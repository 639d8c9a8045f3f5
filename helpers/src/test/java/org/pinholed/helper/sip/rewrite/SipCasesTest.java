package org.pinholed.helper.sip.rewrite;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import org.junit.jupiter.api.Test;
import org.pinholed.helper.Transport;

/** Messages with their right results, byte by byte. */
class SipCasesTest {
  static String read(String name) {
    try (InputStream in =
        SipCasesTest.class.getResourceAsStream("/org/pinholed/helper/sip/cases/" + name)) {
      return new String(in.readAllBytes(), ISO_8859_1);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void masqueradedInvite_andItsAnswer() {
    Rewriting flow =
        Rewriting.masqueraded(Transport.UDP)
            .map(Transport.UDP, "192.0.2.10:4000", "203.0.113.1:4000");
    String folder = "1-masquerade-invite/";
    assertEquals(read(folder + "out.sip"), flow.client(read(folder + "in.sip")));
    assertEquals(read(folder + "answer-out.sip"), flow.server(read(folder + "answer-in.sip")));
  }

  @Test
  void register_andItsAnswer() {
    Rewriting flow = Rewriting.masqueraded(Transport.UDP);
    String folder = "2-register/";
    assertEquals(read(folder + "request-out.sip"), flow.client(read(folder + "request-in.sip")));
    assertEquals(read(folder + "answer-out.sip"), flow.server(read(folder + "answer-in.sip")));
  }

  @Test
  void inviteOverTcp_growsWhereThereIsNotEnoughWhiteSpace() {
    Rewriting flow =
        Rewriting.masqueraded(Transport.TCP)
            .map(Transport.UDP, "192.0.2.10:4000", "203.0.113.1:4000");
    assertEquals(read("4-tcp-cuts/out.sip"), flow.client(read("4-tcp-cuts/in.sip")));
  }
}
