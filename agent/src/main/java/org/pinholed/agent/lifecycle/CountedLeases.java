package org.pinholed.agent.lifecycle;

import java.util.List;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.PinholeHolders;
import org.pinholed.agent.pinhole.BackendException;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.time.Clock;

/**
 * Sees to it that no more connections come through a lease than it is for. A kernel that counts
 * them itself lets in none too many; but it begins anew when the lease is made anew, and not every
 * kernel can. So each child counts here, too: the last one shuts the lease, and where the kernel
 * does not count, each one before has the lease written for those that may still come, so that the
 * next process knows it. What comes in the moment between a child and this is one too many.
 */
final class CountedLeases {
  private final PinholeBackend backend;
  private final PinholeBackend.Session pinholes;
  private final PinholeHolders holders;
  private final Clock clock;
  private final BiConsumer<String, @Nullable String> failed;

  CountedLeases(
      PinholeBackend backend,
      PinholeBackend.Session pinholes,
      PinholeHolders holders,
      Clock clock,
      BiConsumer<String, @Nullable String> failed) {
    this.backend = backend;
    this.pinholes = pinholes;
    this.holders = holders;
    this.clock = clock;
    this.failed = failed;
  }

  /** A child came, which the table counted. All that let it in have the same pinhole. */
  void childCame(List<Expectation> expectedBy) {
    for (Expectation expectation : expectedBy) {
      Pinhole lease = expectation.pinhole();
      if (lease.connections() > 0) {
        try {
          write(lease);
        } catch (BackendException e) {
          failed.accept("lease", e.getMessage()); // the next child or renewal tries again
        }
        return;
      }
    }
  }

  private void write(Pinhole lease) throws BackendException {
    Expectation waiting = holders.waitingFor(lease);
    if (waiting != null && backend.limitsConnections()) {
      return;
    }
    if (waiting != null) {
      pinholes.apply(List.of(), List.of(holders.pinholeToWrite(waiting, clock.nanoTime())));
    }
    if (!holders.isWaitedFor(lease)) { // perhaps since a moment
      pinholes.apply(List.of(lease), List.of());
    }
  }
}
