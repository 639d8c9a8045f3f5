package org.pinholed.agent.announce;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.PinholeHolders;
import org.pinholed.agent.pinhole.BackendException;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.time.Clock;

/**
 * Two workers may write the same pinhole at the same time: a server announces a port again to the
 * same client, on another control connection, while the first one ends. Whoever the table says
 * waits for it shall have it, whichever transaction came last. Owned by one worker.
 *
 * <p>It works without a lock because an expectation is in the table before its pinhole is written:
 * who sees no other after his transaction knows that the other's transaction comes later.
 */
final class SharedPinholes {
  private final PinholeHolders holders;
  private final Set<Expectation> mine = new HashSet<>();
  private final List<Expectation> others = new ArrayList<>();
  private final Clock clock;

  SharedPinholes(PinholeHolders holders, Clock clock) {
    this.clock = clock;
    this.holders = holders;
  }

  /** A transaction. */
  interface Change {
    /**
     * Makes it.
     *
     * @param close pinholes to shut
     * @param open pinholes to open
     * @throws BackendException if the kernel refuses
     */
    void apply(List<Pinhole> close, List<Pinhole> open) throws BackendException;
  }

  /**
   * Writes those pinholes anew that others wait for.
   *
   * @param closed what was just shut
   * @param opened what was just opened
   * @param change how to write
   * @throws BackendException if the kernel refuses
   */
  void restore(List<Pinhole> closed, Collection<Expectation> opened, Change change)
      throws BackendException {
    mine.addAll(opened);
    try {
      for (Pinhole pinhole : closed) {
        note(holders.waitingFor(pinhole));
      }
      for (Expectation expectation : opened) {
        if (expectation.pinhole().kind() != Pinhole.Kind.ONCE) {
          continue; // many may hold it together, and what was written is what all of them need
        }
        note(holders.waitingFor(expectation.pinhole()));
      }
      if (!others.isEmpty()) {
        writeAnew(change);
      }
    } finally {
      mine.clear();
      others.clear();
    }
  }

  private void note(@Nullable Expectation waiting) {
    if (waiting != null && mine.add(waiting)) {
      others.add(waiting);
    }
  }

  private void writeAnew(Change change) throws BackendException {
    others.forEach(Expectation::remade); // first: its child may be coming through now
    long beganNs = clock.nanoTime();
    List<Pinhole> pinholes =
        others.stream().map(other -> holders.pinholeToWrite(other, beganNs)).toList();
    change.apply(List.of(), pinholes);
    for (int at = 0; at < pinholes.size(); at++) {
      holders.wrote(others.get(at), pinholes.get(at), beganNs);
    }
    long nowNs = clock.nanoTime();
    List<Pinhole> over = new ArrayList<>();
    for (Expectation other : others) {
      other.opened(nowNs);
      if (other.state() != Expectation.State.PENDING && !holders.isWaitedFor(other.pinhole())) {
        over.add(other.pinhole());
      }
    }
    if (!over.isEmpty()) {
      change.apply(over, List.of());
    }
  }
}
