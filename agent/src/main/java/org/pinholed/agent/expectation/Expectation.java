package org.pinholed.agent.expectation;

import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeComment;
import org.pinholed.agent.pinhole.Stay;
import org.pinholed.agent.view.ExpectationRow;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.kernel.conntrack.ConntrackIdentity;

/**
 * A child that was announced: one row of the expectation table. Its state changes by compare and
 * set, so that of several threads that end it just one accounts for it.
 *
 * <p>It is long because each of its many short questions has a Javadoc, and because they are about
 * the same few fields, which several threads write: when it was announced and opened, its state,
 * and its children. How it is listed is in {@link ExpectationListing}.
 */
public final class Expectation implements ChildKeeper {
  /** Where an expectation stands; it only moves downwards. */
  public enum State {
    /** Announced, the pinhole is not open yet. */
    ANNOUNCED,
    /** The pinhole is open and nobody came. */
    PENDING,
    /**
     * Over, and its pinhole is being shut; but a child that came just before may not have been
     * reported yet.
     */
    ENDING,
    /** A child came; a pinhole for one connection is shut. */
    MATCHED,
    /** No longer in the table. */
    GONE
  }

  /** Of how many living children it knows which they are. */
  private static final int MOST_CHILDREN_KNOWN = 256;

  private static final AtomicReferenceFieldUpdater<Expectation, State> STATE =
      AtomicReferenceFieldUpdater.newUpdater(Expectation.class, State.class, "state");

  private final long id;
  private final Parent parent;
  private volatile Owner owner;
  private volatile ExpectationRequest request;
  private volatile Pinhole pinhole;
  private volatile Stay stay;
  private final long createdNs;
  private volatile long announcedNs;
  private volatile long openedNs;
  private volatile State state = State.ANNOUNCED;
  private volatile boolean written;
  private volatile boolean taken;
  private volatile boolean remade;
  private volatile boolean follows;
  private volatile boolean commentIsOld;
  private volatile boolean commentIsAwaited;
  private volatile long lastChildEndedNs;
  private final AtomicInteger uses = new AtomicInteger();
  private boolean awaited;
  private @Nullable Set<ConntrackIdentity> living;
  private int livingUnknown;
  private volatile @Nullable ConntrackIdentity child;

  /** The pinhole that it holds or held together with others, if that is for many. */
  private volatile @Nullable HeldPinhole held;

  private volatile boolean cut;
  private volatile int usesBefore;
  private volatile int usesHeld = -1;

  /**
   * Makes a row that is only announced.
   *
   * @param id number, unique while the agent runs
   * @param parent the flow that announced it
   * @param owner who it belongs to
   * @param request what was announced
   * @param pinhole what lets the child through
   * @param stay how long it stays
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  public Expectation(
      long id,
      Parent parent,
      Owner owner,
      ExpectationRequest request,
      Pinhole pinhole,
      Stay stay,
      long nowNs) {
    this.id = id;
    this.parent = parent;
    this.owner = owner;
    this.request = request;
    this.pinhole = pinhole;
    this.stay = stay;
    this.createdNs = nowNs;
    this.announcedNs = nowNs;
    this.openedNs = nowNs;
  }

  /**
   * Number of the row.
   *
   * @return unique while the agent runs
   */
  public long id() {
    return id;
  }

  /**
   * The flow that announced it.
   *
   * @return the parent
   */
  public Parent parent() {
    return parent;
  }

  /**
   * What was announced.
   *
   * @return the helper's request
   */
  public ExpectationRequest request() {
    return request;
  }

  /**
   * What lets the child through.
   *
   * @return the pinhole with its full timeout
   */
  public Pinhole pinhole() {
    return pinhole;
  }

  /**
   * Who it belongs to.
   *
   * @return a flow, or what outlives flows
   */
  public Owner owner() {
    return owner;
  }

  /** Notes that it is over, and that its children are to end with it. */
  public void cut() {
    HeldPinhole holding = held;
    if (holding == null) {
      cut = true;
    } else {
      holding.cut();
    }
  }

  /**
   * Whether its children are to end with it, those too that the kernel has not told of yet.
   *
   * @return false for most
   */
  public boolean isCut() {
    HeldPinhole holding = held;
    return holding == null ? cut : holding.isCut();
  }

  /** Notes that it holds a pinhole for many from now on. */
  void holds(HeldPinhole newHeld) {
    if (held != newHeld) {
      usesBefore = newHeld.uses();
      held = newHeld;
    }
  }

  /** Another thread made its owner first. */
  void moveTo(Owner newOwner) {
    owner = newOwner;
  }

  /**
   * How long it stays.
   *
   * @return from when it was announced last
   */
  public Stay stay() {
    return stay;
  }

  /**
   * Notes that the same was announced again: its time counts anew.
   *
   * @param again what was announced
   * @param newPinhole the same pinhole, with the comment and the timeout of the new announcement
   * @param newStay how long it stays from now on
   * @param nowNs the time
   */
  public void announcedAgain(
      ExpectationRequest again, Pinhole newPinhole, Stay newStay, long nowNs) {
    request = again;
    pinhole = newPinhole;
    stay = newStay;
    announcedNs = nowNs;
    commentIsOld = true;
    timeChanged();
  }

  private void timeChanged() {
    HeldPinhole holding = held;
    if (holding != null) {
      holding.timeChanged(this);
    }
  }

  /**
   * Whether the comment in the kernel does not know when it was announced last.
   *
   * @return true until {@link #writtenAnew}
   */
  public boolean isCommentOld() {
    return commentIsOld;
  }

  /** Notes that the kernel has the pinhole as it is now. */
  public void writtenAnew() {
    commentIsOld = false;
    commentIsAwaited = false;
  }

  /** Notes that its owner lasts from now on. */
  public void settle() {
    stays(stay.lasting());
  }

  /**
   * Has it stay for longer, if it stays as long as its owner. The comment in the kernel follows
   * with the next renewal.
   *
   * @param longestMs how long at most from now on, in milliseconds
   * @param nowNs the time
   */
  public void prolong(long longestMs, long nowNs) {
    Stay staying = stay;
    boolean isShorter =
        staying.longestMs() > 0 && staying.longestMs() - msSince(announcedNs, nowNs) < longestMs;
    if (staying.kind() == Stay.Kind.OWNER && isShorter) {
      stays(staying.withLongest(msSince(announcedNs, nowNs) + longestMs));
    }
  }

  /** Has it stay for another time, and the kernel's comment say so when it is written next. */
  private void stays(Stay newStay) {
    PinholeComment comment = PinholeComment.parse(pinhole.comment());
    if (comment != null) {
      pinhole = pinhole.withComment(comment.withStay(newStay).text());
      stay = newStay;
      commentIsOld = true;
    }
  }

  /** Notes that the kernel must not have an old comment of it for long. */
  public void awaitComment() {
    commentIsAwaited = true;
  }

  /** Whether the kernel must be told its comment at once. */
  boolean isCommentAwaited() {
    return commentIsAwaited;
  }

  /**
   * Whether its own time is over, though its owner lives. What the kernel ends by itself is not
   * meant.
   *
   * @param nowNs the time
   * @return false for what has no time of its own
   */
  public boolean isOverdue(long nowNs) {
    Stay staying = stay;
    if (staying.longestMs() > 0 && msSince(announcedNs, nowNs) >= staying.longestMs()) {
      return true;
    }
    if (staying.kind() != Stay.Kind.IDLE || livingChildren() > 0) {
      return false;
    }
    if (uses() == 0) {
      return msSince(announcedNs, nowNs) >= staying.firstMs();
    }
    HeldPinhole holding = held;
    long endedNs = lastChildEndedNs;
    if (holding != null && usesOfHeld() > 0) {
      endedNs = holding.lastChildEndedNs();
    }
    return msSince(endedNs, nowNs) >= staying.idleMs();
  }

  private static long msSince(long thenNs, long nowNs) {
    return (nowNs - thenNs) / 1_000_000;
  }

  /**
   * Takes it over from another process, which may have seen children: one that has waited for
   * longer than for its first child has had one.
   *
   * @param nowNs the time
   */
  public void wasPerhapsUsed(long nowNs) {
    if (stay.kind() == Stay.Kind.IDLE && msSince(announcedNs, nowNs) >= stay.firstMs()) {
      lastChildEndedNs = nowNs;
      uses.compareAndSet(0, 1);
      noLongerAwaited();
    }
  }

  /**
   * Notes that one of its children is there.
   *
   * @param newChild which conntrack it is
   * @param known false if it is only to be counted
   */
  @Override
  public synchronized void childLives(ConntrackIdentity newChild, boolean known) {
    Set<ConntrackIdentity> all = living;
    if (all == null) {
      all = new HashSet<>(4);
      living = all;
    }
    if (known && all.size() < MOST_CHILDREN_KNOWN) {
      all.add(newChild);
    } else {
      livingUnknown++;
    }
  }

  /**
   * Notes that one of its children ended.
   *
   * @param oldChild which conntrack it was
   * @param nowNs the time
   */
  @Override
  public synchronized void childEnded(ConntrackIdentity oldChild, long nowNs) {
    lastChildEndedNs = nowNs;
    if ((living == null || !living.remove(oldChild)) && livingUnknown > 0) {
      livingUnknown--;
    }
  }

  /**
   * Whether nothing is left of it once its child has come: neither an owner that could cut that
   * one, nor a helper that reads it.
   *
   * @return true for the expectations of FTP
   */
  public boolean isOverWithItsChild() {
    return pinhole.kind() == Pinhole.Kind.ONCE && owner.id() == null && !request.isRead();
  }

  /**
   * How many of its children live.
   *
   * @return 0 or more
   */
  public int livingChildren() {
    HeldPinhole holding = held;
    return holding == null ? ownLivingChildren() : holding.livingChildren();
  }

  private synchronized int ownLivingChildren() {
    return (living == null ? 0 : living.size()) + livingUnknown;
  }

  /**
   * The children that live and are known one by one.
   *
   * @return a copy
   */
  public List<ConntrackIdentity> knownChildren() {
    HeldPinhole holding = held;
    return holding == null ? ownKnownChildren() : holding.knownChildren();
  }

  private synchronized List<ConntrackIdentity> ownKnownChildren() {
    return living == null ? List.of() : List.copyOf(living);
  }

  /**
   * Whether some of its children that live are only counted.
   *
   * @return false for most
   */
  public boolean hasUnknownChildren() {
    HeldPinhole holding = held;
    return holding == null ? hasOwnUnknownChildren() : holding.hasUnknownChildren();
  }

  private synchronized boolean hasOwnUnknownChildren() {
    return livingUnknown > 0;
  }

  @Override
  public List<Parent> parents() {
    return owner.id() == null ? List.of(parent) : List.of();
  }

  @Override
  public @Nullable Expectation reading() {
    return request.isRead() ? this : null;
  }

  /**
   * Where it stands.
   *
   * @return the state
   */
  public State state() {
    return state;
  }

  /** When its time is over, if it is not announced again; null if it has none of its own. */
  @Nullable Long endsInMs(long nowNs) {
    Stay staying = stay;
    if (!staying.isLease()) {
      return expiresInMs(nowNs);
    }
    return staying.longestMs() == 0 ? null : staying.longestMs() - msSince(announcedNs, nowNs);
  }

  /**
   * How operators see it.
   *
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @return an immutable copy
   */
  public ExpectationRow row(long nowNs) {
    return ExpectationListing.row(this, nowNs);
  }

  /**
   * How long ago it was announced first.
   *
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @return nanoseconds
   */
  public long ageNs(long nowNs) {
    return nowNs - createdNs;
  }

  /**
   * What is left of the timeout that the kernel holds.
   *
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @return milliseconds; 0 or less once it ran out
   */
  public long expiresInMs(long nowNs) {
    return pinhole.timeoutMs() - (nowNs - openedNs) / 1_000_000;
  }

  /**
   * When the timeout that the kernel holds runs out, as {@link
   * org.pinholed.agent.time.Clock#nanoTime} tells it.
   */
  long expiresAtNs() {
    return openedNs + pinhole.timeoutMs() * 1_000_000;
  }

  /**
   * What may still come through: of a lease for some connections, those that have not come.
   *
   * @return the pinhole with its full timeout
   */
  public Pinhole withoutUsed() {
    Pinhole full = pinhole;
    int used = uses();
    return full.connections() == 0 || used == 0
        ? full
        : full.withConnections(Math.max(1, full.connections() - used));
  }

  /** Whether all connections that a lease was for have come. */
  boolean isSpent() {
    int most = pinhole.connections();
    return most > 0 && uses() >= most;
  }

  /** The pinhole as it is to stand in the kernel now: with the rest of its time, to a second. */
  Pinhole standing(long nowNs) {
    Pinhole full = withoutUsed();
    long leftMs = expiresInMs(nowNs);
    boolean whole = stay.isLease() || full.timeoutMs() - leftMs < 1000;
    return whole ? full : full.withTimeoutMs(Math.max(1, leftMs));
  }

  /**
   * Notes that the pinhole's time begins (again).
   *
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  public void opened(long nowNs) {
    openedNs = nowNs;
    timeChanged();
  }

  /** Notes that the pinhole stands in the kernel. */
  public void written() {
    written = true;
  }

  /**
   * Notes that its first packet took the pinhole out of the kernel. If no child is told of then, a
   * rule behind the mark dropped that packet.
   */
  public void taken() {
    taken = true;
  }

  /**
   * Whether the pinhole was found used up before its time was over.
   *
   * @return true for good once it was
   */
  public boolean wasTaken() {
    return taken;
  }

  /**
   * Whether the pinhole was written into the kernel.
   *
   * @return true for good once it was
   */
  public boolean wasWritten() {
    return written;
  }

  /**
   * Notes that the pinhole was written again, by a renewal or a repair. If its child came right
   * before, that has made a used pinhole anew.
   */
  public void remade() {
    remade = true;
  }

  /**
   * Whether the pinhole was written more than once.
   *
   * @return true for good once it was
   */
  public boolean wasRemade() {
    return remade;
  }

  /** Notes that another one with the same pinhole was just ending when this one began to wait. */
  void follow() {
    follows = true;
  }

  /**
   * Whether another one with the same pinhole was just ending when this one began to wait. The
   * kernel may tell very late of the other one's child.
   *
   * @return false for most
   */
  public boolean follows() {
    return follows;
  }

  /**
   * The child that came last.
   *
   * @return null if none came
   */
  public @Nullable ConntrackIdentity child() {
    HeldPinhole holding = held;
    return holding != null && usesOfHeld() > 0 ? holding.child() : child;
  }

  /**
   * The child that came last, as operators see it.
   *
   * @return its serial, null if none came
   */
  public @Nullable String childSerial() {
    ConntrackIdentity last = child();
    return last == null ? null : last.serial();
  }

  boolean change(State from, State to) {
    return STATE.compareAndSet(this, from, to);
  }

  /** Ends it for good; answers GONE if another thread was first, be it only to begin. */
  State end() {
    while (true) {
      State before = state;
      if (before == State.ENDING || before == State.GONE) {
        return State.GONE;
      }
      if (change(before, State.GONE)) {
        return before;
      }
    }
  }

  /**
   * Whether nothing may come through any more.
   *
   * @return true for good once its end has begun
   */
  public boolean isOver() {
    State now = state;
    return now == State.ENDING || now == State.GONE;
  }

  /** Whether it belongs to a flow that has ended. */
  boolean endedWithParent() {
    return owner.id() == null && parent.hasEnded();
  }

  /** Whether it is counted as waiting for its first child. Under the lock of its owner. */
  boolean isAwaited() {
    return awaited;
  }

  /** Notes whether it is counted so. Under the lock of its owner. */
  void setAwaited(boolean value) {
    awaited = value;
  }

  /** Notes that a child came. */
  void used(ConntrackIdentity newChild) {
    child = newChild;
    uses.incrementAndGet();
    noLongerAwaited();
  }

  /**
   * Takes it out of those that its owner may have waiting. A child that has just come may not have
   * been counted yet by the thread that was told of it.
   */
  public void noLongerAwaited() {
    owner.awaitNoMore(this);
  }

  /**
   * How many children came.
   *
   * @return since it was made, or taken over from another process
   */
  public int uses() {
    return uses.get() + usesOfHeld();
  }

  /** How many children came by a pinhole for many while it held that. */
  private int usesOfHeld() {
    HeldPinhole holding = held;
    int most = usesHeld;
    if (holding == null) {
      return 0;
    }
    return most >= 0 ? most : holding.uses() - usesBefore;
  }

  /** Notes that it holds its pinhole for many no longer: what comes now is not for it. */
  void holdsNoLonger() {
    usesHeld = usesOfHeld();
  }

  /**
   * Whether another one may hold the same pinhole, which shuts with the last of them.
   *
   * @param other has the same key
   * @return true if both let any number of children in, to the same place
   */
  boolean mayShareWith(Expectation other) {
    Pinhole own = pinhole;
    Pinhole others = other.pinhole;
    return own.kind() != Pinhole.Kind.ONCE
        && own.kind() == others.kind()
        && Objects.equals(own.translation(), others.translation());
  }
}
