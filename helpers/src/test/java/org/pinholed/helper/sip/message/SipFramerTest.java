package org.pinholed.helper.sip.message;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.pinholed.helper.sip.message.SipText.FROM;
import static org.pinholed.helper.sip.message.SipText.invite;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.IntUnaryOperator;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.sip.words.SipReason;
import org.pinholed.helper.testkit.Work;

class SipFramerTest {
  private static final String SDP = invite("c: application/sdp", "l: 5") + "v=0\r\n";
  private static final String TEXT =
      invite("c: text/plain", "Content-Length : 0000012") + "INVITE a b\r\n";
  private static final String EMPTY = invite("l:\r\n 0").replace("\r\n", "\n");
  private static final String KEEP_ALIVE = "\r\n\r\n";

  /**
   * A stream that comes in pieces; what is not consumed is presented again with what follows, as
   * the agent does.
   */
  private static final class Stream {
    private final SipFramer framer = new SipFramer();
    private final Work work = new Work();
    private final List<String> messages = new ArrayList<>();
    private SipFramer.Step last = SipFramer.Step.NEED_MORE;

    /** Bytes that were held because a message may have begun. */
    private int heldBytes;

    private Stream send(String stream, IntUnaryOperator piece) {
      int consumed = 0;
      for (int limit = 0; limit < stream.length() && reads(); ) {
        limit = Math.min(stream.length(), limit + piece.applyAsInt(limit));
        // At a new place each time: what the framer remembers must not be indices.
        String presented = "x".repeat(limit % 3) + stream.substring(consumed, limit);
        ByteCursor bytes = SipText.cursor(presented, work);
        int first = FROM + limit % 3;
        int at = first;
        int base = consumed - first;
        int end = FROM + presented.length();
        while ((last = framer.next(bytes, at, end)) == SipFramer.Step.MESSAGE) {
          assertTrue(framer.from() >= at && framer.headEnd() > framer.from());
          assertTrue(framer.end() >= framer.headEnd() && framer.behind() <= end);
          int from = base + framer.from();
          messages.add(
              from
                  + "+"
                  + (framer.headEnd() - framer.from())
                  + "+"
                  + (framer.end() - framer.headEnd()));
          at = framer.behind();
        }
        if (framer.mayMatter()) {
          heldBytes = Math.max(heldBytes, end - framer.from());
        }
        consumed = base + framer.behind();
        assertTrue(framer.behind() <= end);
      }
      return this;
    }

    private boolean reads() {
      return last == SipFramer.Step.NEED_MORE;
    }
  }

  private static Stream atOnce(String stream) {
    return new Stream().send(stream, at -> stream.length());
  }

  private static Stream torn(String stream) {
    return new Stream().send(stream, at -> 1);
  }

  private static String of(String stream, String message, int bodyBytes) {
    return stream.indexOf(message) + "+" + (message.length() - bodyBytes) + "+" + bodyBytes;
  }

  @Test
  void messages_withKeepAlivesAroundThem() {
    String stream = KEEP_ALIVE + SDP + KEEP_ALIVE + "\n" + TEXT + EMPTY + "\r\n";
    for (Stream read : List.of(atOnce(stream), torn(stream))) {
      assertEquals(
          List.of(of(stream, SDP, 5), of(stream, TEXT, 12), of(stream, EMPTY, 0)), read.messages);
      assertTrue(read.reads());
      assertNull(read.framer.reason());
      assertFalse(read.framer.mayMatter());
    }
  }

  @Property(tries = 200)
  void anyCuts_giveTheSameMessages(@ForAll Random random) {
    String stream = SDP + TEXT + KEEP_ALIVE + SDP + EMPTY + "nothing that is SIP\r\n";
    Stream whole = atOnce(stream);
    Stream cut = new Stream().send(stream, at -> 1 + random.nextInt(80));
    assertEquals(4, whole.messages.size());
    assertEquals(whole.messages, cut.messages);
    assertEquals(SipFramer.Step.MALFORMED, cut.last);
    assertEquals(whole.framer.reason(), cut.framer.reason());
  }

  /** A body that is no SDP cannot hold what is rewritten: its segments need not wait. */
  @Test
  void aBodyThatIsNotRead_isNotAwaited() {
    String body = "INVITE sip:x SIP/2.0\r\nl: 0\r\n\r\n".repeat(100);
    String message = invite("c: text/plain", "l: " + body.length()) + body;
    String head = message.substring(0, message.length() - body.length());
    Stream read = torn(message + SDP);
    assertEquals(
        List.of(of(message, message, body.length()), of(message + SDP, SDP, 5)), read.messages);
    assertTrue(read.heldBytes <= Math.max(head.length(), SDP.length()), read.heldBytes + " held");
    Stream sdp = torn(message.replace("text/plain", "multipart/mixed"));
    assertTrue(sdp.heldBytes > body.length(), sdp.heldBytes + " bytes held");
  }

  @Test
  void keepAlives_areNeverHeld() {
    Stream read = torn(KEEP_ALIVE.repeat(100));
    assertEquals(0, read.heldBytes);
    assertTrue(read.reads());
  }

  @ParameterizedTest
  @ValueSource(strings = {"GET / HTTP/1.1\r\n", "\u0016\u0003\u0001", "\u0000", "INVITE\r\n"})
  void whatIsCertainlyNoSip_isNotHeldAnyMore(String begin) {
    Stream read = torn(begin + "x".repeat(1000));
    assertEquals(SipFramer.Step.OPAQUE, read.last);
    assertFalse(read.framer.mayMatter());
    assertTrue(read.heldBytes < 20);
  }

  @ParameterizedTest
  @CsvSource({
    "SIP/2.0 200 OK, true",
    "INVITE sip:a SIP/2.0, true",
    "sip:a SIP/2.0, false",
    "INVITE sip:a SIP/2, false",
    "v=0, false",
    "GET / HTTP/1.1, false"
  })
  void beginsMessage(String line, boolean begins) {
    String text = line + "\r\n";
    assertEquals(begins, SipFramer.beginsMessage(SipText.cursor(text), FROM, FROM + text.length()));
    assertFalse(
        SipFramer.beginsMessage(SipText.cursor(text), FROM, FROM + text.length() - 1), text);
    assertFalse(SipFramer.beginsMessage(SipText.cursor(text), FROM, FROM));
  }

  /** A stream that is taken up in its middle, by a process that did not see its beginning. */
  @Nested
  class Seeking {
    private final SipFramer framer = new SipFramer();

    Seeking() {
      framer.seek();
    }

    private SipFramer.Step next(String presented) {
      return framer.next(SipText.cursor(presented), FROM, FROM + presented.length());
    }

    @Test
    void beginsAtASegmentThatIsAStartLine() {
      for (String middle :
          List.of("v=0\r\n" + SDP, "\r\n" + SDP, "x\n", "\u0016\u0003", "GET / ")) {
        assertEquals(SipFramer.Step.NEED_MORE, next(middle));
        assertFalse(framer.mayMatter());
        assertEquals(FROM + middle.length(), framer.behind());
      }
      assertEquals(SipFramer.Step.MESSAGE, next(SDP));
      assertEquals(SipFramer.Step.MALFORMED, next("v=0\r\n"));
    }

    @Test
    void waitsForAStartLineThatComesInPieces() {
      assertEquals(SipFramer.Step.NEED_MORE, next("INVITE sip"));
      assertTrue(framer.mayMatter());
      assertEquals(FROM, framer.behind());
      assertEquals(SipFramer.Step.MESSAGE, next(SDP));
    }
  }

  @Test
  void snapshots() {
    SipFramer framer = new SipFramer();
    assertEquals("b0", framer.snapshot());
    framer.seek();
    assertEquals("k0", framer.snapshot());
    String head = TEXT.substring(0, TEXT.length() - 10);
    assertEquals(
        SipFramer.Step.MESSAGE, framer.next(SipText.cursor(head), FROM, FROM + head.length()));
    assertEquals("s10", framer.snapshot());
    SipFramer other = new SipFramer();
    other.restore("s10");
    String rest = TEXT.substring(head.length()) + SDP;
    assertEquals(
        SipFramer.Step.MESSAGE, other.next(SipText.cursor(rest), FROM, FROM + rest.length()));
    assertEquals(FROM + 10, other.from());
    other.restore("k0");
    assertEquals("k0", other.snapshot());
    other.restore("b0");
    assertEquals("b0", other.snapshot());
    for (String text : List.of("", "s", "x0", "s-1", "s01", "s65536", "s999999", "s1 ", "b0k0")) {
      assertFalse(SipFramer.isSnapshot(text), text);
    }
    for (String text : List.of("s0", "b0", "k0", "s65535")) {
      assertTrue(SipFramer.isSnapshot(text), text);
    }
  }

  @Nested
  class Opaque {
    @ParameterizedTest
    @CsvSource(
        quoteCharacter = '"',
        value = {
          "GET / HTTP/1.1, HTTP",
          "GET /sip:a SIP/2.0, HTTP",
          "POST sip:a SIP/2.0, HTTP",
          "OPTIONS /x HTTP/1.1, HTTP",
          "OPTIONS * HTTP/1.1, HTTP",
          "REGISTER sip:a SIP/2.0 HTTP/1.1, HTTP",
          "HTTP/1.1 200 OK, HTTP",
          "PRI * HTTP/2.0, HTTP",
          "INVITE sip:a, NOT_SIP",
          "INVITE sip:a RTSP/1.0, NOT_SIP",
          "INVITE sip:a SIP/2.0x, NOT_SIP",
          "INVITE SIP/2.0, NOT_SIP",
          "SIP/2.0, NOT_SIP",
          "xSIP/2.0 200 OK, NOT_SIP",
          "220 ready, NOT_SIP",
          "SSH-2.0-x, NOT_SIP",
          "\u0080, NOT_SIP",
          "INVITE /sip:a SIP/2.0, NOT_SIP",
          "INVITE a SIP/2.0, NOT_SIP",
          "INVITE sip:\u0000a SIP/2.0, NOT_SIP"
        })
    void forGood(String line, SipReason reason) {
      String stream = line + "\r\nl: 0\r\n\r\n" + SDP;
      for (Stream read : List.of(atOnce(stream), torn(stream))) {
        assertEquals(SipFramer.Step.OPAQUE, read.last);
        assertEquals(reason, read.framer.reason());
        assertEquals(List.of(), read.messages);
        assertEquals(
            SipFramer.Step.OPAQUE,
            read.framer.next(SipText.cursor(SDP), FROM, FROM + SDP.length()));
        assertEquals(FROM + SDP.length(), read.framer.behind());
      }
    }

    @Test
    void aTlsHandshake() {
      for (Stream read : List.of(atOnce("\u0016\u0003\u0001"), torn("\u0016\u0003\u0001"))) {
        assertEquals(SipReason.TLS_HELLO, read.framer.reason());
        assertEquals(SipFramer.Step.OPAQUE, read.last);
      }
      assertEquals(SipReason.NOT_SIP, torn("\u0016\u0002").framer.reason());
      assertEquals(SipReason.NOT_SIP, torn("\u0000").framer.reason());
      assertTrue(torn("\u0016").reads());
    }

    @Test
    void aFirstWordThatIsTooLong() {
      assertEquals(SipReason.NOT_SIP, torn("A".repeat(65)).framer.reason());
      assertNull(torn("A".repeat(64) + " sip:a SIP/2.0\r\n").framer.reason());
    }
  }

  @Nested
  class Malformed {
    @ParameterizedTest
    @CsvSource(
        quoteCharacter = '"',
        value = {
          "Content-Length: 65536, CONTENT_LENGTH_TOO_LARGE",
          "Content-Length: 4294967328, CONTENT_LENGTH_TOO_LARGE",
          "l: 18446744073709551617, CONTENT_LENGTH_TOO_LARGE",
          "l: 99999999999999999999999999999999999, CONTENT_LENGTH_TOO_LARGE",
          "l: 65500, MESSAGE_TOO_LONG",
          "l:, CONTENT_LENGTH_INVALID",
          "l: -1, CONTENT_LENGTH_INVALID",
          "l: +1, CONTENT_LENGTH_INVALID",
          "l: 1 2, CONTENT_LENGTH_INVALID",
          "l: 1;x, CONTENT_LENGTH_INVALID",
          "l: 0x5, CONTENT_LENGTH_INVALID",
          "l 5, CONTENT_LENGTH_MISSING",
          "Subject: x, CONTENT_LENGTH_MISSING"
        })
    void aLength(String line, SipReason reason) {
      String stream = SDP + invite(line) + SDP;
      for (Stream read : List.of(atOnce(stream), torn(stream))) {
        assertEquals(SipFramer.Step.MALFORMED, read.last);
        assertEquals(reason, read.framer.reason());
        assertEquals(1, read.messages.size());
        assertFalse(read.framer.mayMatter());
        assertEquals(
            SipFramer.Step.MALFORMED,
            read.framer.next(SipText.cursor(SDP), FROM, FROM + SDP.length()));
      }
    }

    @Test
    void aNumberAndSomethingBehindIt() {
      for (String value : List.of("5\u0000", "5\r", "1,1", "5\r\n 5", "\u00005")) {
        assertEquals(SipReason.CONTENT_LENGTH_INVALID, torn(invite("l: " + value)).framer.reason());
      }
    }

    @Test
    void twoLengthsThatDiffer_equalOnesDoNot() {
      assertEquals(
          SipReason.CONTENT_LENGTH_DIFFERS,
          atOnce(invite("l: 5", "Content-Length: 05", "l: 6")).framer.reason());
      assertEquals(1, atOnce(invite("l: 5", "Content-Length: 05") + "12345").messages.size());
    }

    @Test
    void aMessageOf65535Bytes_isTheLongest() {
      String head = invite("c: application/sdp", "l: 00000");
      int most = SipMessage.LENGTH_MAX_BYTES - head.length();
      for (int more = 0; more < 2; more++) {
        String stream =
            head.replace("00000", String.valueOf(most + more)) + "x".repeat(most + more);
        Stream read = new Stream().send(stream, at -> 1460);
        assertEquals(1 - more, read.messages.size());
        assertEquals(more == 0 ? null : SipReason.MESSAGE_TOO_LONG, read.framer.reason());
      }
    }

    @Test
    void aHeadWithoutEnd() {
      for (String filler : List.of("X: y\r\n", "x", " ")) {
        Stream read =
            new Stream().send("INVITE sip:a SIP/2.0\r\nX:" + filler.repeat(66000), at -> 1460);
        assertEquals(SipReason.MESSAGE_TOO_LONG, read.framer.reason());
      }
      Stream line = new Stream().send("INVITE sip:" + "a".repeat(66000), at -> 1460);
      assertEquals(SipReason.MESSAGE_TOO_LONG, line.framer.reason());
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "x",
          "GET / HTTP/1.1\r\n",
          "\u0016\u0003",
          "v=0\r\n",
          "\u0000",
          " \r\n",
          "INVITE\r\n"
        })
    void noStartLine_whereAMessageShouldBegin(String next) {
      String stream = SDP + next + " \r\n" + SDP;
      for (Stream read : List.of(atOnce(stream), torn(stream))) {
        assertEquals(SipFramer.Step.MALFORMED, read.last);
        assertEquals(SipReason.NO_START_LINE, read.framer.reason());
        assertEquals(1, read.messages.size());
      }
    }
  }

  /** The segment of the case holds a whole INVITE in what the kernel's helper took for no body. */
  @Test
  void aFakeLength_givesNoMessage() {
    String stream = SipText.resource("fakeLength.bin");
    assertEquals(832, stream.length());
    for (Stream read : List.of(atOnce(stream), torn(stream))) {
      assertEquals(List.of(), read.messages);
      assertEquals(SipReason.CONTENT_LENGTH_TOO_LARGE, read.framer.reason());
      assertEquals(SipFramer.Step.MALFORMED, read.last);
    }
  }

  /** What might make a framer look again at all that came before. */
  @ParameterizedTest
  @ValueSource(strings = {"X: y\r\n", "X:", "x", " ", "\r", "\r\n ", "\r\n\t", "l", "v=0\r\n"})
  void oneByteAtATime_takesLinearWork(String pattern) {
    long small = work(pattern, 2000);
    long large = work(pattern, 8000);
    assertTrue(large < 4.2 * small, pattern + ": " + small + ", " + large);
    assertTrue(large < 8000 * 8, pattern + ": " + large);
  }

  private static long work(String pattern, int size) {
    String filler = pattern.repeat(size / 2 / pattern.length());
    String body = pattern.repeat(size / 2 / pattern.length());
    String stream =
        invite("X: x" + filler + "z", "c: application/sdp", "l: " + body.length()) + body;
    Stream read = torn(stream);
    assertEquals(1, read.messages.size(), pattern);
    return read.work.readBytes();
  }
}
