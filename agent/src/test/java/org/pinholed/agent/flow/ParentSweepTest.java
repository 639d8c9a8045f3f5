package org.pinholed.agent.flow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.FlowTuple;

/** The clock is a number: each {@link #turn} is one of a worker, at the time that it says. */
class ParentSweepTest {
  private static final long BEGAN_NS = Long.MAX_VALUE - 1_000_000_000L; // wraps around soon
  private static final long STEP_NS = 250_000_000L;
  private static final int STEPS_A_ROUND = 4 * ParentSweep.ROUND_S;

  private final ParentSweep sweep = new ParentSweep(BEGAN_NS);
  private final List<ConntrackEntry> known = new ArrayList<>();
  private final List<Integer> looked = new ArrayList<>();
  private int rounds;

  private final ParentSweep.Parents parents =
      new ParentSweep.Parents() {
        @Override
        public List<ConntrackEntry> entries() {
          rounds++;
          return new ArrayList<>(known);
        }

        @Override
        public void look(ConntrackEntry entry) {
          looked.add(entry.id());
        }
      };

  private void know(int count) {
    InetAddress address = new InetSocketAddress("192.0.2.10", 0).getAddress();
    for (int i = 0; i < count; i++) {
      FlowTuple tuple = new FlowTuple(6, address, i, address, 21);
      known.add(
          new ConntrackEntry(
              tuple,
              tuple.inverse(),
              i,
              0,
              0,
              60,
              3,
              "",
              -1,
              -1,
              -1,
              -1,
              0,
              ConntrackEntry.TcpCloser.NOBODY));
    }
  }

  /** A turn; answers how many parents were looked for in it. */
  private int turn(long step) {
    int before = looked.size();
    sweep.turn(BEGAN_NS + step * STEP_NS, parents);
    return looked.size() - before;
  }

  private void assertEachOnce(int count) {
    assertEquals(count, looked.size());
    assertEquals(count, new HashSet<>(looked).size());
  }

  @Test
  void beforeTheFirstRound_nothingIsLookedFor() {
    know(3);
    for (int step = 0; step < STEPS_A_ROUND; step++) {
      assertEquals(0, turn(step));
    }
    assertEquals(0, rounds, "not even a list is made");
  }

  @Test
  void few_oneByOne_eachOnceARound() {
    know(3);
    for (int step = STEPS_A_ROUND; step < STEPS_A_ROUND + 3; step++) {
      assertEquals(1, turn(step));
      assertEquals(0, turn(step), "a turn within the same quarter of a second");
    }
    for (int step = STEPS_A_ROUND + 3; step < 2 * STEPS_A_ROUND; step++) {
      assertEquals(0, turn(step));
    }
    assertEachOnce(3);
    assertEquals(1, turn(2 * STEPS_A_ROUND), "the next round");
    assertEquals(2, rounds);
  }

  @Test
  void asManyAsAWorkerHas_areSpreadOverTheRound() {
    know(10 * STEPS_A_ROUND);
    int most = 0;
    for (int step = STEPS_A_ROUND; step < 2 * STEPS_A_ROUND; step++) {
      most = Math.max(most, turn(step));
    }
    assertEquals(11, most);
    assertEachOnce(known.size());
  }

  @Test
  void tooManyForARound_noTurnTakesMore_andNoneIsLeftOut() {
    int count = 65_536;
    know(count);
    long step = STEPS_A_ROUND;
    while (looked.size() < count) {
      assertTrue(turn(step++) <= ParentSweep.MOST_AT_ONCE);
    }
    assertEachOnce(count);
    assertEquals(1, rounds, "the next one begins behind it");
    turn(step);
    assertEquals(2, rounds);
  }

  @Test
  void whatComesDuringARound_waitsForTheNext() {
    know(2);
    assertEquals(1, turn(STEPS_A_ROUND));
    know(5);
    assertEquals(1, turn(STEPS_A_ROUND + 1));
    assertEquals(0, turn(STEPS_A_ROUND + 2));
  }

  @Test
  void aTurnThatIsLate_isOneStep() {
    know(100);
    assertEquals(1, turn(3 * STEPS_A_ROUND));
  }
}
