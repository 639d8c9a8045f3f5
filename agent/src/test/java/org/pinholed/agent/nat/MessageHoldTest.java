package org.pinholed.agent.nat;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.pinholed.helper.stream.StreamReason;

class MessageHoldTest {
  private static final int FIRST = 0x7ffffff0; // wraps around soon, as a signed number
  private static final String MESSAGE = "INVITE [bob|18] c=[192.0.2.10|1] end\n";

  private final HeldStream flow = new HeldStream(FIRST, false);

  private static String expected() {
    return HeldStream.rewritten(MESSAGE);
  }

  private void assertAllAnswered(HeldStream stream) {
    assertEquals(List.of(), stream.violations);
    assertEquals(0, stream.held(), "packets without a verdict");
  }

  @Test
  void messageInOneSegment_isChangedAtOnce() {
    flow.send(0, MESSAGE);

    assertEquals(expected(), flow.arrive().received());
    assertEquals(MESSAGE.length(), flow.acknowledge());
    assertEquals(
        List.of("\"[bob|18]\" -> \"" + "Z".repeat(18) + "\"", "\"[192.0.2.10|1]\" -> \"Z\""),
        flow.edits);
    assertAllAnswered(flow);
    assertEquals(0, flow.memory());
  }

  @Test
  void messageCutAnywhere_arrivesWholeAndChanged_andLaterBytesUnharmed() {
    for (int cut = 1; cut < MESSAGE.length(); cut++) {
      for (boolean remembers : new boolean[] {false, true}) {
        HeldStream one = new HeldStream(FIRST, remembers);
        one.send(0, MESSAGE.substring(0, cut));
        assertEquals("", one.arrive().received(), "nothing passes before the message is complete");
        one.send(cut, MESSAGE.substring(cut));
        one.arrive();
        assertEquals(MESSAGE.length(), one.acknowledge());
        one.send(MESSAGE.length(), "ACK\n");
        one.send(MESSAGE.length() + 4, MESSAGE);

        assertEquals(expected() + "ACK\n" + expected(), one.arrive().received(), "cut at " + cut);
        assertAllAnswered(one);
      }
    }
  }

  @Test
  void oneByteAtATime_isHeldUpToTenSegments() {
    String message = "[|20]...\n";
    for (int at = 0; at < message.length(); at++) {
      flow.send(at, message.substring(at, at + 1));
    }
    assertEquals("Z".repeat(20) + "...\n", flow.arrive().received());
    assertAllAnswered(flow);
  }

  @Test
  void shrinkingMessageOfSingleBytes_leavesOutWhatIsGone() {
    String message = "[aa|0]..\n";
    for (int at = 0; at < message.length(); at++) {
      flow.send(at, message.substring(at, at + 1));
    }
    assertEquals("..\n", flow.arrive().received());
    assertEquals(message.length(), flow.acknowledge());
    assertAllAnswered(flow);
  }

  @Test
  void secondChangeOfLength_waitsForTheAcknowledgement_inTheQueue() {
    flow.send(0, MESSAGE);
    flow.send(MESSAGE.length(), MESSAGE);
    assertEquals(1, flow.held());
    assertEquals(expected(), flow.arrive().received());

    flow.acknowledge();

    assertEquals(0, flow.held());
    assertEquals(expected() + expected(), flow.arrive().received());
    assertEquals(List.of(), flow.dropped);
  }

  @Test
  void completeMessage_doesNotWaitForTheNextOne() {
    String first = "GO [a|3]\n";
    flow.send(0, first.substring(0, 5));
    flow.send(5, first.substring(5));
    flow.send(first.length(), MESSAGE.substring(0, 20));

    assertEquals("GO ZZZ\n", flow.arrive().received());
    assertEquals(1, flow.held());
  }

  @Test
  void segmentWithTheEndOfOneAndTheBeginningOfAnother_waitsForThatOneOnly() {
    String first = "GO [a|33] and more\n";
    String both = first + MESSAGE;
    flow.send(0, both.substring(0, 12));
    flow.send(12, both.substring(12, first.length() + 9));
    assertEquals(HeldStream.rewritten(both.substring(0, 12)), flow.arrive().received());
    flow.acknowledge();
    flow.send(first.length() + 9, both.substring(first.length() + 9));
    flow.arrive();
    flow.acknowledge();

    assertEquals(HeldStream.rewritten(first) + expected(), flow.arrive().received());
    assertAllAnswered(flow);
  }

  @Test
  void copyOfWhatIsHeld_isDropped_andTheTimeIsThatOfTheFirst() {
    flow.send(0, MESSAGE.substring(0, 10));
    flow.at(300);
    flow.send(0, MESSAGE.substring(0, 10));
    assertEquals(List.of(WithheldReason.HELD_ALREADY), flow.dropped);

    flow.at(500);

    assertEquals(List.of(HoldReason.HOLD_TIME), flow.givenUp);
    assertEquals(MESSAGE.substring(0, 10), flow.arrive().received());
  }

  @Test
  void earlySegment_isHeldAndInOrder() {
    flow.send(10, MESSAGE.substring(10, 30));
    assertEquals("", flow.arrive().received());
    flow.send(0, MESSAGE.substring(0, 10));
    flow.send(30, MESSAGE.substring(30));

    assertEquals(expected(), flow.arrive().received());
    assertEquals(List.of(), flow.dropped);
    assertAllAnswered(flow);
  }

  @Test
  void directionThatIsResumed_beginsWithItsFirstSegment() {
    TranslatedStream resumed = new TranslatedStream();
    assertTrue(resumed.holding().passAsItCame(0x40000000, 10, false, true));
    assertTrue(resumed.holding().passAsItCame(0x4000000a, 10, false, true));
  }

  @Test
  void fin_waitsBehindTheMessage() {
    flow.send(0, MESSAGE.substring(0, 10).getBytes(ISO_8859_1), false);
    flow.send(10, new byte[0], true);
    assertEquals("", flow.arrive().received());
    flow.at(500);

    flow.arrive();
    assertEquals(MESSAGE.substring(0, 10), flow.received());
    assertTrue(flow.finReceived);
    assertAllAnswered(flow);
  }

  private void sendInTwo(String message) {
    flow.send(0, message.substring(0, 1460));
    flow.send(1460, message.substring(1460));
  }

  @Test
  void whereNoSegmentCanGrow_theLastIsCut_andItsSenderSendsTheRest() {
    String message = "[a|40]" + "x".repeat(2913) + "\n";
    sendInTwo(message);
    flow.arrive();
    int asked = flow.acknowledge();

    assertTrue(asked < message.length());
    flow.send(asked, message.substring(asked));

    assertEquals(HeldStream.rewritten(message), flow.arrive().received());
    assertEquals(message.length(), flow.acknowledge());
    assertAllAnswered(flow);
  }

  /** As most long messages are: its segments are full, but for the last. */
  @Test
  void whereTheLastSegmentIsShorter_itTakesTheGrowth_alsoIfACopyOfItWaitsBehind() {
    String message = "[192.0.2.10|14]" + "x".repeat(2600) + "\n";
    sendInTwo(message);
    flow.send(1460, message.substring(1460)); // a tail loss probe
    flow.send(0, message.substring(0, 1460));

    assertEquals(HeldStream.rewritten(message), flow.arrive().received());
    assertEquals(message.length(), flow.acknowledge());
    assertAllAnswered(flow);
  }

  /** What lies behind a message that was cut arrives before its end does. */
  @Test
  void nextMessageBehindOneThatWasCut_isSelectivelyAcknowledged() {
    String message = "[a|40]" + "x".repeat(2913) + "\n";
    sendInTwo(message);
    flow.send(message.length(), "OPTIONS\n");
    flow.arrive();
    int asked = flow.acknowledge();
    assertEquals(List.of(), flow.violations);
    flow.send(asked, message.substring(asked));

    assertEquals(HeldStream.rewritten(message) + "OPTIONS\n", flow.arrive().received());
    assertEquals(message.length() + 8, flow.acknowledge());
    assertAllAnswered(flow);
  }

  /** The segment that grew is lost behind the router. */
  @Test
  void nextMessageBehindOneThatWasLost_isSelectivelyAcknowledged() {
    flow.send(0, "GO [a|33]\n");
    flow.wire.clear();
    flow.send(10, "OPTIONS\n");
    flow.arrive();
    assertEquals(0, flow.acknowledge());
    assertEquals(List.of(), flow.violations);
    flow.send(0, "GO [a|33]\n");

    assertEquals(HeldStream.rewritten("GO [a|33]\n") + "OPTIONS\n", flow.arrive().received());
    assertAllAnswered(flow);
  }

  @Test
  void lengthNeutralEdits_needNoShift_andNoAcknowledgement() {
    flow.kernelRefuses = true; // nobody may ask it
    String message = "[abc|7] x [ef|6]\n";
    for (int at = 0; at < 3 * message.length(); at += message.length()) {
      flow.send(at, message.substring(0, 3));
      flow.send(at + 3, message.substring(3));
    }

    assertEquals("ZZZZZZZ x ZZZZZZ\n".repeat(3), flow.arrive().received());
    assertEquals(List.of(), flow.dropped);
    assertEquals(3 * message.length(), flow.acknowledge());
    assertEquals(0, flow.memory());
  }

  @Test
  void kernelThatDoesNotShift_letsNothingPass_andItIsTriedAgain() {
    flow.kernelRefuses = true;
    flow.send(0, MESSAGE.substring(0, 9));
    flow.send(9, MESSAGE.substring(9));
    assertEquals(
        List.of(WithheldReason.REWRITE_FAILED, WithheldReason.REWRITE_FAILED), flow.dropped);
    flow.kernelRefuses = false;
    flow.send(0, MESSAGE.substring(0, 9));
    flow.send(9, MESSAGE.substring(9));
    flow.arrive();
    int asked = flow.acknowledge();
    flow.send(asked, MESSAGE.substring(asked));

    assertEquals(expected(), flow.arrive().received());
    assertAllAnswered(flow);
  }

  @Test
  void pinholeThatTheKernelDoesNotTake_dropsTheMessage_andItPassesAsItCameWhenItComesAgain() {
    flow.backendRefuses = true;
    flow.send(0, "[abc|7] x\n");
    assertEquals(List.of(WithheldReason.BACKEND_REFUSED), flow.dropped);
    flow.send(0, "[abc|7] x\n");

    assertEquals("[abc|7] x\n", flow.arrive().received());
    assertAllAnswered(flow);
  }

  @Test
  void restOfAMessageOfWhichAPartHasLeft_neverPassesAsItCame() {
    flow.send(18, MESSAGE.substring(18));
    flow.at(500);
    assertEquals(List.of(WithheldReason.EARLY), flow.dropped);
    flow.send(0, MESSAGE.substring(0, 18)); // the helper has the rest already
    flow.arrive();
    flow.acknowledge();
    flow.memoryIsSpent = true;
    flow.send(18, MESSAGE.substring(18));
    assertEquals(expected().substring(0, flow.received().length()), flow.arrive().received());
    assertEquals(List.of(WithheldReason.EARLY, WithheldReason.REWRITE_FAILED), flow.dropped);
    assertEquals(List.of(), flow.givenUp);

    flow.memoryIsSpent = false;
    flow.send(18, MESSAGE.substring(18));
    assertEquals(expected(), flow.arrive().received());
    assertAllAnswered(flow);
  }

  @Test
  void messageOfWhichAPartPassedForLackOfMemory_isNotRewrittenBehindThat() {
    flow.send(18, MESSAGE.substring(18));
    flow.at(500);
    flow.memoryIsSpent = true;
    flow.send(0, MESSAGE.substring(0, 18)); // the helper has the rest already
    flow.memoryIsSpent = false;
    flow.send(18, MESSAGE.substring(18));

    assertEquals(MESSAGE, flow.arrive().received());
    assertEquals(List.of(StreamReason.BUFFER_BUDGET), flow.givenUp);
    assertAllAnswered(flow);
  }

  /** Its receiver has all that the new text has of it; the sender goes on behind what is gone. */
  @Test
  void segmentThatEndsWithinWhatIsGone_isFollowedByWhatStandsBehindThat() {
    String message = "GO [abcdefghij|2] end\n";
    flow.send(10, message.substring(10));
    flow.at(500);
    assertEquals(List.of(WithheldReason.EARLY), flow.dropped);
    flow.send(0, message.substring(0, 10)); // the helper has the rest already
    assertEquals("GO ZZ", flow.arrive().received());
    assertEquals(17, flow.acknowledge());
    flow.send(17, message.substring(17));

    assertEquals("GO ZZ end\n", flow.arrive().received());
    assertEquals(List.of(WithheldReason.EARLY), flow.dropped);
    assertAllAnswered(flow);
  }

  @Test
  void messageForWhichThereIsNoMemory_passesAsItCame_asAWhole() {
    flow.memoryIsSpent = true;
    flow.send(0, MESSAGE.substring(0, 18));
    flow.send(18, MESSAGE.substring(18));
    assertEquals(MESSAGE, flow.arrive().received());
    assertEquals(List.of(StreamReason.BUFFER_BUDGET), flow.givenUp);
    assertAllAnswered(flow);
  }

  @Nested
  class Bounds {
    private void assertPassesAsItCame(HoldReason why) {
      assertEquals(List.of(why), flow.givenUp);
      assertEquals(List.of(), flow.edits);
    }

    @Test
    void tenSegments() {
      for (int at = 0; at < 10; at++) {
        flow.send(at, MESSAGE.substring(at, at + 1));
      }
      assertEquals(10, flow.held());
      flow.send(10, MESSAGE.substring(10, 11));
      assertEquals(0, flow.held());
      flow.send(11, MESSAGE.substring(11));

      assertEquals(MESSAGE, flow.arrive().received());
      assertPassesAsItCame(HoldReason.HOLD_SEGMENTS);
    }

    @Test
    void fourteenKibibytes() {
      String body = "x".repeat(MessageHold.MAX_BYTES - 6) + "[a|9]\n";
      assertEquals(MessageHold.MAX_BYTES, body.length());
      HeldStream fits = new HeldStream(FIRST, true);
      for (int at = 0; at < body.length(); at += 2048) {
        fits.send(at, body.substring(at, at + 2048));
      }
      assertEquals(List.of(), fits.givenUp);
      assertAllAnswered(fits);

      HeldStream over = new HeldStream(FIRST, true);
      String longer = "x".repeat(2049) + body;
      for (int at = 0; at < longer.length(); at += 2049) {
        over.send(at, longer.substring(at, Math.min(longer.length(), at + 2049)));
      }
      assertEquals(List.of(HoldReason.HOLD_BYTES), over.givenUp);
      assertEquals(longer, over.arrive().received());
      assertAllAnswered(over);
    }

    @Test
    void time_andReadingGoesOnAtTheNextMessage() {
      flow.send(0, MESSAGE.substring(0, 30));
      flow.at(499);
      assertEquals(1, flow.held());
      flow.at(500);
      assertEquals(0, flow.held());
      flow.send(30, MESSAGE.substring(30) + MESSAGE);

      assertEquals(MESSAGE + expected(), flow.arrive().received());
      assertEquals(List.of(HoldReason.HOLD_TIME), flow.givenUp);
    }

    @Test
    void theQueue() {
      flow.mostHeld = 2;
      flow.send(0, MESSAGE.substring(0, 10));
      flow.send(10, MESSAGE.substring(10, 20));
      flow.send(20, MESSAGE.substring(20, 30));
      flow.send(30, MESSAGE.substring(30));

      assertEquals(MESSAGE, flow.arrive().received());
      assertPassesAsItCame(HoldReason.HOLD_QUEUE);
      assertAllAnswered(flow);
    }

    @Test
    void acknowledgementThatDoesNotCome_dropsWhatWaits_andItIsChangedWhenItComesAgain() {
      flow.send(0, MESSAGE);
      flow.send(MESSAGE.length(), MESSAGE);
      flow.at(500);
      assertEquals(List.of(WithheldReason.UNACKNOWLEDGED), flow.dropped);
      assertEquals(List.of(), flow.givenUp);
      flow.arrive();
      flow.acknowledge();
      flow.send(MESSAGE.length(), MESSAGE);

      assertEquals(expected() + expected(), flow.arrive().received());
    }
  }

  @Nested
  class Ends {
    @Test
    void readingEnds_theUnfinishedMessagePasses_theCompleteOneChanged() {
      flow.send(0, MESSAGE);
      flow.send(MESSAGE.length(), MESSAGE);
      flow.send(2 * MESSAGE.length(), MESSAGE.substring(0, 9));
      flow.hold.readingEnds(HoldReason.HOLD_TIME, flow);
      flow.arrive();
      flow.acknowledge();

      assertEquals(expected() + expected() + MESSAGE.substring(0, 9), flow.arrive().received());
      assertAllAnswered(flow);
    }

    @Test
    void flowEnds_everythingHasItsVerdict() {
      flow.send(0, MESSAGE);
      flow.send(MESSAGE.length(), MESSAGE);
      flow.send(2 * MESSAGE.length() + 5, "early");
      flow.hold.release(flow);
      flow.hold.close(flow);

      assertAllAnswered(flow);
      assertEquals(0, flow.memory());
    }

    @Test
    void fault_dropsAll() {
      flow.send(0, MESSAGE.substring(0, 9));
      flow.send(9, MESSAGE.substring(9, 12));
      flow.hold.drop(WithheldReason.FAULT, flow);

      assertAllAnswered(flow);
      flow.send(0, MESSAGE);
      assertEquals(expected(), flow.arrive().received());
    }

    @Test
    void faultWhereAPacketIsMade_leavesNoneWithoutAVerdict_andItIsChangedWhenItComesAgain() {
      flow.send(0, MESSAGE.substring(0, 12));
      flow.packetsAreNotMade = true;
      assertThrows(IllegalStateException.class, () -> flow.send(12, MESSAGE.substring(12)));
      flow.hold.drop(WithheldReason.FAULT, flow);
      assertEquals(List.of(WithheldReason.FAULT, WithheldReason.FAULT), flow.dropped);
      assertAllAnswered(flow);

      flow.packetsAreNotMade = false;
      flow.send(0, MESSAGE.substring(0, 12));
      flow.send(12, MESSAGE.substring(12));
      flow.arrive();
      int asked = flow.acknowledge();
      flow.send(asked, MESSAGE.substring(asked));
      assertEquals(expected(), flow.arrive().received());
      assertAllAnswered(flow);
    }
  }

  /**
   * A sender with a window, a router that loses, reorders and is refused memory and shifts, a
   * receiver: whatever happens, the receiver gets each message as it was or as it is rewritten, all
   * of them, and every packet one verdict. The tries are the same in every run.
   */
  @Property(tries = 3000, seed = "1")
  void anyCutAnyOrderAnyLoss_eachMessageIsTheOriginalOrTheRewrittenOne(@ForAll long seed) {
    anyCutAnyOrderAnyLoss(seed, 20, 220, 0);
  }

  /** As above, in segments that may not leave longer than they came. */
  @Property(tries = 1500, seed = "2")
  void theSame_whereSegmentsAreAsLongAsTheWayCarries(@ForAll long seed) {
    anyCutAnyOrderAnyLoss(seed, 600, 1461, 1500);
  }

  /** It ended a segment within what is gone, and stood still. */
  @Test
  void theSame_ofASeedThatStoodStill() {
    anyCutAnyOrderAnyLoss(-4923221716310L, 20, 220, 0);
  }

  private void anyCutAnyOrderAnyLoss(long seed, int leastMss, int mostMss, int filler) {
    Random random = new Random(seed);
    Random refusals = new Random(~seed); // of its own, so that a seed of old runs says the same
    int refused = refusals.nextInt(3) == 0 ? 1 + refusals.nextInt(30) : 0;
    HeldStream one = new HeldStream(random.nextInt(), random.nextBoolean());
    if (random.nextInt(4) == 0) {
      one.mostHeld = 1 + random.nextInt(6);
    }
    List<String> messages = new ArrayList<>();
    StringBuilder all = new StringBuilder();
    for (int i = 0; i < 1 + random.nextInt(6); i++) {
      messages.add(message(random, filler));
      all.append(messages.get(i));
    }
    byte[] bytes = all.toString().getBytes(ISO_8859_1);
    int loss = random.nextInt(5) == 0 ? 0 : random.nextInt(30);
    boolean withFin = random.nextBoolean();
    int mss = leastMss + random.nextInt(mostMss - leastMss);
    int acknowledged = 0;
    int next = 0;
    long ms = 0;
    int rounds = 0;
    while (acknowledged < bytes.length || (withFin && !one.finReceived)) {
      assertTrue(++rounds < 4000, "no progress; seed " + seed + " got " + acknowledged);
      ms += random.nextInt(20) == 0 ? random.nextInt(600) : random.nextInt(3);
      if (random.nextInt(40) == 0 || (next >= bytes.length && random.nextInt(3) == 0)) {
        next = acknowledged; // a timeout: all from there again, cut otherwise
        ms += 200;
      }
      one.memoryIsSpent = refusals.nextInt(100) < refused;
      one.kernelRefuses = refusals.nextInt(100) < refused;
      one.at(ms);
      List<int[]> burst = new ArrayList<>();
      int window = Math.min(bytes.length, acknowledged + 10 * mss);
      while (next < window && burst.size() < 1 + random.nextInt(10)) {
        int length =
            Math.min(random.nextInt(3) == 0 ? 1 + random.nextInt(mss) : mss, window - next);
        burst.add(new int[] {next, length});
        next += length;
      }
      if (random.nextInt(6) == 0 && acknowledged < next) {
        int from = acknowledged + random.nextInt(next - acknowledged); // any old part of it
        burst.add(new int[] {from, 1 + random.nextInt(next - from)});
      }
      if (random.nextInt(10) == 0 && acknowledged > 0) {
        int from = Math.max(0, acknowledged - 1 - random.nextInt(40)); // what the receiver has
        burst.add(new int[] {from, Math.min(mss, next - from)});
      }
      if (burst.size() > 1 && random.nextInt(5) == 0) {
        java.util.Collections.shuffle(burst, random);
      }
      if (burst.isEmpty() && next >= bytes.length) {
        burst.add(new int[] {bytes.length, 0});
      }
      for (int[] segment : burst) {
        if (random.nextInt(100) >= loss) {
          int end = segment[0] + segment[1];
          one.send(
              segment[0],
              Arrays.copyOfRange(bytes, segment[0], end),
              withFin && end == bytes.length && random.nextBoolean());
        }
      }
      if (random.nextInt(100) < 3) {
        one.hold.drop(WithheldReason.FAULT, one);
      }
      while (!one.wire.isEmpty()) {
        HeldStream.Sent sent =
            one.wire.remove(random.nextInt(8) == 0 ? random.nextInt(one.wire.size()) : 0);
        if (random.nextInt(100) >= loss) {
          one.receive(sent);
        }
      }
      if (random.nextInt(100) >= loss) {
        int asked = one.acknowledge();
        assertTrue(asked <= bytes.length + 1 && asked >= 0, "asked for " + asked);
        acknowledged = Math.max(acknowledged, Math.min(asked, bytes.length));
        next = Math.max(next, acknowledged);
      }
    }
    one.hold.release(one);
    one.hold.close(one);
    assertEquals(List.of(), one.violations);
    assertEquals(0, one.held());
    assertEquals(0, one.memory());
    String rest = one.received();
    int unchanged = 0;
    for (String message : messages) {
      String changed = HeldStream.rewritten(message);
      if (rest.startsWith(changed)) {
        rest = rest.substring(changed.length());
      } else {
        assertTrue(rest.startsWith(message), "neither:\n" + rest + "\nof\n" + message);
        rest = rest.substring(message.length());
        unchanged++;
      }
    }
    assertEquals("", rest);
    assertTrue(unchanged <= one.givenUp.size(), "unchanged, and nobody said so");
  }

  private static String message(Random random, int filler) {
    StringBuilder text = new StringBuilder();
    for (int part = random.nextInt(6); part > 0; part--) {
      for (int i = random.nextInt(60); i > 0; i--) {
        text.append((char) ('a' + random.nextInt(26)));
      }
      text.append("y".repeat(filler == 0 ? 0 : random.nextInt(filler))).append('[');
      for (int i = random.nextInt(random.nextInt(4) == 0 ? 40 : 9); i > 0; i--) {
        text.append((char) ('A' + random.nextInt(25)));
      }
      text.append('|').append(random.nextInt(random.nextInt(4) == 0 ? 90 : 12)).append(']');
    }
    return text.append("end\n").toString();
  }
}
