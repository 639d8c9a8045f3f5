package org.pinholed.agent.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.pinhole.ForwardingBackend;
import org.pinholed.agent.pinhole.RecordingBackend;
import org.pinholed.agent.report.RecordedMetrics;

/** What is to open nothing is seen to open nothing, and does not fill the kernel's table. */
class ExpectationWatchTest {
  private static final int DCCP = 33;
  private static final long SECOND_NS = 1_000_000_000L;

  private final RecordedMetrics metrics = new RecordedMetrics();
  private final List<String> failures = new ArrayList<>();
  private final Table kernel = new Table();
  private final Withdrawing backend = new Withdrawing();
  private long packets = 10;
  private long repairs;
  private long nowNs = -5;
  private final ExpectationWatch watch =
      new ExpectationWatch(
          kernel,
          backend,
          () -> packets,
          () -> repairs,
          metrics,
          (operation, message) -> failures.add(operation + ": " + message));

  /** A table with so many places. */
  private static final class Table implements ExpectationWatch.Kernel {
    private boolean standing;
    private int protocol = DCCP;
    private int dead;
    private int living;
    private int most = 100;
    private int dumps;
    private int clearings;

    @Override
    public boolean expects(Expected which) {
      dumps++;
      return standing && which.is(protocol, 1);
    }

    @Override
    public int count() {
      return dead + living;
    }

    @Override
    public int most() {
      return most;
    }

    @Override
    public void clear() {
      clearings++;
      dead = 0;
    }
  }

  /** Has an object for DCCP, port 1. */
  private static final class Withdrawing extends ForwardingBackend {
    private boolean withdrawn;

    private Withdrawing() {
      super(new RecordingBackend(null));
    }

    @Override
    public boolean expectsForSequenceAdjustment(int protocol, int destinationPort) {
      return protocol == DCCP && destinationPort == 1;
    }

    @Override
    public void withdrawSequenceAdjustment() {
      withdrawn = true;
    }
  }

  private void tick() {
    nowNs += SECOND_NS / 4;
    watch.tick(nowNs);
  }

  @Test
  void nothingStands_isLookedForOnce_whenPacketsHaveCome() {
    tick();
    tick();
    assertEquals(0, kernel.dumps, "no packet came");
    packets++;
    tick();
    packets++;
    tick();
    assertEquals(1, kernel.dumps);
    repairs++;
    tick();
    assertEquals(1, kernel.dumps, "no packet came since the table was put back");
    packets++;
    tick();
    tick();
    assertEquals(2, kernel.dumps);
    assertEquals(List.of(), failures);
    assertFalse(backend.withdrawn);
  }

  @Test
  void oneThatStands_isWithdrawn_saidAndCounted() {
    kernel.standing = true;
    tick();
    packets++;
    tick();
    assertFalse(backend.withdrawn, "it may be on its way out");
    tick();
    assertTrue(backend.withdrawn);
    assertEquals(1, failures.size());
    assertTrue(failures.get(0).contains("are not rewritten"), failures::toString);
    assertEquals(1, metrics.of("expectations withdrawn"));
    tick();
    assertEquals(2, kernel.dumps, "nothing is assigned any more");
  }

  @Test
  void oneThatIsGoneAtTheSecondLook_isLeft() {
    kernel.standing = true;
    tick();
    packets++;
    tick();
    kernel.standing = false;
    tick();
    tick();
    assertFalse(backend.withdrawn);
    assertEquals(2, kernel.dumps);
  }

  @Test
  void othersExpectations_areNotOurs() {
    kernel.standing = true;
    kernel.protocol = 6;
    tick();
    packets++;
    tick();
    tick();
    assertFalse(backend.withdrawn);
  }

  @Test
  void nearlyFull_isCleared_saidAndCounted_atMostOnceASecond() {
    kernel.dead = 79;
    tick();
    assertEquals(0, kernel.clearings);
    kernel.dead = 80;
    tick();
    assertEquals(0, kernel.clearings, "counted within the second");
    for (int i = 0; i < 3; i++) {
      tick();
    }
    assertEquals(1, kernel.clearings);
    assertEquals(1, metrics.of("expectations cleared"));
    for (int i = 0; i < 4; i++) {
      kernel.dead = 100;
      tick();
    }
    assertEquals(2, kernel.clearings);
  }

  @Test
  void fullOfOthers_isNotClearedAgainAndAgain() {
    kernel.living = 95;
    for (int i = 0; i < 4 * 50; i++) {
      tick();
    }
    assertEquals(1, kernel.clearings);
    assertEquals(0, metrics.of("expectations cleared"));
    for (int i = 0; i < 4 * 20; i++) {
      tick();
    }
    assertEquals(2, kernel.clearings);
  }

  /** Others have nearly all places: the few that are left are not lost to dead ones. */
  @Test
  void nearlyFullOfOthers_isClearedAsLongAsThatFreesSome() {
    kernel.living = 78;
    for (int i = 0; i < 4 * 3; i++) {
      kernel.dead = 2;
      tick();
    }
    assertEquals(3, kernel.clearings);
    assertEquals(3, metrics.of("expectations cleared"));
  }

  @Test
  void limitThatCannotBeRead_isNoReasonToClear() {
    kernel.most = 0;
    kernel.dead = 1000;
    tick();
    assertEquals(0, kernel.clearings);
    assertEquals(List.of(), failures);
  }
}
