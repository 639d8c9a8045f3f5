package org.pinholed.agent.flow;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.Owner;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.agent.expectation.ReadChild;
import org.pinholed.agent.limit.BufferedBytes;
import org.pinholed.agent.limit.ClientKey;
import org.pinholed.agent.nat.TranslatedFlow;
import org.pinholed.agent.view.EndpointRow;
import org.pinholed.agent.view.SessionRow;
import org.pinholed.helper.Direction;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.Reason;
import org.pinholed.helper.SessionHelper;
import org.pinholed.helper.StreamHelper;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.FlowTuple;

/**
 * One flow while it is known: whose it is, what its helper is told, what it announced, and why it
 * is not read any more. Owned by one worker and used by its thread only.
 *
 * <p>It is long because of its many short questions; what reads and what is replaced are in {@link
 * Reading} and {@link TranslatedFlow}.
 */
public final class Flow {
  private final Parent parent;
  private ConntrackEntry entry;
  private final FlowFacts facts;
  private final HelperEntry helperEntry;
  private final long createdNs;
  private final @Nullable TranslatedFlow translation;
  private final FlowDevices devices = new FlowDevices();
  private @Nullable SessionHelper helper;
  private final Reading reading;
  private @Nullable Owner owner;
  private @Nullable Reason reason;

  /** How many parts of it were encrypted, and what was said of the last one. */
  private int sealed;

  private String sealedDetail = "";
  private boolean readingEnded;
  private boolean cleared;
  private boolean proven;
  private boolean confirmed = true;
  private List<Owner> firstOwners = List.of();
  private long packets;
  private long lastNs;

  /**
   * Makes the state of a flow that is to be read.
   *
   * @param parent what listings and expectations know of it
   * @param entry its conntrack
   * @param facts what its helper is told
   * @param helperEntry the configured entry it belongs to
   * @param helper reads it; null if it is not to be read at all
   * @param limits how much each of its streams may keep
   * @param buffered memory for what its streams and its helper keep, shared
   * @param giveWay told from any thread if reading must end because that memory is spent
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  public Flow(
      Parent parent,
      ConntrackEntry entry,
      FlowFacts facts,
      HelperEntry helperEntry,
      @Nullable SessionHelper helper,
      HelperLimits limits,
      BufferedBytes buffered,
      Consumer<Flow> giveWay,
      long nowNs) {
    this.parent = parent;
    this.entry = entry;
    this.facts = facts;
    this.helperEntry = helperEntry;
    this.helper = helper;
    this.translation =
        facts.transport() == Transport.TCP && !helperEntry.isObserved() // nothing is rewritten then
            ? TranslatedFlow.of(
                entry, facts, helper instanceof StreamHelper stream && stream.editsBothSides())
            : null;
    this.reading =
        new Reading(
            facts,
            translation,
            buffered.open(ClientKey.of(facts.client().address()), () -> giveWay.accept(this)),
            limits);
    this.createdNs = nowNs;
    this.lastNs = nowNs;
  }

  /**
   * Whether it has begun and neither side's first byte was read yet.
   *
   * @return false for good once a byte was read or reading ended
   */
  public boolean waitsForFirstByte() {
    return reading.hasBegun()
        && !readingEnded
        && reading.read(Direction.ORIGINAL) == 0
        && reading.read(Direction.REPLY) == 0;
  }

  /**
   * Says that its conntrack is not in the kernel's table yet: only its first datagram, which is in
   * the queue, has it.
   */
  void awaitConfirmation() {
    confirmed = false;
  }

  /**
   * Notes that its conntrack is in the kernel's table. Only while the flow stands in no table by
   * its identity, or if that is the same.
   *
   * @param now the conntrack as it is there
   */
  void confirm(ConntrackEntry now) {
    entry = now;
    parent.identify(now.identity());
    confirmed = true;
  }

  /**
   * Whether its conntrack is in the kernel's table, as far as is known. Until then its marks cannot
   * be written, and its identity may change.
   *
   * @return false for a moment, while its first datagram is on its way
   */
  public boolean isConfirmed() {
    return confirmed;
  }

  /**
   * Whether addresses or ports are translated in it.
   *
   * @return true if either side knows the other by another endpoint than that one itself
   */
  public boolean isTranslated() {
    return facts.isTranslated();
  }

  /**
   * What an expectation of the kernel for one of its children could belong to.
   *
   * @return its original tuple; null if it is translated
   */
  public @Nullable FlowTuple expectingTuple() {
    return isTranslated() ? null : parent().identity().original();
  }

  /**
   * How long nothing came.
   *
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @return nanoseconds since the last packet
   */
  public long silentNs(long nowNs) {
    return nowNs - lastNs;
  }

  /**
   * Whether a side had closed before this agent knew the flow. Its FIN may come once more, and is
   * not that of the other side then.
   *
   * @param direction of what that side sends
   * @return true if the kernel saw its FIN first, or does not say whose it was
   */
  public boolean hadClosed(Direction direction) {
    if (entry.tcpState() < ConntrackEntry.TCP_FIN_WAIT
        || entry.tcpState() > ConntrackEntry.TCP_TIME_WAIT) {
      return false;
    }
    return switch (entry.tcpCloser()) {
      case ORIGINAL -> direction == Direction.ORIGINAL;
      case REPLY -> direction == Direction.REPLY;
      case NOBODY -> true;
    };
  }

  /**
   * What another process needs to go on with it.
   *
   * @return its state; null if nothing in it can be relied on, because reading ended, or a side's
   *     bytes wait for others
   */
  public @Nullable FlowState state() {
    SessionHelper reader = helper;
    if (reader == null
        || reading.isWaiting(Direction.ORIGINAL)
        || reading.isWaiting(Direction.REPLY)) {
      return null;
    }
    return new FlowState(
        parent.identity(),
        facts.origin(),
        reading.consumed(Direction.ORIGINAL),
        reading.consumed(Direction.REPLY),
        reading.next(Direction.ORIGINAL),
        reading.next(Direction.REPLY),
        reader.snapshot(),
        announced().stream()
            .filter(expectation -> expectation.state() == Expectation.State.ANNOUNCED)
            .map(Expectation::pinhole)
            .toList(),
        reading.translated(Direction.ORIGINAL),
        reading.translated(Direction.REPLY),
        devices.leavesBy(Direction.REPLY),
        devices.leavesBy(Direction.ORIGINAL),
        reading.isClosed(Direction.ORIGINAL),
        reading.isClosed(Direction.REPLY));
  }

  /**
   * What announced it, for another process.
   *
   * @return null for a parent
   */
  public @Nullable ReadChild readChild() {
    FlowFacts.Announcement announcement = facts.announcement();
    return announcement == null
        ? null
        : new ReadChild(parent.identity(), parent.helper(), parent.helperId(), announcement);
  }

  /**
   * Goes on where another process stood. Only before the first packet.
   *
   * @param state what it said
   * @return false if its helper does not understand it; then the flow is not to be used
   */
  public boolean restore(FlowState state) {
    devices.noteLeaving(Direction.REPLY, state.towardsClient());
    devices.noteLeaving(Direction.ORIGINAL, state.towardsServer());
    boolean whole =
        facts.origin() == FlowFacts.Origin.RESUMED
            || facts.transport() == Transport.UDP
            || (state.clientNext() >= 0 && state.serverNext() >= 0);
    if (helper == null || !whole || !helper.restore(state.snapshot())) {
      return false;
    }
    reading.restore(state);
    if (state.clientClosed() != state.serverClosed()) {
      parent.halfClose();
    }
    return true;
  }

  /**
   * What listings and expectations know of it.
   *
   * @return the parent
   */
  public Parent parent() {
    return parent;
  }

  /**
   * Its conntrack as it was when the flow was first seen.
   *
   * @return the entry
   */
  public ConntrackEntry entry() {
    return entry;
  }

  /**
   * The devices by which its packets come in and leave.
   *
   * @return the same at every call
   */
  public FlowDevices devices() {
    return devices;
  }

  /**
   * What its helper was told.
   *
   * @return the facts
   */
  public FlowFacts facts() {
    return facts;
  }

  /**
   * The configured entry it belongs to.
   *
   * @return the entry as it was when the flow began
   */
  public HelperEntry helperEntry() {
    return helperEntry;
  }

  /**
   * The address translation of its streams.
   *
   * @return null if neither address is translated, or it has no streams
   */
  public @Nullable TranslatedFlow translation() {
    return translation;
  }

  /** Notes that its helper has seen all the evidence that it needs, and that the kernel knows. */
  public void prove() {
    proven = true;
  }

  /**
   * Whether its helper has seen all the evidence that it needs.
   *
   * @return true for good once it has
   */
  public boolean isProven() {
    return proven;
  }

  /**
   * Whether something is to be replaced in it, or was and its sender may send it once more.
   *
   * @return true if its packets are needed for that, also when it is not read any more
   */
  public boolean mayHaveToRepeat() {
    return translation != null && translation.isUnfinished();
  }

  /**
   * How far its bytes were read.
   *
   * @return the same at every call
   */
  public Reading reading() {
    return reading;
  }

  /**
   * What reads it.
   *
   * @return null once reading ended
   */
  public @Nullable SessionHelper helper() {
    return helper;
  }

  /**
   * Notes a packet.
   *
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  public void packetSeen(long nowNs) {
    packets++;
    lastNs = nowNs;
  }

  /**
   * Notes why something was refused, for the listing.
   *
   * @param value the reason
   */
  public void refused(Reason value) {
    if (!readingEnded) {
      reason = value;
    }
  }

  /**
   * Notes that a part of it is encrypted, for the listing.
   *
   * @param value the reason
   * @param detail what the helper said of it, printable, may be empty
   */
  public void sealed(Reason value, String detail) {
    refused(value);
    sealed++;
    sealedDetail = detail.isEmpty() ? value.explanation() : detail;
  }

  /**
   * Ends reading: streams and helper go, the row in the listing stays.
   *
   * @param value why
   */
  public void endReading(Reason value) {
    reading.end();
    helper = null;
    reason = value;
    readingEnded = true;
  }

  /** Gives back what its streams and its helper keep. For a flow that is over. */
  public void close() {
    reading.close();
  }

  /** Notes that an operator clears it, whoever tells of its end first. */
  public void clear() {
    cleared = true;
  }

  /**
   * Whether an operator cleared it.
   *
   * @return true for good once he did
   */
  public boolean isCleared() {
    return cleared;
  }

  /**
   * Whether reading ended.
   *
   * @return true for good once it did
   */
  public boolean readingEnded() {
    return readingEnded;
  }

  /**
   * The owner of what it announces for itself.
   *
   * @return the same at every call
   */
  public Owner owner() {
    Owner known = owner;
    if (known == null) {
      known = Owner.flow(parent.helper());
      owner = known;
    }
    return known;
  }

  /**
   * Notes an owner that outlives it, for which it announces something.
   *
   * @param beyond the owner
   */
  public void announcesFor(Owner beyond) {
    if (!confirmed && !firstOwners.contains(beyond)) {
      firstOwners = new ArrayList<>(firstOwners);
      firstOwners.add(beyond);
    }
  }

  /**
   * The owners that outlive it for which it announced something before its conntrack was confirmed:
   * those of its first datagrams, which are few.
   *
   * @return a list that does not change; empty a moment after the confirmation
   */
  public List<Owner> firstOwners() {
    return firstOwners;
  }

  /** What was announced before the confirmation is as good as the rest. */
  void keepFirstOwned() {
    firstOwners = List.of();
  }

  /**
   * Everything that it announced for itself and that was not replaced.
   *
   * @return a copy, also of what is used or over
   */
  public Collection<Expectation> announced() {
    return owner == null ? List.of() : owner.all();
  }

  /**
   * The row as it is listed.
   *
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @return an immutable copy
   */
  public SessionRow row(long nowNs) {
    Reason why = reason;
    SessionHelper reader = helper;
    return new SessionRow(
        parent.serial(),
        parent.helper(),
        parent.helperId(),
        facts.transport().name().toLowerCase(java.util.Locale.ROOT),
        reader == null ? unreadWord(why) : reader.stateWord(),
        parent.policyId(),
        parent.mark(),
        EndpointRow.of(parent.client()),
        EndpointRow.of(parent.server()),
        reading.read(Direction.ORIGINAL),
        reading.read(Direction.REPLY),
        packets,
        devices.misrouted(),
        parent.waiting(),
        readingEnded,
        why == null ? null : why.word(),
        why == null ? null : why.explanation(),
        sealed,
        sealedDetail.isEmpty() ? null : sealedDetail,
        (nowNs - createdNs) / 1_000_000_000L,
        (nowNs - lastNs) / 1_000_000_000L);
  }

  private static String unreadWord(@Nullable Reason why) {
    return why instanceof AgentReason ours && ours.isUntrusted() ? "untrusted" : "opaque";
  }
}
