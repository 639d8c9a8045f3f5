package org.pinholed.agent.expectation;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.Stay;
import org.pinholed.kernel.conntrack.ConntrackIdentity;

/**
 * A pinhole that lets in many: who holds it, which of them the kernel has it for, and the children
 * that came by it. The calls of a trunk all hold one, so whatever happens here costs the same with
 * one holder and with thousands, or grows with the logarithm of their number.
 *
 * <p>The kernel has the comment and the time of one of the holders. That is written again only if
 * this one leaves, or if its time is too short for another one. Those whose time is a lease share
 * one lease: the one that is written, or else the one that joined last, which most likely stays
 * longest.
 *
 * <p>Thread-safe, by a lock of its own. It is in {@link PinholeHolders} as long as somebody holds
 * it; afterwards those who held it still ask it for their children.
 */
final class HeldPinhole implements ChildKeeper {
  /** Of how many living children it knows which they are. */
  private static final int MOST_CHILDREN_KNOWN = 256;

  /** A pinhole whose lease has less than this left is written for a new holder at once. */
  private static final long LEAST_LEFT_NS = Stay.LEASE.toNanos() / 3;

  /** A time that was nearly set a moment ago is not worth a transaction. */
  private static final long WORTH_WRITING_NS = 1_000_000_000L;

  private final NavigableMap<Long, Expectation> leases = new TreeMap<>();

  /** Those leases that belong to no flow. */
  private final NavigableMap<Long, Expectation> leasesBeyond = new TreeMap<>();

  private final NavigableMap<End, Expectation> byEnd = new TreeMap<>();
  private final Map<Expectation, End> ends = new HashMap<>(2);

  /** Those that want its children read. */
  private final NavigableMap<Long, Expectation> readers = new TreeMap<>();

  /** Those that belong to flows. */
  private final NavigableMap<Long, Expectation> ofFlows = new TreeMap<>();

  private @Nullable Expectation written;

  /** Whether that one is among the leases. They may be thousands, and this is asked often. */
  private boolean writtenIsLease;

  private @Nullable Expectation lastHolder;
  private boolean writtenAsRead;
  private long standsUntilNs;

  private final Set<ConntrackIdentity> living = new HashSet<>(2);
  private int livingUnknown;
  private int uses;
  private long lastChildEndedNs;
  private boolean cut;
  private @Nullable ConntrackIdentity child;

  /** When the time that one of the holders has for itself is over. */
  private record End(long ns, long id) implements Comparable<End> {
    @Override
    public int compareTo(End other) {
      long later = ns - other.ns; // as nanoTime is to be compared
      return later != 0 ? Long.signum(later) : Long.compare(id, other.id);
    }
  }

  /** Nobody holds it yet. */
  HeldPinhole() {}

  /**
   * Takes a holder.
   *
   * @return false if it may not share it with those that hold it
   */
  synchronized boolean join(Expectation expectation) {
    if (has(expectation)) {
      return true;
    }
    if (!isEmpty() && !expectation.mayShareWith(any())) {
      return false;
    }
    place(expectation);
    if (expectation.request().isRead()) {
      readers.put(expectation.id(), expectation);
    }
    if (expectation.owner().id() == null) {
      ofFlows.put(expectation.id(), expectation);
    }
    return true;
  }

  /** Lets a holder go; does nothing if it is none. */
  synchronized void leave(Expectation expectation) {
    lastHolder = expectation;
    displace(expectation);
    readers.remove(expectation.id());
    ofFlows.remove(expectation.id());
  }

  private void place(Expectation expectation) {
    if (expectation.stay().isLease()) {
      leases.put(expectation.id(), expectation);
      writtenIsLease |= expectation == written;
      if (expectation.owner().id() != null) {
        leasesBeyond.put(expectation.id(), expectation);
      }
    } else {
      End end = new End(expectation.expiresAtNs(), expectation.id());
      ends.put(expectation, end);
      byEnd.put(end, expectation);
    }
  }

  /** The time of an expectation is another one now. */
  synchronized void timeChanged(Expectation expectation) {
    boolean isLease = expectation.stay().isLease();
    if (isLease && leases.containsKey(expectation.id())) {
      return; // leases are not ordered by their time
    }
    if (has(expectation)) {
      displace(expectation);
      place(expectation);
    }
  }

  private void displace(Expectation expectation) {
    writtenIsLease &= expectation != written;
    leases.remove(expectation.id());
    leasesBeyond.remove(expectation.id());
    End end = ends.remove(expectation);
    if (end != null) {
      byEnd.remove(end);
    }
  }

  synchronized boolean has(Expectation expectation) {
    return leases.containsKey(expectation.id()) || ends.containsKey(expectation);
  }

  synchronized boolean isEmpty() {
    return leases.isEmpty() && ends.isEmpty();
  }

  /** Whether nobody but these holds it. */
  synchronized boolean isHeldOnlyBy(Set<Expectation> those) {
    return leases.size() + ends.size() <= those.size()
        && those.containsAll(leases.values())
        && those.containsAll(ends.keySet());
  }

  private Expectation any() {
    return leases.isEmpty() ? byEnd.lastEntry().getValue() : leases.lastEntry().getValue();
  }

  /** Whose comment and time the kernel is to have; null if nobody holds it. */
  synchronized @Nullable Expectation counting() {
    Expectation lease = lease();
    Map.Entry<End, Expectation> last = byEnd.lastEntry();
    if (last == null || lease == null) {
      return last == null ? lease : last.getValue();
    }
    return last.getKey().ns() - lease.expiresAtNs() > 0 ? last.getValue() : lease;
  }

  private @Nullable Expectation lease() {
    if (writtenIsLease) {
      return written;
    }
    return leases.isEmpty() ? null : leases.lastEntry().getValue();
  }

  /**
   * Whether the kernel must be told of a new holder, or of another time of one.
   *
   * @param nowNs the time
   * @return false if what stands there is enough
   */
  synchronized boolean mustBeWritten(long nowNs) {
    Expectation counting = counting();
    if (counting == null
        || written != counting
        || writtenAsRead == readers.isEmpty()
        || counting.isCommentAwaited()) {
      return true;
    }
    return counting.stay().isLease()
        ? standsUntilNs - nowNs < LEAST_LEFT_NS
        : Math.abs(counting.expiresAtNs() - standsUntilNs) >= WORTH_WRITING_NS;
  }

  /**
   * The pinhole as it is to be written, with what is left of its time.
   *
   * @param instead what is written if nobody holds it any more
   * @param nowNs the time
   */
  synchronized Pinhole toWrite(Expectation instead, long nowNs) {
    Expectation counting = counting();
    Expectation of = counting == null ? instead : counting;
    Pinhole pinhole = of.standing(nowNs);
    boolean lacksBit = !readers.isEmpty() && !of.request().isRead();
    return lacksBit ? pinhole.withMark(readers.firstEntry().getValue().pinhole().mark()) : pinhole;
  }

  /**
   * Notes that the kernel has it as {@link #toWrite} said. If another one counts meanwhile it is
   * taken for not written.
   *
   * @param pinhole what was written
   * @param nowNs the time before it was written
   */
  synchronized void wrote(Pinhole pinhole, long nowNs) {
    Expectation counting = counting();
    boolean isIts = counting != null && counting.pinhole().comment().equals(pinhole.comment());
    written = isIts ? counting : null;
    writtenIsLease = written != null && leases.containsKey(written.id());
    writtenAsRead =
        !readers.isEmpty() && readers.firstEntry().getValue().pinhole().mark() == pinhole.mark();
    standsUntilNs = nowNs + pinhole.timeoutMs() * 1_000_000;
  }

  /** The pinhole with what is left of its time in the kernel; null if nothing is. */
  synchronized @Nullable Pinhole left(long nowNs) {
    Expectation counting = counting();
    if (counting == null) {
      return null;
    }
    long leftNs = written == null ? counting.expiresAtNs() - nowNs : standsUntilNs - nowNs;
    return leftNs < 1_000_000 ? null : toWrite(counting, nowNs).withTimeoutMs(leftNs / 1_000_000);
  }

  /** Whether the comment that the kernel has is that of the one that counts. */
  synchronized boolean hasItsComment() {
    Expectation counting = counting();
    return counting != null && counting == written && !counting.isCommentOld();
  }

  /**
   * Those whose lease is to be renewed so that the pinhole stays: one that belongs to no flow, else
   * all that do, since the kernel must have the flow of one of them. None before the first is
   * written: a worker is about to do that.
   *
   * @param before the time at which it must stand longer
   * @param into takes them
   */
  synchronized void addDue(long before, List<Expectation> into) {
    boolean isDue = written == null ? wasWritten() : standsUntilNs - before <= 0;
    if (leases.isEmpty() || !isDue) {
      return;
    }
    if (leasesBeyond.isEmpty()) {
      into.addAll(leases.values());
      return;
    }
    Expectation lease = lease();
    boolean isBeyond = lease != null && lease.owner().id() != null;
    into.add(isBeyond ? lease : leasesBeyond.lastEntry().getValue());
  }

  private boolean wasWritten() {
    for (Expectation lease : leases.values()) {
      if (lease.wasWritten()) {
        return true;
      }
    }
    return false;
  }

  /** All who hold it: a copy. */
  synchronized List<Expectation> all() {
    List<Expectation> all = new ArrayList<>(leases.values());
    all.addAll(ends.keySet());
    return all;
  }

  @Override
  public synchronized List<Parent> parents() {
    return ofFlows.values().stream().map(Expectation::parent).toList();
  }

  @Override
  public synchronized @Nullable Expectation reading() {
    return readers.isEmpty() ? null : readers.firstEntry().getValue();
  }

  /**
   * Notes that a child came, perhaps right before it was shut; answers with the one that is told of
   * it.
   */
  @Nullable Expectation used(ConntrackIdentity newChild) {
    Expectation counting;
    synchronized (this) {
      uses++;
      child = newChild;
      counting = isEmpty() ? lastHolder : counting();
    }
    if (counting != null) {
      counting.noLongerAwaited(); // the others notice when their owner asks
    }
    return counting;
  }

  /** Notes that nobody holds it any more, and that its children are to end with it. */
  synchronized void cut() {
    cut = true;
  }

  /** Whether its children are to end with it, those too that the kernel has not told of yet. */
  synchronized boolean isCut() {
    return cut;
  }

  /** How many children came since somebody held it. */
  synchronized int uses() {
    return uses;
  }

  /** The child that came last; null if none came. */
  synchronized @Nullable ConntrackIdentity child() {
    return child;
  }

  synchronized long lastChildEndedNs() {
    return lastChildEndedNs;
  }

  @Override
  public synchronized void childLives(ConntrackIdentity newChild, boolean known) {
    if (known && living.size() < MOST_CHILDREN_KNOWN) {
      living.add(newChild);
    } else {
      livingUnknown++;
    }
  }

  @Override
  public synchronized void childEnded(ConntrackIdentity oldChild, long nowNs) {
    lastChildEndedNs = nowNs;
    if (!living.remove(oldChild) && livingUnknown > 0) {
      livingUnknown--;
    }
  }

  synchronized int livingChildren() {
    return living.size() + livingUnknown;
  }

  synchronized List<ConntrackIdentity> knownChildren() {
    return List.copyOf(living);
  }

  synchronized boolean hasUnknownChildren() {
    return livingUnknown > 0;
  }
}
