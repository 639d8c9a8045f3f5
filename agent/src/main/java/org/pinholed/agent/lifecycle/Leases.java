package org.pinholed.agent.lifecycle;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.agent.expectation.PinholeHolders;
import org.pinholed.agent.pinhole.BackendException;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.pinhole.Stay;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.worker.QueueWorkers;
import org.pinholed.kernel.conntrack.Conntrack;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.netlink.NetlinkException;

/**
 * Renews the leases. Of the pinholes that live as long as their parent those are renewed whose
 * parent the kernel still has. It is asked each time, since the kernel does not tell of the end of
 * a connection from whose mark another rule took our bits. Owned by the lifecycle thread.
 */
final class Leases {
  /** A look-up takes about 10 us; events wait meanwhile. */
  static final int PARENTS_ASKED_A_TICK = 256;

  /** A renewal takes about 10 us; events wait meanwhile. */
  static final int RENEWED_A_TICK = 4096;

  /** Renewed when a third of the lease is over, so that many tries are left. */
  private static final long RENEWALS_PER_LEASE = 3;

  private final Conntrack conntrack;
  private final QueueWorkers workers;
  private final MarkBits marks;
  private final PinholeBackend.Session pinholes;
  private final PinholeHolders holders;
  private final Clock clock;
  private final BiConsumer<String, @Nullable String> failed;

  /** What the kernel said of a parent. */
  private enum Answer {
    LIVES,
    GONE,
    NOT_ASKED
  }

  Leases(
      Conntrack conntrack,
      QueueWorkers workers,
      MarkBits marks,
      PinholeBackend.Session pinholes,
      PinholeHolders holders,
      Clock clock,
      BiConsumer<String, @Nullable String> failed) {
    this.conntrack = conntrack;
    this.workers = workers;
    this.marks = marks;
    this.pinholes = pinholes;
    this.holders = holders;
    this.clock = clock;
    this.failed = failed;
  }

  /** Pinholes for many that do not stand for longer than until then are to be renewed. */
  static long dueBeforeNs(long nowNs) {
    return nowNs + Stay.LEASE.toNanos() * (RENEWALS_PER_LEASE - 1) / RENEWALS_PER_LEASE;
  }

  /** Whether it is time to renew a pinhole for one. */
  static boolean isDue(Expectation lease, long nowNs) {
    long renewAtMs = lease.pinhole().timeoutMs() * (RENEWALS_PER_LEASE - 1);
    return lease.expiresInMs(nowNs) * RENEWALS_PER_LEASE <= renewAtMs;
  }

  /**
   * Renews those whose parent lives.
   *
   * @param due those of which it is time
   * @param nowNs the time of the tick
   */
  void renew(List<Expectation> due, long nowNs) {
    List<Expectation> living = withLivingParent(due, nowNs);
    if (living.size() > RENEWED_A_TICK) {
      living = living.subList(0, RENEWED_A_TICK); // the first to run out; the others are due again
    }
    if (living.isEmpty()) {
      return;
    }
    try {
      write(living);
    } catch (BackendException e) {
      // One that the kernel does not take must not let the others run out.
      for (Expectation lease : living) {
        writeAlone(lease);
      }
    }
    // A parent that ended in between must not leave a pinhole that was just made anew.
    List<Expectation> over =
        living.stream().filter(lease -> lease.state() != Expectation.State.PENDING).toList();
    if (!over.isEmpty()) {
      shut(over);
    }
  }

  private void writeAlone(Expectation lease) {
    try {
      write(List.of(lease));
    } catch (BackendException e) {
      failed.accept("renew", e.getMessage()); // many more tries before the lease runs out
    }
  }

  private void write(List<Expectation> living) throws BackendException {
    living.forEach(Expectation::remade);
    long beganNs = clock.nanoTime();
    List<Pinhole> renewed = new ArrayList<>();
    List<Pinhole> written = new ArrayList<>();
    List<Pinhole> all = new ArrayList<>();
    for (Expectation expectation : living) {
      if (expectation.pinhole().kind() != Pinhole.Kind.ONCE) {
        expectation.opened(beganNs); // it counts from now on, whoever else holds the pinhole
      }
      Pinhole pinhole = holders.pinholeToWrite(expectation, beganNs);
      (holders.needsComment(expectation) ? written : renewed).add(pinhole);
      all.add(pinhole);
    }
    if (!written.isEmpty()) {
      pinholes.apply(List.of(), written); // a renewal leaves the comment as it is
    }
    if (!renewed.isEmpty()) {
      pinholes.renew(renewed);
    }
    for (int at = 0; at < living.size(); at++) {
      Expectation expectation = living.get(at);
      expectation.opened(beganNs);
      expectation.writtenAnew();
      holders.wrote(expectation, all.get(at), beganNs);
    }
  }

  private void shut(List<Expectation> over) {
    try {
      pinholes.apply(holders.leftBy(over), List.of());
    } catch (BackendException e) {
      failed.accept("close", e.getMessage()); // the kernel's timeout shuts them
    }
  }

  /**
   * Those that are to be renewed now. Parents that the kernel does not have are ended by their
   * workers. If there are too many to ask for all of them, the others are due at the next tick
   * again; one whose lease is nearly over is renewed unasked.
   */
  private List<Expectation> withLivingParent(List<Expectation> due, long nowNs) {
    if (due.isEmpty()) {
      return due;
    }
    List<Expectation> living = new ArrayList<>(due.size());
    IdentityHashMap<Parent, Answer> answers = new IdentityHashMap<>();
    int asked = 0;
    for (Expectation lease : inOrder(due, each -> each.expiresInMs(nowNs))) {
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

  /** A lease with what was left of its time when it was asked. */
  private record Left<T>(T lease, long leftMs) {}

  /**
   * The first to run out comes first. Each is asked for its time once: workers write it meanwhile,
   * and a sort by what changes under it throws.
   */
  static <T> List<T> inOrder(List<T> due, ToLongFunction<T> leftMs) {
    List<Left<T>> asked = new ArrayList<>(due.size());
    for (T lease : due) {
      asked.add(new Left<>(lease, leftMs.applyAsLong(lease)));
    }
    asked.sort(Comparator.comparingLong(Left::leftMs));
    List<T> ordered = new ArrayList<>(due.size());
    for (Left<T> each : asked) {
      ordered.add(each.lease());
    }
    return ordered;
  }

  private Answer ask(Parent parent) {
    if (parent.hasEnded()) {
      return Answer.GONE; // its worker is shutting its pinholes
    }
    Optional<ConntrackEntry> entry;
    try {
      entry = conntrack.get(parent.identity());
    } catch (NetlinkException e) {
      failed.accept("conntrack", e.getMessage());
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
