package org.pinholed.agent.flow;

import java.util.ArrayList;
import java.util.List;
import org.pinholed.kernel.conntrack.ConntrackEntry;

/**
 * Which parent of a worker is looked for next in the kernel, whatever that tells: slowly, each of
 * them about every {@value #ROUND_S} s. The kernel does not tell of the end of a connection from
 * whose mark another rule took our bits. Owned by one worker.
 */
final class ParentSweep {
  /** How long a round takes, in seconds. */
  static final int ROUND_S = 300;

  /** Looked for at a time, however many parents there are. */
  static final int MOST_AT_ONCE = 16;

  private static final long STEP_NS = 250_000_000L;
  private static final int STEPS = (int) (ROUND_S * 1_000_000_000L / STEP_NS);

  /** Who knows the parents. */
  interface Parents {
    /** The conntracks of all of them; a copy. */
    List<ConntrackEntry> entries();

    /** Looks for one of them. */
    void look(ConntrackEntry entry);
  }

  private List<ConntrackEntry> round = new ArrayList<>();
  private int atOnce;
  private long roundBeganNs;
  private long steppedNs;

  ParentSweep(long nowNs) {
    roundBeganNs = nowNs;
    steppedNs = nowNs;
  }

  /** Looks for some parents, if it is time. */
  void turn(long nowNs, Parents parents) {
    if (nowNs - steppedNs < STEP_NS) {
      return;
    }
    steppedNs = nowNs;
    if (round.isEmpty()) {
      if (nowNs - roundBeganNs < ROUND_S * 1_000_000_000L) {
        return;
      }
      roundBeganNs = nowNs;
      round = parents.entries();
      atOnce = Math.min(MOST_AT_ONCE, 1 + round.size() / STEPS);
    }
    for (int i = 0; i < atOnce && !round.isEmpty(); i++) {
      // From the end, where a list gives its last one away at once.
      parents.look(round.remove(round.size() - 1));
    }
  }
}
