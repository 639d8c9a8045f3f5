package org.pinholed.agent.pinhole.nftables;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.pace.BackOff;
import org.pinholed.agent.pace.SampledLog;
import org.pinholed.agent.time.Clock;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.nftables.NftChange;
import org.pinholed.kernel.nftables.NftMonitor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The thread that waits until others change the table, and has it repaired. It never gives up: a
 * socket that fails is opened again, and every few seconds it looks whether the table stands, told
 * or not.
 *
 * <p>Several changes that come while one is being repaired are repaired as one. Owns what it
 * listens to.
 */
final class TableWatch implements AutoCloseable, NftMonitor.Handler {
  private static final Logger LOG = LoggerFactory.getLogger(TableWatch.class);
  private static final int BURST = 8;
  private static final long STILL_NS = TimeUnit.SECONDS.toNanos(30);
  private static final long JOIN_MS = 5000;

  /** Between two looks at the firewall, whose ruleset may be long and change often. */
  private static final long FIREWALL_PAUSE_NS = TimeUnit.MILLISECONDS.toNanos(500);

  private static final long FIREWALL_EVERY_NS = TimeUnit.SECONDS.toNanos(30);

  private final Watched watched;
  private final long lookEveryNs;
  private final CountDownLatch closing = new CountDownLatch(1);
  private final RepairBudget budget = new RepairBudget(BURST, Clock.SYSTEM.nanoTime());
  private final BackOff backOff = new BackOff();
  private final Thread thread;
  private final SampledLog changes;
  private final SampledLog removals = new SampledLog(LOG, "nftables");
  private final SampledLog failures;
  private final SampledLog recoveries;
  private @Nullable News news;
  private boolean pending;
  private boolean firewallPending = true;
  private long firewallLookedNs = Clock.SYSTEM.nanoTime() - FIREWALL_PAUSE_NS;
  private long lookedNs = Clock.SYSTEM.nanoTime();
  private volatile String problem = "";
  private volatile long turnedNs = Clock.SYSTEM.nanoTime();

  /** What the kernel tells of changes. */
  interface News extends AutoCloseable {
    /**
     * Waits a fraction of a second for news.
     *
     * @param handler told what there is
     * @throws NetlinkException if no more can come
     */
    void await(NftMonitor.Handler handler) throws NetlinkException;

    @Override
    void close();
  }

  /** The table that is watched. All is called by the thread of the watch. */
  interface Watched {
    /** Begins to listen: all changes from now on are told. */
    News listen() throws NetlinkException;

    /** Whether the table is as it should be, as far as a quick look tells. */
    boolean stands() throws NetlinkException;

    /** Compares everything with what should be there, and puts it back. */
    void repair();

    /** Notifications were lost. A repair follows. */
    void newsLost();

    /**
     * Looks at the firewall around the table, after it changed and now and then.
     *
     * @return whether to look again in a moment
     */
    boolean lookAtFirewall() throws NetlinkException;
  }

  /**
   * Makes a watch that is not started.
   *
   * @param watched what is watched
   * @param table its name, for the log
   * @param lookEveryNs nanoseconds between two looks that nobody asked for
   */
  TableWatch(Watched watched, String table, long lookEveryNs) {
    this.watched = watched;
    this.lookEveryNs = lookEveryNs;
    this.changes = new SampledLog(LOG, "nftables table " + table + " is repaired");
    this.failures = new SampledLog(LOG, "nftables table " + table + " is not watched well");
    this.recoveries = new SampledLog(LOG, "nftables table " + table + " is watched well again");
    this.thread = new Thread(this::run, "pinholed-nftables-watch");
    this.thread.setDaemon(true);
  }

  /**
   * Begins to listen and starts the thread.
   *
   * @throws NetlinkException if the kernel refuses to tell; then nothing was started
   */
  void start() throws NetlinkException {
    news = watched.listen();
    thread.start();
  }

  /**
   * What keeps it from watching. From any thread.
   *
   * @return one sentence; empty if it watches
   */
  String problem() {
    if (!thread.isAlive()) {
      return "its thread does not run";
    }
    long stillNs = Clock.SYSTEM.nanoTime() - turnedNs;
    if (problem.isEmpty() && stillNs > STILL_NS) {
      return "its thread stands still for " + TimeUnit.NANOSECONDS.toSeconds(stillNs) + " s";
    }
    return problem;
  }

  @Override
  public void onChange(NftChange change) {
    pending = true;
    String how = change.tableRemoved() ? "removed" : "changed in its parts " + change.parts();
    changes.warn("it was " + how + by(change.processName(), change.processId()));
  }

  @Override
  public void onOtherRulesRemoved(int rules, String processName, int processId) {
    removals.warn(
        rules
            + " firewall rules were removed"
            + by(processName, processId)
            + "; if the one that accepts the children of pinholes was among them, none comes"
            + " through any more: pinholectl doctor tells");
  }

  @Override
  public void onOtherRulesChanged(String processName, int processId) {
    firewallPending = true;
  }

  private static String by(String processName, int processId) {
    return " by " + processName + " (process " + processId + ")";
  }

  @Override
  public void onOverrun() {
    pending = true;
    firewallPending = true;
    changes.warn("it was changed, perhaps: notifications were lost");
    watched.newsLost();
  }

  private void run() {
    try {
      while (closing.getCount() > 0) {
        turn();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      stopListening();
    }
  }

  private void turn() throws InterruptedException {
    turnedNs = Clock.SYSTEM.nanoTime();
    String before = problem;
    String deaf = attempt(this::listen);
    // Also without news: what nobody tells is found by the looks.
    String blind = attempt(this::lookAndRepair);
    String firewall = attempt(this::lookAtFirewall);
    problem = deaf.isEmpty() ? (blind.isEmpty() ? firewall : blind) : deaf;
    if (problem.isEmpty()) {
      backOff.reset();
      if (!before.isEmpty()) {
        recoveries.warn("after " + before);
      }
      return;
    }
    failures.warn(problem);
    closing.await(backOff.next(), TimeUnit.NANOSECONDS);
  }

  /** One step of a turn. Gives back what is wrong; empty if nothing is. */
  private interface Step {
    String run() throws NetlinkException, InterruptedException;
  }

  private static String attempt(Step step) throws InterruptedException {
    try {
      return step.run();
    } catch (NetlinkException e) {
      return String.valueOf(e.getMessage());
    } catch (RuntimeException | Error e) {
      // A fault of ours. A table that nobody watches would be worse.
      LOG.debug("a turn of the watch", e);
      return e.toString();
    }
  }

  private String listen() throws NetlinkException {
    News open = news;
    if (open == null) {
      open = watched.listen();
      news = open;
      pending = true; // what happened in between was told to nobody
      firewallPending = true;
    }
    boolean told = false;
    try {
      open.await(this);
      told = true;
    } finally {
      if (!told) {
        stopListening();
      }
    }
    return "";
  }

  private String lookAndRepair() throws NetlinkException, InterruptedException {
    long nowNs = Clock.SYSTEM.nanoTime();
    if (nowNs - lookedNs >= lookEveryNs) {
      lookedNs = nowNs;
      if (!watched.stands()) {
        pending = true;
        changes.warn("it was gone or changed, and no notification said so");
      }
    }
    if (!pending || !hasBudget()) {
      return "";
    }
    pending = false;
    boolean stands = false;
    try {
      watched.repair();
      stands = watched.stands();
    } finally {
      pending |= !stands; // tried again, as often as the budget allows
    }
    return stands ? "" : "the table is not as it should be after a repair";
  }

  private String lookAtFirewall() throws NetlinkException {
    long sinceNs = Clock.SYSTEM.nanoTime() - firewallLookedNs;
    if (sinceNs < (firewallPending ? FIREWALL_PAUSE_NS : FIREWALL_EVERY_NS)) {
      return "";
    }
    boolean again = true; // also if it fails
    try {
      again = watched.lookAtFirewall();
    } finally {
      firewallPending = again;
      firewallLookedNs = Clock.SYSTEM.nanoTime();
    }
    return "";
  }

  private void stopListening() {
    News open = news;
    news = null;
    if (open != null) {
      open.close();
    }
  }

  private boolean hasBudget() throws InterruptedException {
    long waitNs = budget.take(Clock.SYSTEM.nanoTime());
    while (waitNs > 0) {
      if (closing.await(waitNs, TimeUnit.NANOSECONDS)) {
        return false;
      }
      waitNs = budget.take(Clock.SYSTEM.nanoTime());
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
