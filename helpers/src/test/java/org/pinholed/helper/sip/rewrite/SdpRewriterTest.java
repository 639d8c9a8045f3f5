package org.pinholed.helper.sip.rewrite;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.pinholed.helper.Transport;
import org.pinholed.helper.sip.words.SipReason;

/** Addresses and ports of descriptions, towards the outside and back. */
class SdpRewriterTest {
  private static final String HEAD =
      crlf(
          """
          INVITE sip:b@x SIP/2.0
          Via: SIP/2.0/UDP phone.example;branch=z9hG4bK1
          From: <sip:a@x>;tag=1
          To: <sip:b@x>
          Call-ID: 1
          CSeq: 1 INVITE
          Content-Type: application/sdp

          """);

  private static Rewriting flow() {
    return Rewriting.masqueraded(Transport.UDP)
        .map(Transport.UDP, "192.0.2.10:4000", "203.0.113.1:6000")
        .map(Transport.UDP, "192.0.2.10:4001", "203.0.113.1:6001")
        .map(Transport.UDP, "192.0.2.10:4010", "203.0.113.1:6010")
        .map(Transport.UDP, "192.0.2.10:4002", "203.0.113.1:4002");
  }

  private static void toOutside(Rewriting flow, String before, String after) {
    assertEquals(HEAD + after, flow.client(HEAD + before));
  }

  private static void toInside(Rewriting flow, String before, String after) {
    assertEquals(HEAD + after, flow.server(HEAD + before));
  }

  private static final String INSIDE =
      crlf(
          """
          v=0
          o=192.0.2.10 1 1 IN IP4 192.0.2.10
          s=192.0.2.10
          i=192.0.2.10
          c=IN IP4 192.0.2.10
          t=0 0
          a=x:192.0.2.10
          m=audio 4000 RTP/AVP 0 4000
          a=rtpmap:4000 x/8000
          a=rtcp:4010 IN IP4 192.0.2.10
          a=candidate:1 1 UDP 2130706431 192.0.2.10 4000 typ host generation 0
          a=candidate:1 2 UDP 2130706430 192.0.2.10 4010 typ host
          a=candidate:2 1 UDP 1694498815 203.0.113.77 6000 typ srflx raddr 192.0.2.10 rport 4000
          a=candidate:3 1 UDP 2130706431 192.0.2.10 4999 typ host
          a=candidate:4 1 UDP 2130706431 192.0.2.11 4000 typ host
          m=video 4002 RTP/AVP 31
          c=IN IP4 192.0.2.10
          m=audio 0 RTP/AVP 8
          """);

  private static final String OUTSIDE =
      crlf(
          """
          v=0
          o=192.0.2.10 1 1 IN IP4 203.0.113.1
          s=192.0.2.10
          i=192.0.2.10
          c=IN IP4 203.0.113.1
          t=0 0
          a=x:192.0.2.10
          m=audio 6000 RTP/AVP 0 4000
          a=rtpmap:4000 x/8000
          a=rtcp:6010 IN IP4 203.0.113.1
          a=candidate:1 1 UDP 2130706431 203.0.113.1 6000 typ host generation 0
          a=candidate:1 2 UDP 2130706430 203.0.113.1 6010 typ host
          a=candidate:2 1 UDP 1694498815 203.0.113.77 6000 typ srflx raddr 192.0.2.10 rport 4000
          a=candidate:3 1 UDP 2130706431 192.0.2.10 4999 typ host
          a=candidate:4 1 UDP 2130706431 192.0.2.11 4000 typ host
          m=video 4002 RTP/AVP 31
          c=IN IP4 203.0.113.1
          m=audio 0 RTP/AVP 8
          """);

  @Test
  void allTogether_andBackForWhoeverIsInside() {
    toOutside(flow(), INSIDE, OUTSIDE);
    toInside(flow(), OUTSIDE, INSIDE);
  }

  @Test
  void theOrigin_onlyIfItIsTheSendersOwn() {
    String other =
        "v=0\r\no=- 1 1 IN IP4 192.0.2.11\r\ns=-\r\nc=IN IP4 %s\r\nm=audio %s RTP/AVP 0\r\n";
    toOutside(
        flow(),
        String.format(other, "192.0.2.10", "4000"),
        String.format(other, "203.0.113.1", "6000"));
  }

  @Test
  void onHold_theAddressStays_theRestDoesNot() {
    toOutside(
        flow(),
        "v=0\r\no=- 1 2 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nm=audio 4000 RTP/AVP 0\r\n",
        "v=0\r\no=- 1 2 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nm=audio 4000 RTP/AVP 0\r\n");
  }

  @Test
  void whereNothingIsOpen_nothingLeadsThere() {
    String text =
        "v=0\r\no=- 1 2 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nm=audio 22 RTP/AVP 0\r\n";
    toOutside(flow(), text, text);
  }

  @Test
  void oneStreamRefused_goesAlongWithTheAddressThatTheOthersNeed() {
    toOutside(
        flow(),
        "v=0\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nm=audio 22 RTP/AVP 0\r\nm=video 4000 RTP/AVP 31\r\n",
        "v=0\r\ns=-\r\nc=IN IP4 203.0.113.1\r\nm=audio 22 RTP/AVP 0\r\nm=video 6000 RTP/AVP 31\r\n");
  }

  @Test
  void streamsThatShareAnAddress_andAreReachedAtDifferentOnes_stay() {
    Rewriting flow = flow().map(Transport.UDP, "192.0.2.20:4100", "203.0.113.1:7000");
    String text =
        "v=0\r\ns=-\r\nc=IN IP4 203.0.113.1\r\nm=audio 6000 RTP/AVP 0\r\nm=video 7000 RTP/AVP 31\r\n";
    toInside(flow, text, text);
    assertEquals(SipReason.SDP_ADDRESSES_DIFFER, flow.sdpReason);
    // one of them is of nobody here: to change the address would lead it astray
    String half = text.replace("7000", "7777");
    toInside(flow, half, half);
    assertEquals(SipReason.SDP_ADDRESSES_DIFFER, flow.sdpReason);
    // with addresses of their own there is no question
    toInside(
        flow,
        crlf(
            """
          v=0
          s=-
          m=audio 6000 RTP/AVP 0
          c=IN IP4 203.0.113.1
          m=video 7000 RTP/AVP 31
          c=IN IP4 203.0.113.1
          """),
        crlf(
            """
          v=0
          s=-
          m=audio 4000 RTP/AVP 0
          c=IN IP4 192.0.2.10
          m=video 4100 RTP/AVP 31
          c=IN IP4 192.0.2.20
          """));
  }

  @Test
  void whatTheOtherSideSaysOfItself_stays() {
    String text =
        "v=0\r\no=- 1 1 IN IP4 203.0.113.10\r\ns=-\r\nc=IN IP4 203.0.113.10\r\nm=audio 6000 RTP/AVP 0\r\n";
    toInside(flow(), text, text);
  }

  @Test
  void namesAndRtcpWithoutAddress() {
    String name = "v=0\r\ns=-\r\nc=IN IP4 phone.example\r\nm=audio 4000 RTP/AVP 0\r\n";
    toOutside(flow(), name, name);
    toOutside(
        flow(),
        "v=0\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nm=audio 4000 RTP/AVP 0\r\na=rtcp:4010\r\n",
        "v=0\r\ns=-\r\nc=IN IP4 203.0.113.1\r\nm=audio 6000 RTP/AVP 0\r\na=rtcp:6010\r\n");
  }

  @Test
  void onePartOfABodyOfSeveral() {
    String head =
        HEAD.replace("Content-Type: application/sdp", "Content-Type: multipart/mixed;boundary=x");
    String part =
        crlf(
            """
          --x
          Content-Type: text/plain

          c=IN IP4 192.0.2.10
          --x
          Content-Type: application/sdp

          %s--x--
          """);
    String inside = "v=0\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nm=audio 4000 RTP/AVP 0\r\n";
    String outside = "v=0\r\ns=-\r\nc=IN IP4 203.0.113.1\r\nm=audio 6000 RTP/AVP 0\r\n";
    assertEquals(
        head + String.format(part, outside), flow().client(head + String.format(part, inside)));
  }

  @Test
  void overIpv6() {
    Rewriting flow =
        new Rewriting(
                Transport.UDP,
                "[2001:db8:1::10]:5062",
                "[2001:db8:2::1]:5062",
                "[2001:db8:3::10]:5060",
                "[2001:db8:3::10]:5060")
            .map(Transport.UDP, "[2001:db8:1::10]:4000", "[2001:db8:2::1]:4000");
    toOutside(
        flow,
        "v=0\r\no=- 1 1 IN IP6 2001:DB8:1:0::10\r\ns=-\r\nc=IN IP6 2001:db8:1::0010\r\nm=audio 4000 RTP/AVP 0\r\n",
        "v=0\r\no=- 1 1 IN IP6 2001:db8:2::1\r\ns=-\r\nc=IN IP6 2001:db8:2::1\r\nm=audio 4000 RTP/AVP 0\r\n");
  }

  private static String crlf(String text) {
    return text.replace("\n", "\r\n");
  }
}
