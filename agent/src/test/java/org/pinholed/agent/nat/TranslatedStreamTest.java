package org.pinholed.agent.nat;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Objects;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.nat.Passage.Kind;
import org.pinholed.kernel.conntrack.SequenceAdjustment;

class TranslatedStreamTest {
  /** Close to the end of the numbers, so that everything here wraps around. */
  private static final int FIRST = -30;

  /** More than any payload here. */
  private static final int ROOM = 1000;

  private final TranslatedStream stream = new TranslatedStream();

  TranslatedStreamTest() {
    stream.begin(FIRST);
  }

  private void plan(int at, int lengthBytes, String replacement) {
    stream.plan(new PayloadEdit(FIRST + at, lengthBytes, replacement.getBytes(US_ASCII)));
  }

  private Passage pass(int at, int lengthBytes) {
    Passage passage = stream.decide(FIRST + at, lengthBytes, ROOM, null, true);
    if (passage.kind() != Kind.DROPPED) {
      stream.passed(passage);
    }
    return passage;
  }

  private void assertDropped(WithheldReason reason, Passage passage) {
    assertEquals(Kind.DROPPED, passage.kind());
    assertEquals(reason, passage.reason());
  }

  /** An acknowledgement as its sender wrote it; gives it in the numbers of the stream's sender. */
  private static int acknowledge(TranslatedStream stream, int acknowledgement) {
    int inSenders = stream.adjustment().toSender(acknowledgement);
    stream.acknowledged(inSenders);
    return inSenders;
  }

  @Test
  void segmentsWithoutEdits_pass_alsoWhenTheyComeAgain() {
    assertEquals(Kind.AS_IT_CAME, pass(0, 10).kind());
    assertEquals(Kind.AS_IT_CAME, pass(10, 10).kind());
    assertEquals(Kind.AS_IT_CAME, pass(0, 25).kind());
    assertEquals(SequenceAdjustment.NONE, stream.adjustment());
  }

  /**
   * A sender that has not heard of the acknowledgement yet sends all of it in one segment: the
   * kernel would shift its first bytes by what the first change added.
   */
  @Test
  void bytesBeforeAnAcknowledgedChange_togetherWithTheNextOne_haveTheReceiverAsked() {
    plan(5, 10, "thirteen char");
    pass(0, 20);
    plan(25, 10, "thirteen char");
    stream.acknowledged(FIRST + 20);

    Passage both = pass(0, 40);
    assertEquals(Kind.ASKED, both.kind());
    assertEquals(WithheldReason.REPEATED, both.reason());
    assertNull(both.adjustment());
    Passage rest = pass(20, 20);
    assertEquals(new SequenceAdjustment(FIRST + 25, 3, 6), rest.adjustment());
    assertEquals(FIRST + 40, rest.end());
  }

  /** Its last bytes would stand where the receiver awaits others. */
  @Test
  void bytesBeforeAnAcknowledgedChange_afterTheNextOne_haveTheReceiverAsked() {
    plan(5, 10, "thirteen char");
    pass(0, 20);
    stream.acknowledged(FIRST + 20);
    plan(25, 10, "thirteen char");
    pass(20, 20);

    assertEquals(Kind.ASKED, pass(0, 20).kind());
    assertEquals(Kind.ASKED, pass(5, 15).kind());
    assertEquals(Kind.CHANGED, pass(20, 20).kind(), "the last one is known");
  }

  @Test
  void aSegmentBeforeItsTurn_waits() {
    assertDropped(WithheldReason.EARLY, pass(1, 10));
    assertEquals(Kind.AS_IT_CAME, pass(0, 1).kind());
    assertEquals(Kind.AS_IT_CAME, pass(1, 10).kind());
  }

  @Test
  void aSegmentBeforeItsTurn_whereNothingIsToBeChanged_passes_andWhatMissesFollowsAsItComes() {
    Passage ahead = stream.decide(FIRST + 10, 10, ROOM, null, false);
    assertEquals(Kind.AS_IT_CAME, ahead.kind());
    stream.passed(ahead);

    assertFalse(stream.canChange(FIRST + 3), "the kernel has shifted by now what stands behind it");
    assertTrue(stream.canChange(FIRST + 20));
    assertEquals(Kind.AS_IT_CAME, pass(0, 10).kind());
    assertDropped(WithheldReason.EARLY, pass(21, 5));
    assertEquals(Kind.AS_IT_CAME, pass(20, 6).kind());
  }

  @Test
  void aSegmentBehindAPlannedEdit_waits_thoughNothingElseIsToBeChanged() {
    plan(5, 10, "x");
    pass(0, 8); // cut in front of the edit

    assertDropped(WithheldReason.EARLY, stream.decide(FIRST + 8, 10, ROOM, null, false));
    assertEquals(Kind.CHANGED, pass(5, 13).kind());
    assertEquals(Kind.AS_IT_CAME, stream.decide(FIRST + 30, 10, ROOM, null, false).kind());
  }

  @Test
  void anEdit_isMade_andTheKernelShiftsFromItsPosition() {
    plan(5, 10, "thirteen char");
    Passage passage = pass(0, 20);

    assertEquals(Kind.CHANGED, passage.kind());
    assertEquals(FIRST + 20, passage.end());
    assertEquals(new SequenceAdjustment(FIRST + 5, 0, 3), passage.adjustment());
    assertEquals(passage.adjustment(), stream.adjustment());
  }

  @Test
  void aRetransmission_isChangedInTheSameWay_alsoTogetherWithWhatFollows() {
    plan(5, 10, "x");
    Passage first = pass(0, 20);
    Passage again = pass(0, 20);
    Passage longer = pass(0, 30);

    assertEquals(first.edits(), again.edits());
    assertNull(again.adjustment());
    assertEquals(first.edits(), longer.edits());
    assertEquals(Kind.AS_IT_CAME, pass(20, 10).kind());
    assertDropped(WithheldReason.PART_OF_AN_EDIT, pass(8, 12));
    assertDropped(WithheldReason.PART_OF_AN_EDIT, pass(0, 8));
  }

  @Test
  void aSecondEdit_beforeTheFirstIsAcknowledged_waits() {
    plan(5, 10, "x");
    pass(0, 20);
    plan(25, 10, "y");

    Passage cut = pass(20, 20);
    assertEquals(Kind.CHANGED, cut.kind());
    assertEquals(FIRST + 25, cut.end(), "what stands before the second edit passes");
    assertDropped(WithheldReason.EARLY, pass(40, 5));
    assertDropped(WithheldReason.UNACKNOWLEDGED, pass(25, 15));

    assertEquals(FIRST + 20, acknowledge(stream, FIRST + 20 - 9));
    Passage made = pass(25, 15);
    assertEquals(new SequenceAdjustment(FIRST + 25, -9, -18), made.adjustment());
  }

  @Test
  void anEditOfTheSameLength_needsNoAcknowledgement() {
    plan(5, 3, "abc");
    pass(0, 20);
    plan(25, 3, "abc");

    Passage second = pass(20, 20);
    assertEquals(Kind.CHANGED, second.kind());
    assertNull(second.adjustment());
    assertEquals(SequenceAdjustment.NONE, stream.adjustment());
  }

  @Test
  void severalEdits_ofOneSegment_areOneChange() {
    plan(2, 2, "abc");
    plan(10, 2, "defgh");
    Passage passage = pass(0, 20);

    assertEquals(2, passage.edits().size());
    assertEquals(new SequenceAdjustment(FIRST + 2, 0, 4), passage.adjustment());
    assertDropped(WithheldReason.PART_OF_AN_EDIT, pass(5, 15));
  }

  @Test
  void aSegmentThatEndsInTheMiddleOfAnEdit_isCutBeforeIt_andGivenUpAfterAWhile() {
    plan(5, 10, "x");
    Passage cut = pass(0, 8);
    assertEquals(FIRST + 5, cut.end());
    assertEquals(List.of(), cut.edits());
    for (int again = 1; again < TranslatedStream.MAX_CUTS; again++) {
      assertFalse(stream.isHopeless());
      assertDropped(WithheldReason.PART_OF_AN_EDIT, pass(5, 3));
    }
    assertTrue(stream.isHopeless());
    stream.cancelPlanned();
    assertEquals(Kind.AS_IT_CAME, pass(5, 3).kind());
  }

  @Test
  void anUnfinishedMessage_isWithheldOnce() {
    Passage cut = stream.decide(FIRST, 20, ROOM, FIRST + 12, true);
    assertEquals(WithheldReason.INCOMPLETE, cut.reason());
    assertEquals(FIRST + 12, cut.end());
    stream.passed(cut);
    assertTrue(stream.canChange(FIRST + 12));

    Passage again = stream.decide(FIRST + 12, 8, ROOM, FIRST + 12, true);
    assertEquals(Kind.AS_IT_CAME, again.kind());
    stream.passed(again);
    assertFalse(stream.canChange(FIRST + 19), "a part of it is with the receiver");
    assertTrue(stream.canChange(FIRST + 20));
  }

  @Test
  void acknowledgements_areTurnedBackIntoTheSendersNumbers() {
    plan(5, 10, "thirteen char");
    pass(0, 20);

    assertEquals(FIRST + 3, acknowledge(stream, FIRST + 3));
    assertEquals(FIRST + 20, acknowledge(stream, FIRST + 23));
  }

  private static TranslatedStream inherited() {
    TranslatedStream resumed = new TranslatedStream();
    resumed.inherit(new SequenceAdjustment(100, 2, 9));
    return resumed;
  }

  @Test
  void afterARestart_whatAnEarlierAgentChanged_passesOnlyUpToTheChange() {
    TranslatedStream resumed = inherited();
    Passage cut = resumed.decide(95, 20, ROOM, null, true);

    assertEquals(Kind.CHANGED, cut.kind());
    assertEquals(WithheldReason.CHANGED_BY_AN_EARLIER_AGENT, cut.reason());
    assertEquals(100, cut.end());
    assertEquals(List.of(), cut.edits());
    assertNull(cut.adjustment());
    resumed.passed(cut);
    assertEquals(124 - 9, acknowledge(resumed, 124), "the receiver has it all");
    assertEquals(Kind.AS_IT_CAME, resumed.decide(115, 20, ROOM, null, true).kind());
  }

  @Test
  void afterARestart_theSenderGoesOnAtTheChange_itIsTakenBack() {
    TranslatedStream resumed = inherited();
    resumed.passed(resumed.decide(95, 20, ROOM, null, true));
    assertEquals(100, acknowledge(resumed, 102));
    Passage rest = resumed.decide(100, 15, ROOM, null, true);

    assertEquals(Kind.CHANGED, rest.kind());
    assertEquals(115, rest.end());
    assertEquals(new SequenceAdjustment(100, 2, 2), rest.adjustment());
    resumed.passed(rest);
    assertEquals(Kind.AS_IT_CAME, resumed.decide(100, 15, ROOM, null, true).kind());
    assertEquals(115, acknowledge(resumed, 117));
  }

  @Test
  void afterARestart_aSegmentThatBeginsAtTheChange_provesNothingYet_soTheReceiverIsAsked() {
    TranslatedStream resumed = inherited();
    assertEquals(100, acknowledge(resumed, 102), "said before it was asked: proves nothing");
    for (int copy = 0; copy < 3; copy++) {
      Passage asked = resumed.decide(100, 15, ROOM, null, true);
      assertEquals(Kind.ASKED, asked.kind());
      assertEquals(100, asked.end());
      assertEquals(WithheldReason.CHANGED_BY_AN_EARLIER_AGENT, asked.reason());
    }
  }

  @Test
  void afterARestart_theReceiverThatWasAskedComesToTheChangeOnly_itIsTakenBack() {
    TranslatedStream resumed = inherited();
    resumed.decide(100, 15, ROOM, null, true);
    assertEquals(100, acknowledge(resumed, 102));

    Passage again = resumed.decide(100, 15, ROOM, null, true);
    assertEquals(Kind.CHANGED, again.kind());
    assertEquals(115, again.end());
    assertEquals(new SequenceAdjustment(100, 2, 2), again.adjustment());
  }

  @Test
  void afterARestart_theReceiverThatWasAskedHasIt_theSenderGoesOn() {
    TranslatedStream resumed = inherited();
    resumed.decide(100, 15, ROOM, null, true);
    assertEquals(115, acknowledge(resumed, 124));

    assertEquals(Kind.ASKED, resumed.decide(100, 15, ROOM, null, true).kind());
    assertEquals(Kind.AS_IT_CAME, resumed.decide(115, 20, ROOM, null, true).kind());
  }

  @Test
  void afterARestart_whatIsReadOnceMore_isNotChangedOnceMore() {
    TranslatedStream resumed = inherited();
    assertTrue(resumed.plan(new PayloadEdit(100, 5, "longer text".getBytes(US_ASCII))));
    resumed.passed(resumed.decide(95, 20, ROOM, null, true));
    assertEquals(115, acknowledge(resumed, 124), "the receiver has it all");

    assertEquals(Kind.AS_IT_CAME, resumed.decide(115, 20, ROOM, null, true).kind());
  }

  @Test
  void afterARestart_whatComesLater_isReadAsEver() {
    TranslatedStream resumed = inherited();

    assertEquals(Kind.AS_IT_CAME, resumed.decide(115, 20, ROOM, null, true).kind());
    assertEquals(120, acknowledge(resumed, 129));
  }

  @Test
  void anotherProcess_changesWhatIsPlanned_andRepeatsWhatWasMade() {
    plan(5, 10, "x");
    Passage made = pass(0, 20);
    plan(25, 10, "y");
    TranslatedStream next = new TranslatedStream();
    next.inherit(stream.adjustment());
    next.restore(Objects.requireNonNull(stream.state()));

    assertEquals(stream.state(), next.state());
    Passage again = next.decide(FIRST, 20, ROOM, null, true);
    assertEquals(made.end(), again.end());
    assertEquals("x", new String(again.edits().get(0).replacement(), US_ASCII));
    assertNull(again.adjustment());
    assertEquals(
        WithheldReason.UNACKNOWLEDGED, next.decide(FIRST + 20, 20, ROOM, null, true).reason());
    acknowledge(next, FIRST + 20 - 9);
    Passage planned = next.decide(FIRST + 20, 20, ROOM, null, true);
    assertEquals(new SequenceAdjustment(FIRST + 25, -9, -18), planned.adjustment());
  }

  @Test
  void beforeTheFirstByte_thereIsNothingToHandOver() {
    assertNull(new TranslatedStream().state());
  }

  @Test
  void manyEdits_areForgottenInTheEnd_theLastOnesNot() {
    for (int i = 0; i < 500; i++) {
      plan(10 * i + 2, 4, i % 2 == 0 ? "longer than four" : "s");
      Passage passage = pass(10 * i, 10);
      assertEquals(Kind.CHANGED, passage.kind());
      int end = FIRST + 10 * i + 10;
      assertEquals(end, acknowledge(stream, end + stream.adjustment().offsetAfter()));
    }
    assertEquals(250 * 12 - 250 * 3, stream.adjustment().offsetAfter());
    assertEquals(1, pass(4990, 10).edits().size());
  }

  /** What a segment becomes whose payload may not be longer than so much. */
  private Passage passWithin(int roomBytes, int at, int lengthBytes) {
    Passage passage = stream.decide(FIRST + at, lengthBytes, roomBytes, null, true);
    int bytes = passage.end() - (FIRST + at);
    for (PayloadEdit edit : passage.edits()) {
      bytes += edit.growth();
      assertTrue(edit.to() - passage.end() <= 0, "no edit is split");
    }
    assertTrue(bytes <= roomBytes, () -> "too long: " + passage);
    if (passage.kind() != Kind.DROPPED) {
      stream.passed(passage);
    }
    return passage;
  }

  @Test
  void aSegmentThatWouldBeTooLong_isCutBehindItsEdit_asMuchAsItGrows() {
    plan(5, 2, "seven..");
    Passage passage = passWithin(20, 0, 20);
    assertEquals(WithheldReason.TOO_LONG, passage.reason());
    assertEquals(FIRST + 15, passage.end());
    assertEquals(new SequenceAdjustment(FIRST + 5, 0, 5), passage.adjustment());

    assertEquals(Kind.AS_IT_CAME, passWithin(20, 15, 20).kind(), "the rest comes again");
    Passage again = passWithin(20, 0, 20);
    assertEquals(FIRST + 15, again.end());
    assertEquals(passage.edits(), again.edits());
    assertNull(again.adjustment());
  }

  @Test
  void aSegmentThatWouldBeTooLong_byAnEditAtItsEnd_isCutBeforeIt_andTheEditBeginsTheNext() {
    plan(15, 5, "0123456789");
    Passage passage = passWithin(20, 0, 20);
    assertEquals(FIRST + 15, passage.end());
    assertEquals(List.of(), passage.edits());
    assertNull(passage.adjustment());

    Passage next = passWithin(20, 15, 20);
    assertEquals(FIRST + 15 + 15, next.end());
    assertEquals(1, next.edits().size());
    assertFalse(stream.isHopeless());
  }

  @Test
  void ofTwoEdits_theOneThatFitsIsMade_andTheOtherWaitsForItsAcknowledgement() {
    plan(2, 2, "abcdef");
    plan(16, 2, "ghijkl");
    Passage first = passWithin(20, 0, 20);
    assertEquals(FIRST + 16, first.end());
    assertEquals(new SequenceAdjustment(FIRST + 2, 0, 4), first.adjustment());
    assertDropped(WithheldReason.UNACKNOWLEDGED, passWithin(20, 16, 4));
    acknowledge(stream, FIRST + 16 + 4);
    assertEquals(new SequenceAdjustment(FIRST + 16, 4, 8), pass(16, 4).adjustment());
  }

  @Test
  void editsThatWereMadeTogether_stayTogether_inALongerSegmentThatComesAgain() {
    pass(0, 10);
    plan(12, 2, "abcdef");
    plan(18, 2, "ghijkl");
    assertEquals(2, passWithin(40, 10, 20).edits().size());
    Passage again = passWithin(30, 0, 30);
    assertEquals(2, again.edits().size());
    assertEquals(FIRST + 22, again.end());
    Passage shorter = passWithin(24, 0, 24);
    assertEquals(List.of(), shorter.edits(), "one of them does not fit, so both wait");
    assertEquals(FIRST + 12, shorter.end());
  }

  @Test
  void anEditThatShrinks_makesRoomForOneThatGrows() {
    plan(2, 8, "x");
    plan(15, 2, "0123456");
    Passage passage = passWithin(20, 0, 20);
    assertEquals(2, passage.edits().size());
    assertEquals(FIRST + 20, passage.end());
    assertNull(passage.reason());
  }

  @Test
  void anUnfinishedMessage_thatWasCutOffForLength_isWithheldWhenItsTurnComes() {
    plan(2, 2, "0123456789");
    Passage cut = stream.decide(FIRST, 20, 20, FIRST + 18, true);
    assertEquals(WithheldReason.TOO_LONG, cut.reason());
    assertEquals(FIRST + 12, cut.end());
    stream.passed(cut);
    Passage rest = stream.decide(FIRST + 12, 8, 20, FIRST + 18, true);
    assertEquals(WithheldReason.INCOMPLETE, rest.reason());
    assertEquals(FIRST + 18, rest.end());
  }

  @Property
  void noSegment_leavesLongerThanItMay_andTheReceiverGetsAllBytesOnceInOrder(
      @ForAll @Size(min = 1, max = 6) List<@IntRange(min = 0, max = 30) Integer> gaps,
      @ForAll @Size(min = 6, max = 6) List<@IntRange(min = 0, max = 12) Integer> lengths,
      @ForAll @IntRange(min = 40, max = 80) int segmentBytes) {
    new TranslatedStreamTest().transmit(gaps, lengths, segmentBytes);
  }

  /** Sends a stream with edits, each segment again until all of it has passed. */
  private void transmit(List<Integer> gaps, List<Integer> lengths, int segmentBytes) {
    StringBuilder wanted = new StringBuilder();
    int at = 0;
    for (int i = 0; i < gaps.size(); i++) {
      at += gaps.get(i);
      wanted.append("-".repeat(gaps.get(i)));
      String replacement = "r".repeat(lengths.get(i));
      plan(at, 4, replacement);
      wanted.append(replacement);
      at += 4;
    }
    int total = at + 30;
    wanted.append("-".repeat(30));
    StringBuilder received = new StringBuilder();
    int next = 0;
    for (int turns = 0; next < total && turns < 100; turns++) {
      int lengthBytes = Math.min(segmentBytes, total - next);
      Passage passage = passWithin(Math.max(segmentBytes, lengthBytes), next, lengthBytes);
      if (passage.kind() != Kind.DROPPED) {
        int from = FIRST + next;
        for (PayloadEdit edit : passage.edits()) {
          received
              .append("-".repeat(edit.from() - from))
              .append(new String(edit.replacement(), US_ASCII));
          from = edit.to();
        }
        received.append("-".repeat(passage.end() - from));
        next = passage.end() - FIRST;
      }
      acknowledge(stream, FIRST + next + stream.adjustment().offsetAfter());
    }
    assertEquals(wanted.toString(), received.toString());
    assertFalse(stream.isUnfinished());
  }
}
