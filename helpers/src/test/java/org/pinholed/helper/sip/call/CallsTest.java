package org.pinholed.helper.sip.call;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.pinholed.helper.sip.call.CallBench.INSIDE;
import static org.pinholed.helper.sip.call.CallBench.OUTSIDE;
import static org.pinholed.helper.sip.call.CallBench.PHONE;
import static org.pinholed.helper.sip.call.CallBench.SERVER;
import static org.pinholed.helper.sip.call.CallBench.address;
import static org.pinholed.helper.sip.call.CallBench.sdp;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.sip.policy.SipSettings.MediaFrom;
import org.pinholed.helper.sip.words.SipWord;

/** What is open after which messages; one nest for each hard question. */
class CallsTest {
  private static final String STRANGER = "203.0.113.66";

  private final CallBench bench = new CallBench();
  private final CallBench.Talk flow = bench.flow(CallBench.routed(PHONE, SERVER));

  private Set<Integer> toPhone() {
    return bench.model.mediaPorts(address(PHONE));
  }

  private Set<Integer> toServer() {
    return bench.model.mediaPorts(address(SERVER));
  }

  private static Set<Integer> pair(int port) {
    return Set.of(port, port + 1);
  }

  private void invite() {
    flow.client(SipWord.INVITE).tags("f", "").audio(PHONE, 4000).contact(PHONE, 5060).say();
  }

  private void call() {
    invite();
    flow.serverAnswers(200, SipWord.INVITE).audio(SERVER, 6000).contact(SERVER, 5060).say();
    flow.client(SipWord.ACK).say();
  }

  private void nothingIsLeft() {
    assertEquals(Set.of(), bench.model.open());
    assertEquals(Set.of(), bench.model.groups());
  }

  @Nested
  class AcrossFlows {
    @Test
    void byeOverAnotherFlow_endsTheCall() {
      call();
      CallBench.Talk other =
          bench.flow(CallBench.translated(SERVER, 5070, SERVER, 5070, PHONE)); // the server calls
      other.client(SipWord.BYE).cseq(7).tags("t", "f").say();
      other.serverAnswers(200, SipWord.BYE).cseq(7).tags("t", "f").say();
      nothingIsLeft();
    }

    @Test
    void byeThatLeavesOutTheProxy_endsTheCall_ifItsSenderIsAParty() {
      flow.client(SipWord.INVITE).tags("f", "").audio(PHONE, 4000).say();
      flow.serverAnswers(200, SipWord.INVITE)
          .audio(SERVER, 6000)
          .contact("203.0.113.20", 5060)
          .say();
      CallBench.Talk direct = bench.flow(CallBench.routed(PHONE, "203.0.113.20"));
      direct.server(SipWord.BYE).cseq(7).tags("t", "f").say();
      direct.clientAnswers(200, SipWord.BYE).cseq(7).tags("t", "f").say();
      nothingIsLeft();
    }
  }

  @Nested
  class Ends {
    @Test
    void byeOfAStranger_changesNothing() {
      call();
      CallBench.Talk other = bench.flow(CallBench.routed(STRANGER, PHONE));
      other.client(SipWord.BYE).cseq(7).tags("t", "f").say();
      other.serverAnswers(200, SipWord.BYE).cseq(7).tags("t", "f").say();
      assertEquals(List.of("notAParty"), bench.model.takeReasons());
      assertEquals(pair(4000), toPhone());
      assertEquals(pair(6000), toServer());
    }

    @Test
    void answerToAByeThatWasNotSeen_changesNothing() {
      call();
      flow.serverAnswers(200, SipWord.BYE).cseq(2).say();
      assertEquals(pair(4000), toPhone());
      flow.client(SipWord.BYE).cseq(2).tags("f", "other").say();
      flow.serverAnswers(200, SipWord.BYE).cseq(2).tags("f", "other").say();
      assertEquals(pair(4000), toPhone());
    }

    @Test
    void answerToAnotherBye_changesNothing() {
      call();
      flow.client(SipWord.BYE).cseq(2).say();
      flow.serverAnswers(200, SipWord.BYE).cseq(3).say(); // another number
      assertEquals(pair(4000), toPhone());
      flow.clientAnswers(200, SipWord.BYE).cseq(2).tags("t", "f").say(); // to a BYE of the server
      assertEquals(pair(4000), toPhone());
      flow.serverAnswers(200, SipWord.BYE).cseq(2).say();
      nothingIsLeft();
    }

    @Test
    void byesThatCross_endTheCall() {
      call();
      flow.client(SipWord.BYE).cseq(2).say();
      flow.server(SipWord.BYE).cseq(9).tags("t", "f").say();
      flow.serverAnswers(200, SipWord.BYE).cseq(2).say();
      flow.clientAnswers(200, SipWord.BYE).cseq(9).tags("t", "f").say();
      nothingIsLeft();
    }

    @Test
    void bye408And481_endTheCall() {
      for (int status : new int[] {408, 481}) {
        call();
        flow.client(SipWord.BYE).cseq(2).say();
        flow.serverAnswers(100, SipWord.BYE).cseq(2).say();
        assertEquals(pair(4000), toPhone());
        flow.serverAnswers(status, SipWord.BYE).cseq(2).say();
        nothingIsLeft();
        bench.model.pass(Duration.ofSeconds(40));
      }
    }

    @Test
    void byeThatNobodyAnswers_endsTheCallAfter32s() {
      call();
      flow.client(SipWord.BYE).cseq(2).say();
      bench.model.pass(Duration.ofSeconds(20));
      flow.client(SipWord.BYE).cseq(2).say(); // sent again
      bench.model.pass(Duration.ofSeconds(11));
      assertEquals(pair(4000), toPhone());
      bench.model.pass(Duration.ofSeconds(1));
      nothingIsLeft();
      assertTrue(bench.model.cut().contains(SERVER + " > " + PHONE + ":4000"));
    }

    @Test
    void byeThatIsRefused_setsTheTimeBack() {
      call();
      flow.client(SipWord.BYE).cseq(2).say();
      assertEquals(Duration.ofSeconds(32), bench.model.kept().orElseThrow());
      bench.model.pass(Duration.ofSeconds(5));
      flow.serverAnswers(500, SipWord.BYE).cseq(2).say();
      bench.model.pass(Duration.ofHours(11));
      assertEquals(pair(4000), toPhone());
    }

    @Test
    void cancelEndsNothing_theFinalAnswerDoes() {
      invite();
      flow.serverAnswers(180, SipWord.INVITE).say();
      flow.client(SipWord.CANCEL).tags("f", "").say();
      flow.serverAnswers(200, SipWord.CANCEL).say();
      assertEquals(pair(4000), toPhone());
      flow.serverAnswers(487, SipWord.INVITE).say();
      nothingIsLeft();
    }

    @Test
    void redirection_endsTheCall_anotherInviteBeginsOne() {
      invite();
      flow.serverAnswers(302, SipWord.INVITE).say();
      nothingIsLeft();
      flow.client(SipWord.INVITE).cseq(2).tags("f", "").audio(PHONE, 4000).say();
      assertEquals(pair(4000), toPhone());
    }

    @Test
    void challenge_closesNothing_andTheInviteComesAgain() {
      for (int status : new int[] {401, 407}) {
        flow.client(SipWord.INVITE).call("c" + status).tags("f", "").audio(PHONE, 4000).say();
        flow.serverAnswers(status, SipWord.INVITE).call("c" + status).tags("f", "x").say();
        flow.client(SipWord.ACK).call("c" + status).tags("f", "x").say();
        assertEquals(pair(4000), toPhone());
        flow.client(SipWord.INVITE)
            .cseq(2)
            .call("c" + status)
            .tags("f", "")
            .audio(PHONE, 4000)
            .say();
        flow.serverAnswers(200, SipWord.INVITE)
            .cseq(2)
            .call("c" + status)
            .audio(SERVER, 6000)
            .say();
        assertEquals(pair(6000), toServer());
        flow.client(SipWord.BYE).cseq(3).call("c" + status).say();
        flow.serverAnswers(200, SipWord.BYE).cseq(3).call("c" + status).say();
        nothingIsLeft();
      }
    }

    @Test
    void failureFromAnotherPlace_endsNothing() {
      invite();
      CallBench.Talk other = bench.flow(CallBench.routed(PHONE, STRANGER));
      other.serverAnswers(486, SipWord.INVITE).say();
      assertEquals(pair(4000), toPhone());
    }
  }

  @Nested
  class Lifetimes {
    @Test
    void unanswered_32s_ringing_180sAfterTheLast1xx() {
      invite();
      assertEquals(Duration.ofSeconds(32), bench.model.kept().orElseThrow());
      flow.serverAnswers(100, SipWord.INVITE).tags("f", "").say();
      assertEquals(Duration.ofMinutes(3), bench.model.kept().orElseThrow());
      bench.model.pass(Duration.ofSeconds(170));
      flow.serverAnswers(180, SipWord.INVITE).say();
      bench.model.pass(Duration.ofSeconds(170));
      assertEquals(pair(4000), toPhone());
      bench.model.pass(Duration.ofSeconds(10));
      nothingIsLeft();
    }

    @Test
    void sessionTimer_32sMore_refreshSetsItAnew() {
      invite();
      flow.serverAnswers(200, SipWord.INVITE).audio(SERVER, 6000).expires(1800).say();
      assertEquals(Duration.ofSeconds(1832), bench.model.kept().orElseThrow());
      bench.model.pass(Duration.ofMinutes(15));
      flow.client(SipWord.UPDATE).cseq(2).say();
      flow.serverAnswers(200, SipWord.UPDATE).cseq(2).expires(1800).say();
      bench.model.pass(Duration.ofSeconds(1831));
      assertEquals(pair(4000), toPhone());
      bench.model.pass(Duration.ofSeconds(1));
      nothingIsLeft();
    }

    @Test
    void withoutSessionTimer_maxCall() {
      call();
      bench.model.pass(Duration.ofHours(12).minusSeconds(1));
      assertEquals(pair(4000), toPhone());
      bench.model.pass(Duration.ofSeconds(1));
      nothingIsLeft();
    }

    @Test
    void sessionTimerBeyondMaxCall_isMaxCall() {
      invite();
      bench.model.pass(Duration.ofSeconds(10));
      flow.serverAnswers(200, SipWord.INVITE).audio(SERVER, 6000).expires(0xffff_ffffL).say();
      assertEquals(Duration.ofHours(12).minusSeconds(10), bench.model.kept().orElseThrow());
    }
  }

  @Nested
  class Offers {
    @Test
    void reoffer_bothSetsAreOpenUntilTheAnswer_oldPortsAreCut() {
      call();
      flow.client(SipWord.INVITE).cseq(2).audio(PHONE, 4020).say();
      flow.serverAnswers(183, SipWord.INVITE).cseq(2).audio(SERVER, 6020).say();
      assertEquals(Set.of(4000, 4001, 4020, 4021), toPhone());
      assertEquals(Set.of(6000, 6001, 6020, 6021), toServer());
      flow.serverAnswers(200, SipWord.INVITE).cseq(2).audio(SERVER, 6020).say();
      assertEquals(pair(4020), toPhone());
      assertEquals(pair(6020), toServer());
      assertTrue(bench.model.cut().contains(SERVER + " > " + PHONE + ":4000"));
      assertTrue(
          bench.model.cut().stream().noneMatch(cut -> cut.matches(".*:[46]02.")),
          "new ones are not");
    }

    @Test
    void refusedReoffer_newPortsClose_oldNeverClosed_copyOpensNothing() {
      for (int status : new int[] {488, 491, 408, 401}) {
        call();
        flow.client(SipWord.INVITE).cseq(2).audio(PHONE, 4020).say();
        flow.serverAnswers(status, SipWord.INVITE).cseq(2).say();
        assertEquals(pair(4000), toPhone(), "" + status);
        flow.client(SipWord.INVITE).cseq(2).audio(PHONE, 4020).say();
        assertEquals(pair(4000), toPhone(), "a copy");
        assertTrue(bench.model.cut().stream().allMatch(cut -> cut.contains(":402")));
        flow.client(SipWord.BYE).cseq(3).say();
        flow.serverAnswers(200, SipWord.BYE).cseq(3).say();
        bench.model.cut().clear();
        bench.model.pass(Duration.ofSeconds(40));
      }
    }

    @Test
    void reofferThatIsSentAgain_changesNothing() {
      call();
      for (int copy = 0; copy < 2; copy++) {
        flow.client(SipWord.INVITE).cseq(2).audio(PHONE, 4020).say();
        assertEquals(Set.of(4000, 4001, 4020, 4021), toPhone());
      }
      for (int copy = 0; copy < 2; copy++) {
        flow.serverAnswers(200, SipWord.INVITE).cseq(2).audio(SERVER, 6020).say();
        assertEquals(pair(4020), toPhone());
        assertEquals(pair(6020), toServer());
      }
      flow.client(SipWord.INVITE).cseq(2).audio(PHONE, 4020).say(); // late
      assertEquals(pair(4020), toPhone());
    }

    @Test
    void reofferRefusedAfterItsEarlyAnswer_bothNewSetsClose() {
      call();
      flow.client(SipWord.INVITE).cseq(2).audio(PHONE, 4020).say();
      flow.serverAnswers(183, SipWord.INVITE).cseq(2).audio(SERVER, 6020).say();
      flow.serverAnswers(488, SipWord.INVITE).cseq(2).say();
      assertEquals(pair(4000), toPhone());
      assertEquals(pair(6000), toServer());
    }

    @Test
    void lateReofferInA183_thenRefused_closes() {
      call();
      flow.client(SipWord.INVITE).cseq(2).say();
      flow.serverAnswers(183, SipWord.INVITE).cseq(2).audio(SERVER, 6020).say();
      assertEquals(Set.of(6000, 6001, 6020, 6021), toServer());
      flow.serverAnswers(480, SipWord.INVITE).cseq(2).say();
      assertEquals(pair(4000), toPhone());
      assertEquals(pair(6000), toServer());
    }

    @Test
    void reofferAcceptedWithoutADescription_itsEarlyAnswerCounts() {
      call();
      flow.client(SipWord.INVITE).cseq(2).audio(PHONE, 4020).say();
      flow.serverAnswers(183, SipWord.INVITE).cseq(2).audio(SERVER, 6020).say();
      flow.serverAnswers(200, SipWord.INVITE).cseq(2).say();
      assertEquals(pair(4020), toPhone());
      assertEquals(pair(6020), toServer());
    }

    @Test
    void answerOfOneWhoHasAnOfferUnderWay_isNoneBeforeThe2xx() {
      call();
      flow.server(SipWord.INVITE).cseq(9).tags("t", "f").audio(SERVER, 6040).say();
      flow.client(SipWord.INVITE).cseq(2).audio(PHONE, 4020).say();
      flow.serverAnswers(183, SipWord.INVITE).cseq(2).audio(SERVER, 6020).say();
      assertEquals(Set.of(6000, 6001, 6040, 6041), toServer());
      flow.serverAnswers(491, SipWord.INVITE).cseq(2).say();
      flow.clientAnswers(200, SipWord.INVITE).cseq(9).tags("t", "f").audio(PHONE, 4000).say();
      assertEquals(pair(4000), toPhone());
      assertEquals(pair(6040), toServer());
    }

    @Test
    void targetRefreshThatIsSentAgain_andOneThatIsRefused() {
      call();
      for (int copy = 0; copy < 2; copy++) {
        flow.client(SipWord.UPDATE).cseq(2).contact(PHONE, 5070).say();
        assertTrue(bench.model.open().contains(SERVER + " > " + PHONE + ":5070"));
      }
      flow.serverAnswers(491, SipWord.UPDATE).cseq(2).say();
      assertFalse(bench.model.open().contains(SERVER + " > " + PHONE + ":5070"));
      assertTrue(bench.model.open().contains(SERVER + " > " + PHONE + ":5060"));
    }

    @Test
    void glare_bothAreRefused_nothingChanges() {
      call();
      flow.client(SipWord.INVITE).cseq(2).audio(PHONE, 4020).say();
      flow.server(SipWord.INVITE).cseq(9).tags("t", "f").audio(SERVER, 6020).say();
      flow.serverAnswers(491, SipWord.INVITE).cseq(2).say();
      flow.clientAnswers(491, SipWord.INVITE).cseq(9).tags("t", "f").say();
      assertEquals(pair(4000), toPhone());
      assertEquals(pair(6000), toServer());
    }

    @Test
    void reofferOfTheCallee() {
      call();
      flow.server(SipWord.INVITE).cseq(1).tags("t", "f").audio(SERVER, 6020).say();
      assertEquals(Set.of(6000, 6001, 6020, 6021), toServer());
      flow.clientAnswers(200, SipWord.INVITE).cseq(1).tags("t", "f").audio(PHONE, 4000).say();
      assertEquals(pair(4000), toPhone());
      assertEquals(pair(6020), toServer());
    }

    @Test
    void lateOffer_answeredInAck_alsoAgainLater() {
      flow.client(SipWord.INVITE).tags("f", "").say();
      flow.serverAnswers(200, SipWord.INVITE).audio(SERVER, 6000).say();
      assertEquals(pair(6000), toServer());
      assertEquals(Set.of(), toPhone());
      flow.client(SipWord.ACK).audio(PHONE, 4000).say();
      assertEquals(pair(4000), toPhone());
      assertEquals(pair(6000), toServer());
      flow.serverAnswers(200, SipWord.INVITE).audio(SERVER, 6000).say(); // a copy
      assertEquals(pair(6000), toServer());
      flow.client(SipWord.INVITE).cseq(2).say();
      flow.serverAnswers(200, SipWord.INVITE).cseq(2).audio(SERVER, 6020).say();
      assertEquals(Set.of(6000, 6001, 6020, 6021), toServer());
      flow.client(SipWord.ACK).cseq(2).audio(PHONE, 4020).say();
      assertEquals(pair(4020), toPhone());
      assertEquals(pair(6020), toServer());
      flow.server(SipWord.INVITE).cseq(1).tags("t", "f").audio(SERVER, 6040).say();
      assertTrue(toServer().contains(6040), "numbers of the callee are its own");
    }

    @Test
    void lateOfferIn183_answeredInPrack_anotherOfferInPrack() {
      flow.client(SipWord.INVITE).tags("f", "").say();
      flow.serverAnswers(183, SipWord.INVITE).audio(SERVER, 6000).say();
      flow.client(SipWord.PRACK).cseq(2).audio(PHONE, 4000).say();
      assertEquals(pair(4000), toPhone());
      assertEquals(pair(6000), toServer());
      flow.client(SipWord.PRACK).cseq(3).audio(PHONE, 4020).say();
      assertEquals(Set.of(4000, 4001, 4020, 4021), toPhone());
      flow.serverAnswers(200, SipWord.PRACK).cseq(3).audio(SERVER, 6000).say();
      assertEquals(pair(4020), toPhone());
      flow.serverAnswers(200, SipWord.INVITE).audio(SERVER, 6000).say();
      assertEquals(pair(4020), toPhone());
      assertEquals(pair(6000), toServer());
    }

    @Test
    void updateInAnEarlyDialog() {
      invite();
      flow.serverAnswers(183, SipWord.INVITE).audio(SERVER, 6000).say();
      flow.client(SipWord.UPDATE).cseq(2).audio(PHONE, 4020).say();
      flow.serverAnswers(200, SipWord.UPDATE).cseq(2).audio(SERVER, 6020).say();
      assertEquals(pair(4020), toPhone());
      assertEquals(pair(6020), toServer());
      flow.serverAnswers(200, SipWord.INVITE).audio(SERVER, 6000).say(); // repeats the old answer
      assertEquals(pair(4020), toPhone());
      assertEquals(pair(6020), toServer());
    }

    @Test
    void offerFromAnAddressThatIsNoParty_opensNothing() {
      call();
      CallBench.Talk other = bench.flow(CallBench.routed(STRANGER, PHONE));
      other.client(SipWord.INVITE).cseq(7).tags("t", "f").audio(STRANGER, 6666).say();
      assertEquals(List.of("notAParty"), bench.model.takeReasons());
      assertEquals(Set.of(), bench.model.mediaPorts(address(STRANGER)));
    }

    /** The server may be in league with a neighbour of the phone, or not look at addresses. */
    @Test
    void answerToAStranger_changesNothing() {
      call();
      Set<String> before = bench.model.open();
      CallBench.Talk other = bench.flow(CallBench.routed("192.0.2.11", SERVER));
      for (SipWord method : List.of(SipWord.INVITE, SipWord.UPDATE, SipWord.PRACK)) {
        for (int status : List.of(183, 200, 481)) {
          other.client(method).cseq(7).audio("192.0.2.11", 5000).say();
          bench.model.takeReasons();
          other
              .serverAnswers(status, method)
              .cseq(7)
              .audio(SERVER, 6100)
              .contact(SERVER, 5060)
              .say();
          assertEquals(before, bench.model.open(), method + " " + status);
        }
      }
      assertEquals(pair(4000), toPhone());
      assertEquals(pair(6000), toServer());
    }

    @Test
    void holdWithoutAddress_keepsPortsAndTranslation() {
      CallBench.Talk masqueraded =
          bench.flow(CallBench.translated(INSIDE, 5062, OUTSIDE, 5062, SERVER));
      bench.model.taken(new Endpoint(address(OUTSIDE), 4000));
      masqueraded.client(SipWord.INVITE).tags("f", "").audio(INSIDE, 4000).say();
      masqueraded.serverAnswers(200, SipWord.INVITE).audio(SERVER, 6000).say();
      Set<String> before = bench.model.open();
      SeenMedia held = masqueraded.client(SipWord.INVITE).cseq(2).audio("0.0.0.0", 4000).say();
      assertEquals(new Endpoint(address(OUTSIDE), 4002), held.stream(0).rtp());
      masqueraded.serverAnswers(200, SipWord.INVITE).cseq(2).audio(SERVER, 6000).say();
      assertEquals(before, bench.model.open());
      masqueraded
          .client(SipWord.INVITE)
          .cseq(3)
          .sdp(sdp(INSIDE, "m=audio 4000 RTP/AVP 0", "a=sendonly"))
          .say();
      masqueraded.serverAnswers(200, SipWord.INVITE).cseq(3).audio(SERVER, 6000).say();
      assertEquals(before, bench.model.open());
      assertEquals(Set.of(), bench.model.cut());
    }

    @Test
    void refresh_changesNoPort() {
      CallBench.Talk masqueraded =
          bench.flow(CallBench.translated(INSIDE, 5062, OUTSIDE, 5062, SERVER));
      bench.model.taken(new Endpoint(address(OUTSIDE), 4001));
      SeenMedia first = masqueraded.client(SipWord.INVITE).tags("f", "").audio(INSIDE, 4000).say();
      assertEquals(new Endpoint(address(OUTSIDE), 4002), first.stream(0).rtp());
      assertEquals(new Endpoint(address(OUTSIDE), 4003), first.stream(0).rtcp());
      masqueraded.serverAnswers(200, SipWord.INVITE).audio(SERVER, 6000).say();
      for (int cseq = 2; cseq < 5; cseq++) {
        SeenMedia again = masqueraded.client(SipWord.INVITE).cseq(cseq).audio(INSIDE, 4000).say();
        assertEquals(first.streams(), again.streams());
        masqueraded.serverAnswers(200, SipWord.INVITE).cseq(cseq).audio(SERVER, 6000).say();
      }
    }

    @Test
    void t38_isAReofferLikeAnyOther() {
      call();
      flow.server(SipWord.INVITE)
          .cseq(1)
          .tags("t", "f")
          .sdp(sdp(SERVER, "m=audio 0 RTP/AVP 0", "m=image 6100 udptl t38"))
          .say();
      flow.clientAnswers(200, SipWord.INVITE)
          .cseq(1)
          .tags("t", "f")
          .sdp(sdp(PHONE, "m=audio 0 RTP/AVP 0", "m=image 4100 udptl t38"))
          .say();
      assertEquals(Set.of(4100), toPhone());
      assertEquals(Set.of(6100), toServer());
    }

    @Test
    void bundle_onePortForAll() {
      String[] lines = {
        "a=group:BUNDLE a v",
        "m=audio 4000 UDP/TLS/RTP/SAVPF 111",
        "a=mid:a",
        "a=rtcp-mux",
        "m=video 4002 UDP/TLS/RTP/SAVPF 96",
        "a=mid:v",
        "a=rtcp-mux"
      };
      flow.client(SipWord.INVITE).tags("f", "").sdp(sdp(PHONE, lines)).say();
      assertEquals(Set.of(4000, 4001, 4002, 4003), toPhone());
      String[] answer = lines.clone();
      answer[1] = "m=audio 6000 UDP/TLS/RTP/SAVPF 111";
      answer[4] = "m=video 6000 UDP/TLS/RTP/SAVPF 96";
      flow.serverAnswers(200, SipWord.INVITE).sdp(sdp(SERVER, answer)).say();
      assertEquals(Set.of(4000), toPhone());
      assertEquals(Set.of(6000), toServer());
    }
  }

  @Nested
  class Forks {
    @Test
    void supersededBranch_reopensAtIts2xxWithin32s_notLater() {
      invite();
      flow.serverAnswers(183, SipWord.INVITE).tags("f", "one").audio(SERVER, 6000).say();
      flow.serverAnswers(200, SipWord.INVITE).tags("f", "two").audio(SERVER, 7000).say();
      assertEquals(pair(7000), toServer());
      bench.model.pass(Duration.ofSeconds(31));
      flow.serverAnswers(200, SipWord.INVITE).tags("f", "one").say(); // without SDP of its own
      assertEquals(Set.of(6000, 6001, 7000, 7001), toServer());
      flow.client(SipWord.BYE).cseq(2).tags("f", "one").say();
      flow.serverAnswers(200, SipWord.BYE).cseq(2).tags("f", "one").say();
      assertEquals(pair(7000), toServer());
      assertEquals(pair(4000), toPhone());
      bench.model.pass(Duration.ofSeconds(2));
      flow.serverAnswers(200, SipWord.INVITE).tags("f", "three").audio(SERVER, 8000).say();
      assertEquals(pair(7000), toServer());
      assertEquals(List.of("answerUnasked"), bench.model.takeReasons());
    }

    @Test
    void moreThanForks_areNotOpened() {
      bench.settings = CallBench.settings(MediaFrom.PEER, "", 100, 100, 2);
      invite();
      for (int fork = 0; fork < 4; fork++) {
        flow.serverAnswers(183, SipWord.INVITE)
            .tags("f", "t" + fork)
            .audio(SERVER, 6000 + 10 * fork)
            .say();
      }
      assertEquals(Set.of(6000, 6001, 6010, 6011), toServer());
      assertEquals(List.of("tooManyForks", "tooManyForks"), bench.model.takeReasons());
    }

    /** Whoever answers is served, and all that only rang ends. */
    @Test
    void answerOfABranchBeyondForks_takesThePlaceOfOneThatRang() {
      bench.settings = CallBench.settings(MediaFrom.PEER, "", 100, 100, 2);
      invite();
      for (int fork = 0; fork < 3; fork++) {
        flow.serverAnswers(183, SipWord.INVITE)
            .tags("f", "t" + fork)
            .audio(SERVER, 6000 + 10 * fork)
            .say();
      }
      assertEquals(List.of("tooManyForks"), bench.model.takeReasons());
      flow.serverAnswers(200, SipWord.INVITE).tags("f", "t2").audio(SERVER, 6020).say();
      assertEquals(pair(6020), toServer());
      assertEquals(pair(4000), toPhone());
      flow.serverAnswers(200, SipWord.INVITE).tags("f", "t3").audio(SERVER, 6030).say(); // crosses
      assertEquals(Set.of(6020, 6021, 6030, 6031), toServer());
      assertEquals(List.of(), bench.model.takeReasons());
      flow.serverAnswers(200, SipWord.INVITE).tags("f", "t4").audio(SERVER, 6040).say();
      assertEquals(List.of("tooManyForks"), bench.model.takeReasons(), "all have answered");
      flow.client(SipWord.BYE).cseq(2).tags("f", "t3").say();
      flow.serverAnswers(200, SipWord.BYE).cseq(2).tags("f", "t3").say();
      assertEquals(pair(6020), toServer());
      flow.client(SipWord.BYE).cseq(2).tags("f", "t2").say();
      flow.serverAnswers(200, SipWord.BYE).cseq(2).tags("f", "t2").say();
      nothingIsLeft();
    }
  }

  /** Devices that give no tags (RFC 2543), or all the same one: sides are told by address. */
  @Nested
  class EqualTags {
    /** Offers of both sides in the dialog, and its end. */
    private void go(String tag) {
      flow.server(SipWord.INVITE).cseq(7).tags(tag, tag).audio(SERVER, 6100).say();
      flow.clientAnswers(200, SipWord.INVITE).cseq(7).tags(tag, tag).audio(PHONE, 4100).say();
      assertEquals(pair(4100), toPhone());
      assertEquals(pair(6100), toServer());
      flow.client(SipWord.INVITE).cseq(2).tags(tag, tag).audio(PHONE, 4200).say();
      flow.serverAnswers(200, SipWord.INVITE).cseq(2).tags(tag, tag).audio(SERVER, 6200).say();
      assertEquals(pair(4200), toPhone());
      assertEquals(pair(6200), toServer());
      flow.server(SipWord.BYE).cseq(8).tags(tag, tag).say();
      flow.clientAnswers(200, SipWord.BYE).cseq(8).tags(tag, tag).say();
      nothingIsLeft();
    }

    private void wholeCall(String tag) {
      flow.client(SipWord.INVITE).tags(tag, "").audio(PHONE, 4000).contact(PHONE, 5070).say();
      flow.serverAnswers(200, SipWord.INVITE)
          .tags(tag, tag)
          .audio(SERVER, 6000)
          .contact(SERVER, 5070)
          .say();
      flow.client(SipWord.ACK).tags(tag, tag).say();
      assertEquals(pair(4000), toPhone());
      assertEquals(pair(6000), toServer());
      assertTrue(bench.model.open().contains(SERVER + " > " + PHONE + ":4000"));
      assertTrue(bench.model.open().contains(PHONE + " > " + SERVER + ":6000"));
    }

    @Test
    void bothTheSame_bothSidesHearEachOther() {
      wholeCall("1");
      go("1");
    }

    @Test
    void bothMissing_bothSidesHearEachOther() {
      wholeCall("");
      flow.client(SipWord.INVITE)
          .tags("", "")
          .audio(PHONE, 4000)
          .contact(PHONE, 5070)
          .say(); // late
      assertEquals(pair(4000), toPhone());
      go("");
    }
  }

  @Nested
  class Sources {
    private final String far = "198.51.100.200";

    private Set<String> openAfter(MediaFrom media, String networks, String calleeMedia) {
      bench.settings = CallBench.settings(media, networks);
      flow.client(SipWord.INVITE).tags("f", "").audio(PHONE, 4000).say();
      assertEquals(media == MediaFrom.ANY, bench.model.open().contains("* > " + PHONE + ":4000"));
      flow.serverAnswers(200, SipWord.INVITE).audio(calleeMedia, 6000).say();
      bench.model.takeReasons();
      Set<String> open = bench.model.open();
      open.removeIf(one -> !one.endsWith(PHONE + ":4000"));
      return open;
    }

    @Test
    void peer_whateverTheAnswerSays() {
      assertEquals(Set.of(SERVER + " > " + PHONE + ":4000"), openAfter(MediaFrom.PEER, "", far));
    }

    @Test
    void networks_thoseOnly() {
      assertEquals(
          Set.of(far + " > " + PHONE + ":4000"),
          openAfter(MediaFrom.NETWORKS, "198.51.100.128/25", far));
    }

    @Test
    void networks_othersStayWithThePeer() {
      assertEquals(
          Set.of(SERVER + " > " + PHONE + ":4000"),
          openAfter(MediaFrom.NETWORKS, "198.51.100.64/26", far));
    }

    @Test
    void any_narrowedToTheAnswer() {
      assertEquals(Set.of(far + " > " + PHONE + ":4000"), openAfter(MediaFrom.ANY, "", far));
    }

    @Test
    void any_privateAddressBehindAForeignNat_staysWithThePeer() {
      for (String hidden : List.of("10.1.2.3", "192.168.1.1", "172.31.0.1", "100.64.0.1")) {
        assertEquals(
            Set.of(SERVER + " > " + PHONE + ":4000"), openAfter(MediaFrom.ANY, "", hidden), hidden);
        flow.serverAnswers(200, SipWord.INVITE).say();
        flow.client(SipWord.BYE).cseq(2).say();
        flow.serverAnswers(200, SipWord.BYE).cseq(2).say();
        bench.model.pass(Duration.ofSeconds(40));
      }
    }

    @Test
    void deniedPort_isNotOpened() {
      flow.client(SipWord.INVITE).tags("f", "").audio(PHONE, 3389).say();
      assertEquals(List.of("portDenied"), bench.model.takeReasons());
      assertTrue(toPhone().isEmpty() || !toPhone().contains(3389));
    }

    @Test
    void rtcpBesideARefusedPort_isNotOpened() {
      flow.client(SipWord.INVITE).tags("f", "").audio(PHONE, 1023).say();
      assertEquals(Set.of(), toPhone());
    }
  }

  @Nested
  class Translated {
    private final CallBench.Talk masqueraded =
        bench.flow(CallBench.translated(INSIDE, 5062, OUTSIDE, 1024, SERVER));

    @Test
    void contactIsTheFlowsPort_mediaIsTheOwnPortIfFree() {
      SeenMedia seen =
          masqueraded
              .client(SipWord.INVITE)
              .tags("f", "")
              .audio(INSIDE, 4000)
              .contact(INSIDE, 5062)
              .contact("198.51.100.77", 5060)
              .say();
      assertEquals(new Endpoint(address(OUTSIDE), 4000), seen.stream(0).rtp());
      assertEquals(new Endpoint(address(OUTSIDE), 1024), seen.signal(0));
      assertNull(seen.signal(1), "another host's place stays");
    }

    @Test
    void retransmission_getsTheSameBytes_alsoAfterTheEnd_andOpensNothing() {
      bench.model.taken(new Endpoint(address(OUTSIDE), 4000));
      SeenMedia first =
          masqueraded
              .client(SipWord.INVITE)
              .tags("f", "")
              .audio(INSIDE, 4000)
              .contact(INSIDE, 5070)
              .say();
      SeenMedia again =
          masqueraded
              .client(SipWord.INVITE)
              .tags("f", "")
              .audio(INSIDE, 4000)
              .contact(INSIDE, 5070)
              .say();
      assertEquals(first, again);
      masqueraded.serverAnswers(486, SipWord.INVITE).say();
      assertEquals(Set.of(), bench.model.open());
      bench.model.pass(Duration.ofSeconds(20));
      SeenMedia late =
          masqueraded
              .client(SipWord.INVITE)
              .tags("f", "")
              .audio(INSIDE, 4000)
              .contact(INSIDE, 5070)
              .say();
      assertEquals(first, late);
      assertEquals(Set.of(), bench.model.open());
    }

    @Test
    void phoneThatWroteTheOutsideAddress_isLeftAlone_andOpenAllTheSame() {
      SeenMedia seen = masqueraded.client(SipWord.INVITE).tags("f", "").audio(OUTSIDE, 4000).say();
      assertNull(seen.stream(0).rtp());
      assertEquals(pair(4000), bench.model.mediaPorts(address(INSIDE)));
    }

    @Test
    void hairpin_eachPhoneIsToldTheOthersOwnEndpoint() {
      String other = "192.0.2.20";
      CallBench.Talk toOther = bench.flow(CallBench.translated(other, 5062, OUTSIDE, 1025, SERVER));
      bench.model.taken(new Endpoint(address(OUTSIDE), 4000));
      SeenMedia sent = masqueraded.client(SipWord.INVITE).tags("f", "").audio(INSIDE, 4000).say();
      assertEquals(new Endpoint(address(OUTSIDE), 4002), sent.stream(0).rtp());
      SeenMedia back = toOther.server(SipWord.INVITE).tags("f", "").audio(OUTSIDE, 4002).say();
      assertEquals(new Endpoint(address(INSIDE), 4000), back.stream(0).rtp());
      SeenMedia answer = toOther.clientAnswers(200, SipWord.INVITE).audio(other, 5000).say();
      assertEquals(new Endpoint(address(OUTSIDE), 5000), answer.stream(0).rtp());
      SeenMedia answerBack =
          masqueraded.serverAnswers(200, SipWord.INVITE).audio(OUTSIDE, 5000).say();
      assertEquals(new Endpoint(address(other), 5000), answerBack.stream(0).rtp());
      Set<String> open = bench.model.open();
      assertTrue(open.contains(other + " > " + INSIDE + ":4000"), open.toString());
      assertTrue(open.contains(INSIDE + " > " + other + ":5000"), open.toString());
      masqueraded.client(SipWord.BYE).cseq(2).say();
      toOther.server(SipWord.BYE).cseq(2).say();
      toOther.clientAnswers(200, SipWord.BYE).cseq(2).say();
      masqueraded.serverAnswers(200, SipWord.BYE).cseq(2).say();
      nothingIsLeft();
    }

    /** RFC 9143 section 7.3: the answer names one port for all, which is open once. */
    @Test
    void bundledAnswer_saysOnePortForAll() {
      String[] lines = {
        "a=group:BUNDLE a v",
        "m=audio 6000 UDP/TLS/RTP/SAVPF 111",
        "a=mid:a",
        "a=rtcp-mux",
        "m=video 6002 UDP/TLS/RTP/SAVPF 96",
        "a=mid:v",
        "a=rtcp-mux"
      };
      masqueraded.client(SipWord.OPTIONS).tags("o", "").say();
      masqueraded.server(SipWord.INVITE).tags("f", "").sdp(sdp(SERVER, lines)).say();
      bench.model.taken(new Endpoint(address(OUTSIDE), 4000));
      String[] answer = lines.clone();
      answer[1] = "m=audio 4000 UDP/TLS/RTP/SAVPF 111";
      answer[4] = "m=video 4000 UDP/TLS/RTP/SAVPF 96";
      SeenMedia seen =
          masqueraded.clientAnswers(200, SipWord.INVITE).sdp(sdp(INSIDE, answer)).say();
      Endpoint outside = new Endpoint(address(OUTSIDE), 4002);
      assertEquals(outside, seen.stream(0).rtp());
      assertEquals(outside, seen.stream(1).rtp());
      SeenMedia again =
          masqueraded.clientAnswers(200, SipWord.INVITE).sdp(sdp(INSIDE, answer)).say();
      assertEquals(seen, again);
      SeenMedia reoffer =
          masqueraded.client(SipWord.INVITE).cseq(7).tags("t", "f").sdp(sdp(INSIDE, answer)).say();
      assertEquals(seen, reoffer);
    }

    /** Whoever bundles and does not share: what is not open stays, the rest leads to the phone. */
    @Test
    void answerWhoseBundledStreamHasAPortOfItsOwn_isRewrittenAllTheSame() {
      String[] lines = {
        "a=group:BUNDLE a v",
        "m=audio 6000 RTP/AVP 0",
        "a=mid:a",
        "a=rtcp-mux",
        "m=video 6002 RTP/AVP 31",
        "a=mid:v",
        "a=rtcp-mux"
      };
      masqueraded.client(SipWord.OPTIONS).tags("o", "").say();
      masqueraded.server(SipWord.INVITE).tags("f", "").sdp(sdp(SERVER, lines)).say();
      String[] answer = lines.clone();
      answer[1] = "m=audio 4000 RTP/AVP 0";
      answer[4] = "m=video 4002 RTP/AVP 31";
      SeenMedia seen =
          masqueraded.clientAnswers(200, SipWord.INVITE).sdp(sdp(INSIDE, answer)).say();
      assertEquals(new Endpoint(address(OUTSIDE), 4000), seen.stream(0).rtp());
      assertNull(seen.stream(1).rtp());
    }

    /** The ports of what the other side does not want are shut; a copy says what its first said. */
    @Test
    void copyOfAnOffer_saysTheSame_alsoOnceAStreamWasRefused() {
      bench.model.taken(new Endpoint(address(OUTSIDE), 4002));
      String[] lines = {"m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 31", "a=rtcp:4010"};
      SeenMedia first =
          masqueraded.client(SipWord.INVITE).tags("f", "").sdp(sdp(INSIDE, lines)).say();
      assertEquals(new Endpoint(address(OUTSIDE), 4004), first.stream(1).rtp());
      String[] answer = {"m=audio 6000 RTP/AVP 0", "m=video 0 RTP/AVP 31"};
      masqueraded.serverAnswers(183, SipWord.INVITE).sdp(sdp(SERVER, answer)).say();
      SeenMedia again =
          masqueraded.client(SipWord.INVITE).tags("f", "").sdp(sdp(INSIDE, lines)).say();
      assertEquals(first, again);
      masqueraded.serverAnswers(200, SipWord.INVITE).sdp(sdp(SERVER, answer)).say();
      assertEquals(
          first, masqueraded.client(SipWord.INVITE).tags("f", "").sdp(sdp(INSIDE, lines)).say());
      assertEquals(pair(4000), bench.model.mediaPorts(address(INSIDE)));
    }

    @Test
    void noFreePort_isLeft() {
      for (int port = 4000; port < 65536; port++) {
        bench.model.taken(new Endpoint(address(OUTSIDE), port));
      }
      SeenMedia seen = masqueraded.client(SipWord.INVITE).tags("f", "").audio(INSIDE, 4000).say();
      assertNull(seen.stream(0).rtp());
      assertTrue(bench.model.takeReasons().contains("noFreePort"));
    }
  }

  @Nested
  class AfterKill {
    private void kill() {
      bench.kill();
    }

    private void early() {
      invite();
      flow.serverAnswers(183, SipWord.INVITE).audio(SERVER, 6000).say();
    }

    @Test
    void killedBetweenInviteAndAnswer_answerOpens_byeCloses() {
      invite();
      kill();
      flow.serverAnswers(200, SipWord.INVITE).audio(SERVER, 6000).say();
      assertEquals(pair(4000), toPhone());
      assertEquals(pair(6000), toServer());
      bench.model.pass(Duration.ofHours(11));
      assertEquals(pair(4000), toPhone(), "a call lasts");
      flow.client(SipWord.BYE).cseq(2).say();
      flow.serverAnswers(200, SipWord.BYE).cseq(2).say();
      nothingIsLeft();
    }

    @Test
    void killedBetweenInviteAndFailure_failureCloses() {
      invite();
      kill();
      flow.serverAnswers(486, SipWord.INVITE).say();
      nothingIsLeft();
    }

    /** As after a last 1xx that passed while no process read. */
    @Test
    void killedWhileItRings_nothingMoreIsRead_endsAfter180s() {
      invite();
      flow.serverAnswers(180, SipWord.INVITE).contact(SERVER, 5060).say();
      kill();
      bench.model.pass(Duration.ofSeconds(179));
      assertEquals(pair(4000), toPhone());
      bench.model.pass(Duration.ofSeconds(1));
      nothingIsLeft();
      assertTrue(bench.model.cut().contains(SERVER + " > " + PHONE + ":4000"));
    }

    @Test
    void killedBeforeAnyAnswer_inviteComesAgain_endsAfter32s() {
      invite();
      kill();
      bench.model.pass(Duration.ofSeconds(1));
      invite();
      bench.model.pass(Duration.ofSeconds(31));
      assertEquals(pair(4000), toPhone());
      bench.model.pass(Duration.ofSeconds(1));
      nothingIsLeft();
    }

    @Test
    void killedWhileItRings_another1xx_180sFromThen() {
      early();
      kill();
      bench.model.pass(Duration.ofSeconds(100));
      flow.serverAnswers(180, SipWord.INVITE).say();
      kill(); // once more
      bench.model.pass(Duration.ofSeconds(100));
      flow.serverAnswers(180, SipWord.INVITE).say();
      bench.model.pass(Duration.ofSeconds(179));
      assertEquals(pair(4000), toPhone());
      assertEquals(pair(6000), toServer());
      bench.model.pass(Duration.ofSeconds(1));
      nothingIsLeft();
    }

    /** With media in the 1xx the 2xx opens nothing new: that it came must be known all the same. */
    @Test
    void killedWhileItRings_then2xx_lasts_alsoAfterAnotherKill() {
      for (boolean described : new boolean[] {true, false}) {
        early();
        kill();
        CallBench.Say answer = flow.serverAnswers(200, SipWord.INVITE);
        (described ? answer.audio(SERVER, 6000) : answer).say();
        kill();
        bench.model.pass(Duration.ofHours(1));
        assertEquals(pair(4000), toPhone());
        assertEquals(pair(6000), toServer());
        flow.client(SipWord.BYE).cseq(2).say();
        flow.serverAnswers(200, SipWord.BYE).cseq(2).say();
        nothingIsLeft();
      }
    }

    @Test
    void killedAfterThe2xx_ofAnEarlyDialog_lasts() {
      early();
      flow.serverAnswers(200, SipWord.INVITE).say();
      kill();
      bench.model.pass(Duration.ofHours(1));
      assertEquals(pair(4000), toPhone());
    }

    @Test
    void killedWhileItRings_withMedia_failureCloses() {
      for (String tag : new String[] {"t", "another"}) {
        early();
        kill();
        flow.serverAnswers(487, SipWord.INVITE).tags("f", tag).say();
        nothingIsLeft();
      }
    }

    @Test
    void killedWhileItRings_requestsOfItsDialog_doNotMakeItLast() {
      for (boolean ofCaller : new boolean[] {true, false}) {
        early();
        kill();
        if (ofCaller) {
          flow.client(SipWord.PRACK).cseq(2).audio(PHONE, 4020).say();
          flow.serverAnswers(200, SipWord.PRACK).cseq(2).audio(SERVER, 6020).say();
        } else {
          flow.server(SipWord.UPDATE).cseq(7).tags("t", "f").audio(SERVER, 6020).say();
          flow.clientAnswers(200, SipWord.UPDATE).cseq(7).tags("t", "f").audio(PHONE, 4020).say();
        }
        assertEquals(pair(4020), toPhone());
        assertEquals(pair(6020), toServer());
        bench.model.pass(Duration.ofSeconds(179));
        assertEquals(pair(4020), toPhone());
        bench.model.pass(Duration.ofSeconds(1));
        nothingIsLeft();
        bench.model.pass(Duration.ofSeconds(60));
      }
    }

    /** Nobody knows who sent the UPDATE, caller or callee; the answer to the INVITE tells. */
    @Test
    void killedWhileItRings_requestOfTheCallee_then2xx_lasts() {
      early();
      kill();
      flow.server(SipWord.UPDATE).cseq(7).tags("t", "f").audio(SERVER, 6020).say();
      flow.clientAnswers(200, SipWord.UPDATE).cseq(7).tags("t", "f").audio(PHONE, 4020).say();
      flow.serverAnswers(200, SipWord.INVITE).say();
      bench.model.pass(Duration.ofHours(1));
      assertEquals(pair(4020), toPhone());
      assertEquals(pair(6020), toServer());
      flow.client(SipWord.BYE).cseq(3).say();
      flow.serverAnswers(200, SipWord.BYE).cseq(3).say();
      nothingIsLeft();
    }

    /** What another branch of the INVITE says late ends no call that was answered. */
    @Test
    void killedWithinTheCall_lateAnswersOfOtherBranches_leaveItAlone() {
      for (int status : new int[] {180, 486}) {
        call();
        kill();
        flow.serverAnswers(status, SipWord.INVITE).tags("f", "other").say();
        bench.model.pass(Duration.ofHours(1));
        assertEquals(pair(4000), toPhone());
        flow.client(SipWord.BYE).cseq(2).say();
        flow.serverAnswers(200, SipWord.BYE).cseq(2).say();
        nothingIsLeft();
      }
    }

    /** A refresh has no description mostly (RFC 4028 section 7.4), and does all the same. */
    @Test
    void killedWithinTheCall_sessionTimer_isRefreshed() {
      invite();
      flow.serverAnswers(200, SipWord.INVITE).audio(SERVER, 6000).expires(1800).say();
      kill();
      for (int refresh = 2; refresh < 5; refresh++) {
        bench.model.pass(Duration.ofMinutes(15));
        flow.client(SipWord.UPDATE).cseq(refresh).say();
        flow.serverAnswers(200, SipWord.UPDATE).cseq(refresh).expires(1800).say();
        bench.model.pass(Duration.ofMinutes(15));
        assertEquals(pair(4000), toPhone());
        assertEquals(pair(6000), toServer());
      }
      bench.model.pass(Duration.ofSeconds(932));
      nothingIsLeft();
    }

    /**
     * Of two that answered the caller ends one: what both heard of it is not taken from the other.
     */
    @Test
    void killedWhileTwoBranchesAreOn_theOneEnds_theOtherGoesOn() {
      for (String ended : new String[] {"t", "u"}) {
        for (boolean byItsAnswer : new boolean[] {true, false}) {
          String other = ended.equals("t") ? "u" : "t";
          call();
          flow.serverAnswers(200, SipWord.INVITE).tags("f", "u").audio(SERVER, 6100).say();
          if (!byItsAnswer) {
            kill();
          }
          flow.client(SipWord.BYE).cseq(2).tags("f", ended).say();
          if (byItsAnswer) {
            kill();
          }
          flow.serverAnswers(200, SipWord.BYE).cseq(2).tags("f", ended).say();
          assertEquals(pair(4000), toPhone());
          assertEquals(pair(other.equals("t") ? 6000 : 6100), toServer());
          bench.model.pass(Duration.ofHours(1));
          assertEquals(pair(4000), toPhone());
          flow.server(SipWord.BYE).cseq(7).tags(other, "f").say();
          flow.clientAnswers(200, SipWord.BYE).cseq(7).tags(other, "f").say();
          nothingIsLeft();
          bench.model.pass(Duration.ofSeconds(40));
        }
      }
    }

    @Test
    void killedAfterOneBranchAnswered_anotherOne_bothGoOn() {
      call();
      kill();
      flow.serverAnswers(200, SipWord.INVITE).tags("f", "u").audio(SERVER, 6100).say();
      flow.client(SipWord.BYE).cseq(2).tags("f", "u").say();
      flow.serverAnswers(200, SipWord.BYE).cseq(2).tags("f", "u").say();
      assertEquals(pair(4000), toPhone());
      assertEquals(pair(6000), toServer());
      flow.client(SipWord.BYE).cseq(2).say();
      flow.serverAnswers(200, SipWord.BYE).cseq(2).say();
      nothingIsLeft();
    }

    @Test
    void killedWithinTheCall_audioGoesOn_byeCloses() {
      call();
      kill();
      assertEquals(pair(4000), toPhone());
      flow.server(SipWord.BYE).cseq(2).tags("t", "f").say();
      kill(); // once more
      flow.server(SipWord.BYE).cseq(2).tags("t", "f").say();
      flow.clientAnswers(200, SipWord.BYE).cseq(2).tags("t", "f").say();
      nothingIsLeft();
    }

    @Test
    void killedBetweenByeAndItsAnswer_theAnswerCloses() {
      for (int status : new int[] {200, 408, 481}) {
        call();
        flow.client(SipWord.BYE).cseq(2).say();
        kill();
        flow.serverAnswers(status, SipWord.BYE).cseq(2).say();
        nothingIsLeft();
      }
    }

    @Test
    void killedBetweenByeAndItsAnswer_whatEndsNothing_endsNothing() {
      call();
      flow.client(SipWord.BYE).cseq(2).say();
      kill();
      flow.serverAnswers(407, SipWord.BYE).cseq(2).say();
      flow.serverAnswers(200, SipWord.BYE).cseq(2).tags("f", "another").say();
      assertEquals(pair(4000), toPhone());
      flow.client(SipWord.BYE).cseq(3).say();
      flow.serverAnswers(200, SipWord.BYE).cseq(3).say();
      nothingIsLeft();
    }

    @Test
    void killedWithinTheCall_reofferWorks() {
      call();
      kill();
      flow.client(SipWord.INVITE).cseq(2).audio(PHONE, 4020).say();
      flow.serverAnswers(200, SipWord.INVITE).cseq(2).audio(SERVER, 6020).say();
      assertEquals(pair(4020), toPhone());
      assertEquals(pair(6020), toServer());
    }

    @Test
    void killedBetweenReofferAndAnswer() {
      call();
      flow.client(SipWord.INVITE).cseq(2).audio(PHONE, 4020).say();
      kill();
      flow.serverAnswers(200, SipWord.INVITE).cseq(2).audio(SERVER, 6020).say();
      assertTrue(toPhone().containsAll(pair(4020)));
      assertTrue(toServer().containsAll(pair(6020)));
      flow.client(SipWord.BYE).cseq(3).say();
      flow.serverAnswers(200, SipWord.BYE).cseq(3).say();
      nothingIsLeft();
    }

    @Test
    void answerToAnInviteThatNobodySaw_opensNothing() {
      flow.serverAnswers(200, SipWord.INVITE).audio(SERVER, 6000).say();
      assertEquals(Set.of(), bench.model.open());
      assertEquals(List.of("answerUnasked"), bench.model.takeReasons());
      flow.client(SipWord.INVITE).cseq(2).audio(PHONE, 4000).say();
      assertEquals(Set.of(), bench.model.open());
      assertEquals(List.of("dialogUnknown"), bench.model.takeReasons());
    }

    @Test
    void strangerCannotEndWhatStands() {
      call();
      kill();
      CallBench.Talk other = bench.flow(CallBench.routed(STRANGER, PHONE));
      other.client(SipWord.BYE).cseq(7).tags("t", "f").say();
      other.serverAnswers(200, SipWord.BYE).cseq(7).tags("t", "f").say();
      assertEquals(pair(4000), toPhone());
    }

    @Test
    void streamThatIsPickedUp_opensNothing_untilARequestAndItsAnswerWereRead() {
      flow.mayOpen = false;
      invite();
      assertEquals(Set.of(), bench.model.open());
      flow.mayOpen = true;
      flow.serverAnswers(200, SipWord.INVITE).audio(SERVER, 6000).say();
      assertEquals(pair(4000), toPhone());
      assertEquals(pair(6000), toServer());
    }
  }

  @Nested
  class Limits {
    @Test
    void calls_oneMoreIsNotOpened_andItsPlaceIsGivenBack() {
      bench.settings = CallBench.settings(MediaFrom.PEER, "", 2, 100, 16);
      for (int call = 0; call < 3; call++) {
        flow.client(SipWord.INVITE)
            .call("c" + call)
            .tags("f", "")
            .audio(PHONE, 4000 + 10 * call)
            .say();
      }
      assertEquals(List.of("tooManyCalls"), bench.model.takeReasons());
      assertEquals(Set.of(4000, 4001, 4010, 4011), toPhone());
    }

    @Test
    void portsForRequests_eightOfAMessageOpen_andMoreAreCounted() {
      CallBench.Say eight = flow.client(SipWord.INVITE).tags("f", "").audio(PHONE, 4000);
      CallBench.Say nine = flow.client(SipWord.INVITE).call("c2").tags("f", "").audio(PHONE, 4002);
      for (int port = 5070; port < 5078; port++) {
        eight.contact(PHONE, port);
        nine.contact(PHONE, port);
      }
      eight.route("203.0.113.99", 5060).say();
      assertEquals(List.of(), bench.model.takeReasons(), "a proxy's place is not ours to open");
      nine.contact(PHONE, 5078).contact(PHONE, 5079).say();
      assertEquals(List.of("tooManyPorts"), bench.model.takeReasons());
      String open = bench.model.open().toString();
      assertTrue(open.contains(PHONE + ":5077"), open);
      assertFalse(open.contains(PHONE + ":5078"), open);
    }

    @Test
    void unansweredPerSource_countsUntilAnAnswer_orFor32s() {
      bench.settings = CallBench.settings(MediaFrom.PEER, "", 100, 2, 16);
      for (int call = 0; call < 4; call++) {
        flow.client(SipWord.INVITE)
            .call("c" + call)
            .tags("f", "")
            .audio(PHONE, 4000 + 10 * call)
            .say();
        flow.client(SipWord.INVITE)
            .call("c" + call)
            .tags("f", "")
            .audio(PHONE, 4000 + 10 * call)
            .say();
      }
      assertEquals(4, bench.model.takeReasons().size());
      assertEquals(Set.of(4000, 4001, 4010, 4011), toPhone());
      flow.serverAnswers(180, SipWord.INVITE).call("c1").say();
      flow.serverAnswers(183, SipWord.INVITE).call("c1").say();
      flow.client(SipWord.INVITE).call("c4").tags("f", "").audio(PHONE, 4040).say();
      assertEquals(List.of(), bench.model.takeReasons());
      flow.client(SipWord.INVITE).call("c5").tags("f", "").audio(PHONE, 4050).say();
      assertEquals(List.of("tooManyUnanswered"), bench.model.takeReasons());
      bench.model.pass(Duration.ofSeconds(40));
      flow.client(SipWord.INVITE).call("c6").tags("f", "").audio(PHONE, 4060).say();
      assertEquals(List.of(), bench.model.takeReasons());
    }

    @Test
    void anotherCallUnderTheSameCallId_isNotOpened() {
      call();
      flow.client(SipWord.INVITE).tags("g", "").audio(PHONE, 4100).say();
      assertEquals(List.of("callIdInUse"), bench.model.takeReasons());
      assertEquals(pair(4000), toPhone());
    }
  }

  @Test
  void targetRefresh_countsOnceItIsAccepted() {
    call();
    String before = PHONE + ":5060";
    flow.client(SipWord.INVITE).cseq(2).audio(PHONE, 4000).contact(PHONE, 5080).say();
    assertTrue(bench.model.open().contains(SERVER + " > " + PHONE + ":5080"));
    flow.serverAnswers(488, SipWord.INVITE).cseq(2).say();
    assertTrue(bench.model.open().contains(SERVER + " > " + before));
    assertTrue(!bench.model.open().contains(SERVER + " > " + PHONE + ":5080"));
    flow.client(SipWord.INVITE).cseq(3).audio(PHONE, 4000).contact(PHONE, 5080).say();
    flow.serverAnswers(200, SipWord.INVITE).cseq(3).audio(SERVER, 6000).say();
    assertTrue(bench.model.open().contains(SERVER + " > " + PHONE + ":5080"));
    assertTrue(!bench.model.open().contains(SERVER + " > " + before));
  }

  @Test
  void targetRefresh_keepsTheRoute_whichIsThatOfTheDialog() {
    invite();
    flow.serverAnswers(200, SipWord.INVITE)
        .audio(SERVER, 6000)
        .contact(SERVER, 5060)
        .route(SERVER, 5090)
        .say();
    String route = PHONE + " > " + SERVER + ":5090";
    assertTrue(bench.model.open().contains(route));
    flow.server(SipWord.UPDATE).cseq(1).tags("t", "f").contact(SERVER, 5080).say();
    flow.clientAnswers(200, SipWord.UPDATE).cseq(1).tags("t", "f").contact(PHONE, 5060).say();
    assertTrue(bench.model.open().contains(route));
    assertTrue(bench.model.open().contains(PHONE + " > " + SERVER + ":5080"));
    assertTrue(!bench.model.open().contains(PHONE + " > " + SERVER + ":5060"));
  }

  @Test
  void severalPortsOfOneStream_theFirstPairOpens_andTheRestIsReported() {
    flow.client(SipWord.INVITE).tags("f", "").sdp(sdp(PHONE, "m=audio 4000/2 RTP/AVP 0")).say();
    assertEquals(pair(4000), toPhone());
    assertEquals(List.of("sdpMorePairs"), bench.model.takeReasons());
  }

  @Test
  void states_areWordsForOperators() {
    invite();
    assertEquals(List.of("call sip:***@a > sip:***@b calling"), bench.model.states());
    flow.serverAnswers(180, SipWord.INVITE).say();
    assertEquals(List.of("call sip:***@a > sip:***@b early"), bench.model.states());
    flow.serverAnswers(200, SipWord.INVITE).audio(SERVER, 6000).say();
    assertEquals(List.of("call sip:***@a > sip:***@b confirmed"), bench.model.states());
  }

  @Test
  void handOverBeforeEachMessage_changesNothing() {
    flow.client(SipWord.INVITE).tags("f", "").audio(PHONE, 4000).contact(PHONE, 5060).say();
    bench.handOver();
    flow.serverAnswers(183, SipWord.INVITE).tags("f", "one").audio(SERVER, 6000).say();
    bench.handOver();
    flow.serverAnswers(183, SipWord.INVITE).tags("f", "two").audio(SERVER, 7000).say();
    bench.handOver();
    flow.serverAnswers(200, SipWord.INVITE)
        .tags("f", "two")
        .audio(SERVER, 7000)
        .expires(1800)
        .say();
    bench.handOver();
    flow.client(SipWord.INVITE).cseq(2).tags("f", "two").audio("0.0.0.0", 4000).say();
    bench.handOver();
    flow.serverAnswers(200, SipWord.INVITE).cseq(2).tags("f", "two").audio(SERVER, 7000).say();
    bench.handOver();
    assertEquals(pair(4000), toPhone());
    assertEquals(pair(7000), toServer());
    flow.client(SipWord.BYE).cseq(3).tags("f", "two").say();
    bench.handOver();
    flow.serverAnswers(200, SipWord.BYE).cseq(3).tags("f", "two").say();
    nothingIsLeft();
  }
}
