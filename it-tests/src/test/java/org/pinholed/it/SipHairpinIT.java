package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pinholed.it.lab.Datagrams;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.RtpPeer;
import org.pinholed.it.lab.SipCall;
import org.pinholed.it.lab.SipCall.Side;
import org.pinholed.it.lab.SipLine;
import org.pinholed.it.lab.SipMessage;
import org.pinholed.it.lab.SipRegistration;
import org.pinholed.it.lab.SipScenario;
import org.pinholed.it.lab.SipSdp;

/**
 * Two phones behind the same translation call each other by a proxy outside: each hears of the
 * other's inside address, so that their media need not go out and come in again.
 */
class SipHairpinIT {
  /** The proxy sends on what it heard, with its own Via on top (RFC 3261 section 16.6). */
  private static SipMessage forwarded(SipMessage heard, String target, Endpoint proxy) {
    List<String> headers = new ArrayList<>(heard.headers());
    headers.add(
        0,
        "Via: SIP/2.0/UDP %s:%d;branch=z9hG4bKproxy-%s"
            .formatted(
                Family.inUrl(proxy.host()), proxy.port(), heard.header("CSeq").split(" ", 2)[0]));
    String start =
        heard.isRequest() ? heard.method() + " " + target + " SIP/2.0" : heard.startLine();
    return new SipMessage(start, headers, heard.body());
  }

  private static SipMessage withoutTopVia(SipMessage heard) {
    List<String> headers = new ArrayList<>(heard.headers());
    assertTrue(headers.get(0).contains("proxy-"), heard::text);
    headers.remove(0);
    return new SipMessage(heard.startLine(), headers, heard.body());
  }

  @ParameterizedTest
  @EnumSource
  void mediaOfTwoPhonesInside_stayInside(Family family) {
    try (SipScenario scenario = SipScenario.start(NatMode.MASQUERADE, family);
        SipLine one = scenario.udpFrom(family.client(), 5062);
        SipLine two = scenario.udpFrom(family.otherClient(), 5062);
        RtpPeer oneMedia = RtpPeer.open(scenario.client(), family.client(), 30000);
        RtpPeer twoMedia = RtpPeer.open(scenario.client(), family.otherClient(), 30000)) {
      Endpoint proxy = one.server();
      String twoTarget = new SipRegistration(two).connect(60);
      SipRegistration caller = new SipRegistration(one);
      caller.connect(60);

      SipMessage invite =
          caller
              .build(caller.contact(5062), 60)
              .without("Expires")
              .with("CSeq", "50 INVITE")
              .withBody("application/sdp", oneMedia.sdp().text());
      invite =
          new SipMessage("INVITE sip:two@example.org SIP/2.0", invite.headers(), invite.body());
      SipMessage atProxy = one.say(true, invite);
      assertEquals(one.dialogue().clientSeenByServer().host(), atProxy.sdp().rtp().host());

      SipMessage atTwo = two.say(false, forwarded(atProxy, twoTarget, proxy));
      assertEquals(oneMedia.rtp().local(), atTwo.sdp().rtp(), "the inside pair");
      SipMessage ok =
          new SipMessage("SIP/2.0 200 OK", atTwo.headers(), "")
              .with("To", atTwo.header("To") + ";tag=two")
              .with("Contact", "<sip:two@" + Family.inUrl(two.client().host()) + ":5062>")
              .withBody("application/sdp", twoMedia.sdp().text());
      SipMessage okAtProxy = two.say(true, ok);
      SipMessage okAtOne = one.say(false, withoutTopVia(okAtProxy));
      assertEquals(twoMedia.rtp().local(), okAtOne.sdp().rtp(), "the inside pair");
      oneMedia.talkTo(twoMedia, okAtOne.sdp(), oneMedia.sdp());
      twoMedia.talkTo(oneMedia, atTwo.sdp(), twoMedia.sdp());

      SipMessage bye =
          new SipMessage("BYE " + okAtOne.contactUri() + " SIP/2.0", invite.headers(), "")
              .with("CSeq", "51 BYE")
              .with("Via", invite.header("Via").replace("branch=z9hG4bK", "branch=z9hG4bKbye"))
              .with("To", okAtOne.header("To"))
              .without("Content-Type")
              .with("Content-Length", "0");
      SipMessage byeAtTwo = two.say(false, forwarded(one.say(true, bye), twoTarget, proxy));
      SipMessage byeOk = new SipMessage("SIP/2.0 200 OK", byeAtTwo.headers(), "");
      one.say(false, withoutTopVia(two.say(true, byeOk)));
      scenario.awaitNoMedia();
      scenario.assertClean();
    }
  }

  /**
   * The ports of a phone are told to those whom it told them itself, and not to whoever guesses.
   */
  @ParameterizedTest
  @EnumSource
  void farEnd_doesNotNameThePortsOfACallWithAnotherServer(Family family) {
    try (SipScenario scenario = SipScenario.start(NatMode.MASQUERADE, family);
        Datagrams otherServer = scenario.server().datagrams(family.otherServer(), 5060);
        SipLine other =
            scenario.udp(scenario.client().datagrams(family.otherClient(), 5062), otherServer);
        SipLine line = scenario.udp(5064);
        SipCall theirs =
            scenario.call(
                other,
                RtpPeer.open(scenario.client(), family.otherClient(), 30000),
                RtpPeer.open(scenario.server(), family.otherServer(), 31000));
        SipCall call = scenario.call(line)) {
      theirs.connect();
      theirs.assertAudio();
      SipSdp named = SipSdp.audio(theirs.heard(Side.CALLEE).rtp());
      call.request(Side.CALLER, "INVITE", call.audio(Side.CALLER).sdp());
      SipMessage heard =
          call.answer(Side.CALLEE, 200, named, "Record-Route: <sip:" + outside(other) + ";lr>");
      assertEquals(named.lines(), heard.sdp().lines(), "it passes as it came");
      assertEquals("<sip:" + outside(other) + ";lr>", heard.header("Record-Route"));
      scenario.await(() -> !scenario.events("refused").isEmpty());
      assertTrue(
          scenario.events("refused").stream()
              .allMatch(event -> event.path("reason").asText().equals("addressNotSender")));
      for (JsonNode row : scenario.rows("expectations")) {
        String inside = row.path("translatedDestination").path("address").asText();
        String to = inside.isEmpty() ? row.path("destination").path("address").asText() : inside;
        if (to.equals(family.otherClient())) {
          String source = row.path("source").path("address").asText();
          assertEquals(family.otherServer(), source, row::toString);
        }
      }
      theirs.assertAudio();
      theirs.hangUp(Side.CALLER);
    }
  }

  private static String outside(SipLine line) {
    Endpoint seen = line.dialogue().clientSeenByServer();
    return Family.inUrl(seen.host()) + ":" + seen.port();
  }
}
