package org.pinholed.agent.pinhole;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.pinholed.helper.Lifetime;

class StayTest {
  private static final Duration IDLE = Duration.ofMinutes(10);
  private static final Duration LONGEST = Duration.ofHours(24);

  @Test
  void ofIdle_withAFirstTime_doesNotAskTheEntry() {
    Lifetime lifetime = new Lifetime.Idle(Duration.ofSeconds(5), IDLE, LONGEST);
    assertEquals(
        new Stay(Stay.Kind.IDLE, 0, 5_000, 600_000, 86_400_000),
        Stay.of(lifetime, Duration.ofSeconds(30)));
  }

  @Test
  void ofIdle_withoutAFirstTime_hasTheTimeoutOfTheEntry() {
    assertEquals(
        new Stay(Stay.Kind.IDLE, 0, 30_000, 600_000, 86_400_000),
        Stay.of(new Lifetime.Idle(null, IDLE, LONGEST), Duration.ofSeconds(30)));
  }

  /** {@code timeout: parent} says no time, and the parent's end says nothing to such an owner. */
  @Test
  void ofIdle_withoutAFirstTime_ofAnEntryWithoutATimeout_waitsAsLongAsItMayStay() {
    assertEquals(
        new Stay(Stay.Kind.IDLE, 0, 86_400_000, 600_000, 86_400_000),
        Stay.of(new Lifetime.Idle(null, IDLE, LONGEST), null));
  }
}
