package org.pinholed.agent.lifecycle;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Optional;
import java.util.function.BiConsumer;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.agent.worker.QueueWorkers;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.netlink.NetlinkException;

/**
 * Which of the pinholes that live as long as their parent are renewed: those whose parent the
 * kernel still has. It is asked each time, since the kernel does not tell of the end of a
 * connection from whose mark another rule took our bits. Owned by the lifecycle thread.
 */
final class Leases {
  /** A look-up takes about 10 us; events wait meanwhile. */
  static final int PARENTS_ASKED_A_TICK = 256;

  /** Renewed when a third of the lease is over, so that many tries are left. */
  private static final long RENEWALS_PER_LEASE = 3;

  private final ConntrackClient conntrack;
  private final QueueWorkers workers;
  private final MarkBits marks;
  private final BiConsumer<String, String> failed;

  /** What the kernel said of a parent. */
  private enum Answer {
    LIVES,
    GONE,
    NOT_ASKED
  }

  Leases(
      ConntrackClient conntrack,
      QueueWorkers workers,
      MarkBits marks,
      BiConsumer<String, String> failed) {
    this.conntrack = conntrack;
    this.workers = workers;
    this.marks = marks;
    this.failed = failed;
  }

  /** Whether it is time to renew a pinhole. */
  static boolean isDue(Expectation lease, long nowNs) {
    long renewAtMs = lease.pinhole().timeoutMs() * (RENEWALS_PER_LEASE - 1);
    return lease.expiresInMs(nowNs) * RENEWALS_PER_LEASE <= renewAtMs;
  }

  /**
   * Those that are to be renewed now. Parents that the kernel does not have are ended by their
   * workers. If there are too many to ask for all of them, the others are due at the next tick
   * again; one whose lease is nearly over is renewed unasked.
   */
  List<Expectation> withLivingParent(List<Expectation> due, long nowNs) {
    if (due.isEmpty()) {
      return due;
    }
    List<Expectation> living = new ArrayList<>(due.size());
    IdentityHashMap<Parent, Answer> answers = new IdentityHashMap<>();
    int asked = 0;
    due.sort(Comparator.comparingLong(lease -> lease.expiresInMs(nowNs)));
    for (Expectation lease : due) {
      if (lease.owner().id() != null) {
        living.add(lease); // the table has it, so its owner lives
        continue;
      }
      Parent parent = lease.parent();
      Answer answer = answers.get(parent);
      if (answer == null) {
        answer = asked < PARENTS_ASKED_A_TICK ? ask(parent) : Answer.NOT_ASKED;
        asked++;
        answers.put(parent, answer);
      }
      boolean nearlyOver =
          lease.expiresInMs(nowNs) * RENEWALS_PER_LEASE < lease.pinhole().timeoutMs();
      if (answer == Answer.LIVES || (answer == Answer.NOT_ASKED && nearlyOver)) {
        living.add(lease);
      }
    }
    return living;
  }

  private Answer ask(Parent parent) {
    if (parent.hasEnded()) {
      return Answer.GONE; // its worker is shutting its pinholes
    }
    Optional<ConntrackEntry> entry;
    try {
      entry = conntrack.get(parent.identity());
    } catch (NetlinkException e) {
      failed.accept("conntrack", String.valueOf(e.getMessage()));
      return Answer.LIVES; // it is not known
    }
    if (entry.isEmpty()) {
      workers.endParentIfGone(parent.identity(), false);
      return Answer.GONE;
    }
    if ((entry.get().mark() & (marks.vetted() | marks.opaque())) == 0) {
      workers.putMarkBack(parent.identity());
    }
    return Answer.LIVES;
  }
}
