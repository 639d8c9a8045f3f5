package org.pinholed.helper.stream;

import java.nio.ByteBuffer;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.HelperLimits;

/**
 * The in-order bytes of one direction of a TCP flow, read from segments as they pass by.
 *
 * <p>A segment that is next in turn is read in place, from the packet buffer; only what the reader
 * leaves is copied. Buffers are made when needed and given back when empty, overwritten with zeros,
 * because control channels carry passwords. A stream that keeps nothing costs a few hundred bytes.
 *
 * <p>Where two copies of a byte differ the first one was read, and the stream is not trusted any
 * more ({@link Push#CONFLICT}). Compared are: early segments and what the reader left, byte by
 * byte; and the last eight segments that were read, by a keyed digest (SipHash-2-4), where a copy
 * covers them from their first to their last byte and they end not further back than {@link
 * HelperLimits#historyBytes()}. Not compared are the other bytes of a copy: those of a segment that
 * it covers in part only, as a copy does that is shifted, and those of older segments.
 *
 * <p>Sequence numbers are modulo 2^32 (RFC 9293 section 3.4). SYN and FIN take a number each: the
 * caller begins with {@link #start}, and an acknowledgement of one number more than was read is
 * taken for that of the FIN. Errors stay: after one the stream reads nothing any more. Not
 * thread-safe; owned by its flow.
 *
 * <p>It is long because what the reader left is kept here and not in an object of its own, which
 * each stream with an unfinished line would have to have.
 */
public final class InOrderStream {
  private static final int FIRST_BUFFER_BYTES = 64;

  /** Real size of a buffer beside its bytes: two objects. StreamMemoryTest measures it. */
  static final int BUFFER_OVERHEAD_BYTES = 80;

  private final HelperLimits limits;
  private final BufferBudget budget;
  private final ByteCursor cursor = new ByteCursor();
  private final @Nullable SegmentDigests digests;
  private boolean started;

  /** Whether offset 0 is the first byte that the sender sent at all. */
  private boolean wholeFromStart;

  private @Nullable Push error;

  /** Sequence number of stream offset 0. */
  private int first;

  /** Sequence number of the next byte to read. */
  private int next;

  /** How many bytes came in their turn; {@code next} without wrap-around. */
  private long bytesRead;

  private @Nullable EarlySegments early;

  /** What the reader left: the last {@code tailLength} bytes before {@code next}. */
  private @Nullable ByteBuffer tail;

  private int tailLength;

  /** What became of a segment. */
  public enum Push {
    /** Its new bytes were read, and the reader is done with all it got. */
    IN_ORDER,
    /** Its new bytes were read, and the reader waits for the rest of a message. */
    NEED_MORE,
    /** It came before its turn and is kept. */
    EARLY,
    /**
     * It came before its turn and there is no room for it. The receiver will probably keep it, so
     * that it does not come again: then a {@link #GAP} follows.
     */
    EARLY_NOT_KEPT,
    /** A retransmission or a keep-alive probe: nothing new. */
    OLD,
    /** No bytes in it, or an acknowledgement of what was read. */
    NOTHING,
    /** Neither {@link #start} nor {@link #resume} was called yet. */
    NOT_STARTED,
    /** A byte came twice with different values. Stays. */
    CONFLICT(StreamReason.CONFLICT),
    /** The receiver has bytes that did not come by here. Stays. */
    GAP(StreamReason.GAP),
    /** The reader left more than {@link HelperLimits#streamBufferBytes()}. Stays. */
    OVERFLOW(StreamReason.OVERFLOW),
    /** The {@link BufferBudget} has no memory for this flow. Stays. */
    NO_MEMORY(StreamReason.BUFFER_BUDGET);

    private final @Nullable StreamReason reason;

    Push() {
      reason = null;
    }

    Push(StreamReason reason) {
      this.reason = reason;
    }

    /**
     * Why nothing is read any more.
     *
     * @return null while the stream is sound
     */
    public @Nullable StreamReason reason() {
      return reason;
    }
  }

  /** Takes the bytes in their order. */
  public interface Reader {
    /**
     * Reads bytes. It reads as many messages as there are; what it leaves is presented again
     * together with what follows.
     *
     * @param bytes the bytes with their stream offset; re-used after the call
     * @return how many, from the front, are done with: 0..remaining
     */
    int onBytes(ByteCursor bytes);
  }

  /**
   * Makes a stream that waits for {@link #start} or {@link #resume}, and whose limits are its own.
   *
   * @param limits what it may keep
   */
  public InOrderStream(HelperLimits limits) {
    this(limits, BufferBudget.UNBOUNDED);
  }

  /**
   * Makes a stream that waits for {@link #start} or {@link #resume}.
   *
   * @param limits what it may keep
   * @param budget memory for it, shared with others
   */
  public InOrderStream(HelperLimits limits, BufferBudget budget) {
    this.limits = limits;
    this.budget = budget;
    this.digests = limits.historyBytes() == 0 ? null : new SegmentDigests();
  }

  /**
   * Begins with the first byte of the direction. Once a byte was read or kept it does nothing, so
   * that a SYN that comes again (or a forged one) moves nothing.
   *
   * @param initialSequence the sequence number of the SYN or SYN+ACK; the first byte has the next
   *     one and stream offset 0
   */
  public void start(int initialSequence) {
    if (resumeAt(initialSequence + 1)) {
      wholeFromStart = true;
    }
  }

  /**
   * Begins in mid-stream. Once a byte was read or kept it does nothing.
   *
   * @param sequence the sequence number that gets stream offset 0
   */
  public void resume(int sequence) {
    if (resumeAt(sequence)) {
      wholeFromStart = false;
    }
  }

  private boolean resumeAt(int sequence) {
    if (bytesRead != 0 || (early != null && !early.isEmpty())) {
      return false;
    }
    started = true;
    first = sequence;
    next = sequence;
    return true;
  }

  /**
   * Takes one segment.
   *
   * @param sequence the sequence number of its first byte
   * @param buffer the packet; its own position, limit and order are not used, and it may be re-used
   *     after the call
   * @param offset index of the first byte of payload
   * @param lengthBytes length of the payload, 0 or more
   * @param reader takes what is in turn now, in one or several calls
   * @return what became of it
   */
  public Push push(int sequence, ByteBuffer buffer, int offset, int lengthBytes, Reader reader) {
    Objects.checkFromIndexSize(offset, lengthBytes, buffer.capacity());
    if (error != null) {
      return error;
    }
    if (!started) {
      return Push.NOT_STARTED;
    }
    if (lengthBytes == 0) {
      return Push.NOTHING;
    }
    int from = sequence - next;
    if (from > 0) {
      return keepEarly(from, buffer, offset, lengthBytes);
    }
    int oldBytes = (int) Math.min(lengthBytes, -(long) from);
    if (oldBytes > 0) {
      if (oldBytes == 1 && lengthBytes == 1 && from == -1) {
        return Push.OLD; // a keep-alive probe: its byte may be anything (RFC 9293 section 3.8.4)
      }
      if (wholeFromStart && bytesRead + from < 0) {
        // Nothing was sent before the first byte: the SYN+ACK that said where that is was a lie
        // (conntrack does not look with nf_conntrack_tcp_be_liberal).
        return fail(Push.CONFLICT);
      }
      if (differsFromRead(sequence, buffer, offset, oldBytes)) {
        return fail(Push.CONFLICT);
      }
      if (oldBytes == lengthBytes) {
        return Push.OLD;
      }
    }
    return readInTurn(buffer, offset + oldBytes, lengthBytes - oldBytes, reader);
  }

  /**
   * Takes an acknowledgement of the other direction. What it covers has passed here before it, so
   * anything that was not seen then never will be: the agent was away, or the queue was full. A
   * segment that is kept early does not help, because the bytes before it are the ones that miss.
   *
   * @param acknowledgement the acknowledgement number
   * @return NOTHING if all of it was read, or an error
   */
  public Push acknowledged(int acknowledgement) {
    if (error != null) {
      return error;
    }
    if (!started) {
      return Push.NOT_STARTED;
    }
    // One more than was read may be the FIN. If it is a byte, the next segment tells.
    return acknowledgement - next > 1 ? fail(Push.GAP) : Push.NOTHING;
  }

  /**
   * Whether an acknowledgement is of bytes that came by here, from the first one on.
   *
   * @param acknowledgement the acknowledgement number
   * @return false if nobody can have sent it for what was read, or it is of bytes before the first
   */
  public boolean hasSent(int acknowledgement) {
    return acknowledgement - first >= 0 && acknowledgement - next <= 1;
  }

  /**
   * How many bytes came in their turn.
   *
   * @return the stream offset of the next byte
   */
  public long bytesRead() {
    return bytesRead;
  }

  /**
   * How many bytes the reader is done with.
   *
   * @return stream offset of the first byte that it left to be presented again
   */
  public long bytesConsumed() {
    return bytesRead - tailLength;
  }

  /**
   * How many bytes are kept: left by the reader, or early.
   *
   * @return length in bytes, at most {@link HelperLimits#streamBufferBytes()}
   */
  public int bufferedBytes() {
    return tailLength + earlyBytes();
  }

  /**
   * The sequence number of a byte.
   *
   * @param streamOffset bytes from the start of the stream
   * @return its sequence number as the sender counts
   */
  public int sequenceOf(long streamOffset) {
    return first + (int) streamOffset;
  }

  /** Overwrites and gives back all that is kept. For a stream that is not read any more. */
  public void close() {
    release();
    if (early != null) {
      early.clear();
      early = null;
    }
  }

  private int earlyBytes() {
    return early == null ? 0 : early.bytes();
  }

  private Push keepEarly(int from, ByteBuffer buffer, int offset, int lengthBytes) {
    if (early == null) {
      early = new EarlySegments(budget);
    }
    if (early.differ(next, from, buffer, offset, lengthBytes)) {
      return fail(Push.CONFLICT);
    }
    EarlySegments.Kept kept =
        early.keep(
            next,
            from,
            buffer,
            offset,
            lengthBytes,
            limits.earlySegments(),
            limits.streamBufferBytes() - tailLength);
    return switch (kept) {
      case ALL -> Push.EARLY;
      case NOT_ALL -> Push.EARLY_NOT_KEPT;
      case NO_MEMORY -> fail(Push.NO_MEMORY);
    };
  }

  private boolean differsFromRead(int sequence, ByteBuffer buffer, int offset, int lengthBytes) {
    if (digests != null
        && digests.differ(sequence, buffer, offset, lengthBytes, next, limits.historyBytes())) {
      return true;
    }
    if (tail == null) {
      return false;
    }
    // Distance of the segment's first byte from the first byte that is kept.
    int fromTail = sequence - (next - tailLength);
    for (int at = Math.max(0, -fromTail); at < lengthBytes; at++) {
      if (buffer.get(offset + at) != tail.get(fromTail + at)) {
        return true;
      }
    }
    return false;
  }

  private Push readInTurn(ByteBuffer buffer, int offset, int lengthBytes, Reader reader) {
    if (early != null && early.differ(next, 0, buffer, offset, lengthBytes)) {
      return fail(Push.CONFLICT);
    }
    Push refused = feed(buffer, offset, lengthBytes, reader);
    if (refused != null) {
      return fail(refused);
    }
    if (early != null) {
      ByteBuffer due = early.takeDue(next);
      while (due != null) {
        refused = feed(due, due.position(), due.remaining(), reader);
        erase(due, 0, due.capacity());
        if (refused != null) {
          return fail(refused);
        }
        due = early.takeDue(next);
      }
      if (early.isEmpty()) {
        early = null;
      }
    }
    return tailLength == 0 ? Push.IN_ORDER : Push.NEED_MORE;
  }

  // Shows bytes that are in turn to the reader and keeps what it leaves; null if there was room.
  private @Nullable Push feed(ByteBuffer buffer, int offset, int lengthBytes, Reader reader) {
    if (digests != null) {
      digests.add(next, buffer, offset, lengthBytes);
    }
    int position = offset;
    int end = offset + lengthBytes;
    while (position < end) {
      if (tailLength == 0) {
        int taken = show(buffer, position, end - position, bytesRead, reader);
        advance(end - position);
        return keep(buffer, position + taken, end - position - taken);
      }
      // A message that began earlier. It is made whole in the buffer by pieces that double it, so
      // that a long segment is not copied only because a short rest of a line was waiting.
      int before = tailLength;
      int piece = Math.min(end - position, Math.max(FIRST_BUFFER_BYTES, before));
      piece = Math.min(piece, limits.streamBufferBytes() - bufferedBytes());
      Push refused = piece == 0 ? Push.OVERFLOW : keep(buffer, position, piece);
      if (refused != null) {
        return refused;
      }
      ByteBuffer kept = Objects.requireNonNull(tail);
      int taken = show(kept, 0, tailLength, bytesRead - before, reader);
      if (taken >= before && position + piece < end) {
        // The rest of the segment is read in place again.
        release();
        advance(taken - before);
        position += taken - before;
      } else {
        drop(taken);
        advance(piece);
        position += piece;
      }
    }
    return null;
  }

  private int show(ByteBuffer buffer, int offset, int lengthBytes, long at, Reader reader) {
    int taken = reader.onBytes(cursor.wrap(buffer, offset, lengthBytes, at));
    return Objects.checkIndex(taken, lengthBytes + 1);
  }

  private void advance(int lengthBytes) {
    next += lengthBytes;
    bytesRead += lengthBytes;
  }

  // Appends to the tail; null if there was room.
  private @Nullable Push keep(ByteBuffer buffer, int offset, int lengthBytes) {
    if (lengthBytes == 0) {
      return null;
    }
    if (lengthBytes > limits.streamBufferBytes() - bufferedBytes()) {
      return Push.OVERFLOW;
    }
    int needed = tailLength + lengthBytes;
    ByteBuffer kept = tail;
    if (kept == null || kept.capacity() < needed) {
      int size = bufferSize(needed);
      if (!budget.reserve(size + BUFFER_OVERHEAD_BYTES)) {
        return Push.NO_MEMORY;
      }
      ByteBuffer larger = ByteBuffer.allocate(size);
      if (kept != null) {
        larger.put(0, kept, 0, tailLength);
        erase(kept, 0, tailLength);
        budget.release(kept.capacity() + BUFFER_OVERHEAD_BYTES);
      }
      kept = larger;
    }
    kept.put(tailLength, buffer, offset, lengthBytes);
    tail = kept;
    tailLength = needed;
    return null;
  }

  private int bufferSize(int needed) {
    int doubled = Math.max(FIRST_BUFFER_BYTES, Integer.highestOneBit(needed - 1) << 1);
    return Math.min(doubled, limits.streamBufferBytes());
  }

  // Takes bytes from the front of the tail.
  private void drop(int lengthBytes) {
    if (lengthBytes == tailLength) {
      release();
    } else if (lengthBytes > 0) {
      ByteBuffer kept = Objects.requireNonNull(tail);
      kept.put(0, kept, lengthBytes, tailLength - lengthBytes);
      erase(kept, tailLength - lengthBytes, tailLength);
      tailLength -= lengthBytes;
    }
  }

  private void release() {
    if (tail != null) {
      erase(tail, 0, tailLength);
      budget.release(tail.capacity() + BUFFER_OVERHEAD_BYTES);
    }
    tail = null;
    tailLength = 0;
  }

  private static void erase(ByteBuffer kept, int from, int to) {
    for (int at = from; at < to; at++) {
      kept.put(at, (byte) 0);
    }
  }

  private Push fail(Push cause) {
    error = cause;
    close();
    return cause;
  }
}
