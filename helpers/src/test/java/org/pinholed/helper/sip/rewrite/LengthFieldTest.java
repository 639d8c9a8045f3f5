package org.pinholed.helper.sip.rewrite;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.helper.Transport;

/** Content-Length over both transports, in any writing. */
class LengthFieldTest {
  private static final String CLIENT = "192.0.2.10:5062";
  private static final String LONGER = "203.0.113.100:5062"; // three more
  private static final String SHORTER = "192.0.2.1:5062"; // one less
  private static final String SERVER = "198.51.100.9:5060";

  private static Rewriting flow(Transport transport, String seen) {
    String media = seen.substring(0, seen.indexOf(':')) + ":4000";
    return new Rewriting(transport, CLIENT, seen, SERVER, SERVER)
        .map(Transport.UDP, "192.0.2.10:4000", media);
  }

  private static String message(String via, String contact, String length, String body) {
    return "INVITE sip:b@198.51.100.9 SIP/2.0\r\n"
        + via
        + "\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n"
        + contact
        + "\r\nContent-Type: application/sdp\r\n"
        + length
        + "\r\n\r\n"
        + body;
  }

  private static String via(Transport transport, String before, String host) {
    return "Via:" + before + "SIP/2.0/" + transport + " " + host + ";branch=z9hG4bK1";
  }

  private static String contact(String before, String host) {
    return "Contact:" + before + "<sip:" + host + ">";
  }

  private static String body(String endpoint) {
    return "v=0\r\ns=-\r\nc=IN IP4 "
        + endpoint.substring(0, endpoint.indexOf(':'))
        + "\r\nm=audio 4000 RTP/AVP 0\r\n"; // 55 with the client's own
  }

  private static void becomes(
      Transport transport, String seen, String length, String after, String growthOf) {
    String sender =
        message(via(transport, " ", CLIENT), contact(" ", CLIENT), length, body(CLIENT));
    String receiver =
        message(via(transport, growthOf, seen), contact(growthOf, seen), after, body(seen));
    assertEquals(receiver, flow(transport, seen).client(sender));
    if (transport == Transport.UDP) {
      return;
    }
    boolean keeps = sender.length() == receiver.length();
    assertEquals(seen.equals(SHORTER), keeps);
  }

  @ParameterizedTest
  @CsvSource({
    "'Content-Length: 55', 'Content-Length: 58'",
    "'l:55', 'l:58'",
    "'L  : \t 55  ', 'L  : \t 58  '",
    "'content-length:\r\n 0055', 'content-length:\r\n 0058'"
  })
  void overUdp_anyWritingIsKept(String before, String after) {
    becomes(Transport.UDP, LONGER, before, after, " ");
  }

  @ParameterizedTest
  @CsvSource({
    "'Content-Length: 55', 'Content-Length: 54'",
    "'l: 0000000000055', 'l: 0000000000054'"
  })
  void overUdp_aShorterOne_keepsItsDigits(String before, String after) {
    becomes(Transport.UDP, SHORTER, before, after, " ");
  }

  @Test
  void overUdp_withoutContentLength_getsNone() {
    String without =
        crlf(
            """
          INVITE sip:b@198.51.100.9 SIP/2.0
          Via: SIP/2.0/UDP %s;branch=z9hG4bK1
          From: <sip:a@x>;tag=1
          To: <sip:b@x>
          Call-ID: 1
          CSeq: 1 INVITE
          Content-Type: application/sdp

          %s""");
    assertEquals(
        String.format(without, LONGER, body(LONGER)),
        flow(Transport.UDP, LONGER).client(String.format(without, CLIENT, body(CLIENT))));
  }

  @Test
  void overUdp_whatStandsBehindTheBody_stays() {
    String before =
        message(via(Transport.UDP, " ", CLIENT), contact(" ", CLIENT), "l: 55", body(CLIENT));
    String after =
        message(via(Transport.UDP, " ", LONGER), contact(" ", LONGER), "l: 58", body(LONGER));
    String behind = "c=IN IP4 192.0.2.10\r\n";
    assertEquals(after + behind, flow(Transport.UDP, LONGER).client(before + behind));
  }

  /** Three bytes less in all, one each in Via, Contact and c=. */
  @ParameterizedTest
  @CsvSource({
    "'Content-Length: 55', 'Content-Length: 00054'",
    "'l:55', 'l:00054'",
    "'l: 000055', 'l: 000000054'",
    "'l: 00000055', 'l:  0000000054'", // ten digits, then white space
    "'l: 0000000055', 'l:    0000000054'",
    "'l: 00000000055', 'l:    00000000054'"
  })
  void overTcp_whatBecameShorter_isFilled(String before, String after) {
    becomes(Transport.TCP, SHORTER, before, after, " ");
  }

  /** Nine bytes more in all. */
  @Test
  void overTcp_whatBecameLonger_staysAsItIs_ifThereIsNotEnoughRoom() {
    becomes(Transport.TCP, LONGER, "Content-Length: 55", "Content-Length: 58", " ");
    becomes(Transport.TCP, LONGER, "Content-Length: 000055", "Content-Length: 000058", " ");
    // six before the number, one each of Via and Contact: eight
    becomes(Transport.TCP, LONGER, "l:      55", "l:      58", " ");
  }

  @ParameterizedTest
  @CsvSource({
    "'l:       55', ' ', 'l:58', ''",
    "'l:          55', ' ', 'l: 58', ' '",
    "'l: 00000000055', ' ', 'l: 58', ' '",
    "'l: 000000055', ' ', 'l: 58', ''"
  })
  void overTcp_whatBecameLonger_givesZerosThenWhiteSpace(
      String length, String blanks, String lengthAfter, String blanksAfter) {
    String before =
        message(via(Transport.TCP, blanks, CLIENT), contact(blanks, CLIENT), length, body(CLIENT));
    String after =
        message(
            via(Transport.TCP, blanksAfter, LONGER),
            contact(blanksAfter, LONGER),
            lengthAfter,
            body(LONGER));
    assertEquals(after, flow(Transport.TCP, LONGER).client(before));
    assertEquals(before.length(), after.length());
  }

  @Test
  void overTcp_withoutABody_headersGiveTheirWhiteSpace() {
    String before =
        crlf(
            """
          BYE sip:b@x SIP/2.0
          Via:   SIP/2.0/TCP 192.0.2.10:5062;branch=z9hG4bK1
          From:    <sip:a@x>;tag=1
          To: <sip:b@x>
          Call-ID: 1
          CSeq: 1 BYE
          Contact: <sip:192.0.2.10:5062>
          Content-Length: 0

          """);
    String after = before.replace("192.0.2.10", "203.0.113.1").replace("Via:   ", "Via: ");
    assertEquals(
        after, flow(Transport.TCP, "203.0.113.1:5062").client(before), "spare white space first");
    String tight = before.replace("Via:   ", "Via: ");
    assertEquals(
        tight
            .replace("192.0.2.10", "203.0.113.1")
            .replace("Via: ", "Via:")
            .replace("Contact: ", "Contact:"),
        flow(Transport.TCP, "203.0.113.1:5062").client(tight),
        "then the last of each line that changes, of no other");
  }

  private static String crlf(String text) {
    return text.replace("\n", "\r\n");
  }
}
