package org.pinholed.agent.expectation;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.Expectation.State;
import org.pinholed.agent.limit.EntryPlaces;
import org.pinholed.agent.limit.Limit;
import org.pinholed.agent.limit.Places;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeKey;
import org.pinholed.agent.pinhole.PortRange;
import org.pinholed.agent.view.ExpectationRow;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.helper.EntryLimit;
import org.pinholed.helper.EntryLimits;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.conntrack.FlowTuple;

/**
 * All expectations, bounded per parent, per client address and in all.
 *
 * <p>Thread-safe and without a lock of its own: workers add and end, the lifecycle thread matches
 * and expires, the control socket lists. Packets that announce nothing never come here.
 */
public final class ExpectationTable {
  /** Rows of children that came are kept for listings, the youngest of them. */
  private static final int MAX_MATCHED_ROWS = 4096;

  /** Those that wait for one connection. */
  private final Map<PinholeKey, Expectation> waitingByPinhole = new ConcurrentHashMap<>();

  /** Those that let in many. The comment in the kernel is that of the one that stays longest. */
  private final Map<PinholeKey, List<Expectation>> openByPinhole = new ConcurrentHashMap<>();

  private final Reservations reservations = new Reservations();
  private final Owners owners = new Owners();
  private final Children living = new Children();
  private final EndingExpectations ending = new EndingExpectations(living);
  private final Map<Long, Expectation> rows = new ConcurrentHashMap<>();
  private final Places waiting = new Places();
  private final EntryPlaces waitingByEntry =
      new EntryPlaces(Limit.HELPER_EXPECTATIONS, Limit.HELPER_EXPECTATIONS_PER_SOURCE);
  private final ConcurrentLinkedQueue<Expectation> matched = new ConcurrentLinkedQueue<>();
  private final AtomicInteger matchedRows = new AtomicInteger();
  private final ExpectationCounts counts = new ExpectationCounts();
  private final AtomicLong nextId = new AtomicLong();
  private volatile AgentConfig.Limits limits;
  private volatile Map<Integer, EntryLimits> entryLimits = Map.of();
  private volatile List<PortRange> leased = List.of();

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
   * Puts other limits of single entries in force; what is in the table stays.
   *
   * @param newLimits the new ones, by the numbers of the entries
   */
  public void setEntryLimits(Map<Integer, EntryLimits> newLimits) {
    entryLimits = newLimits;
  }

  /**
   * Says which ranges of ports leases are given for.
   *
   * @param ranges those of the helpers in force; ones that were said before are still known
   */
  public synchronized void setLeased(Collection<PortRange> ranges) {
    Set<PortRange> all = new LinkedHashSet<>(leased);
    all.addAll(ranges);
    leased = List.copyOf(all);
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
    return !waitingByPinhole.containsKey(PinholeKey.of(expectation.pinhole()))
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
   * The children that live.
   *
   * @return the same at every call
   */
  public Children living() {
    return living;
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
    AgentConfig.Limits now = limits;
    int entry = expectation.parent().helperId();
    EntryLimits ofEntry = entryLimits.getOrDefault(entry, EntryLimits.NONE);
    InetAddress client = expectation.parent().client().address();
    Places.Full full = waiting.take(client, now.expectations(), now.expectationsPerSource());
    if (full != null) {
      return full == Places.Full.IN_ALL ? Limit.EXPECTATIONS : Limit.EXPECTATIONS_PER_SOURCE;
    }
    Limit reached = waitingByEntry.take(entry, ofEntry, client);
    if (reached != null) {
      waiting.giveBack(client);
      return reached;
    }
    boolean said = ofEntry.isSet(EntryLimit.EXPECTATIONS_PER_PARENT);
    int mostOfParent =
        said ? ofEntry.most(EntryLimit.EXPECTATIONS_PER_PARENT) : now.expectationsPerParent();
    if (changeOfParent(expectation, 1) > mostOfParent) {
      notWaiting(expectation);
      return said ? Limit.HELPER_EXPECTATIONS_PER_PARENT : Limit.EXPECTATIONS_PER_PARENT;
    }
    counts.add(expectation, State.ANNOUNCED);
    rows.put(expectation.id(), expectation);
    Owners.Added added = owners.add(expectation, ofEntry);
    if (added.reached() != null) {
      rows.remove(expectation.id());
      counts.remove(expectation, State.ANNOUNCED);
      notWaiting(expectation);
    }
    if (added.displaced() != null) {
      displaced.accept(added.displaced());
    }
    return added.reached();
  }

  /** It counts no more among those that wait. */
  private void notWaiting(Expectation expectation) {
    InetAddress client = expectation.parent().client().address();
    changeOfParent(expectation, -1);
    waitingByEntry.giveBack(expectation.parent().helperId(), client);
    waiting.giveBack(client);
  }

  /** What outlives flows is not counted for the one that announced it. */
  private static int changeOfParent(Expectation expectation, int change) {
    return expectation.owner().id() == null ? expectation.parent().addWaiting(change) : 0;
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
    if (expectation.pinhole().kind() != Pinhole.Kind.ONCE) {
      return activateShared(expectation, nowNs);
    }
    PinholeKey key = PinholeKey.of(expectation.pinhole());
    Expectation other = waitingByPinhole.putIfAbsent(key, expectation);
    while (other != null && other != expectation) {
      State state = other.state();
      if (state == State.ANNOUNCED || state == State.PENDING) {
        return other;
      }
      // Its end has begun, or its child came: the thread that did that is about to take it out.
      if (waitingByPinhole.replace(key, other, expectation)) {
        expectation.follow();
        break;
      }
      other = waitingByPinhole.putIfAbsent(key, expectation);
    }
    // First of all: PORT may have waited for its reply for longer than the timeout, and as soon as
    // it is pending the lifecycle thread looks at the time.
    expectation.opened(nowNs);
    if (ending.has(key)) {
      expectation.follow();
    }
    if (!expectation.change(State.ANNOUNCED, State.PENDING)) {
      if (expectation.isOver()) {
        // Ended in between, by a thread that may have found no entry to remove.
        waitingByPinhole.remove(key, expectation);
      }
      return null;
    }
    counts.move(expectation, State.ANNOUNCED, State.PENDING);
    return null;
  }

  /** Those that let in many may hold one pinhole together, whoever they belong to. */
  private @Nullable Expectation activateShared(Expectation expectation, long nowNs) {
    PinholeKey key = PinholeKey.of(expectation.pinhole());
    Expectation[] other = new Expectation[1];
    openByPinhole.compute(
        key,
        (same, holders) -> {
          if (holders == null) {
            return List.of(expectation);
          }
          if (holders.contains(expectation)) {
            return holders;
          }
          if (!expectation.mayShareWith(holders.get(0))) {
            other[0] = holders.get(0);
            return holders;
          }
          List<Expectation> more = new ArrayList<>(holders);
          more.add(expectation);
          return List.copyOf(more);
        });
    if (other[0] != null) {
      return other[0];
    }
    expectation.opened(nowNs);
    if (expectation.change(State.ANNOUNCED, State.PENDING)) {
      counts.move(expectation, State.ANNOUNCED, State.PENDING);
    } else if (expectation.isOver()) {
      leaveOpen(key, expectation); // ended in between, by a thread that may not have found it
    }
    return null;
  }

  private void leaveOpen(PinholeKey key, Expectation expectation) {
    openByPinhole.computeIfPresent(
        key,
        (same, holders) -> {
          List<Expectation> left =
              holders.stream().filter(holder -> holder != expectation).toList();
          return left.isEmpty() ? null : left;
        });
  }

  /**
   * Whether somebody waits for children of a pinhole, so that it is not to be shut on behalf of an
   * expectation that had the same one before.
   *
   * @param pinhole a pinhole
   * @return true if it is open for an expectation of this table, or about to be
   */
  public boolean isWaitedFor(Pinhole pinhole) {
    return waitingFor(pinhole) != null;
  }

  /**
   * Finds who waits for children of a pinhole.
   *
   * @param pinhole a pinhole
   * @return the expectation that it is open for, or about to be; of several the one whose comment
   *     it has; null if there is none
   */
  public @Nullable Expectation waitingFor(Pinhole pinhole) {
    PinholeKey key = PinholeKey.of(pinhole);
    if (pinhole.kind() == Pinhole.Kind.ONCE) {
      return waitingByPinhole.get(key);
    }
    List<Expectation> holders = openByPinhole.get(key);
    return holders == null ? null : lastToExpire(holders);
  }

  /**
   * Whether nobody else holds the pinhole of an expectation.
   *
   * @param expectation one that is pending
   * @return false if its pinhole is to stay when it ends
   */
  public boolean isAlone(Expectation expectation) {
    if (expectation.pinhole().kind() == Pinhole.Kind.ONCE) {
      return true;
    }
    List<Expectation> holders = openByPinhole.get(PinholeKey.of(expectation.pinhole()));
    return holders == null || (holders.size() == 1 && holders.contains(expectation));
  }

  /** The one whose time in the kernel is the longest: it counts for all of them. */
  private static Expectation lastToExpire(List<Expectation> holders) {
    Expectation last = holders.get(0);
    for (Expectation holder : holders) {
      if (holder.expiresAtNs() - last.expiresAtNs() > 0) {
        last = holder;
      }
    }
    return last;
  }

  /**
   * What is to stand in the kernel for an expectation: its own pinhole, or that of another one that
   * holds the same for longer; with what is left of its time.
   *
   * @param expectation any
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @return the pinhole as it is to be written
   */
  public Pinhole pinholeToWrite(Expectation expectation, long nowNs) {
    Pinhole own = expectation.pinhole();
    if (own.kind() == Pinhole.Kind.ONCE) {
      return own;
    }
    Expectation counting = waitingFor(own);
    return (counting == null ? expectation : counting).standing(nowNs);
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

  /**
   * Finds what a new conntrack with the child bit was expected by, and notes that it came.
   *
   * <p>A port may be announced again while the kernel's word of its child still waits to be read.
   * Then it stands here twice: as what ends, and as what waits now. The oldest one of those that
   * end gets the child: of each that is still among them the kernel did not say that it stood when
   * it was shut, so a child has most likely used it, and children are told of in the order in which
   * they came.
   *
   * @param protocol 6 or 17
   * @param source source address of the child's first packet
   * @param destination its destination address
   * @param port its destination port
   * @param child which conntrack it is
   * @param stands whether a pinhole for one connection still stands; asked only of one that {@link
   *     Expectation#follows} another
   * @return the expectation, null if nobody expects such a child (any more)
   */
  public @Nullable Expectation match(
      int protocol,
      InetAddress source,
      InetAddress destination,
      int port,
      ConntrackIdentity child,
      Predicate<Pinhole> stands) {
    PinholeKey key = new PinholeKey(protocol, source, destination, port);
    // Who waits is read first. An expectation is among those that end before it stops to wait: read
    // the other way round, one that changes over in between would be in neither place.
    Expectation expectation = waitingByPinhole.get(key);
    Expectation ended = ending.match(key, child);
    if (ended != null) {
      return ended;
    }
    if (expectation == null) {
      expectation = matchOpen(protocol, source, destination, port, child);
      return expectation == null ? ending.match(key, child) : expectation;
    }
    if (expectation.state() != State.PENDING) {
      return ending.match(key, child); // its end has begun in between
    }
    if (expectation.follows() && stands.test(expectation.pinhole())) {
      // The late child of one that ended before, or this one's own: then its end has begun while
      // the kernel was asked, and what stands is the pinhole of the next one.
      return ending.match(key, child);
    }
    if (!expectation.change(State.PENDING, State.MATCHED)) {
      return ending.match(key, child);
    }
    expectation.used(child);
    living.began(child, List.of(expectation)); // before it stops to wait, see announcing
    nobodyMore(expectation);
    return expectation;
  }

  /** All came that it was for: its row is kept for the listing. */
  private void nobodyMore(Expectation expectation) {
    counts.move(expectation, State.PENDING, State.MATCHED);
    release(expectation);
    matched.add(expectation);
    if (matchedRows.incrementAndGet() > MAX_MATCHED_ROWS) {
      dropOldestMatched();
    }
  }

  /**
   * A child of a pinhole that lets in many is one of all who hold that. A lease that all came of
   * lets in nobody more: the caller shuts it, if nobody else holds it.
   */
  private @Nullable Expectation matchOpen(
      int protocol,
      InetAddress source,
      InetAddress destination,
      int port,
      ConntrackIdentity child) {
    List<Expectation> holders = holders(protocol, source, destination, port);
    if (living.has(child)) {
      return null; // told twice: by its event, and when events were lost
    }
    if (holders.isEmpty()) {
      return null;
    }
    for (Expectation holder : holders) {
      holder.used(child);
    }
    living.began(child, holders);
    for (Expectation holder : holders) {
      if (holder.isSpent() && holder.change(State.PENDING, State.MATCHED)) {
        nobodyMore(holder);
      }
    }
    return holders.get(0);
  }

  /**
   * Those that let in many and let in such a child.
   *
   * @param protocol 6 or 17
   * @param source source address of the child's first packet
   * @param destination its destination address
   * @param port its destination port
   * @return those whose pinhole the kernel finds for it; empty if none does
   */
  public List<Expectation> holders(
      int protocol, InetAddress source, InetAddress destination, int port) {
    List<Expectation> holders =
        openByPinhole.get(new PinholeKey(protocol, source, destination, port));
    if (holders == null) {
      holders = openByPinhole.get(new PinholeKey(protocol, null, destination, port));
    }
    for (PortRange range : leased) {
      if (holders == null && range.first() <= port && port <= range.last()) {
        holders =
            openByPinhole.get(
                new PinholeKey(protocol, source, destination, range.first(), range.last()));
      }
    }
    return holders == null ? List.of() : holders;
  }

  /**
   * What announced a child that is read, whether the kernel told of it yet or not.
   *
   * @param child which conntrack it is
   * @return by one of those that let it in; null if none of them is left
   */
  public @Nullable ReadChild announcing(ConntrackIdentity child) {
    ReadChild known = living.announcing(child);
    if (known != null) {
      return known;
    }
    FlowTuple first = child.original();
    PinholeKey key =
        new PinholeKey(
            first.protocol(), first.source(), first.destination(), first.destinationPort());
    Expectation waiting = waitingByPinhole.get(key);
    if (waiting == null) {
      waiting = ending.oldest(key); // shut a moment ago, and its child is not told of yet
    }
    // A child is known before what expected it leaves these maps. If that was in between, who is in
    // them now is another one.
    known = living.announcing(child);
    if (known != null) {
      return known;
    }
    return Children.reading(
        child,
        waiting != null
            ? List.of(waiting)
            : holders(
                first.protocol(), first.source(), first.destination(), first.destinationPort()));
  }

  /**
   * Whether the end of a pinhole for one connection has begun, and its child may not have been told
   * of yet.
   *
   * @param key what the child's first packet says
   * @return true until that is known
   */
  public boolean isEnding(PinholeKey key) {
    return ending.has(key);
  }

  /**
   * Drops rows of children that came, once their time is over or their parent ended.
   *
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  public void purgeMatched(long nowNs) {
    matched.removeIf(
        expectation -> {
          boolean over =
              expectation.state() == State.GONE
                  || endedWithParent(expectation)
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
    for (List<Expectation> holders : openByPinhole.values()) {
      for (Expectation expectation : holders) {
        if (expectation.state() == State.PENDING) {
          pending.add(expectation);
        }
      }
    }
    return pending;
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
    List<ExpectationRow> list = new ArrayList<>();
    for (Expectation expectation : rows.values()) {
      Parent parent = expectation.parent();
      if (!endedWithParent(expectation)
          && expectation.state() != State.GONE
          && filter.matches(parent.policyId(), parent.helper(), parent.serial())) {
        list.add(expectation.row(nowNs));
      }
    }
    list.sort(Comparator.comparingLong(ExpectationRow::id));
    return list;
  }

  private static boolean endedWithParent(Expectation expectation) {
    return expectation.owner().id() == null && expectation.parent().hasEnded();
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
    PinholeKey key = PinholeKey.of(expectation.pinhole());
    if (expectation.pinhole().kind() == Pinhole.Kind.ONCE) {
      waitingByPinhole.remove(key, expectation);
    } else {
      leaveOpen(key, expectation);
    }
    reservations.giveBack(expectation);
    notWaiting(expectation);
    expectation.noLongerAwaited();
  }
}
