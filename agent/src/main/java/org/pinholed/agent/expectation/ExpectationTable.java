package org.pinholed.agent.expectation;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.Expectation.State;
import org.pinholed.agent.limit.Limit;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeKey;
import org.pinholed.agent.view.ExpectationRow;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.EntryLimits;
import org.pinholed.helper.Transport;

/**
 * All expectations, bounded per parent, per client address and in all.
 *
 * <p>Thread-safe and without a lock of its own: workers add and end, the lifecycle thread matches
 * and expires, the control socket lists. Packets that announce nothing never come here.
 *
 * <p>It is the life of an expectation: it is added, opened, and ends, and with each step it enters
 * and leaves all that is kept of it elsewhere. Who holds which pinhole is in {@link
 * PinholeHolders}, what a child was expected by in {@link ChildMatcher}, how many may wait in
 * {@link WaitingPlaces}.
 */
public final class ExpectationTable {
  private final PinholeHolders holders = new PinholeHolders();
  private final Reservations reservations = new Reservations();
  private final Owners owners = new Owners();
  private final Children living = new Children();
  private final CutChildren cut = new CutChildren();
  private final EndingExpectations ending = new EndingExpectations(living);
  private final ChildMatcher matcher = new ChildMatcher(holders, ending, living, this::allCame);
  private final Map<Long, Expectation> rows = new ConcurrentHashMap<>();
  private final WaitingPlaces places;
  private final MatchedRows matched = new MatchedRows(this::end);
  private final ExpectationCounts counts = new ExpectationCounts();
  private final AtomicLong nextId = new AtomicLong();

  /**
   * Makes an empty table.
   *
   * @param limits what is kept at most
   */
  public ExpectationTable(AgentConfig.Limits limits) {
    this.places = new WaitingPlaces(limits);
  }

  /**
   * Puts other limits in force; what is in the table stays.
   *
   * @param newLimits what is kept at most from now on
   */
  public void setLimits(AgentConfig.Limits newLimits) {
    places.setLimits(newLimits);
  }

  /**
   * Puts other limits of single entries in force; what is in the table stays.
   *
   * @param newLimits the new ones, by the numbers of the entries
   */
  public void setEntryLimits(Map<Integer, EntryLimits> newLimits) {
    places.setEntryLimits(newLimits);
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
   * @return false if another one has it, or its inside address has its share of those ports
   */
  public boolean reserve(Expectation expectation) {
    return holders.once(PinholeKey.of(expectation.pinhole())) == null
        && reservations.take(expectation);
  }

  /**
   * Gives back what {@link #reserve} took, for one that is not added.
   *
   * @param expectation the same row
   */
  public void giveBack(Expectation expectation) {
    reservations.giveBack(expectation);
  }

  /**
   * The port of a translated address that leads to an inside endpoint already, for owners beyond
   * flows or children from any source.
   *
   * @param transport of the child
   * @param outside the translated address
   * @param inside the endpoint
   * @return 0 if there is none
   */
  public int standingPort(Transport transport, InetAddress outside, Endpoint inside) {
    return reservations.standingFor(transport.protocolNumber(), outside, inside);
  }

  /**
   * The next port of a translated address that nobody has.
   *
   * @param transport of the child
   * @param outside the translated address
   * @param inside the address that it is to lead to
   * @param from where to begin, 1..65535; behind the last port it goes on at 1024
   * @param pair whether the port behind it must be free, too; then it is even or odd as {@code
   *     from}
   * @return the (first) port; 0 if there is none, or the inside address has its share
   */
  public int nextFreePort(
      Transport transport, InetAddress outside, InetAddress inside, int from, boolean pair) {
    return reservations.nextFree(transport.protocolNumber(), outside, inside, from, pair);
  }

  /**
   * What leads from a port of a translated address to an inside endpoint. Takes no lock.
   *
   * @param protocol of the child, as {@link PinholeKey#protocol} says it
   * @param seen the port as others see it
   * @param helper name of the helper whose it must be
   * @return an expectation of an owner beyond flows; null if there is none
   */
  public @Nullable Expectation leadingFrom(int protocol, Endpoint seen, String helper) {
    return reservations.leadingFrom(protocol, seen, helper);
  }

  /**
   * Who holds which pinhole.
   *
   * @return the same at every call
   */
  public PinholeHolders holders() {
    return holders;
  }

  /**
   * Finds what children were expected by.
   *
   * @return the same at every call
   */
  public ChildMatcher matcher() {
    return matcher;
  }

  /**
   * The children that live.
   *
   * @return the same at every call
   */
  public Children living() {
    return living;
  }

  /**
   * The children that were cut a while ago.
   *
   * @return the same at every call
   */
  public CutChildren cutChildren() {
    return cut;
  }

  /**
   * The owners that outlive flows.
   *
   * @return the same at every call
   */
  public Owners owners() {
    return owners;
  }

  /**
   * Adds an announced expectation and gives it to its owner, if the limits allow it. Another one of
   * the owner that has its group and item ends.
   *
   * @param expectation a new row
   * @return null if it is in, else the limit that is reached
   */
  public @Nullable Limit add(Expectation expectation) {
    return add(expectation, this::end);
  }

  /**
   * Adds an announced expectation and gives it to its owner, if the limits allow it.
   *
   * @param expectation a new row
   * @param displaced ends another one of the owner that had its group and item until now
   * @return null if it is in, else the limit that is reached
   */
  public @Nullable Limit add(Expectation expectation, Consumer<Expectation> displaced) {
    Limit reached = tryAdd(expectation, displaced);
    if (reached != null) {
      giveBack(expectation);
    }
    return reached;
  }

  private @Nullable Limit tryAdd(Expectation expectation, Consumer<Expectation> displaced) {
    EntryLimits ofEntry = places.ofEntry(expectation);
    Limit full = places.take(expectation, ofEntry);
    if (full != null) {
      return full;
    }
    counts.add(expectation, State.ANNOUNCED);
    rows.put(expectation.id(), expectation);
    Owners.Added added = owners.add(expectation, ofEntry);
    if (added.reached() != null) {
      rows.remove(expectation.id());
      counts.remove(expectation, State.ANNOUNCED);
      places.giveBack(expectation);
    }
    if (added.displaced() != null) {
      displaced.accept(added.displaced());
    }
    return added.reached();
  }

  /**
   * Moves an announced expectation to pending, before its pinhole opens: a child may come at once.
   *
   * <p>While another one waits for the same pinhole nothing is changed. The caller ends that one
   * and comes again. So each of them is found at any moment, as what waits or as what ends, and a
   * child that has used the pinhole of the other is never taken for this one's.
   *
   * @param expectation an announced row
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}; its timeout counts from here
   * @return the expectation that has the same pinhole and must end first; null if there is none
   */
  public @Nullable Expectation activate(Expectation expectation, long nowNs) {
    PinholeKey key = PinholeKey.of(expectation.pinhole());
    Expectation other = holders.join(key, expectation);
    if (other != null) {
      return other;
    }
    // First of all: PORT may have waited for its reply for longer than the timeout, and as soon as
    // it is pending the lifecycle thread looks at the time.
    expectation.opened(nowNs);
    if (expectation.pinhole().kind() == Pinhole.Kind.ONCE && ending.has(key)) {
      expectation.follow();
    }
    if (!expectation.change(State.ANNOUNCED, State.PENDING)) {
      if (expectation.isOver()) {
        // Ended in between, by a thread that may not have found it among the holders.
        holders.leave(key, expectation);
      }
      return null;
    }
    counts.move(expectation, State.ANNOUNCED, State.PENDING);
    return null;
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
      counts.remove(expectation, before);
      rows.remove(expectation.id());
      owners.remove(expectation);
    }
    return before;
  }

  /**
   * Begins the end of an open pinhole for one connection. Its child may have come a moment ago, and
   * the kernel's word of it may still wait to be read. So it can be matched until {@link
   * #endUnused} or {@link #nextEnded}, but it is neither listed nor counted as waiting any more.
   * The caller shuts the pinhole and then calls {@link #endUnused} or {@link #shut}.
   *
   * @param expectation a row
   * @return false if it is not pending (any more)
   */
  public boolean beginEnd(Expectation expectation) {
    PinholeKey key = PinholeKey.of(expectation.pinhole());
    ending.add(key, expectation); // before it leaves the other map: it is always in one
    if (!expectation.change(State.PENDING, State.ENDING)) {
      ending.remove(key, expectation);
      return false;
    }
    counts.remove(expectation, State.PENDING);
    release(expectation);
    rows.remove(expectation.id());
    owners.remove(expectation);
    return true;
  }

  /**
   * Finishes an end that has begun: the kernel said that the pinhole still stood when it was shut,
   * so no child has used it.
   *
   * @param expectation whose end has begun
   * @return false if a child was matched to it before
   */
  public boolean endUnused(Expectation expectation) {
    ending.remove(PinholeKey.of(expectation.pinhole()), expectation);
    return expectation.change(State.ENDING, State.GONE);
  }

  /**
   * Notes that a pinhole whose end has begun is shut. Perhaps a child used it before that; if so,
   * the kernel tells of it in the events that are read next.
   *
   * @param expectation whose end has begun
   * @param why what ends it
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}, behind the transaction
   */
  public void shut(Expectation expectation, AgentEvent.Kind why, long nowNs) {
    ending.shut(expectation, why, nowNs);
  }

  /**
   * An expectation whose pinhole is shut.
   *
   * @param expectation the row that was
   * @param why what ended it
   * @param sinceNs {@link org.pinholed.agent.time.Clock#nanoTime} when it was shut
   */
  public record Ending(Expectation expectation, AgentEvent.Kind why, long sinceNs) {}

  /**
   * Finishes the oldest end whose pinhole was shut before a time, once everything that the kernel
   * said until then was read.
   *
   * @param beforeNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @return what ended without a child, null if nothing is left to finish
   */
  public @Nullable Ending nextEnded(long beforeNs) {
    return ending.next(beforeNs);
  }

  /** All came that it was for: its row is kept for the listing. */
  private void allCame(Expectation expectation) {
    counts.move(expectation, State.PENDING, State.MATCHED);
    release(expectation);
    matched.add(expectation);
  }

  /**
   * Drops rows of children that came, once their time is over or their parent ended.
   *
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  public void purgeMatched(long nowNs) {
    matched.purge(nowNs);
  }

  /**
   * All open pinholes.
   *
   * @return a copy, in no order
   */
  public List<Expectation> pending() {
    return holders.pending();
  }

  /**
   * Looks at all open pinholes, without a copy of them: there are some for each call.
   *
   * @param action told each of those that are open all the while; may end it
   */
  public void forEachPending(Consumer<Expectation> action) {
    for (Expectation expectation : rows.values()) {
      if (expectation.state() == State.PENDING) {
        action.accept(expectation);
      }
    }
  }

  /**
   * All that was announced and waits for an answer.
   *
   * @return a copy, in no order
   */
  public List<Expectation> announced() {
    if (counts.all().getOrDefault(State.ANNOUNCED, 0) == 0) {
      return List.of();
    }
    List<Expectation> announced = new ArrayList<>();
    for (Expectation expectation : rows.values()) {
      if (expectation.state() == State.ANNOUNCED) {
        announced.add(expectation);
      }
    }
    return announced;
  }

  /**
   * What owners that outlive flows announced and what waits for an answer.
   *
   * @return the pinholes, for another process
   */
  public List<Pinhole> announcedBeyondFlows() {
    return announced().stream()
        .filter(expectation -> expectation.owner().id() != null)
        .map(Expectation::pinhole)
        .toList();
  }

  /**
   * Takes out an expectation that was announced and not answered in time.
   *
   * @param expectation a row
   * @return false if it was answered or ended a moment ago
   */
  public boolean endUnanswered(Expectation expectation) {
    if (!expectation.change(State.ANNOUNCED, State.GONE)) {
      return false;
    }
    release(expectation);
    counts.remove(expectation, State.ANNOUNCED);
    rows.remove(expectation.id());
    owners.remove(expectation);
    return true;
  }

  /**
   * The listing.
   *
   * @param filter what to show
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @return rows by id
   */
  public List<ExpectationRow> list(ListingFilter filter, long nowNs) {
    return ExpectationListing.list(rows.values(), filter, nowNs);
  }

  /**
   * How many rows there are of some kind.
   *
   * @param which those that count
   * @return a count, without those that are over meanwhile
   */
  public int count(Predicate<Expectation> which) {
    return (int)
        rows.values().stream()
            .filter(row -> !row.endedWithParent() && row.state() != State.GONE)
            .filter(which)
            .count();
  }

  /**
   * All rows, and the expectations whose end has begun, which {@link #list} does not show.
   *
   * @return a copy in no order; some may be over meanwhile, and one whose end begins at this moment
   *     may be there twice
   */
  public List<Expectation> all() {
    List<Expectation> all = new ArrayList<>(rows.values());
    ending.addTo(all); // after the rows: what has left those before its end is here
    return all;
  }

  /**
   * One row.
   *
   * @param id its number
   * @return null if there is none (any more)
   */
  public @Nullable Expectation row(long id) {
    return rows.get(id);
  }

  /**
   * How many rows are in each state.
   *
   * @return announced, pending and matched
   */
  public Map<State, Integer> countByState() {
    return counts.all();
  }

  /**
   * How many rows of each helper are in each state. One that lets many children in is pending as
   * long as it is open.
   *
   * @return announced, pending and matched, by name of the helper; a copy
   */
  public Map<String, Map<State, Integer>> countByHelper() {
    return counts.byHelper();
  }

  private void release(Expectation expectation) {
    holders.leave(PinholeKey.of(expectation.pinhole()), expectation);
    reservations.giveBack(expectation);
    places.giveBack(expectation);
    expectation.noLongerAwaited();
  }
}
