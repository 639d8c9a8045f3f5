package org.pinholed.helper.stream;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Segments that came before their turn: sorted by sequence number, without overlaps, the first copy
 * of every byte. Not thread-safe; owned by its stream.
 */
final class EarlySegments {
  /**
   * Real size of a piece beside its bytes: object, head and padding of the array, two places in the
   * list, which grows by halves. StreamMemoryTest measures it.
   */
  static final int PIECE_BYTES = 112;

  private final List<Piece> pieces = new ArrayList<>(2);
  private final BufferBudget budget;
  private int bytes;

  EarlySegments(BufferBudget budget) {
    this.budget = budget;
  }

  /** What became of a segment. */
  enum Kept {
    /** All of its bytes are kept. */
    ALL,
    /** Some are not: the bounds of the stream are reached. */
    NOT_ALL,
    /** Some are not: there is no memory for this flow. */
    NO_MEMORY
  }

  /** A run of bytes. */
  private static final class Piece {
    private final int sequence;
    private final byte[] copy;

    Piece(int sequence, byte[] copy) {
      this.sequence = sequence;
      this.copy = copy;
    }

    long from(int next) {
      int distance = sequence - next; // modulo 2^32
      return distance;
    }

    long end(int next) {
      return from(next) + copy.length;
    }
  }

  int bytes() {
    return bytes;
  }

  boolean isEmpty() {
    return pieces.isEmpty();
  }

  /**
   * Compares a segment with what is kept of the same bytes.
   *
   * @param next the sequence number that all distances count from
   * @param from distance of the segment's first byte from {@code next}
   * @param buffer where the segment is
   * @param offset index of its first byte
   * @param lengthBytes its length
   * @return true if a byte differs
   */
  boolean differ(int next, long from, ByteBuffer buffer, int offset, int lengthBytes) {
    long end = from + lengthBytes;
    for (Piece piece : pieces) {
      long low = Math.max(from, piece.from(next));
      long high = Math.min(end, piece.end(next));
      for (long at = low; at < high; at++) {
        if (buffer.get(offset + (int) (at - from)) != piece.copy[(int) (at - piece.from(next))]) {
          return true;
        }
      }
    }
    return false;
  }

  /**
   * Keeps those bytes of a segment that are not there yet, as far as the bounds allow.
   *
   * @param next the sequence number that all distances count from
   * @param from distance of the segment's first byte from {@code next}
   * @param buffer where the segment is
   * @param offset index of its first byte
   * @param lengthBytes its length
   * @param maxPieces most pieces to have
   * @param maxBytes most bytes to have
   * @return whether all were kept
   */
  Kept keep(
      int next,
      long from,
      ByteBuffer buffer,
      int offset,
      int lengthBytes,
      int maxPieces,
      int maxBytes) {
    long end = from + lengthBytes;
    long at = from;
    int index = 0;
    while (at < end) {
      Piece piece = index < pieces.size() ? pieces.get(index) : null;
      if (piece != null && piece.end(next) <= at) {
        index++;
        continue;
      }
      long high = piece == null ? end : Math.min(end, piece.from(next));
      if (at < high) {
        int length = (int) (high - at);
        if (pieces.size() == maxPieces || length > maxBytes - bytes) {
          return Kept.NOT_ALL;
        }
        if (!budget.reserve(length + PIECE_BYTES)) {
          return Kept.NO_MEMORY;
        }
        byte[] copy = new byte[length];
        buffer.get(offset + (int) (at - from), copy);
        pieces.add(index, new Piece(next + (int) at, copy));
        bytes += length;
        index++;
        at = high;
      } else {
        at = piece == null ? end : piece.end(next);
      }
    }
    return Kept.ALL;
  }

  /**
   * Takes the first piece if its turn has come.
   *
   * @param next the sequence number of the next byte to read
   * @return its bytes that are not behind {@code next}, or null if its turn has not come
   */
  @org.jspecify.annotations.Nullable
  ByteBuffer takeDue(int next) {
    while (!pieces.isEmpty() && pieces.get(0).from(next) <= 0) {
      Piece piece = pieces.remove(0);
      bytes -= piece.copy.length;
      budget.release(piece.copy.length + PIECE_BYTES);
      if (piece.end(next) > 0) {
        int read = (int) -piece.from(next);
        return ByteBuffer.wrap(piece.copy, read, piece.copy.length - read);
      }
      Arrays.fill(piece.copy, (byte) 0);
    }
    return null;
  }

  /** Overwrites and forgets all. */
  void clear() {
    for (Piece piece : pieces) {
      Arrays.fill(piece.copy, (byte) 0);
      budget.release(piece.copy.length + PIECE_BYTES);
    }
    pieces.clear();
    bytes = 0;
  }
}
