package org.pinholed.agent.nat;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.nat.Passage.Kind;
import org.pinholed.kernel.conntrack.SequenceAdjustment;

class TranslatedStreamTest {
  /** Close to the end of the numbers, so that everything here wraps around. */
  private static final int FIRST = -30;

  private final TranslatedStream stream = new TranslatedStream();

  TranslatedStreamTest() {
    stream.begin(FIRST);
  }

  private void plan(int at, int lengthBytes, String replacement) {
    stream.plan(new PayloadEdit(FIRST + at, lengthBytes, replacement.getBytes(US_ASCII)));
  }

  private Passage pass(int at, int lengthBytes) {
    Passage passage = stream.decide(FIRST + at, lengthBytes, null, true);
    if (passage.kind() != Kind.DROPPED) {
      stream.passed(passage);
    }
    return passage;
  }

  private void assertDropped(String cause, Passage passage) {
    assertEquals(Kind.DROPPED, passage.kind());
    assertEquals(cause, passage.cause());
  }

  @Test
  void segmentsWithoutEdits_pass_alsoWhenTheyComeAgain() {
    assertEquals(Kind.AS_IT_CAME, pass(0, 10).kind());
    assertEquals(Kind.AS_IT_CAME, pass(10, 10).kind());
    assertEquals(Kind.AS_IT_CAME, pass(0, 25).kind());
    assertEquals(SequenceAdjustment.NONE, stream.adjustment());
  }

  @Test
  void aSegmentBeforeItsTurn_waits() {
    assertDropped("early", pass(1, 10));
    assertEquals(Kind.AS_IT_CAME, pass(0, 1).kind());
    assertEquals(Kind.AS_IT_CAME, pass(1, 10).kind());
  }

  @Test
  void aSegmentBeforeItsTurn_whereNothingIsToBeChanged_passes_andWhatMissesFollowsAsItComes() {
    Passage ahead = stream.decide(FIRST + 10, 10, null, false);
    assertEquals(Kind.AS_IT_CAME, ahead.kind());
    stream.passed(ahead);

    assertFalse(stream.canChange(FIRST + 3), "the kernel has shifted by now what stands behind it");
    assertTrue(stream.canChange(FIRST + 20));
    assertEquals(Kind.AS_IT_CAME, pass(0, 10).kind());
    assertDropped("early", pass(21, 5));
    assertEquals(Kind.AS_IT_CAME, pass(20, 6).kind());
  }

  @Test
  void aSegmentBehindAPlannedEdit_waits_thoughNothingElseIsToBeChanged() {
    plan(5, 10, "x");
    pass(0, 8); // cut in front of the edit

    assertDropped("early", stream.decide(FIRST + 8, 10, null, false));
    assertEquals(Kind.CHANGED, pass(5, 13).kind());
    assertEquals(Kind.AS_IT_CAME, stream.decide(FIRST + 30, 10, null, false).kind());
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
    assertDropped("partOfAnEdit", pass(8, 12));
    assertDropped("partOfAnEdit", pass(0, 8));
  }

  @Test
  void aSecondEdit_beforeTheFirstIsAcknowledged_waits() {
    plan(5, 10, "x");
    pass(0, 20);
    plan(25, 10, "y");

    Passage cut = pass(20, 20);
    assertEquals(Kind.CHANGED, cut.kind());
    assertEquals(FIRST + 25, cut.end(), "what stands before the second edit passes");
    assertDropped("early", pass(40, 5));
    assertDropped("unacknowledged", pass(25, 15));

    assertEquals(FIRST + 20, stream.acknowledged(FIRST + 20 - 9));
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
    assertDropped("partOfAnEdit", pass(5, 15));
  }

  @Test
  void aSegmentThatEndsInTheMiddleOfAnEdit_isCutBeforeIt_andGivenUpAfterAWhile() {
    plan(5, 10, "x");
    Passage cut = pass(0, 8);
    assertEquals(FIRST + 5, cut.end());
    assertEquals(List.of(), cut.edits());
    for (int again = 1; again < TranslatedStream.MAX_CUTS; again++) {
      assertFalse(stream.isHopeless());
      assertDropped("partOfAnEdit", pass(5, 3));
    }
    assertTrue(stream.isHopeless());
    stream.cancelPlanned();
    assertEquals(Kind.AS_IT_CAME, pass(5, 3).kind());
  }

  @Test
  void anUnfinishedMessage_isWithheldOnce() {
    Passage cut = stream.decide(FIRST, 20, FIRST + 12, true);
    assertEquals("incomplete", cut.cause());
    assertEquals(FIRST + 12, cut.end());
    stream.passed(cut);
    assertTrue(stream.canChange(FIRST + 12));

    Passage again = stream.decide(FIRST + 12, 8, FIRST + 12, true);
    assertEquals(Kind.AS_IT_CAME, again.kind());
    stream.passed(again);
    assertFalse(stream.canChange(FIRST + 19), "a part of it is with the receiver");
    assertTrue(stream.canChange(FIRST + 20));
  }

  @Test
  void acknowledgements_areTurnedBackIntoTheSendersNumbers() {
    plan(5, 10, "thirteen char");
    pass(0, 20);

    assertEquals(FIRST + 3, stream.acknowledged(FIRST + 3));
    assertEquals(FIRST + 20, stream.acknowledged(FIRST + 23));
  }

  private static TranslatedStream inherited() {
    TranslatedStream resumed = new TranslatedStream();
    resumed.inherit(new SequenceAdjustment(100, 2, 9));
    return resumed;
  }

  @Test
  void afterARestart_whatAnEarlierAgentChanged_passesOnlyUpToTheChange() {
    TranslatedStream resumed = inherited();
    Passage cut = resumed.decide(95, 20, null, true);

    assertEquals(Kind.CHANGED, cut.kind());
    assertEquals("changedByAnEarlierAgent", cut.cause());
    assertEquals(100, cut.end());
    assertEquals(List.of(), cut.edits());
    assertNull(cut.adjustment());
    resumed.passed(cut);
    assertEquals(124 - 9, resumed.acknowledged(124), "the receiver has it all");
    assertEquals(Kind.AS_IT_CAME, resumed.decide(115, 20, null, true).kind());
  }

  @Test
  void afterARestart_theSenderGoesOnAtTheChange_itIsTakenBack() {
    TranslatedStream resumed = inherited();
    resumed.passed(resumed.decide(95, 20, null, true));
    assertEquals(100, resumed.acknowledged(102));
    Passage rest = resumed.decide(100, 15, null, true);

    assertEquals(Kind.CHANGED, rest.kind());
    assertEquals(115, rest.end());
    assertEquals(new SequenceAdjustment(100, 2, 2), rest.adjustment());
    resumed.passed(rest);
    assertEquals(Kind.AS_IT_CAME, resumed.decide(100, 15, null, true).kind());
    assertEquals(115, resumed.acknowledged(117));
  }

  @Test
  void afterARestart_aSegmentThatBeginsAtTheChange_provesNothingYet() {
    assertDropped("changedByAnEarlierAgent", inherited().decide(100, 15, null, true));
  }

  @Test
  void afterARestart_whatComesLater_isReadAsEver() {
    TranslatedStream resumed = inherited();

    assertEquals(Kind.AS_IT_CAME, resumed.decide(115, 20, null, true).kind());
    assertEquals(120, resumed.acknowledged(129));
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
    Passage again = next.decide(FIRST, 20, null, true);
    assertEquals(made.end(), again.end());
    assertEquals("x", new String(again.edits().get(0).replacement(), US_ASCII));
    assertNull(again.adjustment());
    assertEquals("unacknowledged", next.decide(FIRST + 20, 20, null, true).cause());
    next.acknowledged(FIRST + 20 - 9);
    Passage planned = next.decide(FIRST + 20, 20, null, true);
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
      assertEquals(end, stream.acknowledged(end + stream.adjustment().offsetAfter()));
    }
    assertEquals(250 * 12 - 250 * 3, stream.adjustment().offsetAfter());
    assertEquals(1, pass(4990, 10).edits().size());
  }
}
