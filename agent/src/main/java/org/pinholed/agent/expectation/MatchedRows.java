package org.pinholed.agent.expectation;

import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.pinholed.agent.expectation.Expectation.State;

/**
 * Rows of which all children came, kept for listings: the youngest of them, until their time is
 * over. Thread-safe.
 */
final class MatchedRows {
  private static final int MOST = 4096;

  private final ConcurrentLinkedQueue<Expectation> rows = new ConcurrentLinkedQueue<>();
  private final AtomicInteger size = new AtomicInteger();
  private final Consumer<Expectation> end;

  /**
   * Keeps none yet.
   *
   * @param end takes a row out of the table
   */
  MatchedRows(Consumer<Expectation> end) {
    this.end = end;
  }

  /** Keeps a row; if there are too many now, the oldest one leaves. */
  void add(Expectation expectation) {
    rows.add(expectation);
    if (size.incrementAndGet() > MOST) {
      dropOldest();
    }
  }

  private void dropOldest() {
    Expectation oldest = rows.poll();
    if (oldest != null) {
      size.decrementAndGet();
      end.accept(oldest);
    }
  }

  /** Drops those whose time is over or whose parent ended. */
  void purge(long nowNs) {
    rows.removeIf(
        expectation -> {
          boolean over =
              expectation.state() == State.GONE
                  || expectation.endedWithParent()
                  || expectation.expiresInMs(nowNs) <= 0;
          if (over) {
            size.decrementAndGet();
            end.accept(expectation);
          }
          return over;
        });
  }
}
