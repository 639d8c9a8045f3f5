package org.pinholed.agent.pinhole.nftables;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nftables.NftChange;
import org.pinholed.kernel.nftables.NftMonitor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The thread that waits for others to change the table, and tells. Owns the monitor.
 *
 * <p>Several changes that come while one is being told are told as one.
 */
final class TableWatch implements AutoCloseable, NftMonitor.Handler {
  private static final Logger LOG = LoggerFactory.getLogger(TableWatch.class);
  private static final int BURST = 8;
  private static final long LOG_EVERY_NS = TimeUnit.MINUTES.toNanos(1);
  private static final long JOIN_MS = 5000;

  private final NftMonitor monitor;
  private final String table;
  private final Runnable changed;
  private final CountDownLatch closing = new CountDownLatch(1);
  private final RepairBudget budget = new RepairBudget(BURST, System.nanoTime());
  private final Thread thread;
  private final Line changes = new Line();
  private final Line removals = new Line();
  private boolean pending;

  /** A kind of line in the log, written once a minute at most. */
  private static final class Line {
    private long unlogged;
    private long loggedAtNs = System.nanoTime() - LOG_EVERY_NS;

    private void log(String text) {
      long now = System.nanoTime();
      if (now - loggedAtNs < LOG_EVERY_NS) {
        unlogged++;
        return;
      }
      String more = unlogged == 0 ? "" : "; " + unlogged + " more times since the last line";
      LOG.warn("{}{}", text, more);
      loggedAtNs = now;
      unlogged = 0;
    }
  }

  TableWatch(NftMonitor monitor, String table, Runnable changed) {
    this.monitor = monitor;
    this.table = table;
    this.changed = changed;
    this.thread = new Thread(this::run, "pinholed-nftables-watch");
    this.thread.setDaemon(true);
  }

  void start() {
    thread.start();
  }

  @Override
  public void onChange(NftChange change) {
    pending = true;
    String how = change.tableRemoved() ? "removed" : "changed in its parts " + change.parts();
    log(how + by(change.processName(), change.processId()));
  }

  @Override
  public void onOtherRulesRemoved(int rules, String processName, int processId) {
    removals.log(
        rules
            + " firewall rules were removed"
            + by(processName, processId)
            + "; if the one that accepts the children of pinholes was among them, none comes"
            + " through any more: pinholectl doctor tells");
  }

  private static String by(String processName, int processId) {
    return " by " + processName + " (process " + processId + ")";
  }

  @Override
  public void onOverrun() {
    pending = true;
    log("changed, perhaps: notifications were lost");
  }

  private void log(String how) {
    changes.log("nftables table " + table + " was " + how + "; it is repaired");
  }

  private void run() {
    try {
      while (closing.getCount() > 0) {
        monitor.receive(this);
        if (pending && hasBudget()) {
          pending = false;
          changed.run();
        }
      }
    } catch (NetlinkException e) {
      if (closing.getCount() > 0) {
        LOG.error("nftables table {} is not watched any more: {}", table, e.getMessage());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      monitor.close();
    }
  }

  private boolean hasBudget() throws InterruptedException {
    long waitNs = budget.take(System.nanoTime());
    while (waitNs > 0) {
      if (closing.await(waitNs, TimeUnit.NANOSECONDS)) {
        return false;
      }
      waitNs = budget.take(System.nanoTime());
    }
    return true;
  }

  @Override
  public void close() {
    closing.countDown();
    if (Thread.currentThread() == thread) {
      return;
    }
    try {
      thread.join(JOIN_MS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
