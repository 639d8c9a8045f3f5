package org.pinholed.agent.lifecycle;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.pinhole.BackendException;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.agent.time.Clock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Puts back what somebody else removed from the kernel's table. Thread-safe: the backend's own
 * thread calls it, and after a failure the lifecycle thread.
 */
final class TableRepair {
  private static final Logger LOG = LoggerFactory.getLogger(TableRepair.class);

  private final PinholeBackend backend;
  private final ExpectationTable table;
  private final AgentEvents events;
  private final Clock clock;
  private final BiConsumer<String, @Nullable String> failed;
  private final AtomicLong count = new AtomicLong();
  private volatile boolean due;

  TableRepair(
      PinholeBackend backend,
      ExpectationTable table,
      AgentEvents events,
      Clock clock,
      BiConsumer<String, @Nullable String> failed) {
    this.backend = backend;
    this.table = table;
    this.events = events;
    this.clock = clock;
    this.failed = failed;
  }

  /** How often something was put back since the start. */
  long count() {
    return count.get();
  }

  /** Tries again what failed. */
  void tick() {
    if (due) {
      now();
    }
  }

  /** Looks whether something is missing, and puts it back. */
  synchronized void now() {
    long nowNs = clock.nanoTime();
    List<Expectation> before = table.pending();
    List<Pinhole> alive = table.holders().open(nowNs);
    before.forEach(Expectation::remade);
    due = false;
    try {
      if (backend.repair(alive)) {
        count.incrementAndGet();
        String detail = "table rebuilt with " + alive.size() + " pinholes";
        LOG.warn("somebody else changed the table of pinholed: {}", detail);
        events.agent(AgentEvent.Kind.TABLE_REPAIRED, "foreignChange", detail);
        writeWhatRepairMissed(before);
      }
    } catch (BackendException e) {
      due = true; // nobody may change the table again and so tell us; the next tick tries
      failed.accept("repair", e.getMessage());
    }
  }

  /** What workers ended or opened while the table was being rebuilt may have missed it. */
  private void writeWhatRepairMissed(List<Expectation> before) throws BackendException {
    Set<Expectation> known = new HashSet<>(before);
    List<Pinhole> opened = new ArrayList<>();
    for (Expectation expectation : table.pending()) {
      if (!known.contains(expectation)) {
        expectation.remade();
        opened.add(expectation.withoutUsed());
      }
    }
    List<Expectation> over =
        before.stream()
            .filter(expectation -> expectation.state() != Expectation.State.PENDING)
            .toList();
    try (PinholeBackend.Session session = backend.openSession()) {
      session.apply(table.holders().leftBy(over), opened);
    }
  }
}
