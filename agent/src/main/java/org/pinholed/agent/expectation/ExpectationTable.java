package org.pinholed.agent.expectation;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.Expectation.State;
import org.pinholed.agent.limit.ClientCounts;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeKey;
import org.pinholed.agent.view.ExpectationRow;
import org.pinholed.agent.view.ListingFilter;

/**
 * All expectations, bounded per parent, per client address and in all.
 *
 * <p>Thread-safe and without a lock of its own: workers add and end, the lifecycle thread matches
 * and expires, the control socket lists. Packets that announce nothing never come here.
 */
public final class ExpectationTable {
  /** The limits on waiting expectations. */
  public enum Limit {
    /** Of one parent. */
    PER_PARENT("expectationsPerParent"),
    /** Of all parents of one client address (IPv6: /64). */
    PER_SOURCE("expectationsPerSource"),
    /** In all. */
    TOTAL("expectations");

    private final String configKey;

    Limit(String configKey) {
      this.configKey = configKey;
    }

    /**
     * Its name in the configuration.
     *
     * @return a key of {@code limits}
     */
    public String configKey() {
      return configKey;
    }
  }

  /** Rows of children that came are kept for listings, the youngest of them. */
  private static final int MAX_MATCHED_ROWS = 4096;

  private final Map<PinholeKey, Expectation> waitingByPinhole = new ConcurrentHashMap<>();
  private final Map<PinholeKey, Expectation> endingByPinhole = new ConcurrentHashMap<>();
  private final Queue<Ending> ending = new ConcurrentLinkedQueue<>();
  private final Map<PinholeKey, Expectation> reserved = new ConcurrentHashMap<>();
  private final Map<Long, Expectation> rows = new ConcurrentHashMap<>();
  private final ClientCounts waitingBySource = new ClientCounts();
  private final ConcurrentLinkedQueue<Expectation> matched = new ConcurrentLinkedQueue<>();
  private final AtomicInteger matchedRows = new AtomicInteger();
  private final AtomicInteger waiting = new AtomicInteger();
  private final AtomicLong nextId = new AtomicLong();
  private volatile AgentConfig.Limits limits;

  /**
   * Makes an empty table.
   *
   * @param limits what is kept at most
   */
  public ExpectationTable(AgentConfig.Limits limits) {
    this.limits = limits;
  }

  /**
   * Puts other limits in force; what is in the table stays.
   *
   * @param newLimits what is kept at most from now on
   */
  public void setLimits(AgentConfig.Limits newLimits) {
    limits = newLimits;
  }

  /**
   * The number for a new row.
   *
   * @return 1, 2, 3 ...
   */
  public long nextId() {
    return nextId.incrementAndGet();
  }

  /**
   * Takes the port of a translated address for an expectation, from before it is added until nobody
   * waits for its child any more.
   *
   * @param expectation a new row
   * @return false if another one has it
   */
  public boolean reserve(Expectation expectation) {
    PinholeKey key = PinholeKey.of(expectation.pinhole());
    return !waitingByPinhole.containsKey(key) && reserved.putIfAbsent(key, expectation) == null;
  }

  /**
   * Adds an announced expectation, if the limits allow it.
   *
   * @param expectation a new row
   * @return null if it is in, else the limit that is reached
   */
  public @Nullable Limit add(Expectation expectation) {
    Limit reached = tryAdd(expectation);
    if (reached != null) {
      reserved.remove(PinholeKey.of(expectation.pinhole()), expectation);
    }
    return reached;
  }

  private @Nullable Limit tryAdd(Expectation expectation) {
    AgentConfig.Limits now = limits;
    Parent parent = expectation.parent();
    if (waiting.incrementAndGet() > now.expectations()) {
      waiting.decrementAndGet();
      return Limit.TOTAL;
    }
    if (parent.addWaiting(1) > now.expectationsPerParent()) {
      parent.addWaiting(-1);
      waiting.decrementAndGet();
      return Limit.PER_PARENT;
    }
    if (waitingBySource.change(parent.client().address(), 1) > now.expectationsPerSource()) {
      waitingBySource.change(parent.client().address(), -1);
      parent.addWaiting(-1);
      waiting.decrementAndGet();
      return Limit.PER_SOURCE;
    }
    rows.put(expectation.id(), expectation);
    return null;
  }

  /**
   * Moves an announced expectation to pending, before its pinhole opens: a child may come at once.
   *
   * @param expectation an announced row
   * @param nowNs {@link System#nanoTime}; its timeout counts from here
   * @return another parent's expectation with the same pinhole, whose place it takes and which the
   *     caller ends; null if there is none
   */
  public @Nullable Expectation activate(Expectation expectation, long nowNs) {
    // First of all: PORT may have waited for its reply for longer than the timeout, and as soon as
    // it is pending the lifecycle thread looks at the time.
    expectation.opened(nowNs);
    if (!expectation.change(State.ANNOUNCED, State.PENDING)) {
      return null;
    }
    PinholeKey key = PinholeKey.of(expectation.pinhole());
    Expectation displaced = waitingByPinhole.put(key, expectation);
    if (expectation.isOver()) {
      // Ended in between, by a thread that found no entry to remove.
      waitingByPinhole.remove(key, expectation);
    }
    return displaced;
  }

  /**
   * Whether somebody waits for children of a pinhole, so that it is not to be shut on behalf of an
   * expectation that had the same one before.
   *
   * @param pinhole a pinhole
   * @return true if it is open for an expectation of this table, or about to be
   */
  public boolean isWaitedFor(Pinhole pinhole) {
    return waitingByPinhole.containsKey(PinholeKey.of(pinhole));
  }

  /**
   * Finds who waits for children of a pinhole.
   *
   * @param pinhole a pinhole
   * @return the expectation that it is open for, or about to be; null if there is none
   */
  public @Nullable Expectation waitingFor(Pinhole pinhole) {
    return waitingByPinhole.get(PinholeKey.of(pinhole));
  }

  /**
   * Takes an expectation out.
   *
   * @param expectation a row
   * @return the state that it was in; {@link State#GONE} if another thread ended it before
   */
  public State end(Expectation expectation) {
    State before = expectation.end();
    if (before == State.ANNOUNCED || before == State.PENDING) {
      release(expectation);
    }
    if (before != State.GONE) {
      rows.remove(expectation.id());
    }
    return before;
  }

  /**
   * Begins the end of an open pinhole for one connection. Its child may have come a moment ago and
   * the kernel's word of it still wait to be read: until {@link #nextEnded} it can be matched, but
   * it is neither listed nor counted as waiting any more.
   *
   * @param expectation a row
   * @param why what ends it
   * @param nowNs {@link System#nanoTime}
   * @return false if it is not pending (any more)
   */
  public boolean beginEnd(Expectation expectation, AgentEvent.Kind why, long nowNs) {
    PinholeKey key = PinholeKey.of(expectation.pinhole());
    endingByPinhole.put(key, expectation); // before it leaves the other map: it is always in one
    if (!expectation.change(State.PENDING, State.ENDING)) {
      endingByPinhole.remove(key, expectation);
      return false;
    }
    release(expectation);
    rows.remove(expectation.id());
    ending.add(new Ending(expectation, why, nowNs));
    return true;
  }

  /**
   * An expectation whose end has begun.
   *
   * @param expectation the row that was
   * @param why what ends it
   * @param sinceNs {@link System#nanoTime} of its beginning
   */
  public record Ending(Expectation expectation, AgentEvent.Kind why, long sinceNs) {}

  /**
   * Finishes the oldest end that began before a time, once everything that the kernel said until
   * then was read.
   *
   * @param beforeNs {@link System#nanoTime}
   * @return what ended without a child, null if nothing is left to finish
   */
  public @Nullable Ending nextEnded(long beforeNs) {
    for (Ending next = ending.peek();
        next != null && next.sinceNs() - beforeNs < 0;
        next = ending.peek()) {
      ending.remove();
      Expectation expectation = next.expectation();
      endingByPinhole.remove(PinholeKey.of(expectation.pinhole()), expectation);
      if (expectation.change(State.ENDING, State.GONE)) {
        return next;
      }
    }
    return null;
  }

  /**
   * Finds what a new conntrack with the child bit was expected by, and notes that it came.
   *
   * @param protocol 6 or 17
   * @param source source address of the child's first packet
   * @param destination its destination address
   * @param port its destination port
   * @param childSerial serial of the child
   * @return the expectation, null if nobody expects such a child (any more)
   */
  public @Nullable Expectation match(
      int protocol, InetAddress source, InetAddress destination, int port, String childSerial) {
    Expectation expectation =
        waitingByPinhole.get(new PinholeKey(protocol, source, destination, port));
    if (expectation == null) {
      expectation = waitingByPinhole.get(new PinholeKey(protocol, null, destination, port));
    }
    if (expectation == null || expectation.state() != State.PENDING) {
      return matchEnding(new PinholeKey(protocol, source, destination, port), childSerial);
    }
    if (expectation.pinhole().kind() != Pinhole.Kind.ONCE) {
      expectation.used(childSerial);
      return expectation;
    }
    if (!expectation.change(State.PENDING, State.MATCHED)) {
      return matchEnding(PinholeKey.of(expectation.pinhole()), childSerial);
    }
    expectation.used(childSerial);
    release(expectation);
    matched.add(expectation);
    if (matchedRows.incrementAndGet() > MAX_MATCHED_ROWS) {
      dropOldestMatched();
    }
    return expectation;
  }

  private @Nullable Expectation matchEnding(PinholeKey key, String childSerial) {
    Expectation expectation = endingByPinhole.get(key);
    if (expectation == null || !expectation.change(State.ENDING, State.GONE)) {
      return null;
    }
    expectation.used(childSerial);
    return expectation;
  }

  /**
   * Drops rows of children that came, once their time is over or their parent ended.
   *
   * @param nowNs {@link System#nanoTime}
   */
  public void purgeMatched(long nowNs) {
    matched.removeIf(
        expectation -> {
          boolean over =
              expectation.state() == State.GONE
                  || expectation.parent().hasEnded()
                  || expectation.expiresInMs(nowNs) <= 0;
          if (over) {
            matchedRows.decrementAndGet();
            end(expectation);
          }
          return over;
        });
  }

  private void dropOldestMatched() {
    Expectation oldest = matched.poll();
    if (oldest != null) {
      matchedRows.decrementAndGet();
      end(oldest);
    }
  }

  /**
   * All open pinholes.
   *
   * @return a copy, in no order
   */
  public List<Expectation> pending() {
    List<Expectation> pending = new ArrayList<>();
    for (Expectation expectation : waitingByPinhole.values()) {
      if (expectation.state() == State.PENDING) {
        pending.add(expectation);
      }
    }
    return pending;
  }

  /**
   * The listing.
   *
   * @param filter what to show
   * @param nowNs {@link System#nanoTime}
   * @return rows by id
   */
  public List<ExpectationRow> list(ListingFilter filter, long nowNs) {
    List<ExpectationRow> list = new ArrayList<>();
    for (Expectation expectation : rows.values()) {
      Parent parent = expectation.parent();
      if (!parent.hasEnded()
          && expectation.state() != State.GONE
          && filter.matches(parent.policyId(), parent.helper(), parent.serial())) {
        list.add(expectation.row(nowNs));
      }
    }
    list.sort(Comparator.comparingLong(ExpectationRow::id));
    return list;
  }

  /**
   * How many rows are in each state.
   *
   * @return announced, pending and matched
   */
  public Map<State, Integer> countByState() {
    Map<State, Integer> counts = new EnumMap<>(State.class);
    for (State state : State.values()) {
      if (state != State.GONE && state != State.ENDING) {
        counts.put(state, 0);
      }
    }
    for (Expectation expectation : rows.values()) {
      counts.computeIfPresent(expectation.state(), (state, count) -> count + 1);
    }
    return counts;
  }

  private void release(Expectation expectation) {
    PinholeKey key = PinholeKey.of(expectation.pinhole());
    waitingByPinhole.remove(key, expectation);
    reserved.remove(key, expectation);
    waiting.decrementAndGet();
    expectation.parent().addWaiting(-1);
    waitingBySource.change(expectation.parent().client().address(), -1);
  }
}
