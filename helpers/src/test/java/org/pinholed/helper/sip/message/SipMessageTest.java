package org.pinholed.helper.sip.message;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.pinholed.helper.sip.message.SipText.FROM;
import static org.pinholed.helper.sip.message.SipText.invite;
import static org.pinholed.helper.sip.message.SipText.inviteWithout;
import static org.pinholed.helper.sip.message.SipText.read;
import static org.pinholed.helper.sip.message.SipText.reason;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.sip.words.SipHeader;
import org.pinholed.helper.sip.words.SipReason;
import org.pinholed.helper.sip.words.SipWord;

class SipMessageTest {
  private static final String ANSWER =
      """
      SIP/2.0 180 Ringing
      v: SIP/2.0/TCP [2001:db8::10]:5062;branch=z9hG4bK1;received=2001:db8::1
      Via: SIP/2.0/UDP 192.0.2.77
      f: "A" <sip:a@example.com>;tag=f1
      t: sip:b@example.com;tag=t1
      i: x@y
      CSeq: 007 PRACK
      l: 4

      v=0
      """;

  private static List<String> lines(SipMessage message, SipHeader header) {
    List<String> found = new ArrayList<>();
    for (int line = message.firstLine(header);
        line != SipMessage.NO_LINE;
        line = message.nextLine(line)) {
      assertTrue(message.lineFrom(line) < message.behindColon(line));
      Span value = new Span();
      value.set(message.cursor(), message.valueFrom(line), message.lineTo(line));
      found.add(value.text());
    }
    return found;
  }

  @Test
  void aRequest() {
    SipMessage message =
        read(
            invite(
                    "Contact : <sip:a@192.0.2.10>",
                    "cOnTaCt:\t <sip:b@192.0.2.10>",
                    "Content-Type: application/sdp",
                    "Expires: 60",
                    "x: 1800;refresher=uac",
                    "Content-Length: 5")
                + "v=0\r\n");
    assertTrue(message.isRequest());
    assertEquals(SipWord.INVITE, message.word());
    assertEquals(SipWord.INVITE, message.method());
    assertEquals("INVITE", message.methodText().text());
    assertEquals(0, message.status());
    assertEquals(1, message.cseq());
    assertEquals("one@example.com", message.callId().text());
    assertEquals("f1", message.fromTag().text());
    assertTrue(message.toTag().isAbsent());
    assertEquals("z9hG4bKone", message.branch().text());
    assertEquals("sip:bob@203.0.113.10:5060", message.requestUri().text());
    assertEquals(5060, message.requestUri().port());
    assertEquals(FROM + "INVITE sip:bob@".length(), message.requestUri().host().from());
    assertEquals("sip:alice@example.com", message.fromUri().text());
    assertEquals("sip:bob@example.com", message.toUri().text());
    assertEquals(60, message.expires());
    assertEquals(1800, message.sessionExpires());
    assertEquals(
        List.of("<sip:a@192.0.2.10>", "<sip:b@192.0.2.10>"), lines(message, SipHeader.CONTACT));
    assertEquals(List.of(), lines(message, SipHeader.ROUTE));
    assertEquals("5", message.contentLengthDigits().text());
    assertEquals(5, message.bodyEnd() - message.bodyStart());
    assertTrue(message.hasSdp());
    assertEquals(message.bodyStart(), message.sdpStart());
    assertEquals(message.bodyEnd(), message.sdpEnd());
  }

  @ParameterizedTest
  @ValueSource(strings = {"\n", "\r\n"})
  void anAnswer_withAnyLineEnds(String lineEnd) {
    SipMessage message = read(ANSWER.replace("\n", lineEnd) + (lineEnd.equals("\n") ? "x" : ""));
    assertFalse(message.isRequest());
    assertEquals(180, message.status());
    assertEquals(SipWord.ANSWER_1XX, message.word());
    assertEquals(SipWord.PRACK, message.method());
    assertEquals(7, message.cseq());
    assertEquals("t1", message.toTag().text());
    assertEquals("sip:b@example.com", message.toUri().text());
    assertEquals(2, lines(message, SipHeader.VIA).size());
    assertEquals("2001:db8::1", message.via().received().text());
    assertTrue(message.requestUri().isAbsent());
    assertEquals(4, message.bodyEnd() - message.bodyStart());
    assertFalse(message.hasSdp());
    assertEquals(-1, message.expires());
    assertEquals(-1, message.sessionExpires());
  }

  @Test
  void aViewIsReadAgain_nothingOfTheMessageBeforeIsLeft() {
    SipMessage message = read(ANSWER.replace("\n", "\r\n"));
    assertTrue(message.requestUri().host().isAbsent());
    String text = inviteWithout("x");
    assertNull(message.readDatagram(SipText.cursor(text), FROM, FROM + text.length()));
    assertTrue(message.isRequest());
    assertTrue(message.toTag().isAbsent());
    assertTrue(message.contentLengthDigits().isAbsent());
    assertTrue(message.via().received().isAbsent());
    assertEquals(1, lines(message, SipHeader.VIA).size());
    assertEquals(5, message.lineCount());
    String answer = ANSWER.replace("\n", "\r\n");
    assertNull(message.readDatagram(SipText.cursor(answer), FROM, FROM + answer.length()));
    assertTrue(message.requestUri().isAbsent());
    assertTrue(message.requestUri().host().isAbsent());
    assertEquals(UriView.NO_PORT, message.requestUri().port());
  }

  /** The last four bytes of the text are no part of the message. */
  @Test
  void aDatagram_withMoreThanItsContentLength_endsThere() {
    SipMessage message = read(invite("l: 3") + "v=0abcd");
    assertEquals(3, message.bodyEnd() - message.bodyStart());
  }

  @Test
  void aDatagram_withoutContentLength_endsWithItsLastByte() {
    SipMessage message = read(invite("c: application/sdp") + "v=0");
    assertEquals(3, message.bodyEnd() - message.bodyStart());
    assertTrue(message.hasSdp());
  }

  @Test
  void aNameWithoutValue_isALine() {
    SipMessage message = read(invite("Subject:", "Contact:", "Contact: \t", "s :"));
    assertEquals(List.of("", ""), lines(message, SipHeader.CONTACT));
    int contact = message.firstLine(SipHeader.CONTACT);
    assertEquals(message.behindColon(contact), message.valueFrom(contact));
  }

  /** What rewrites a message on a stream makes room with it. */
  @Test
  void whiteSpaceBehindTheColon() {
    String text = invite("Supported: \t  100rel", "User-Agent:x", "Subject: \r\n folded");
    SipMessage message = read(text);
    assertEquals(text.indexOf("Supported:") + FROM, message.lineFrom(5));
    assertEquals(message.lineFrom(5) + "Supported:".length(), message.behindColon(5));
    assertEquals(message.behindColon(5) + 4, message.valueFrom(5));
    assertEquals(message.valueFrom(5) + "100rel".length(), message.lineTo(5));
    assertEquals(message.behindColon(6), message.valueFrom(6));
    assertEquals(message.behindColon(7) + 1, message.valueFrom(7));
    assertEquals(message.valueFrom(7) + "\r\n folded".length(), message.lineTo(7));
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0",
    "4294967295, 4294967295",
    "4294967296, 4294967295",
    "99999999999999999999999, 4294967295",
    "60;x, 60",
    "'', -1",
    "soon, -1",
    "-1, -1"
  })
  void expires(String text, long seconds) {
    assertEquals(seconds, read(invite("Expires: " + text)).expires());
  }

  /** Some phones are called so; nobody goes to these hosts. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"A, B\" <sip:John Doe@192.0.2.1>;tag=f1",
        "<sip:a@[fe80::1%25eth0]>;tag=f1",
        "<sip:>;tag=f1",
        "Anonymous <sip:c8oqz84zk7z@privacy.org>;tag=f1",
        "sip:+12125551212@phone2net.com;tag=f1",
        "J\u00c3\u00bcrgen (home) <tel:+1>;x;y=\"a;tag=b\";TAG = f1 ;z",
        "\"x\" <a>\r\n ;\r\n tag\r\n =\r\n f1",
        "\"tag=x;<sip:y>\\\"\"<sip:a@b>;tag=f1"
      })
  void fromMayNameAnything(String from) {
    assertEquals("f1", read(invite("From: " + from)).fromTag().text());
  }

  @Nested
  class Refuses {
    @ParameterizedTest
    @ValueSource(strings = {"Via", "From", "To", "Call-ID", "CSeq"})
    void aMessageWithoutALineThatItMustHave(String name) {
      assertEquals(SipReason.HEADER_MISSING, reason(inviteWithout(name)));
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "f: <sip:x@example.com>;tag=2",
          "t: <sip:bob@example.com>",
          "i: one@example.com",
          "CSEQ: 1 INVITE",
        })
    void twoOfWhatMayBeThereOnce(String line) {
      assertEquals(SipReason.HEADER_TWICE, reason(invite(line)));
    }

    @Test
    void twoContentLengths_alsoEqualOnes() {
      assertEquals(SipReason.HEADER_TWICE, reason(invite("l: 0", "Content-Length: 0")));
      assertEquals(SipReason.HEADER_TWICE, reason(invite("Expires: 0", "Expires: 1")));
      assertEquals(SipReason.HEADER_TWICE, reason(invite("c: application/sdp", "c: text/plain")));
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "INVITE sip:a SIP/2.0 ",
          " INVITE sip:a SIP/2.0",
          "INVITE  sip:a SIP/2.0",
          "INVITE sip:a  SIP/2.0",
          "INVITE sip:a SIP/2.1",
          "INVITE sip:a SIP/2.00",
          "INVITE sip:a\tSIP/2.0",
          "INVITE sip:a b SIP/2.0",
          "INVITE <sip:a> SIP/2.0",
          "INVITE sip:a@b@c SIP/2.0",
          "INVITE sip:@b SIP/2.0",
          "INVITE sip: SIP/2.0",
          "INVITE sip:b:70000 SIP/2.0",
          "INVITE b SIP/2.0",
          "INVITE : SIP/2.0",
          "INVITE 1:b SIP/2.0",
          "INVITE sip:b SIP/2.0\r\n folded",
          "INV(TE sip:a SIP/2.0",
          "INVITE sip:a",
          "INVITE",
          "INVITE SIP/2.0",
          "SIP/2.0",
          "SIP/2.0 ",
          "SIP/2.0 99 x",
          "SIP/2.0 099 x",
          "SIP/2.0 700 x",
          "SIP/2.0 1000 x",
          "SIP/2.0 200x",
          "SIP/2.0 +20 x",
          "SIP/2.0  200 x",
          "SIP/2.0\t200 x",
          "SIP/3.0 200 x"
        })
    void aStartLine(String startLine) {
      String text = invite();
      assertEquals(SipReason.START_LINE, reason(startLine + text.substring(text.indexOf("\r\n"))));
    }

    @ParameterizedTest
    @ValueSource(
        strings = {"Contact <sip:a@b>", ": x", "nothing", "a b: c", "\"Contact\" x", "\u0001: x"})
    void aLineThatIsNoHeaderLine(String line) {
      assertEquals(SipReason.HEADER_LINE, reason(invite().replace("CSeq", line + "\r\nCSeq")));
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "Contact: <sip:a@b>\rContact: <sip:c@d>",
          "Contact: <sip:a@b>\r\r",
          "To: <sip:b@example.com>\u0000;tag=1",
          "To: \"a\\\\\u0000\" <sip:b@example.com>",
          "l: 0\r",
          "Route: \r\r\n <sip:a>"
        })
    void aNulOrABareCr_whereItIsRead(String line) {
      assertEquals(SipReason.CONTROL_CHARACTER, reason(invite(line)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "a b", " ", "a\r\n b", "a\tb"})
    void aCallId(String value) {
      assertEquals(SipReason.CALL_ID, reason(invite("Call-ID:" + value)));
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "",
          "1",
          "INVITE",
          "1INVITE",
          "-1 INVITE",
          "+1 INVITE",
          "2147483648 INVITE",
          "36893488147419103232 INVITE",
          "18446744073709551617 INVITE",
          "1 INVITE x",
          "1 ",
          "1, 1 INVITE",
          "0x1 INVITE"
        })
    void aCseq(String value) {
      assertEquals(SipReason.CSEQ, reason(invite("CSeq: " + value)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"1 ACK", "1 invite", "1 INVITEX", "1 INVIT"})
    void aCseqOfAnotherMethod(String value) {
      assertEquals(SipReason.CSEQ_METHOD, reason(invite("CSeq: " + value)));
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "<sip:a@b>;tag=1;tag=2",
          "<sip:a@b>;tag",
          "<sip:a@b>;tag=",
          "<sip:a@b>;tag=\"x",
          "<sip:a@b>, <sip:c@d>",
          "<sip:a@b> x;tag=1",
          "<sip:a@b>x",
          "<sip:a@b",
          "<sip:a<b>",
          "\"A <sip:a@b>;tag=1",
          "\"A\" sip:a@b;tag=1",
          "sip:a@b <sip:c@d>;tag=1",
          "sip:a@b x;tag=1",
          "A\"B\" <sip:a@b>",
          "Bell, Alexander <sip:a@b>",
          "*",
          "",
          "<>",
          ";tag=1",
          "<sip:a@b>;tag=1;x=<y>"
        })
    void aFrom(String value) {
      assertEquals(SipReason.FROM_TO, reason(invite("From: " + value)));
      assertEquals(SipReason.FROM_TO, reason(invite("To: " + value)));
    }

    @Test
    void moreThan256Lines() {
      String[] lines = new String[SipMessage.LINES_MAX - 5];
      Arrays.fill(lines, "X-Y: z");
      assertEquals(SipMessage.LINES_MAX, read(invite(lines)).lineCount());
      lines = Arrays.copyOf(lines, lines.length + 1);
      lines[lines.length - 1] = "X-Y: z";
      assertEquals(SipReason.TOO_MANY_LINES, reason(invite(lines)));
    }

    @ParameterizedTest
    @CsvSource({
      "'', CONTENT_LENGTH_INVALID",
      "x, CONTENT_LENGTH_INVALID",
      "-1, CONTENT_LENGTH_INVALID",
      "+1, CONTENT_LENGTH_INVALID",
      "0x1, CONTENT_LENGTH_INVALID",
      "1 1, CONTENT_LENGTH_INVALID",
      "'1,1', CONTENT_LENGTH_INVALID",
      "1;x, CONTENT_LENGTH_INVALID",
      "65536, CONTENT_LENGTH_TOO_LARGE",
      "18446744073709551616, CONTENT_LENGTH_TOO_LARGE",
      "4294967300, CONTENT_LENGTH_TOO_LARGE",
      "5, CONTENT_LENGTH_BEYOND_END"
    })
    void aContentLength(String value, SipReason reason) {
      assertEquals(reason, reason(invite("Content-Length: " + value) + "four"));
      assertEquals(reason, reason(invite("l:" + value) + "four"));
    }

    @Test
    void aHeadWithoutItsEnd() {
      String text = invite();
      for (int length = 0; length < text.length(); length++) {
        assertEquals(SipReason.HEAD_UNFINISHED, reason(text.substring(0, length)));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"\u0000", "\r", "a\rContact: <sip:x@y>", "\u0007\u00ff"})
  void aLineThatNobodyReads_mayHoldAnything(String value) {
    assertTrue(read(invite("X-Other: " + value + "x")).isRequest());
  }

  @Test
  void aNulBehindABackslash_isACharacterOfAQuotedString() {
    assertEquals(
        "f1", read(invite("From: \"\\\u0000\" <sip:a@example.com>;tag=f1")).fromTag().text());
  }

  private static int start(String datagram) {
    return SipMessage.start(SipText.cursor(datagram), FROM, FROM + datagram.length());
  }

  private static boolean isDoubtful(String datagram) {
    return SipMessage.isDoubtful(SipText.cursor(datagram), FROM, FROM + datagram.length());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "\r\n",
        "\r\n\r\n",
        "\u0000\u0000\u0000\u0000",
        "\u0000\u0001\u0000X!\u0012\u00a4B",
        "\r\n\u0080x",
        "\u0080x"
      })
  void whatBeginsWithNoLetter_isNotSip(String datagram) {
    assertEquals(SipMessage.NO_LINE, start(datagram));
    assertFalse(isDoubtful(datagram));
  }

  @ParameterizedTest
  @ValueSource(strings = {" INVITE", "\r\n SIP/2.0 200", "\u0000\u0000INVITE", "\t\r\nA"})
  void whiteSpaceOrZerosInFront_areReadBySomeOnly(String datagram) {
    assertEquals(SipMessage.NO_LINE, start(datagram));
    assertTrue(isDoubtful(datagram));
  }

  @ParameterizedTest
  @ValueSource(strings = {"INVITE", "SIP/2.0 200", "z", "A", "\r\nINVITE", "\n\r\r\nSIP/2.0"})
  void whatBeginsWithALetter_mayBeSip_alsoBehindLineEnds(String datagram) {
    int blanks = datagram.length() - datagram.stripLeading().length();
    assertEquals(FROM + blanks, start(datagram));
  }

  @Test
  void spans() {
    SipMessage one = read(invite());
    SipMessage other = read(invite("To: <sip:bob@example.com>;tag=f1"));
    assertTrue(one.fromTag().isSame(other.toTag()));
    assertFalse(one.fromTag().isSame(one.toTag()));
    assertTrue(one.toTag().isSame(one.requestUri().transport()));
    assertFalse(one.fromTag().isSame(one.callId()));
    assertFalse(read(invite("From: <sip:a@b>;tag=f2")).fromTag().isSame(one.fromTag()));
    assertTrue(one.fromTag().is("f1".getBytes(StandardCharsets.US_ASCII)));
    assertFalse(one.fromTag().is("f2".getBytes(StandardCharsets.US_ASCII)));
    assertFalse(one.fromTag().is(new byte[0]));
    assertFalse(one.toTag().is(new byte[0]));
    assertTrue(read(invite("From: <sip:a@b>;tag=F1-[Z")).fromTag().isWord("f1-[z"));
    assertFalse(one.fromTag().isWord("f2"));
    assertFalse(one.fromTag().isWord("f"));
    assertFalse(one.toTag().isWord(""));
    assertEquals(2, one.fromTag().lengthBytes());
    assertEquals(0, one.toTag().lengthBytes());
    assertTrue(one.toTag().isEmpty());
    assertEquals(0, one.toTag().bytes().length);
  }
}
