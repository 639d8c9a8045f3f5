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
import org.junit.jupiter.api.Test;
import org.pinholed.helper.sip.words.SipWord;

/** How much a call takes, in memory and as a text for another process. */
class CallTextTest {
  private final CallBench bench = new CallBench();
  private final CallBench.Talk flow = bench.flow(CallBench.routed(PHONE, SERVER));

  /** The call of a bench. */
  static Call call(CallBench bench) {
    return Objects.requireNonNull(
        bench
            .shared
            .map("calls", 20_000, CallCodec.CODEC)
            .get(CallNames.call("call-1".getBytes(US_ASCII)), bench.model.nowNs()));
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
    List<String> lines = new ArrayList<>();
    for (int stream = 0; stream < 16; stream++) {
      lines.add("m=audio " + (4000 + 4 * stream) + " RTP/AVP 0");
    }
    String[] many = lines.toArray(String[]::new);
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
  void ordinaryCall_takesLessThan2KiB() {
    ordinaryCall();
    long bytes = Layout.of(call(bench));
    assertTrue(bytes < 2048, bytes + " bytes");
  }
}
