package org.pinholed.agent.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class UserPlacesTest {
  private static final String WHAT = "traces";

  private final UserPlaces places = new UserPlaces(new UserPlaces.Share(6, 5, 3));

  private String take(int uid) {
    return String.valueOf(places.take(uid, uid == 0, WHAT));
  }

  @Test
  void oneUser_getsItsPart_othersGetTheirs_andSomeAreLeftToRoot() {
    for (int i = 0; i < 3; i++) {
      assertNull(places.take(1000, false, WHAT));
    }
    assertEquals("more than 3 traces of one user", take(1000));
    assertEquals("null", take(1001));
    assertEquals("null", take(1002));
    assertEquals("more than 5 traces of others than root", take(1003));
    assertEquals("null", take(0));
    assertEquals("more than 6 traces", take(0));
    places.giveBack(1001, false);
    assertEquals("more than 3 traces of one user", take(1000));
    assertEquals("null", take(1003));
    places.giveBack(1000, false);
    assertEquals("null", take(1000));
  }

  @Test
  void root_mayHaveAll_andGivesThemBack() {
    for (int round = 0; round < 2; round++) {
      for (int i = 0; i < 6; i++) {
        assertEquals("null", take(0));
      }
      assertEquals("more than 6 traces", take(1000));
      for (int i = 0; i < 6; i++) {
        places.giveBack(0, true);
      }
    }
  }

  @Test
  void moreForOneThanForAll_isRefused() {
    assertThrows(IllegalArgumentException.class, () -> new UserPlaces.Share(4, 5, 1));
    assertThrows(IllegalArgumentException.class, () -> new UserPlaces.Share(4, 2, 3));
    assertThrows(IllegalArgumentException.class, () -> new UserPlaces.Share(4, 2, 0));
  }
}
