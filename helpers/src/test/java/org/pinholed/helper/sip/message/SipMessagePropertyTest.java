package org.pinholed.helper.sip.message;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.pinholed.helper.sip.message.SipText.FROM;
import static org.pinholed.helper.sip.message.SipText.invite;

import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.sip.words.SipHeader;
import org.pinholed.helper.testkit.Work;

class SipMessagePropertyTest {
  private static final List<String> PIECES =
      List.of(
          "INVITE sip:a@192.0.2.1:5060 SIP/2.0\r\n",
          "SIP/2.0 200 OK\r\n",
          "SIP/2.0 ",
          "REGISTER ",
          "sip:",
          "SIP/2.0/UDP 192.0.2.10:5062;rport;branch=z9",
          "Via: ",
          "v:",
          "Contact : ",
          "m:",
          "From: <sip:a@b>;tag=1\r\n",
          "To: <sip:c@d>\r\n",
          "Call-ID: x@y\r\n",
          "CSeq: 1 INVITE\r\n",
          "Content-Length: ",
          "l:0\r\n",
          "c: application/sdp\r\n",
          "c: multipart/mixed;boundary=b\r\n",
          "--b\r\n",
          "--b--\r\n",
          "Route: ",
          "Record-Route: ",
          "<sip:a@192.0.2.10:5062;transport=tcp>",
          "\"a\\\"b\" ",
          "sip:a@b",
          "sips:[2001:db8::1]:5061",
          ";expires=60",
          ";received=2001:db8::1",
          ";tag=",
          ",",
          ";",
          "*",
          "<",
          ">",
          "\"",
          "\\",
          "@",
          ":",
          "?",
          "=",
          "0",
          "65535",
          "4294967297",
          " ",
          "\t",
          "\r\n",
          "\n",
          "\r",
          "\r\n ",
          "\r\n\r\n",
          "\u0000",
          "\u00ff",
          "x",
          "v=0\r\n");

  @Provide
  Arbitrary<String> texts() {
    return Arbitraries.of(PIECES).list().ofMaxSize(40).map(pieces -> String.join("", pieces));
  }

  @Provide
  Arbitrary<String> values() {
    return Arbitraries.of(PIECES.subList(15, PIECES.size()))
        .list()
        .ofMaxSize(15)
        .map(pieces -> String.join("", pieces));
  }

  @Property(tries = 5000)
  void anyDatagram_isReadSafely(@ForAll("texts") String text) {
    MessageChecks.datagram(text);
  }

  @Property(tries = 5000)
  void anyValues_areReadSafely(
      @ForAll("values") String via,
      @ForAll("values") String contact,
      @ForAll("values") String from,
      @ForAll("values") String body) {
    MessageChecks.datagram(
        invite("Via: SIP/2.0/UDP a" + via, "Contact: " + contact, "From: <sip:a@b>" + from) + body);
    MessageChecks.datagram(invite("Route: " + contact, "c: multipart/mixed;boundary=b") + body);
  }

  @Property(tries = 2000)
  void anyStream_isReadInTheSameWay_whateverItsSegments(@ForAll("texts") String text) {
    MessageChecks.streams(text);
    MessageChecks.streams(invite("l: " + text.length()) + text + invite("l: 0") + text);
    MessageChecks.streams(invite("c: application/sdp", "l: 7") + text);
  }

  /** One byte of a good message is another one: nothing throws, nothing is outside. */
  @Property(tries = 3000)
  void oneOtherByte(@ForAll Random random) {
    StringBuilder text =
        new StringBuilder(
            invite(
                    "Contact: \"a\" <sip:a@192.0.2.10:5062;x>;expires=6, <sip:b@c>",
                    "Record-Route: <sip:[2001:db8::1];lr>",
                    "c: multipart/mixed;boundary=b",
                    "l: 40")
                + "--b\r\nc: application/sdp\r\n\r\nv=0\r\n--b--\r\n.");
    text.setCharAt(random.nextInt(text.length()), (char) random.nextInt(256));
    MessageChecks.datagram(text.toString());
    MessageChecks.streams(text.toString());
  }

  /** What might make a reader go back again and again. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "x", "<", "\"", "\"\\", "\\", ";", ",", "*", "@", ":", "sip:", "sip:a@b,", "<sip:a@b>,",
        "a;", ";x=\"", "\r\n ", " ", "[", "1", "1.", "f:", "=", ";expires=1", "%", "?", "\"x\",",
        "\r\n\t\r\n\t,", "a<", "(", "--b", "--b\r\n"
      })
  void theWorstValues_takeLinearWork(String pattern) {
    long small = work(pattern, 4000);
    long large = work(pattern, 16000);
    assertTrue(large < 4.1 * small + 100, pattern + ": " + small + ", " + large);
    assertTrue(large < 16000L * 16, pattern + ": " + large);
  }

  // Bytes read of messages which have the pattern wherever something is looked for.
  private static long work(String pattern, int size) {
    String filler = pattern.repeat(size / 4 / pattern.length());
    Work work = new Work();
    for (String text :
        List.of(
            invite("Contact: <sip:a@b>," + filler, "Route: " + filler),
            invite("Via: SIP/2.0/UDP a;" + filler),
            invite("Via: SIP/2.0/UDP " + filler),
            invite("From: " + filler),
            invite("From: <sip:a@b>;" + filler),
            invite("c: multipart/mixed;boundary=b") + filler,
            invite("c: multipart/mixed;boundary=" + filler) + filler,
            invite("X: " + filler).replace("\r\n \r\n", "\r\n"),
            filler)) {
      ByteCursor bytes = SipText.cursor(text, work);
      SipMessage message = new SipMessage();
      if (message.readDatagram(bytes, FROM, FROM + text.length()) == null) {
        UriList list = new UriList().begin(message, SipHeader.CONTACT);
        while (list.next()) {
          assertEquals(bytes, message.cursor());
        }
        list.begin(message, SipHeader.ROUTE);
        while (list.next()) {
          assertEquals(bytes, message.cursor());
        }
      }
    }
    return work.readBytes();
  }
}
