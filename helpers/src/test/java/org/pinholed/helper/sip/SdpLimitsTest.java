package org.pinholed.helper.sip;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.Transport;
import org.pinholed.helper.testkit.Dialogue;
import org.pinholed.helper.testkit.HelperRun;
import org.pinholed.helper.testkit.HelperSetup;

/** What of a description is not opened is told, and the rest of it opens. */
class SdpLimitsTest {
  private static List<String> outcomes(int mediaPerCall, String... media) {
    HelperSetup setup =
        new HelperSetup(
            new SipProtocol(),
            Map.of("mediaPerCall", mediaPerCall),
            SipFlow.LIMITS,
            SipFlow.routed(Transport.UDP, FlowFacts.Origin.FIRST_BYTE),
            null);
    String sdp = "v=0\r\nc=IN IP4 198.51.100.10\r\n" + String.join("\r\n", media) + "\r\n";
    String invite =
        "INVITE sip:b@203.0.113.10 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.10:5062;branch=z9hG4bK1"
            + "\r\nFrom: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\nCall-ID: o\r\n"
            + "CSeq: 1 INVITE\r\nContent-Type: application/sdp\r\nContent-Length: "
            + sdp.length()
            + "\r\n\r\n"
            + sdp;
    return new HelperRun(setup).say(new Dialogue().client(invite)).sink().outcomes();
  }

  private static long saying(List<String> outcomes, String what) {
    return outcomes.stream().filter(outcome -> outcome.contains(what)).count();
  }

  @Test
  void oneStreamMoreThanMediaPerCall_isTold_andTheOthersOpen() {
    String[] two = {"m=image 4000 udptl t38", "m=image 4002 udptl t38"};
    assertEquals(0, saying(outcomes(2, two), "SDP_TOO_MANY_STREAMS"));
    assertTrue(saying(outcomes(2, two), ":4002") > 0, () -> outcomes(2, two).toString());
    assertEquals(1, saying(outcomes(1, two), "SDP_TOO_MANY_STREAMS"));
    assertTrue(saying(outcomes(1, two), ":4000") > 0, () -> outcomes(1, two).toString());
    assertEquals(0, saying(outcomes(1, two), ":4002"));
  }

  @Test
  void ofSeveralPairsOfPorts_theFirstOpens_andTheOthersAreTold() {
    List<String> outcomes = outcomes(16, "m=video 4000/2 RTP/AVP 31");
    assertEquals(1, saying(outcomes, "SDP_MORE_PAIRS"));
    assertTrue(saying(outcomes, ":4000") > 0, outcomes::toString);
    assertTrue(saying(outcomes, ":4001") > 0, outcomes::toString);
    assertEquals(0, saying(outcomes, ":4002"));
    assertEquals(0, saying(outcomes(16, "m=video 4000/1 RTP/AVP 31"), "SDP_MORE_PAIRS"));
  }
}
