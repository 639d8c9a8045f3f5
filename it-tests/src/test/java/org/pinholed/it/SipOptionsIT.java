package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.pinholed.it.lab.Datagrams;
import org.pinholed.it.lab.Endpoint;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.NatMode;
import org.pinholed.it.lab.RtpPeer;
import org.pinholed.it.lab.SipCall;
import org.pinholed.it.lab.SipCall.Side;
import org.pinholed.it.lab.SipLine;
import org.pinholed.it.lab.SipMessage;
import org.pinholed.it.lab.SipScenario;
import org.pinholed.it.lab.SipSdp;

/** What the options of an entry change that are neither limits nor the source of media. */
class SipOptionsIT {
  private static SipScenario masqueraded(String options) {
    return SipScenario.start(NatMode.MASQUERADE, Family.V4, options);
  }

  /** What flows when the call ends goes on, and nobody else is let in. */
  @Test
  void cutMediaFalse_letsTheMediaOfAnEndedCallFinish() {
    try (SipScenario scenario = masqueraded("cutMedia: false");
        SipLine line = scenario.udp(5062);
        SipCall call = scenario.call(line).connect();
        Datagrams fresh = scenario.atServer(0)) {
      SipSdp callerTold = call.heard(Side.CALLEE);
      SipSdp calleeTold = call.heard(Side.CALLER);
      call.assertAudio();
      call.hangUp(Side.CALLER);
      scenario.awaitNoMedia();
      RtpPeer near = call.audio(Side.CALLER);
      RtpPeer far = call.audio(Side.CALLEE);
      scenario.assertOpen(far.rtp(), callerTold.rtp(), near.rtp());
      scenario.assertOpen(near.rtp(), calleeTold.rtp(), far.rtp());
      scenario.assertShut(fresh, callerTold.rtp(), near.rtp());
      scenario.assertStrangersOut(call);
      scenario.assertClean();
    }
  }

  @Test
  void partiesShown_namesWhoCallsWhom() {
    try (SipScenario scenario = masqueraded("parties: shown");
        SipLine line = scenario.udp(5062);
        SipCall call = scenario.call(line).connect()) {
      String table = scenario.agent().ctl("calls").orFail();
      assertTrue(table.contains("alice@example.org"), table);
      assertTrue(table.contains("bob@example.org"), table);
      call.hangUp(Side.CALLER);
      scenario.assertClean();
    }
  }

  /** A port that the operator denies is not opened, whoever names it; the rest of the call is. */
  @Test
  void deniedPorts_stayShut_andAreReported() {
    try (SipScenario scenario = masqueraded("deniedPorts: ['32500-32509']");
        SipLine line = scenario.udp(5062);
        SipCall call = scenario.call(line);
        Datagrams denied = scenario.atClient(32504)) {
      SipSdp offer = call.audio(Side.CALLER).sdp().plus("m=video 32504 RTP/AVP 31");
      SipMessage heard = call.request(Side.CALLER, "INVITE", offer);
      assertTrue(heard.body().contains("m=video 32504 RTP/AVP 31"), heard::body);
      call.answer(Side.CALLEE, 200, call.audio(Side.CALLEE).sdp().plus("m=video 33504 RTP/AVP 31"));
      call.request(Side.CALLER, "ACK", null);
      call.assertAudio();
      try (Datagrams fresh = scenario.atServer(0)) {
        scenario.assertShut(fresh, new Endpoint("203.0.113.1", 32504), denied);
      }
      scenario.await(() -> scenario.events("refused").toString().contains("portDenied"));
      call.hangUp(Side.CALLER);
      scenario.awaitNoMedia();
      scenario.assertClean();
    }
  }

  /** A gateway beside the PBX, that the operator named: its media are reached. */
  @Test
  void mediaNetworks_letAPbxAnnounceItsGateway() {
    try (SipScenario scenario =
            SipScenario.start(
                null, Family.V4, "mediaNetworks: ['%s/32']".formatted(Family.V4.otherClient()));
        SipLine line = scenario.udp(5062);
        SipCall call =
            scenario.call(
                line,
                RtpPeer.open(scenario.client(), Family.V4.otherClient(), 32600),
                RtpPeer.open(scenario.server(), Family.V4.server(), 33600))) {
      SipSdp offer = call.audio(Side.CALLER).sdp();
      assertEquals(offer, call.request(Side.CALLER, "INVITE", offer).sdp());
      Datagrams far = call.audio(Side.CALLEE).rtp();
      scenario.assertOpen(far, offer.rtp(), call.audio(Side.CALLER).rtp());
      scenario.assertShut(scenario.serverStranger(), offer.rtp(), call.audio(Side.CALLER).rtp());
      call.answer(Side.CALLEE, 486, null);
      call.request(Side.CALLER, "ACK", null);
      scenario.awaitNoMedia();
      scenario.assertClean();
    }
  }
}
