package org.pinholed.agent.flow;

import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.agent.limit.BufferedBytes;
import org.pinholed.agent.limit.ClientKey;
import org.pinholed.agent.nat.TranslatedFlow;
import org.pinholed.agent.nat.TranslatedState;
import org.pinholed.agent.nat.TranslatedStream;
import org.pinholed.agent.view.SessionRow;
import org.pinholed.helper.Direction;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.Reason;
import org.pinholed.helper.SessionHelper;
import org.pinholed.helper.stream.BufferBudget;
import org.pinholed.helper.stream.InOrderStream;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.SequenceAdjustment;

/**
 * One parent flow while it is known: its streams, its helper and what it announced. Owned by one
 * worker and used by its thread only.
 */
public final class ParentFlow {
  /** {@code TCP_CONNTRACK_FIN_WAIT} of {@code nf_conntrack_tcp.h}: a FIN was seen. */
  private static final int TCP_FIN_WAIT = 4;

  /** {@code TCP_CONNTRACK_CLOSE_WAIT} of {@code nf_conntrack_tcp.h}: and acknowledged. */
  private static final int TCP_CLOSE_WAIT = 5;

  private final Parent parent;
  private final ConntrackEntry entry;
  private final FlowFacts facts;
  private final HelperEntry helperEntry;
  private final long createdNs;
  private final @Nullable TranslatedFlow translation;
  private final FlowDevices devices = new FlowDevices();
  private @Nullable SessionHelper helper;
  private final BufferBudget buffers;
  private @Nullable InOrderStream original;
  private @Nullable InOrderStream reply;
  private @Nullable Map<String, Expectation> announced;
  private @Nullable Reason reason;
  private boolean readingEnded;
  private boolean cleared;
  private ConntrackClient.@Nullable SequenceAdjustments standing;
  private boolean askedForAdjustments;
  private boolean proven;
  private boolean firstByteSeen;
  private boolean synCarriedData;
  private boolean clientClosed;
  private boolean serverClosed;
  private int serverInitialSequence;

  /** Bytes that streams read which are gone: of a process before, or before reading ended. */
  private long clientReadBefore;

  private long serverReadBefore;
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
   * @param buffered memory for what its streams keep, shared
   * @param giveWay told from any thread if reading must end because that memory is spent
   * @param nowNs {@link System#nanoTime}
   */
  public ParentFlow(
      Parent parent,
      ConntrackEntry entry,
      FlowFacts facts,
      HelperEntry helperEntry,
      @Nullable SessionHelper helper,
      BufferedBytes buffered,
      Consumer<ParentFlow> giveWay,
      long nowNs) {
    this.parent = parent;
    this.entry = entry;
    this.facts = facts;
    this.helperEntry = helperEntry;
    this.helper = helper;
    this.buffers =
        buffered.open(ClientKey.of(facts.client().address()), () -> giveWay.accept(this));
    this.translation = TranslatedFlow.of(entry, facts);
    this.createdNs = nowNs;
    this.lastNs = nowNs;
  }

  /**
   * Whether a SYN+ACK is the one that this flow began with, sent again.
   *
   * @param serverInitialSequence its sequence number
   * @return false if it begins another connection between the same ports
   */
  public boolean beganWith(int serverInitialSequence) {
    return firstByteSeen && this.serverInitialSequence == serverInitialSequence;
  }

  /**
   * Whether it has begun and neither side's first byte was read yet.
   *
   * @return false for good once a byte was read or reading ended
   */
  public boolean waitsForFirstByte() {
    return hasBegun() && !readingEnded && clientRead() == 0 && serverRead() == 0;
  }

  /**
   * Whether its beginning was seen.
   *
   * @return false if it was resumed, or was never read
   */
  public boolean hasBegun() {
    return firstByteSeen;
  }

  /**
   * Notes that a side sends no more: its FIN came in turn. The other side may go on for long.
   *
   * @param direction of the FIN
   */
  public void noteClosed(Direction direction) {
    if (direction == Direction.ORIGINAL) {
      clientClosed = true;
    } else {
      serverClosed = true;
    }
  }

  /**
   * Whether a side had closed before this agent knew the flow; nobody says which.
   *
   * @return true if the next FIN is the second one
   */
  public boolean wasHalfClosed() {
    return entry.tcpState() == TCP_FIN_WAIT || entry.tcpState() == TCP_CLOSE_WAIT;
  }

  /**
   * Whether a side sends no more.
   *
   * @param direction of what it sent
   * @return true for good once its FIN came in turn
   */
  public boolean isClosed(Direction direction) {
    return direction == Direction.ORIGINAL ? clientClosed : serverClosed;
  }

  /** Notes that the client sent a SYN with bytes, so that what its answer begins is not whole. */
  public void noteSynWithData() {
    synCarriedData = true;
  }

  /**
   * Whether the client sent a SYN with bytes while this flow was known.
   *
   * @return true for good once it did
   */
  public boolean hasSynWithData() {
    return synCarriedData;
  }

  /**
   * Begins both streams at the first byte.
   *
   * @param clientInitialSequence the client's initial sequence number
   * @param serverInitialSequence the server's initial sequence number
   * @param limits how much they may keep
   */
  public void startStreams(
      int clientInitialSequence, int serverInitialSequence, HelperLimits limits) {
    firstByteSeen = true;
    this.serverInitialSequence = serverInitialSequence;
    original = new InOrderStream(limits, buffers);
    original.start(clientInitialSequence);
    reply = new InOrderStream(limits, buffers);
    reply.start(serverInitialSequence);
    if (translation != null) {
      translation.begin(clientInitialSequence + 1, serverInitialSequence + 1);
    }
  }

  /**
   * Begins the stream of one direction, if there is none yet, at a byte in the middle. Only in a
   * flow that is resumed: one that is read from its first byte has both streams.
   *
   * @param direction which one
   * @param sequence sequence number of the first byte that is read
   * @param limits how much it may keep
   */
  public void resumeStream(Direction direction, int sequence, HelperLimits limits) {
    if (stream(direction) == null && facts.origin() == FlowFacts.Origin.RESUMED) {
      InOrderStream stream = new InOrderStream(limits, buffers);
      stream.resume(sequence);
      setStream(direction, stream);
    }
  }

  private void setStream(Direction direction, InOrderStream stream) {
    if (direction == Direction.ORIGINAL) {
      original = stream;
    } else {
      reply = stream;
    }
  }

  /**
   * What another process needs to go on with it.
   *
   * @return its state; null if nothing in it can be relied on, because reading ended, or a side's
   *     bytes wait for others
   */
  public @Nullable FlowState state() {
    SessionHelper reader = helper;
    TranslatedState client = translatedState(Direction.ORIGINAL);
    TranslatedState server = translatedState(Direction.REPLY);
    if (reader == null || isWaiting(original, client) || isWaiting(reply, server)) {
      return null;
    }
    return new FlowState(
        parent.identity(),
        facts.origin(),
        clientReadBefore + (original == null ? 0 : original.bytesConsumed()),
        serverReadBefore + (reply == null ? 0 : reply.bytesConsumed()),
        nextOf(original),
        nextOf(reply),
        reader.snapshot(),
        announced().stream()
            .filter(expectation -> expectation.state() == Expectation.State.ANNOUNCED)
            .map(Expectation::pinhole)
            .toList(),
        client,
        server,
        devices.leavesBy(Direction.REPLY),
        devices.leavesBy(Direction.ORIGINAL));
  }

  private @Nullable TranslatedState translatedState(Direction direction) {
    TranslatedStream stream = translation == null ? null : translation.stream(direction);
    return stream == null ? null : stream.state();
  }

  /** Whether it keeps bytes that do not come again. */
  private static boolean isWaiting(
      @Nullable InOrderStream stream, @Nullable TranslatedState translated) {
    return stream != null
        && stream.bufferedBytes() > 0
        && (translated == null
            || stream.sequenceOf(stream.bytesConsumed()) - (int) translated.released() < 0);
  }

  private static long nextOf(@Nullable InOrderStream stream) {
    return stream == null ? -1 : Integer.toUnsignedLong(stream.sequenceOf(stream.bytesConsumed()));
  }

  /**
   * Goes on where another process stood. Only before the first packet.
   *
   * @param state what it said
   * @param limits how much the streams may keep
   * @return false if its helper does not understand it; then the flow is not to be used
   */
  public boolean restore(FlowState state, HelperLimits limits) {
    devices.noteLeaving(Direction.REPLY, state.towardsClient());
    devices.noteLeaving(Direction.ORIGINAL, state.towardsServer());
    boolean whole =
        facts.origin() == FlowFacts.Origin.RESUMED
            || (state.clientNext() >= 0 && state.serverNext() >= 0);
    if (helper == null || !whole || !helper.restore(state.snapshot())) {
      return false;
    }
    restoreStream(Direction.ORIGINAL, state.clientNext(), state.clientRead(), limits);
    restoreStream(Direction.REPLY, state.serverNext(), state.serverRead(), limits);
    clientReadBefore = state.clientRead();
    serverReadBefore = state.serverRead();
    if (facts.origin() == FlowFacts.Origin.FIRST_BYTE) {
      firstByteSeen = true;
      serverInitialSequence = (int) (state.serverNext() - state.serverRead() - 1);
    }
    if (translation != null) {
      restore(translation.stream(Direction.ORIGINAL), state.clientTranslated());
      restore(translation.stream(Direction.REPLY), state.serverTranslated());
    }
    return true;
  }

  private void restoreStream(Direction direction, long next, long read, HelperLimits limits) {
    if (next >= 0) {
      InOrderStream stream = new InOrderStream(limits, buffers);
      if (read == 0 && facts.origin() == FlowFacts.Origin.FIRST_BYTE) {
        stream.start((int) next - 1);
      } else {
        stream.resume((int) next);
      }
      setStream(direction, stream);
    }
  }

  private static void restore(
      @Nullable TranslatedStream stream, @Nullable TranslatedState translated) {
    if (stream != null && translated != null) {
      stream.restore(translated);
    }
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
   * Its address translation.
   *
   * @return null if neither address is translated
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
   * How the kernel shifts the sequence numbers of a direction, as far as is known.
   *
   * @param direction which one
   * @return {@link SequenceAdjustment#NONE} until {@link #standing} or a rewrite says otherwise
   */
  public SequenceAdjustment adjustment(Direction direction) {
    TranslatedStream stream = translation == null ? null : translation.stream(direction);
    if (stream != null) {
      return stream.adjustment();
    }
    ConntrackClient.SequenceAdjustments found = standing;
    if (found == null) {
      return SequenceAdjustment.NONE;
    }
    return direction == Direction.ORIGINAL ? found.original() : found.reply();
  }

  /**
   * Whether the kernel is to be asked for {@link #standing} now.
   *
   * @return true once
   */
  public boolean asksForAdjustments() {
    boolean first = !askedForAdjustments;
    askedForAdjustments = true;
    return first;
  }

  /**
   * Takes over how the kernel shifts both directions for somebody else.
   *
   * @param found what stands in the kernel
   */
  public void standing(ConntrackClient.SequenceAdjustments found) {
    standing = found;
    if (translation != null) {
      translation.standing(found);
    }
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
   * What reads it.
   *
   * @return null once reading ended
   */
  public @Nullable SessionHelper helper() {
    return helper;
  }

  /**
   * The stream of one direction.
   *
   * @param direction which one
   * @return null before it began and once reading ended
   */
  public @Nullable InOrderStream stream(Direction direction) {
    return direction == Direction.ORIGINAL ? original : reply;
  }

  /**
   * Notes a packet.
   *
   * @param nowNs {@link System#nanoTime}
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
   * Ends reading: streams and helper go, the row in the listing stays.
   *
   * @param value why
   */
  public void endReading(Reason value) {
    clientReadBefore = clientRead();
    serverReadBefore = serverRead();
    close();
    helper = null;
    reason = value;
    readingEnded = true;
  }

  /** Gives back what the streams keep. For a flow that is over. */
  public void close() {
    if (original != null) {
      original.close();
      original = null;
    }
    if (reply != null) {
      reply.close();
      reply = null;
    }
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
   * What was announced under a key.
   *
   * @param key a helper's key
   * @return the expectation, null if there is none
   */
  public @Nullable Expectation announced(String key) {
    return announced == null ? null : announced.get(key);
  }

  /**
   * Keeps an expectation under its key.
   *
   * @param expectation what was announced
   */
  public void announce(Expectation expectation) {
    if (announced == null) {
      announced = new HashMap<>(4);
    }
    announced.put(expectation.request().group(), expectation);
  }

  /**
   * Forgets what was announced under a key.
   *
   * @param key a helper's key
   */
  public void forget(String key) {
    if (announced != null) {
      announced.remove(key);
    }
  }

  /**
   * Everything that was announced and not replaced.
   *
   * @return a copy, also of what is used or over
   */
  public Collection<Expectation> announced() {
    return announced == null ? List.of() : List.copyOf(announced.values());
  }

  /**
   * The row as it is listed.
   *
   * @param nowNs {@link System#nanoTime}
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
        Expectation.endpointRow(parent.client()),
        Expectation.endpointRow(parent.server()),
        clientRead(),
        serverRead(),
        packets,
        devices.misrouted(),
        parent.waiting(),
        readingEnded,
        why == null ? null : why.word(),
        why == null ? null : why.explanation(),
        (nowNs - createdNs) / 1_000_000_000L,
        (nowNs - lastNs) / 1_000_000_000L);
  }

  private static String unreadWord(@Nullable Reason why) {
    return why instanceof AgentReason ours && ours.isUntrusted() ? "untrusted" : "opaque";
  }

  private long clientRead() {
    return clientReadBefore + (original == null ? 0 : original.bytesRead());
  }

  private long serverRead() {
    return serverReadBefore + (reply == null ? 0 : reply.bytesRead());
  }
}
