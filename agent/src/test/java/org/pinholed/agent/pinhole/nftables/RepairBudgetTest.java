package org.pinholed.agent.pinhole.nftables;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** How often the table may be repaired. */
class RepairBudgetTest {
  private static final long SECOND = 1_000_000_000L;

  @Test
  void take_atOnceUpToTheBurst_thenOnceASecond() {
    RepairBudget budget = new RepairBudget(2, 5);
    assertEquals(0, budget.take(5));
    assertEquals(0, budget.take(5));
    assertEquals(SECOND, budget.take(5));
    assertEquals(SECOND / 2, budget.take(5 + SECOND / 2));
    assertEquals(0, budget.take(5 + SECOND));
    assertEquals(SECOND, budget.take(5 + SECOND));
  }

  @Test
  void take_afterALongRest_isTheBurstAgainAndNoMore() {
    RepairBudget budget = new RepairBudget(2, 0);
    assertEquals(0, budget.take(1000 * SECOND));
    assertEquals(0, budget.take(1000 * SECOND));
    assertEquals(SECOND, budget.take(1000 * SECOND));
  }
}
