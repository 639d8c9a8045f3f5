package org.pinholed.helper.sip.call;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.pinholed.helper.sip.call.CallBench.PHONE;
import static org.pinholed.helper.sip.call.CallBench.SERVER;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.pinholed.helper.sip.policy.SipSettings.MediaFrom;
import org.pinholed.helper.sip.words.SipWord;

/** How much a call takes, in memory and as a text for another process. */
class CallTextTest {
  private final CallBench bench = new CallBench();
  private final CallBench.Talk flow = bench.flow(CallBench.routed(PHONE, SERVER));

  /** The call of a bench. */
  static Call call(CallBench bench) {
    return call(bench, "call-1");
  }

  private static Call call(CallBench bench, String callId) {
    return Objects.requireNonNull(find(bench, callId));
  }

  private static @Nullable Call find(CallBench bench, String callId) {
    return bench
        .shared
        .map("calls", bench.settings.calls(), CallCodec.CODEC)
        .get(CallNames.call(callId.getBytes(US_ASCII)), bench.model.nowNs());
  }

  private void ordinaryCall() {
    String[] two = {"m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 31"};
    flow.client(SipWord.INVITE)
        .tags("f", "")
        .sdp(CallBench.sdp(PHONE, two))
        .contact(PHONE, 5060)
        .say();
    flow.serverAnswers(200, SipWord.INVITE)
        .sdp(CallBench.sdp(SERVER, two))
        .contact(SERVER, 5060)
        .say();
  }

  @Test
  void writtenAndRead_isTheSame_atAnotherMoment() {
    ordinaryCall();
    String text = CallCodec.CODEC.write(call(bench), bench.model.nowNs());
    Call read = Objects.requireNonNull(CallCodec.CODEC.read(text, Long.MAX_VALUE - 5));
    assertEquals(text, CallCodec.CODEC.write(read, Long.MAX_VALUE - 5));
    assertNull(CallCodec.CODEC.read("", 0));
    assertNull(CallCodec.CODEC.read("2" + text.substring(1), 0));
    for (int length = 1; length < text.length(); length++) {
      assertNull(CallCodec.CODEC.read(text.substring(0, length), 0), "cut at " + length);
    }
  }

  @Test
  void longestCall_isWrittenWithItsConfirmedDialogs() {
    String[] many = lines(16);
    flow.client(SipWord.INVITE).tags("f", "").sdp(CallBench.sdp(PHONE, many)).say();
    for (int fork = 0; fork < 15; fork++) {
      flow.serverAnswers(183, SipWord.INVITE)
          .tags("f", "t" + fork)
          .sdp(CallBench.sdp(SERVER, many))
          .say();
    }
    flow.serverAnswers(200, SipWord.INVITE)
        .tags("f", "last")
        .sdp(CallBench.sdp(SERVER, many))
        .say();
    String text = CallCodec.CODEC.write(call(bench), bench.model.nowNs());
    assertTrue(text.length() <= 4000, "" + text.length());
    Call read = Objects.requireNonNull(CallCodec.CODEC.read(text, bench.model.nowNs()));
    assertTrue(
        read.dialogs().stream().anyMatch(one -> one.phase() == Dialog.Phase.CONFIRMED),
        "the confirmed one");
  }

  /** Counted with the sizes of 64-bit HotSpot with compressed pointers. */
  @Test
  void ordinaryCall_takesLessThan2KiB_andOnePlace() {
    ordinaryCall();
    long bytes = Layout.of(call(bench));
    assertTrue(bytes < 2048, bytes + " bytes");
    assertEquals(1, CallSize.places(call(bench)), CallSize.bytes(call(bench)) + " bytes");
  }

  /** The count by which calls are bounded is what they take, whatever they have. */
  @Test
  void size_isThatOfTheObjects() {
    ordinaryCall();
    assertSize();
    String[] many = lines(16);
    for (int fork = 0; fork < 6; fork++) {
      CallBench.Say early =
          flow.serverAnswers(183, SipWord.INVITE).call("forks").tags("f", "t" + fork);
      if (fork == 0) {
        contacts(flow.client(SipWord.INVITE).call("forks").tags("f", ""), PHONE)
            .sdp(CallBench.sdp(PHONE, many))
            .say();
      }
      contacts(early, SERVER).sdp(CallBench.sdp(SERVER, many)).say();
      assertSize("forks");
    }
    flow.client(SipWord.UPDATE)
        .call("forks")
        .tags("f", "t0")
        .cseq(2)
        .sdp(CallBench.sdp(PHONE, many))
        .contact(PHONE, 5070)
        .say();
    flow.server(SipWord.BYE).tags("t", "f").cseq(9).say();
    assertSize("forks");
    assertSize();
  }

  private static CallBench.Say contacts(CallBench.Say say, String address) {
    for (int at = 0; at < Signals.MOST; at++) {
      say.contact(address, 5060 + at);
    }
    return say;
  }

  private void assertSize() {
    assertSize("call-1");
  }

  private void assertSize(String callId) {
    Call call = call(bench, callId);
    long real = Layout.of(call);
    long counted = CallSize.bytes(call);
    assertTrue(
        counted >= real * 0.95 && counted <= real * 1.25, real + " bytes, counted " + counted);
  }

  /** What every limit allows each for itself would be a hundred times what a usual call takes. */
  @Test
  void largestCall_isBounded_andEndsLikeAnyOther() {
    String[] many = lines(16);
    contacts(flow.client(SipWord.INVITE).tags("f", ""), PHONE)
        .sdp(CallBench.sdp(PHONE, many))
        .say();
    for (int fork = 0; fork < 16; fork++) {
      contacts(flow.serverAnswers(183, SipWord.INVITE).tags("f", "t" + fork), SERVER)
          .sdp(CallBench.sdp(SERVER, many))
          .say();
      long bytes = Layout.of(call(bench));
      assertTrue(bytes <= CallSize.MOST_PLACES * CallSize.PLACE_BYTES * 1.05, bytes + " bytes");
    }
    for (int fork = 0; fork < 16; fork++) {
      CallBench.Say offer = flow.server(SipWord.UPDATE).tags("t" + fork, "f").cseq(2);
      for (int at = 0; at < Signals.MOST; at++) {
        offer.contact(SERVER, 5080 + at);
      }
      offer.sdp(CallBench.sdp(SERVER, lines(15))).say();
      long bytes = Layout.of(call(bench));
      assertTrue(bytes <= CallSize.MOST_PLACES * CallSize.PLACE_BYTES * 1.05, bytes + " bytes");
    }
    assertTrue(bench.model.takeReasons().contains("callTooLarge"));
    flow.serverAnswers(486, SipWord.INVITE).tags("f", "t0").say();
    assertTrue(bench.model.open().isEmpty(), () -> "" + bench.model.open());
  }

  /** A call that takes more counts as more, so all of them together are bounded. */
  @Test
  void largeCalls_countAsSeveral() {
    bench.settings = CallBench.settings(MediaFrom.PEER, "", 40, 1000, 16);
    String[] many = lines(16);
    int begun = 0;
    for (int number = 0; number < 40; number++) {
      String id = "c" + number;
      flow.client(SipWord.INVITE).call(id).tags("f", "").sdp(CallBench.sdp(PHONE, many)).say();
      for (int fork = 0; fork < 8; fork++) {
        flow.serverAnswers(183, SipWord.INVITE)
            .call(id)
            .tags("f", "t" + fork)
            .sdp(CallBench.sdp(SERVER, many))
            .say();
      }
      begun += find(bench, id) == null ? 0 : 1;
    }
    assertTrue(begun < 20, begun + " calls");
    assertTrue(bench.model.takeReasons().contains("tooManyCalls"));
    long all = 0;
    for (int number = 0; number < 40; number++) {
      Call call = find(bench, "c" + number);
      all += call == null ? 0 : Layout.of(call);
    }
    assertTrue(all <= 50 * CallSize.PLACE_BYTES * 1.05, all + " bytes");
  }

  private static String[] lines(int streams) {
    List<String> lines = new ArrayList<>();
    for (int stream = 0; stream < streams; stream++) {
      lines.add("m=audio " + (4000 + 4 * stream) + " RTP/AVP 0");
    }
    return lines.toArray(String[]::new);
  }
}
