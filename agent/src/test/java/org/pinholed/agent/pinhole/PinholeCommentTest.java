package org.pinholed.agent.pinhole;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.OwnerId;

class PinholeCommentTest {
  private static final long DAY_MS = 86_400_000;

  private static PinholeComment comment(int connections, int groupLength) {
    return new PinholeComment(
        "h".repeat(PinholeComment.HELPER_LENGTH),
        "ffffffff",
        65535,
        Integer.MAX_VALUE,
        4_000_000_000L,
        new Stay(Stay.Kind.IDLE, 0, DAY_MS, DAY_MS, 366 * DAY_MS),
        connections,
        new OwnerId(-1, -1),
        "g".repeat(groupLength - ExpectationRequest.ITEM_LENGTH - 1),
        "i".repeat(ExpectationRequest.ITEM_LENGTH));
  }

  @Test
  void longestOfALease_fits_andComesBack() {
    PinholeComment longest = comment(65535, ExpectationRequest.RANGE_GROUP_LENGTH + 1);
    assertTrue(longest.text().length() <= Pinhole.MAX_COMMENT_BYTES, longest.text());
    assertEquals(longest, PinholeComment.parse(longest.text()));
  }

  @Test
  void longestOfTheOthers_fits_andComesBack() {
    PinholeComment longest = comment(0, ExpectationRequest.GROUP_LENGTH + 1);
    assertTrue(longest.text().length() <= Pinhole.MAX_COMMENT_BYTES, longest.text());
    assertEquals(longest, PinholeComment.parse(longest.text()));
  }

  @Test
  void provisionalOwner_comesBack_andFitsWhereOthersDo() {
    for (boolean cuts : new boolean[] {true, false}) {
      Stay stay = new Stay(Stay.Kind.OWNER, 0, 0, 0, 43_200_000, 180_000, cuts);
      PinholeComment provisional = comment(0, ExpectationRequest.GROUP_LENGTH + 1).withStay(stay);
      assertTrue(provisional.text().length() <= Pinhole.MAX_COMMENT_BYTES, provisional.text());
      assertEquals(provisional, PinholeComment.parse(provisional.text()));
      assertEquals(cuts ? "oxc0!50" : "oxc0.50", field(provisional.text()));
    }
    assertEquals("o", field("2 ftp 000012349c41 pp ts44we8 o - data"));
    assertNull(PinholeComment.parse("2 ftp 000012349c41 pp ts44we8 o!50 - data"));
    assertNull(PinholeComment.parse("2 ftp 000012349c41 pp ts44we8 o5! - data"));
    assertNull(PinholeComment.parse("2 ftp 000012349c41 pp ts44we8 o5.6!7 - data"));
  }

  @Test
  void connections_areOfTheKernelsRange() {
    assertNull(PinholeComment.parse("2 ftp 000012349c41 pp ts44we8 o#1eki f - data"));
    assertNull(PinholeComment.parse("2 ftp 000012349c41 pp ts44we8 o#zzzzzzz - data"));
    assertNull(PinholeComment.parse("2 ftp 000012349c41 pp ts44we8 o# - data"));
    assertEquals("o#1ekf", field("2 ftp 000012349c41 pp ts44we8 o#1ekf - data"));
  }

  private static String field(String text) {
    PinholeComment parsed = PinholeComment.parse(text);
    return parsed == null ? "none" : parsed.text().replaceFirst("^(\\S+ ){5}(\\S+) .*", "$2");
  }
}
