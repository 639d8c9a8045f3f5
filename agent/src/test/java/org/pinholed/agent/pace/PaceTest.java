package org.pinholed.agent.pace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class PaceTest {
  /** Near the end of the numbers, where System.nanoTime may begin. */
  private static final long BEGIN_NS = nearTheEnd();

  private static long nearTheEnd() {
    return Long.MAX_VALUE - Pace.MINUTE_NS / 2;
  }

  @Test
  void firstAtOnce_thenOneAMinuteWithTheNumberOfTheOthers() {
    Pace pace = new Pace();
    assertEquals(0, pace.next(BEGIN_NS));
    assertEquals(Pace.NOT_NOW, pace.next(BEGIN_NS));
    assertEquals(Pace.NOT_NOW, pace.next(BEGIN_NS + Pace.MINUTE_NS - 1));
    assertFalse(pace.isOver(BEGIN_NS + Pace.MINUTE_NS - 1));
    assertTrue(pace.isOver(BEGIN_NS + Pace.MINUTE_NS));
    assertEquals(2, pace.next(BEGIN_NS + Pace.MINUTE_NS));
    assertEquals(Pace.NOT_NOW, pace.next(BEGIN_NS + Pace.MINUTE_NS));
  }

  @Test
  void noneComesAnyMore_theLeftOnesAreTakenOnceTheMinuteIsOver() {
    Pace pace = new Pace();
    pace.next(BEGIN_NS);
    pace.next(BEGIN_NS);
    assertEquals(1, pace.left());
    assertEquals(0, pace.takeLeft(BEGIN_NS + Pace.MINUTE_NS - 1));
    assertEquals(1, pace.takeLeft(BEGIN_NS + Pace.MINUTE_NS));
    assertEquals(0, pace.left());
    assertEquals(Pace.NOT_NOW, pace.next(BEGIN_NS + Pace.MINUTE_NS), "it was told just now");
    assertEquals(0, new Pace().takeLeft(BEGIN_NS));
  }

  @Test
  void severalAMinute() {
    Pace pace = new Pace(3);
    for (int i = 0; i < 3; i++) {
      assertEquals(0, pace.next(BEGIN_NS + i));
    }
    assertEquals(Pace.NOT_NOW, pace.next(BEGIN_NS + 3));
    assertEquals(1, pace.next(BEGIN_NS + Pace.MINUTE_NS));
    assertEquals(0, pace.next(BEGIN_NS + Pace.MINUTE_NS));
    assertThrows(IllegalArgumentException.class, () -> new Pace(0));
  }
}
