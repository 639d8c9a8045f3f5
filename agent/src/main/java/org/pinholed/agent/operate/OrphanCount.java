package org.pinholed.agent.operate;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.pinhole.BackendException;
import org.pinholed.agent.pinhole.OwnedPinhole;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.view.AuditRow;

/**
 * Looks now and then for pinholes that nobody waits for, for the gauge. One that is found twice in
 * a row counts: between the two steps of shutting one it looks like an orphan for a moment.
 *
 * <p>{@link #tick} is for one thread, the rest for any.
 */
public final class OrphanCount {
  private static final long EVERY_NS = 30_000_000_000L;

  private Set<Pinhole> before = new HashSet<>();
  private long lookedNs;
  private volatile int count;

  /**
   * Makes it; it looks for the first time after a while.
   *
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  public OrphanCount(long nowNs) {
    lookedNs = nowNs;
  }

  /**
   * Looks if it is time.
   *
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @param pinholes those that stand
   * @param table those that are waited for
   * @throws BackendException if the kernel cannot be read
   */
  public void tick(long nowNs, PinholeBackend.Session pinholes, ExpectationTable table)
      throws BackendException {
    if (nowNs - lookedNs < EVERY_NS) {
      return;
    }
    lookedNs = nowNs;
    Set<Pinhole> found = new HashSet<>();
    int twice = 0;
    for (OwnedPinhole owned : pinholes.listOwned()) {
      if (!table.holders().isWaitedFor(owned.pinhole())) {
        found.add(owned.pinhole());
        twice += before.contains(owned.pinhole()) ? 1 : 0;
      }
    }
    before = found;
    count = twice;
  }

  /**
   * Takes the result of an audit.
   *
   * @param rows what it found
   */
  public void set(List<AuditRow> rows) {
    count = (int) rows.stream().filter(row -> row.difference().equals(Audit.ORPHAN)).count();
  }

  /**
   * How many there are.
   *
   * @return as of the last look or audit
   */
  public int count() {
    return count;
  }
}
