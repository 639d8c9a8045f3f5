package org.pinholed.agent.flow;

import org.jspecify.annotations.Nullable;
import org.pinholed.agent.nat.TranslatedFlow;
import org.pinholed.agent.nat.TranslatedState;
import org.pinholed.agent.nat.TranslatedStream;
import org.pinholed.helper.Direction;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.stream.BufferBudget;
import org.pinholed.helper.stream.InOrderStream;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.SequenceAdjustment;

/**
 * How far the bytes of a flow were read. Of TCP: its beginning, both streams, the FINs, and how the
 * kernel shifts its sequence numbers. Of UDP: how many there were. Owned by one worker and used by
 * its thread only.
 */
public final class Reading {
  private final FlowFacts facts;
  private final @Nullable TranslatedFlow translation;
  private final BufferBudget buffers;
  private final HelperLimits limits;

  /** What its helper keeps beside the streams, as it is accounted. */
  private int helperBytes;

  private @Nullable InOrderStream original;
  private @Nullable InOrderStream reply;
  private ConntrackClient.@Nullable SequenceAdjustments standing;
  private boolean askedForAdjustments;
  private boolean firstByteSeen;

  /** Where a direction that is not read yet may begin; null if nothing is known of that. */
  private @Nullable PickUp clientPickUp;

  private @Nullable PickUp serverPickUp;
  private boolean synCarriedData;
  private boolean clientClosed;
  private boolean serverClosed;
  private int serverInitialSequence;

  /**
   * Bytes that streams read which are gone: of a process before, or before reading ended. Of UDP
   * all of them.
   */
  private long clientReadBefore;

  private long serverReadBefore;

  /**
   * Makes it before the first byte.
   *
   * @param facts of its flow
   * @param translation of its flow; null if neither address is translated
   * @param buffers memory for what the streams and the helper keep
   * @param limits how much they may keep
   */
  Reading(
      FlowFacts facts,
      @Nullable TranslatedFlow translation,
      BufferBudget buffers,
      HelperLimits limits) {
    this.facts = facts;
    this.translation = translation;
    this.buffers = buffers;
    this.limits = limits;
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
   */
  public void start(int clientInitialSequence, int serverInitialSequence) {
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
   */
  public void resume(Direction direction, int sequence) {
    if (stream(direction) == null && facts.origin() == FlowFacts.Origin.RESUMED) {
      InOrderStream stream = new InOrderStream(limits, buffers);
      stream.resume(sequence);
      setStream(direction, stream);
    }
  }

  /**
   * Takes an acknowledgement of a direction that is not read yet.
   *
   * @param direction which one
   * @param acknowledgement how far its receiver has it, in the sender's numbers
   * @return true if nobody needs to wait any more for the segment because of which the receiver was
   *     {@linkplain #ask asked}: it has bytes of that one
   */
  public boolean noteAcknowledged(Direction direction, int acknowledgement) {
    return pickUp(direction).acknowledged(acknowledgement);
  }

  private PickUp pickUp(Direction direction) {
    PickUp known = known(direction);
    if (known == null) {
      known = new PickUp();
      if (direction == Direction.ORIGINAL) {
        clientPickUp = known;
      } else {
        serverPickUp = known;
      }
    }
    return known;
  }

  private @Nullable PickUp known(Direction direction) {
    return direction == Direction.ORIGINAL ? clientPickUp : serverPickUp;
  }

  /**
   * Whether the receiver of a direction has all before a byte, and not that byte.
   *
   * @param direction which one
   * @param sequence sequence number of the byte
   * @return false if it is not known
   */
  public boolean isAcknowledgedUpTo(Direction direction, int sequence) {
    PickUp known = known(direction);
    return known != null && known.isAcknowledgedUpTo(sequence);
  }

  /**
   * Whether the receiver of a direction may be asked if it has all before a segment: it is not
   * known, nobody was asked for this segment yet, nor too often for others.
   *
   * @param direction which one, not read yet
   * @param sequence where the segment begins
   * @return false if it may not, or the flow is not one that is resumed
   */
  public boolean mayAsk(Direction direction, int sequence) {
    return facts.origin() == FlowFacts.Origin.RESUMED && pickUp(direction).mayAsk(sequence);
  }

  /**
   * Notes that the receiver of a direction is asked if it has all before a segment, which does not
   * pass meanwhile. The stream begins there: what comes behind that segment is kept for it.
   *
   * @param direction which one; {@link #mayAsk} said yes
   * @param sequence where the segment begins
   */
  public void ask(Direction direction, int sequence) {
    resume(direction, sequence);
    pickUp(direction).ask(sequence);
  }

  /**
   * Whether a segment is awaited because of which the receiver was asked.
   *
   * @param direction which one
   * @return true until it came again or {@link #giveUpAsking} says that it will not
   */
  public boolean isAsking(Direction direction) {
    PickUp known = known(direction);
    return known != null && known.waits();
  }

  /**
   * Where the segment begins because of which the receiver was asked.
   *
   * @param direction one that {@link #isAsking}
   * @return its sequence number
   */
  public int askedAt(Direction direction) {
    return pickUp(direction).askedAt();
  }

  /**
   * The segment because of which the receiver was asked came again, and that has all before it:
   * what was asked is true, and from here on it is read.
   *
   * @param direction one that {@link #isAsking}
   */
  public void endAsking(Direction direction) {
    pickUp(direction).waitNoMore();
  }

  /**
   * What was asked is not true, or nobody answers: nothing is read from there on.
   *
   * @param direction one that {@link #isAsking}
   */
  public void giveUpAsking(Direction direction) {
    pickUp(direction).waitNoMore();
    InOrderStream stream = stream(direction);
    if (stream != null) {
      stream.close();
      setStream(direction, null);
    }
  }

  private void setStream(Direction direction, @Nullable InOrderStream stream) {
    if (direction == Direction.ORIGINAL) {
      original = stream;
    } else {
      reply = stream;
    }
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
   * Accounts what the helper keeps beside the streams. To be said after each feed.
   *
   * @param keptBytes all that it keeps now
   * @return false if there is no memory for it: then the flow must not be read any more
   */
  public boolean account(int keptBytes) {
    int more = keptBytes - helperBytes;
    if (more > 0 && !buffers.reserve(more)) {
      return false;
    }
    if (more < 0) {
      buffers.release(-more);
    }
    helperBytes = keptBytes;
    return true;
  }

  /**
   * Counts the bytes of a datagram that was read.
   *
   * @param direction its direction
   * @param lengthBytes its payload
   */
  public void count(Direction direction, int lengthBytes) {
    if (direction == Direction.ORIGINAL) {
      clientReadBefore += lengthBytes;
    } else {
      serverReadBefore += lengthBytes;
    }
  }

  /** Bytes of a direction that were read, also by a process before. */
  long read(Direction direction) {
    InOrderStream stream = stream(direction);
    return readBefore(direction) + (stream == null ? 0 : stream.bytesRead());
  }

  /** Bytes of a direction that the helper took, also in a process before. */
  long consumed(Direction direction) {
    InOrderStream stream = stream(direction);
    return readBefore(direction) + (stream == null ? 0 : stream.bytesConsumed());
  }

  private long readBefore(Direction direction) {
    return direction == Direction.ORIGINAL ? clientReadBefore : serverReadBefore;
  }

  /** Sequence number of the next byte that the helper takes, unsigned; -1 without a stream. */
  long next(Direction direction) {
    InOrderStream stream = stream(direction);
    return stream == null || isAsking(direction)
        ? -1
        : Integer.toUnsignedLong(stream.sequenceOf(stream.bytesConsumed()));
  }

  /** What is replaced in a direction; null if the flow is not translated. */
  @Nullable TranslatedState translated(Direction direction) {
    TranslatedStream stream = translation == null ? null : translation.stream(direction);
    return stream == null ? null : stream.state();
  }

  /** Whether a direction keeps bytes that do not come again. */
  boolean isWaiting(Direction direction) {
    InOrderStream stream = stream(direction);
    if (stream == null || stream.bufferedBytes() == 0) {
      return false;
    }
    TranslatedState translated = translated(direction);
    return translated == null
        || stream.sequenceOf(stream.bytesConsumed()) - (int) translated.released() < 0;
  }

  /** Goes on where another process stood. Only before the first packet. */
  void restore(FlowState state) {
    restoreStream(Direction.ORIGINAL, state.clientNext(), state.clientRead());
    restoreStream(Direction.REPLY, state.serverNext(), state.serverRead());
    clientReadBefore = state.clientRead();
    serverReadBefore = state.serverRead();
    clientClosed = state.clientClosed();
    serverClosed = state.serverClosed();
    if (facts.origin() == FlowFacts.Origin.FIRST_BYTE) {
      firstByteSeen = true;
      serverInitialSequence = (int) (state.serverNext() - state.serverRead() - 1);
    }
    if (translation != null) {
      restore(translation.stream(Direction.ORIGINAL), state.clientTranslated());
      restore(translation.stream(Direction.REPLY), state.serverTranslated());
    }
  }

  private void restoreStream(Direction direction, long next, long read) {
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
   * Memory for what is kept of the flow.
   *
   * @return its account
   */
  public BufferBudget buffers() {
    return buffers;
  }

  /** Ends reading: the streams go, what was counted stays. */
  void end() {
    clientReadBefore = read(Direction.ORIGINAL);
    serverReadBefore = read(Direction.REPLY);
    close();
  }

  /** Gives back what the streams and the helper keep. */
  void close() {
    buffers.release(helperBytes);
    helperBytes = 0;
    if (original != null) {
      original.close();
      original = null;
    }
    if (reply != null) {
      reply.close();
      reply = null;
    }
  }
}
