package org.pinholed.helper.sip.sdp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.ByteCursor;

/** What holds for every text: no throw, no byte outside, little work; and what reading costs. */
class SdpPropertyTest {
  /** Reads of a byte, in all, for each byte of a text; and for each text. */
  private static final int READS_PER_BYTE = 6;

  /** 64 names, compared with 16 streams, twice. */
  private static final int READS_OF_GROUPS = 2 * 64 * 16 * 2 * 64;

  private static final String PHONE =
      """
      v=0
      o=- 1 1 IN IP4 198.51.100.10
      s=-
      c=IN IP4 198.51.100.10
      t=0 0
      a=group:BUNDLE a v
      m=audio 4000 RTP/AVP 0 8 101
      a=rtpmap:0 PCMU/8000
      a=rtcp:4001 IN IP4 198.51.100.10
      a=mid:a
      a=rtcp-mux
      a=candidate:1 1 UDP 1 198.51.100.10 4000 typ host
      a=sendrecv
      m=video 4002/1 UDP/TLS/RTP/SAVPF 99
      c=IN IP6 2001:db8::1
      a=mid:v
      a=setup:active
      m=image 4004 udptl t38
      c=IN IP4 media.example.com
      """
          .replace("\n", "\r\n");

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  /** Pieces of descriptions in any order: mostly wrong, often nearly right. */
  @Provide
  Arbitrary<String> pieces() {
    return Arbitraries.of(
            "\r\n",
            "\n",
            "\r",
            " ",
            "m=audio ",
            "m=",
            "c=IN IP4 ",
            "c=IN IP6 ",
            "o=- 1 1 IN IP4 ",
            "198.51.100.10",
            "2001:db8::1",
            "::",
            "0.0.0.0",
            "233.252.0.1",
            "/127",
            "/2",
            "a=rtcp:",
            "a=rtcp-mux",
            "a=rtcp-mux-only",
            "a=inactive",
            "a=setup:active",
            "a=mid:",
            "a",
            "a=group:BUNDLE ",
            " RTP/AVP 0",
            " udptl t38",
            " TCP/MSRP *",
            "4000",
            "0",
            "65535",
            "65536",
            "4294967297",
            "\r\nm=audio 4000 RTP/AVP 0\r\n",
            "\r\nc=IN IP4 198.51.100.10\r\n",
            "a=candidate:1 1 UDP 1 ",
            " typ host",
            "host.example",
            "\0",
            "\u00e9",
            "x")
        .list()
        .ofMaxSize(40)
        .map(list -> String.join("", list));
  }

  @Property(tries = 3000)
  void piecesInAnyOrder_neverThrow_andStayInside(@ForAll("pieces") String text) {
    SdpChecks.read(bytes(text));
  }

  @Property
  void anyBytes_neverThrow(@ForAll byte[] text) {
    SdpChecks.read(text);
  }

  @Property
  void aGoodOne_withOneByteChanged_neverThrows(
      @ForAll @IntRange(max = 460) int at, @ForAll byte with) {
    byte[] text = bytes(PHONE);
    text[at % text.length] = with;
    SdpChecks.read(text);
  }

  @Test
  void everyBeginningOfAGoodOne_neverThrows() {
    for (int length = 0; length <= PHONE.length(); length++) {
      SdpChecks.read(bytes(PHONE.substring(0, length)));
    }
  }

  @Property
  void anyTextOfAnotherProcess_isUnderstoodOrNull(@ForAll String text) {
    SdpChecks.text(text);
  }

  /** Texts like the good ones. */
  @Provide
  Arbitrary<String> texts() {
    return Arbitraries.of(
            "R:",
            "U",
            "T",
            "X",
            "m",
            "h",
            "c",
            ":",
            "34c",
            "1ekf",
            "zzzz",
            "0",
            "?",
            "@wAACCg",
            "@IAENuAAAAAAAAAAAAAAAAQ",
            "@",
            "+",
            "*2",
            "*",
            "^0",
            "^",
            ",",
            "!SDP_MEDIA",
            "!x",
            "-")
        .list()
        .ofMaxSize(12)
        .map(list -> String.join("", list));
  }

  @Property(tries = 3000)
  void aTextLikeThoseOfAnotherProcess_isUnderstoodOrNull(@ForAll("texts") String text) {
    SdpChecks.text(text);
  }

  /** What grows: lines of each kind, tokens, digits, names. Candidates are read twice. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "a\n",
        "a=\n",
        "\r\n",
        "m=\n",
        "m=audio 4000 RTP/AVP 0\n",
        "c=IN IP4 1.2.3.4\n",
        "c=IN IP6 abc.abc.abc\n",
        "o=1 1 1 IN IP4 1.2.3.4\n",
        "a=rtcp:1 IN IP4 1.2.3.4\n",
        "a=mid:aaaaaaaaaaaaaaaaaaaa\n",
        "a=group:BUNDLE a a a a a a a\n",
        "a=candidate:1 1 UDP 1 1.2.3.4 4000 typ host\n",
        "x",
        " ",
        "1",
        "/",
        ":",
        "a "
      })
  void theWorstTexts_takeLinearWork(String pattern) {
    for (String before :
        List.of("", "m=audio ", "m=audio 4000 ", "c=IN IP6 ", "o=", "a=rtcp:", "a=group:BUNDLE ")) {
      for (int size = 1 << 12; size <= 1 << 16; size *= 4) {
        String start = "c=IN IP4 1.2.3.4\nm=audio 4000 RTP/AVP 0\n" + before;
        byte[] text = bytes(start + pattern.repeat(size / pattern.length()));
        long reads = SdpChecks.read(text);
        assertTrue(reads <= (long) READS_PER_BYTE * text.length, pattern + ": " + reads);
      }
    }
  }

  /** 16 names that differ in their last character only, and as many as fit that ask for them. */
  @Test
  void theWorstGroups_takeBoundedWork() {
    String name = "n".repeat(63);
    StringBuilder text = new StringBuilder("c=IN IP4 1.2.3.4\na=group:BUNDLE");
    text.append((" " + name + "x").repeat(1000)).append('\n');
    for (int at = 0; at < 16; at++) {
      text.append("m=audio 4000 RTP/AVP 0\na=mid:").append(name).append((char) ('a' + at));
      text.append('\n');
    }
    long reads = SdpChecks.read(bytes(text.toString()));
    assertTrue(reads <= READS_OF_GROUPS + (long) READS_PER_BYTE * text.length(), reads + " reads");
  }

  @Test
  void reading_allocatesNothing() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    SdpView view = new SdpView(16);
    ByteCursor bytes = SdpText.cursor(PHONE);
    byte[] own = {(byte) 198, 51, 100, 10};
    long least = Long.MAX_VALUE;
    int found = 0;
    for (int round = 0; round < 6; round++) {
      long start = threads.getCurrentThreadAllocatedBytes();
      for (int count = 0; count < 200; count++) {
        view.read(bytes, bytes.position(), bytes.limit());
        for (int at = 0; at < view.streams(); at++) {
          found += view.media(at).connection().is(own) ? 1 : 0;
          CandidateView candidates = view.candidates(at);
          while (candidates.next()) {
            found++;
          }
        }
      }
      long allocated = threads.getCurrentThreadAllocatedBytes() - start;
      least = round == 0 ? Long.MAX_VALUE : Math.min(least, allocated);
    }
    assertEquals(6 * 200 * 2, found);
    long perReading = least / 200;
    assertEquals(0, perReading, "bytes of heap for a description");
  }
}
