package org.pinholed.helper.sip.sdp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.sip.sdp.SdpDescription.Stream;
import org.pinholed.helper.sip.words.SipReason;

class SdpViewTest {
  private static final String AUDIO = "c=IN IP4 198.51.100.10\r\nm=audio 4000 RTP/AVP 0\r\n";

  static List<String> reading() throws IOException {
    return SdpText.table("reading.tsv");
  }

  private static SdpDescription described(String text) {
    return SdpText.described(SdpText.read(text));
  }

  private static String words(String text) {
    return SdpText.words(described(text));
  }

  @ParameterizedTest
  @MethodSource
  void reading(String row) {
    String[] columns = row.split("\t", -1);
    SdpDescription description = described(SdpText.lines(columns[1]));
    assertEquals(columns[2], SdpText.words(description), columns[0]);
    assertEquals(description, SdpDescription.ofText(description.toText()), columns[0]);
    String bare = SdpText.lines(columns[1]).replace("\r\n", "\n");
    assertEquals(columns[2], words(bare), "with LF only");
    assertEquals(columns[2], words(bare.stripTrailing()), "without the last line end");
    assertEquals(columns[2], words(bare.replace("\n", "\n\n")), "with empty lines between");
  }

  /** What the kernel's helper did wrong, or was told about since (docs of its commits and CVEs). */
  @Nested
  class UnlikeTheKernelsHelper {
    /** CVE-2026-31427: an address was used that no line had set. */
    @Test
    void withoutAUsableMediaLine_thereIsNoAddress() {
      SdpView view = SdpText.read(AUDIO);
      ByteCursor bytes =
          SdpText.cursor("o=- 1 1 IN IP4 198.51.100.66\r\nm=audio\r\nm=video 0 RTP/AVP 9");
      assertNull(view.read(bytes, bytes.position(), bytes.limit()));
      for (Stream stream : SdpText.described(view).streams()) {
        assertNull(stream.address());
        assertEquals(0, stream.port());
        assertFalse(stream.canOpen());
      }
      assertFalse(view.connection().isAddress());
      assertFalse(view.media(0).connection().isAddress());
      assertThrows(IllegalStateException.class, () -> view.media(0).connection().address());
    }

    /** Numbers were read beyond the end of what was there. */
    @ParameterizedTest
    @ValueSource(
        strings = {
          "m=audio 40",
          "m=audio 4000/",
          "c=IN IP4 198.51.100.1",
          "c=IN IP4 198.51.100.10/1",
          "o=- 1 1 IN IP4 1",
          "m=audio 5000 RTP/AVP 0\r\na=rtcp:40",
          "m=audio 5000 RTP/AVP 0\r\na=rtcp:4000 IN IP4 1"
        })
    void aNumberAtTheVeryEnd_endsThere(String last) {
      byte[] digits = new byte[64];
      Arrays.fill(digits, (byte) '9');
      byte[] text = (AUDIO + last).getBytes(StandardCharsets.US_ASCII);
      ByteBuffer buffer = ByteBuffer.allocate(text.length + digits.length);
      buffer.put(text).put(digits);
      SdpView view = new SdpView(16);
      ByteCursor bytes = new ByteCursor().wrap(buffer, 0, buffer.capacity(), 0);
      assertNull(view.read(bytes, 0, text.length));
      assertEquals(described(AUDIO + last), SdpText.described(view));
    }

    @Test
    void thereMayBeMoreThanThreeStreams() {
      assertEquals(
          "RTP 198.51.100.10:4000 rtcp 4001 | off | sdpMedia | RTP 198.51.100.10:4006 rtcp 4007"
              + " | RTP 198.51.100.10:4008 rtcp 4009",
          words(
              AUDIO
                  + "m=video 0 RTP/AVP 99\r\nm=x\r\nm=x-new 4006 RTP/AVP 99\r\nm=audio 4008 RTP/AVP"
                  + " 0\r\n"));
    }

    @Test
    void rtcpIsNotAlwaysOnThePortAbove_andNotOfEveryStream() {
      assertEquals("RTP 198.51.100.10:4000 rtcp 4010", words(AUDIO + "a=rtcp:4010\r\n"));
      assertEquals("RTP 198.51.100.10:4000 mux", words(AUDIO + "a=rtcp-mux-only\r\n"));
      assertEquals("UDP 198.51.100.10:4000", words(AUDIO.replace("RTP/AVP 0", "udptl t38")));
    }

    @Test
    void anOddPortIsNotMadeEven() {
      assertEquals(4005, described(AUDIO.replace("4000", "4005")).streams().get(0).port());
      assertEquals(4006, described(AUDIO.replace("4000", "4005")).streams().get(0).rtcpPort());
    }

    /** It dropped the message. */
    @Test
    void noConnectionAndSmallPorts_areNoReasonToThrow() {
      assertEquals("sdpNoConnection", words("m=audio 4000 RTP/AVP 0\r\n"));
      assertEquals(22, described(AUDIO.replace("4000", "22")).streams().get(0).port());
    }
  }

  @Nested
  class RefusesAsAWhole {
    @ParameterizedTest
    @ValueSource(
        strings = {
          "a=x\rm=audio 5000 RTP/AVP 0\r\n",
          "a=x\r\r\n",
          "s=\0\r\n",
          "a=x\0",
          "\0",
          "\rm=audio 5000 RTP/AVP 0",
          "c=IN IP4 198.51.100.10\0.66\r\n"
        })
    void aNulOrACarriageReturnThatEndsNoLine(String last) {
      SdpView view = new SdpView(16);
      ByteCursor bytes = SdpText.cursor(AUDIO + last);
      assertEquals(
          SipReason.SDP_CONTROL_CHARACTER, view.read(bytes, bytes.position(), bytes.limit()));
      assertEquals(0, view.streams());
      assertFalse(view.connection().isAddress());
      assertFalse(view.origin().isAddress());
      assertThrows(IndexOutOfBoundsException.class, () -> view.media(0));
      assertEquals(SdpText.described(SdpText.read("")), SdpText.described(view));
    }

    @Test
    void butNotACarriageReturnAtItsEnd() {
      assertEquals("RTP 198.51.100.10:4000 rtcp 4001", words(AUDIO.stripTrailing() + "\r"));
    }
  }

  @Nested
  class Limits {
    @Test
    void theLastStreamOfTheLimitIsRead_theNextOneIsNot() {
      String many = "c=IN IP4 198.51.100.10\r\n" + "m=audio 4000 RTP/AVP 0\r\n".repeat(16);
      SdpView view = SdpText.read(many);
      assertEquals(16, view.streams());
      assertFalse(view.isBeyondLimit());
      view =
          SdpText.read(
              many
                  + "m=audio 5000 RTP/AVP 0\r\na=rtcp:5\r\nc=IN IP4 1\r\na=inactive\r\na=setup:active\r\na=mid:x\r\n");
      assertEquals(16, view.streams());
      assertTrue(view.isBeyondLimit());
      assertEquals(described(many), SdpText.described(view));
      for (int at = 0; at < 16; at++) {
        assertNull(view.media(at).refusal());
      }
    }

    @Test
    void theLimitIsOneOf1To64() {
      assertEquals(1, read(1, AUDIO + AUDIO).streams());
      assertEquals(2, read(64, AUDIO + AUDIO).streams());
      assertThrows(IllegalArgumentException.class, () -> new SdpView(0));
      assertThrows(IllegalArgumentException.class, () -> new SdpView(65));
    }

    @Test
    void manyGroupsAndNames_bundleNothing() {
      String bundle = "a=group:BUNDLE a v\r\n";
      String two = "m=audio 4000 RTP/AVP 0\r\na=mid:a\r\nm=video 4002 RTP/AVP 0\r\na=mid:v\r\n";
      String connection = "c=IN IP4 198.51.100.10\r\n";
      assertTrue(words(connection + bundle + two).endsWith("bundled 0"));
      String groups = "a=group:BUNDLE x\r\n".repeat(62);
      assertFalse(words(connection + groups + bundle + two).contains("bundled"), "16 groups");
      String names = "a=group:BUNDLE" + " x".repeat(62) + "\r\n";
      assertTrue(words(connection + names + bundle + two).endsWith("bundled 0"), "64 names");
      names = "a=group:BUNDLE" + " x".repeat(63) + "\r\n";
      assertFalse(words(connection + names + bundle + two).contains("bundled"), "65 names");
      String name = "n".repeat(64);
      assertTrue(words(connection + (bundle + two).replace("v", name)).endsWith("bundled 0"));
      assertFalse(words(connection + (bundle + two).replace("v", name + "n")).contains("bundled"));
    }

    private SdpView read(int max, String text) {
      SdpView view = new SdpView(max);
      ByteCursor bytes = SdpText.cursor(text);
      assertNull(view.read(bytes, bytes.position(), bytes.limit()));
      return view;
    }
  }

  @Nested
  class Places {
    private static final String TEXT =
        """
        v=0
        o=The phone of Bob 2890844526 2890842807 IN IP4 192.0.2.1
        c=IN  IP4\t192.0.2.2/127
        m=audio 4000/2 RTP/AVP 0
        a=sendrecv
        m=video 004002 RTP/AVP 31
        c=IN IP6 2001:db8::3\s
        a=rtcp: 04010  IN IP4 192.0.2.4
        m=text 4004 RTP/AVP 9
        a=rtcp:4999
        """;

    private String at(int from, int to) {
      return TEXT.substring(from - SdpText.BEFORE, to - SdpText.BEFORE);
    }

    private String at(SdpAddress address) {
      return at(address.from(), address.to());
    }

    @Test
    void areThoseOfTheBuffer() {
      SdpView view = SdpText.read(TEXT);
      assertEquals("192.0.2.1", at(view.origin()));
      assertEquals("192.0.2.2", at(view.connection()));
      SdpMedia audio = view.media(0);
      assertEquals("audio", at(audio.typeFrom(), audio.typeTo()));
      assertEquals("4000", at(audio.portFrom(), audio.portTo()));
      assertEquals("192.0.2.2", at(audio.connection()));
      assertFalse(audio.hasOwnConnection());
      SdpMedia text = view.media(2);
      assertEquals("4999", at(text.rtcpPortFrom(), text.rtcpPortTo()));
      assertEquals(SdpAddress.Found.ABSENT, text.rtcpAddress().found());
      assertEquals(SdpView.NONE, text.rtcpAddress().from());
      assertEquals(SdpView.NONE, text.rtcpAddress().to());
      SdpMedia video = view.media(1);
      assertEquals("video", at(video.typeFrom(), video.typeTo()));
      assertEquals("004002", at(video.portFrom(), video.portTo()));
      assertEquals("2001:db8::3", at(video.connection()));
      assertTrue(video.hasOwnConnection());
      assertEquals("04010", at(video.rtcpPortFrom(), video.rtcpPortTo()));
      assertEquals("192.0.2.4", at(video.rtcpAddress()));
      assertTrue(video.rtcpAddress().is(new byte[] {(byte) 192, 0, 2, 4}));
      assertFalse(video.rtcpAddress().is(new byte[] {(byte) 192, 0, 2, 5}));
      assertFalse(video.rtcpAddress().is(new byte[16]));
    }

    @Test
    void ofNothing_areNone() {
      SdpView view = SdpText.read("m=audio\r\n");
      assertEquals(SdpView.NONE, view.origin().from());
      assertEquals(SdpView.NONE, view.connection().from());
      assertEquals(SdpView.NONE, view.media(0).port());
      assertEquals(SdpView.NONE, view.media(0).portFrom());
      assertEquals(SdpView.NONE, view.media(0).portTo());
      assertEquals(SdpView.NONE, view.media(0).rtcpPortFrom());
      assertEquals(SdpView.NONE, view.media(0).rtcpPortTo());
      assertEquals(0, view.media(0).rtcpPort());
      assertFalse(view.media(0).hasOwnConnection());
      assertFalse(view.origin().isUnspecified());
    }

    @Test
    void ofTheOrigin_areOfOneLineOnly() {
      assertEquals(SdpAddress.Found.ADDRESS, origin("o=- 1 1 IN IP4 192.0.2.1\r\n"));
      assertEquals(SdpAddress.Found.NAME, origin("o=- 1 1 IN IP4 pbx.example.com\r\n"));
      assertEquals(SdpAddress.Found.ADDRESS, origin("o=- 1 1 IN IP6 2001:db8::1\r\n"));
      assertEquals(SdpAddress.Found.ABSENT, origin("o=- 1 IN IP4 192.0.2.1\r\n"));
      assertEquals(SdpAddress.Found.UNREADABLE, origin("o=- 1 1 IN IP4 192.0.2.1 x\r\n"));
      String two = "o=- 1 1 IN IP4 192.0.2.1\r\no=- 1 1 IN IP4 192.0.2.66\r\n";
      assertEquals(SdpAddress.Found.ABSENT, origin(two));
      assertEquals(SdpAddress.Found.ABSENT, origin(two + two));
    }

    /** Whoever changes what is read here must not change one of two. */
    @Test
    void ofTwoOfWhichOneIsAllowed_areNone() {
      String two = "c=IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\n";
      for (String more : List.of("", "c=IN IP4 192.0.2.1\r\n")) {
        SdpView view = SdpText.read(two + more + AUDIO.substring(AUDIO.indexOf('m')) + two + more);
        assertEquals(SdpView.NONE, view.connection().from());
        assertEquals(SdpView.NONE, view.media(0).connection().from());
        assertTrue(view.media(0).hasOwnConnection());
        assertEquals(SipReason.SDP_CONNECTION_TWICE, view.media(0).refusal());
      }
      SdpMedia rtcp = SdpText.read(AUDIO + "a=rtcp:1 IN IP4 192.0.2.1\r\na=rtcp:1\r\n").media(0);
      assertEquals(SdpView.NONE, rtcp.rtcpAddress().from());
      assertEquals(SdpView.NONE, rtcp.rtcpPortFrom());
      assertEquals(0, rtcp.rtcpPort());
    }

    private SdpAddress.Found origin(String text) {
      return SdpText.read(text).origin().found();
    }
  }

  @Nested
  class Candidates {
    private static final String ICE =
        """
        c=IN IP4 198.51.100.10
        m=audio 4000 RTP/AVP 0
        a=candidate:1 1 UDP 2130706431 198.51.100.10 4000 typ host
        a=candidate:1 2 udp 2130706430 198.51.100.10 4001 typ host generation 0
        a=candidate:2 1 UDP 2130706431 2001:db8::1 4000 typ host
        a=candidate:3 1 UDP 1 203.0.113.1 4000 typ srflx raddr 198.51.100.10 rport 4000
        """;

    private List<String> matching(String text, int stream) {
      SdpView view = SdpText.read(text);
      List<String> found = new ArrayList<>();
      CandidateView candidates = view.candidates(stream);
      while (candidates.next()) {
        SdpAddress address = candidates.address();
        int before = SdpText.BEFORE;
        found.add(
            (candidates.isRtcp() ? "rtcp " : "")
                + text.substring(address.from() - before, address.to() - before)
                + " "
                + text.substring(candidates.portFrom() - before, candidates.portTo() - before));
      }
      assertFalse(candidates.next());
      return found;
    }

    @Test
    void ofThePairsOfTheStream_areFound_othersAreNot() {
      assertEquals(List.of("198.51.100.10 4000", "rtcp 198.51.100.10 4001"), matching(ICE, 0));
      assertEquals(List.of(), matching(ICE + "m=video 4002 RTP/AVP 9\r\n", 1));
    }

    @Test
    void ofRtcp_areThoseOfItsOwnLine_alsoIfThatComesLater() {
      assertEquals(List.of("198.51.100.10 4000"), matching(ICE + "a=rtcp:4010\r\n", 0));
      assertEquals(
          List.of("198.51.100.10 4000"), matching(ICE + "a=rtcp:4001 IN IP4 198.51.100.11\r\n", 0));
      assertEquals(
          List.of("198.51.100.10 4000", "rtcp 198.51.100.10 4001"),
          matching(ICE + "a=rtcp:4001 IN IP4 198.51.100.10\r\na=rtcp-mux\r\n", 0));
      assertEquals(List.of("198.51.100.10 4000"), matching(ICE + "a=rtcp-mux-only\r\n", 0));
    }

    @Test
    void overIpv6_areComparedAsAddresses() {
      String six =
          "m=audio 4000 RTP/AVP 0\nc=IN IP6 2001:db8::1\n"
              + "a=candidate:1 1 UDP 1 2001:0DB8:0:0::1 04000 typ host";
      assertEquals(List.of("2001:0DB8:0:0::1 04000"), matching(six, 0));
    }

    @Test
    void overTcp_areOfTcp() {
      String tcp =
          AUDIO.replace("RTP", "TCP/RTP")
              + "a=candidate:1 1 UDP 1 198.51.100.10 4000 typ host\r\n"
              + "a=candidate:1 1 TCP 1 198.51.100.10 4000 typ host tcptype passive\r\n";
      assertEquals(1, matching(tcp, 0).size());
    }

    @Test
    void ofAStreamThatIsOffOrRefused_areLeftAlone() {
      assertEquals(List.of(), matching(ICE.replace("m=audio 4000", "m=audio 0"), 0));
      assertEquals(List.of(), matching(ICE + "a=rtcp:1\r\na=rtcp:2\r\n", 0));
      assertEquals(
          List.of(), matching(ICE.replace("c=IN IP4 198.51.100.10", "c=IN IP4 0.0.0.0"), 0));
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "a=candidate:",
          "a=candidate:1",
          "a=candidate:1 x UDP 1 198.51.100.10 4000 typ host",
          "a=candidate:1 0 UDP 1 198.51.100.10 4000 typ host",
          "a=candidate:1 3 UDP 1 198.51.100.10 4000 typ host",
          "a=candidate:1 4294967297 UDP 1 198.51.100.10 4000 typ host",
          "a=candidate:1 1 SCTP 1 198.51.100.10 4000 typ host",
          "a=candidate:1 1 UDP",
          "a=candidate:1 1 UDP 1 198.51.100.11 4000 typ host",
          "a=candidate:1 1 UDP 1 phone.local 4000 typ host",
          "a=candidate:1 1 UDP 1 ::ffff:198.51.100.10 4000 typ host",
          "a=candidate:1 1 UDP 1 198.51.100.10x 4000 typ host",
          "a=candidate:1 1 UDP 1 198.51.100.10 4001 typ host",
          "a=candidate:1 1 UDP 1 198.51.100.10 69536 typ host",
          "a=candidate:1 1 UDP 1 198.51.100.10 4000x typ host",
          "a=candidate:1 1 UDP 1 198.51.100.10 4000",
          "a=candidate:1 1 UDP 1 198.51.100.10 4000 typ",
          "a=candidate:1 1 UDP 1 198.51.100.10 4000 typ relay",
          "a=candidate:1 1 UDP 1 198.51.100.10 4000 type host",
          "a=candidate:1 2 UDP 1 198.51.100.10 4000 typ host",
          "a=candidate",
          "a=candidates:1 1 UDP 1 198.51.100.10 4000 typ host",
          "b=candidate:1 1 UDP 1 198.51.100.10 4000 typ host"
        })
    void whatIsNoneOfThePairs(String line) {
      assertEquals(List.of(), matching(AUDIO + line, 0));
    }
  }
}
