package org.pinholed.helper;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class EntryLimitsTest {
  @ParameterizedTest
  @EnumSource
  void none_limitsNothing(EntryLimit limit) {
    assertEquals(Integer.MAX_VALUE, EntryLimits.NONE.most(limit));
    assertFalse(EntryLimits.NONE.isSet(limit));
  }

  @ParameterizedTest
  @EnumSource
  void with_itsRange_isTaken_andNothingElse(EntryLimit limit) {
    assertEquals(1, EntryLimits.NONE.with(limit, 1).most(limit));
    assertEquals(limit.most(), EntryLimits.NONE.with(limit, limit.most()).most(limit));
    for (int value : new int[] {-1, limit.most() + 1}) {
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> EntryLimits.NONE.with(limit, value));
      assertEquals(
          limit.word() + ": " + value + " (expected: 0.." + limit.most() + ")", e.getMessage());
    }
  }

  @Test
  void zero_saysNothing() {
    assertEquals(EntryLimits.NONE, new EntryLimits(Map.of(EntryLimit.OWNERS, 0)));
    assertEquals(
        EntryLimits.NONE, EntryLimits.NONE.with(EntryLimit.OWNERS, 7).with(EntryLimit.OWNERS, 0));
  }

  @Test
  void or_whatTheEntrySaysComesFirst() {
    EntryLimits entry = EntryLimits.NONE.with(EntryLimit.OWNERS, 7);
    EntryLimits protocol =
        EntryLimits.NONE.with(EntryLimit.OWNERS, 8).with(EntryLimit.EXPECTATIONS_PER_PARENT, 64);
    assertEquals(protocol.with(EntryLimit.OWNERS, 7), entry.or(protocol));
    assertEquals(" expectationsPerParent 64 owners 7", entry.or(protocol).toString());
  }

  @Test
  void shareOfAClient_isASixteenth_whereOnlyTheWholeIsSet() {
    EntryLimits limits = EntryLimits.NONE.with(EntryLimit.PARENTS, 320);
    assertEquals(20, limits.most(EntryLimit.PARENTS_PER_SOURCE));
    assertFalse(limits.isSet(EntryLimit.PARENTS_PER_SOURCE));
    assertEquals(Integer.MAX_VALUE, limits.most(EntryLimit.OWNERS_PER_SOURCE));
    assertEquals(1, EntryLimits.NONE.with(EntryLimit.OWNERS, 3).most(EntryLimit.OWNERS_PER_SOURCE));
    EntryLimits own = limits.with(EntryLimit.PARENTS_PER_SOURCE, 320);
    assertEquals(320, own.most(EntryLimit.PARENTS_PER_SOURCE));
    assertTrue(own.isSet(EntryLimit.PARENTS_PER_SOURCE));
  }
}
