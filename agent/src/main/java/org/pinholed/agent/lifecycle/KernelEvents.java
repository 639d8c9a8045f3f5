package org.pinholed.agent.lifecycle;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.announce.LivingChildren;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.metrics.AgentMetrics;
import org.pinholed.agent.metrics.ReceivingSocket;
import org.pinholed.agent.operate.OrphanCount;
import org.pinholed.agent.pace.BackOff;
import org.pinholed.agent.pinhole.BackendException;
import org.pinholed.agent.pinhole.OwnedPinhole;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.pinhole.PinholeKey;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.agent.shared.SharedStates;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.worker.QueueWorkers;
import org.pinholed.helper.Endpoint;
import org.pinholed.kernel.conntrack.Conntrack;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.ConntrackEventSource;
import org.pinholed.kernel.conntrack.ConntrackEvents;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.conntrack.DumpFilter;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.netlink.NetlinkException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One thread for everything that comes from the kernel besides packets, and for time: children that
 * came and parents that are gone; and with its ticks expectations that ran out ({@link Lifetimes})
 * and leases to renew ({@link Leases}).
 */
public final class KernelEvents implements Runnable, ConntrackEvents.Handler {
  private static final Logger LOG = LoggerFactory.getLogger(KernelEvents.class);
  private static final long TICK_NS = 250_000_000L;

  /** {@code TCP_CONNTRACK_ESTABLISHED}; those above are of a connection that FIN or RST ended. */
  private static final int TCP_ESTABLISHED = 3;

  private final ConntrackEventSource kernel;
  private final Conntrack conntrack;
  private final PinholeBackend backend;
  private final PinholeBackend.Session pinholes;
  private final ExpectationTable table;
  private final QueueWorkers workers;
  private final WorkerWatch workerWatch;
  private final LostParents lostParents;
  private final Lifetimes lifetimes;
  private final Leases leases;
  private final BackOff receiveBackOff = new BackOff();
  private final CountedLeases countedLeases;
  private final TableRepair repair;
  private final LongConsumer links;
  private final SharedStates shared;
  private final ParentKeeper keeper;
  private final ChildRecords records;
  private final MarkBits marks;
  private final AgentEvents events;
  private final AgentMetrics metrics;
  private final Clock clock;
  private boolean drained;
  private volatile boolean running = true;
  private volatile String lastError = "";
  private volatile boolean observes;
  private volatile boolean observedBefore;
  private final OrphanCount orphans;
  private final ZoneWatch zones = new ZoneWatch();
  private long tickedNs;
  private boolean resyncDue;
  private volatile @Nullable Heartbeat heartbeat;
  private @Nullable ExpectationWatch expectations;

  /**
   * Makes it over sockets that the caller closes.
   *
   * @param kernel conntrack events, subscribed already if they are the kernel's
   * @param conntrack its own way to conntrack
   * @param backend repairs its table by this
   * @param pinholes its own way to the pinholes
   * @param table the expectation table, shared
   * @param workers they end parents and renew marks
   * @param links told the time with the ticks, to look at network devices
   * @param timeouts how long idle connections stay
   * @param shared what flows of a protocol share; what ran out leaves it with the ticks
   * @param marks the bits of the conntrack mark
   * @param events log and counters, shared
   * @param metrics counters, shared
   * @param clock what time it is
   */
  public KernelEvents(
      ConntrackEventSource kernel,
      Conntrack conntrack,
      PinholeBackend backend,
      PinholeBackend.Session pinholes,
      ExpectationTable table,
      QueueWorkers workers,
      LongConsumer links,
      TcpTimeouts timeouts,
      SharedStates shared,
      MarkBits marks,
      AgentEvents events,
      AgentMetrics metrics,
      Clock clock) {
    this.clock = clock;
    this.tickedNs = clock.nanoTime();
    this.orphans = new OrphanCount(tickedNs);
    this.kernel = kernel;
    this.conntrack = conntrack;
    this.backend = backend;
    this.pinholes = pinholes;
    this.table = table;
    this.workers = workers;
    this.workerWatch = new WorkerWatch(workers, events);
    this.lostParents = new LostParents(workers, events, metrics);
    this.lifetimes =
        new Lifetimes(table, pinholes, events, new LivingChildren(conntrack), clock, this::failed);
    this.leases =
        new Leases(conntrack, workers, marks, pinholes, table.holders(), clock, this::failed);
    this.countedLeases = new CountedLeases(backend, pinholes, table.holders(), clock, this::failed);
    this.repair = new TableRepair(backend, table, events, clock, this::failed);
    this.links = links;
    this.shared = shared;
    this.keeper =
        new ParentKeeper(conntrack, table.living(), timeouts, this::failed, clock.nanoTime());
    this.marks = marks;
    this.events = events;
    this.metrics = metrics;
    this.records = new ChildRecords(events, clock);
  }

  @Override
  public void run() {
    while (running) {
      turn();
    }
    finishEnded(clock.nanoTime());
  }

  /**
   * One turn: what the kernel says, or a moment of silence, then what time brings. For whoever
   * drives it by hand; {@link #run} does nothing else.
   */
  public void turn() {
    long beganNs = clock.nanoTime();
    try {
      kernel.receive(this);
      drained = kernel.isDrained();
      if (drained) {
        finishEnded(beganNs);
      }
      receiveBackOff.reset();
    } catch (NetlinkException e) {
      metrics.receiveError(ReceivingSocket.CONNTRACK);
      failed("conntrackEvents", e.getMessage());
      receiveBackOff.await();
    }
    long nowNs = clock.nanoTime();
    if (nowNs - tickedNs >= TICK_NS) {
      tickedNs = nowNs;
      tick(nowNs);
      workerWatch.look(clock.nanoTime());
      links.accept(clock.nanoTime());
      Heartbeat beating = heartbeat;
      if (beating != null) {
        beating.beat(clock.nanoTime());
      }
    }
  }

  /** Every child that came before these ends began has been told of: the rest found nobody. */
  private void finishEnded(long beganNs) {
    for (ExpectationTable.Ending ended = table.nextEnded(beganNs);
        ended != null;
        ended = table.nextEnded(beganNs)) {
      events.expectation(ended.why(), ended.expectation(), "");
    }
  }

  /**
   * Beats with the ticks from now on. From any thread.
   *
   * @param newHeartbeat pings while all workers turn
   */
  public void setHeartbeat(Heartbeat newHeartbeat) {
    heartbeat = newHeartbeat;
  }

  /** Ends {@link #run} at its next turn, within a tick. From any thread. */
  public void stop() {
    running = false;
  }

  /**
   * What failed last. From any thread.
   *
   * @return empty if nothing did
   */
  public String lastError() {
    return lastError;
  }

  /**
   * Pinholes that nobody waits for. From any thread.
   *
   * @return the same at every call
   */
  public OrphanCount orphans() {
    return orphans;
  }

  /**
   * How often the table was repaired. From any thread.
   *
   * @return a count since the start
   */
  public long repairs() {
    return repair.count();
  }

  @Override
  public void onNew(ConntrackEntry entry) {
    if ((entry.mark() & marks.child()) == 0) {
      if (observes) {
        observed(entry);
      }
      return;
    }
    ConntrackIdentity child = entry.identity();
    boolean known = table.living().has(child);
    List<Expectation> counted =
        table.holders().countedLeasesFor(entry.original()); // before the last child of a lease
    Expectation expectation =
        table
            .matcher()
            .match(
                entry.original().protocol(),
                entry.original().source(),
                entry.original().destination(),
                entry.original().destinationPort(),
                child,
                this::stands);
    if (expectation != null) {
      if (expectation.isCut()) {
        table.cutChildren().note(expectation, child, clock.nanoTime());
        cut(child);
      }
      events.expectation(
          AgentEvent.Kind.MATCHED,
          expectation,
          "from " + new Endpoint(entry.original().source(), entry.original().sourcePort()));
      records.began(entry, child, expectation);
      if (expectation.pinhole().kind() != Pinhole.Kind.ONCE) {
        countedLeases.childCame(counted);
      } else if (expectation.wasRemade()) {
        shut(expectation);
      }
    } else if (!known) { // else it is told twice
      records.began(entry, child, null);
    }
  }

  /**
   * A connection that the firewall let through by a rule of its own: perhaps it was announced to a
   * helper that only observes.
   */
  private void observed(ConntrackEntry entry) {
    FlowTuple first = entry.original();
    ConntrackIdentity child = entry.identity();
    Expectation expectation =
        table
            .matcher()
            .match(
                first.protocol() | PinholeKey.OBSERVED,
                first.source(),
                first.destination(),
                first.destinationPort(),
                child,
                pinhole -> false);
    if (expectation == null) {
      events.observations().cameUnannounced(first);
      return;
    }
    events.expectation(
        AgentEvent.Kind.MATCHED,
        expectation,
        "observed from "
            + new Endpoint(first.source(), first.sourcePort())
            + ", let in by a rule of the firewall");
    events.observations().came(expectation, first);
  }

  /**
   * Says whether news come of all connections, because a helper only observes. From any thread.
   *
   * @param all whether they do
   */
  public void setObserves(boolean all) {
    if (observes && !all) {
      observedBefore = true;
    }
    observes = all;
  }

  /** What it came by was shut, and its children with it, before it was told of. */
  private void cut(ConntrackIdentity child) {
    try {
      conntrack.delete(child);
    } catch (NetlinkException e) {
      failed("conntrack", e.getMessage()); // it ends by its own timeout
    }
  }

  private boolean stands(Pinhole pinhole) {
    try {
      return pinholes.stands(pinhole);
    } catch (BackendException e) {
      failed("get", e.getMessage());
      return false;
    }
  }

  /** Shuts a used pinhole that was made anew. */
  private void shut(Expectation used) {
    try {
      pinholes.apply(table.holders().leftBy(List.of(used)), List.of());
    } catch (BackendException e) {
      failed("close", e.getMessage()); // the kernel's timeout shuts it
    }
  }

  @Override
  public void onDestroy(ConntrackEntry entry) {
    if ((entry.mark() & marks.child()) != 0) {
      ConntrackIdentity child = entry.identity();
      records.ended(entry, child, table.living().parentsOf(child));
      table.matcher().ended(child, clock.nanoTime());
    } else if (observes && table.living().has(entry.identity())) {
      // It came by a rule of the firewall, and may be a parent itself.
      table.matcher().ended(entry.identity(), clock.nanoTime());
    }
    if ((entry.mark() & marks.stateMask()) == 0) {
      return; // told only while something is observed
    }
    if ((entry.mark() & marks.child()) == 0 || (entry.mark() & marks.read()) != 0) {
      workers.endParentIfGone(entry.identity(), entry.tcpState() > TCP_ESTABLISHED);
    }
  }

  /** Events were lost: what they would have said is read from the conntrack table. */
  @Override
  public void onOverrun() {
    metrics.overrun(ReceivingSocket.CONNTRACK);
    resync();
  }

  private void resync() {
    resyncDue = true;
    Set<ConntrackIdentity> alive = new HashSet<>();
    try {
      for (int bit : new int[] {marks.vetted(), marks.opaque()}) {
        conntrack.dump(new DumpFilter(0, bit, bit), entry -> alive.add(entry.identity()));
      }
      matchUntold();
    } catch (IOException e) {
      failed("conntrack", e.getMessage()); // the next tick tries again
      return;
    }
    resyncDue = false;
    CompletableFuture<Void> unused = // nobody waits for it
        workers
            .endParentsGone(alive)
            .thenAccept(
                gone ->
                    events.agent(
                        AgentEvent.Kind.RESYNCED,
                        "conntrackOverrun",
                        gone + " parents had ended while events were lost"));
  }

  /**
   * Finds the children of which nothing was told. Most of those that live came long ago, some by a
   * pinhole with the same key as one that waits now: only one whose pinhole is used up, or was shut
   * a moment ago, can have got a child meanwhile.
   */
  private void matchUntold() throws IOException {
    List<Expectation> once = new ArrayList<>();
    for (Expectation expectation : table.pending()) {
      if (expectation.pinhole().kind() == Pinhole.Kind.ONCE && expectation.wasWritten()) {
        once.add(expectation);
      }
    }
    Set<PinholeKey> standing = new HashSet<>();
    for (OwnedPinhole owned : pinholes.listOwned()) {
      standing.add(PinholeKey.of(owned.pinhole()));
    }
    Set<PinholeKey> usedUp = new HashSet<>();
    for (Expectation expectation : once) {
      PinholeKey key = PinholeKey.of(expectation.pinhole());
      if (!standing.contains(key)) {
        usedUp.add(key);
      }
    }
    Set<ConntrackIdentity> alive = new HashSet<>();
    conntrack.dump(
        ofChildren(),
        child -> {
          alive.add(child.identity());
          if (table.living().has(child.identity())) {
            return; // it was told
          }
          FlowTuple first = child.original();
          PinholeKey key =
              new PinholeKey(
                  first.protocol(), first.source(), first.destination(), first.destinationPort());
          if (usedUp.remove(key)
              || table.matcher().isEnding(key)
              || table.holders().letsIn(first)) {
            onNew(child);
          }
        });
    if (observes) {
      addUnmarked(alive);
    }
    table.living().keepOnly(alive, clock.nanoTime());
    records.keepOnly(alive);
  }

  private DumpFilter ofChildren() {
    return new DumpFilter(0, marks.child(), marks.child());
  }

  /** Those that came by rules of the firewall have no mark by which a dump would find them. */
  private void addUnmarked(Set<ConntrackIdentity> alive) throws IOException {
    Set<ConntrackIdentity> unmarked = new HashSet<>(table.living().known());
    unmarked.removeAll(alive);
    if (unmarked.isEmpty()) {
      return;
    }
    conntrack.dump(
        DumpFilter.ALL,
        entry -> {
          if (unmarked.contains(entry.identity())) {
            alive.add(entry.identity());
          }
        });
  }

  /** Nothing is observed any more, so the kernel does not tell of the end of what came by rules. */
  private void forgetUnmarked() {
    observedBefore = false;
    Set<ConntrackIdentity> marked = new HashSet<>();
    try {
      conntrack.dump(ofChildren(), child -> marked.add(child.identity()));
    } catch (IOException e) {
      observedBefore = true; // the next tick tries again
      failed("conntrack", e.getMessage());
      return;
    }
    table.living().keepOnly(marked, clock.nanoTime());
  }

  /** What time alone brings about. */
  void tick(long nowNs) {
    if (resyncDue) {
      resync();
    }
    if (observedBefore && !observes) {
      forgetUnmarked();
    }
    if (drained) {
      table.holders().forgetShut();
    }
    repair.tick();
    events.tick(nowNs);
    lostParents.tick();
    shared.purge(nowNs);
    keeper.tick(nowNs);
    List<Expectation> due = lifetimes.endOverdue(nowNs);
    try {
      orphans.tick(nowNs, pinholes, table);
      zones.tick(nowNs, backend);
    } catch (BackendException e) {
      failed("list", e.getMessage()); // looked for again next time
    }
    try {
      backend.recheck(nowNs);
    } catch (BackendException e) {
      failed("recheck", e.getMessage()); // looked at again next time
    }
    leases.renew(due, nowNs);
    ExpectationWatch watch = expectations;
    if (watch != null) {
      watch.tick(nowNs);
    }
  }

  /**
   * Has the kernel's expectations looked after. Before the thread starts.
   *
   * @param kernel the kernel's table of them, which the caller closes
   */
  public void watchExpectations(ExpectationWatch.Kernel kernel) {
    expectations =
        new ExpectationWatch(
            kernel, backend, workers::packets, repair::count, metrics, this::failed);
  }

  /**
   * Puts back what somebody else removed. Called by the backend's own thread, at once, not at the
   * next tick: until it is done control packets pass unread.
   */
  public void repair() {
    repair.now();
  }

  private void failed(String operation, @Nullable String message) {
    String text = operation + ": " + message;
    if (!text.equals(lastError)) {
      LOG.warn("{}", text);
    }
    lastError = text;
    events.agent(AgentEvent.Kind.BACKEND_ERROR, operation, text);
  }
}
