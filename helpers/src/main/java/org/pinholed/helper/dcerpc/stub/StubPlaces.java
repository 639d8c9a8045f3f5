package org.pinholed.helper.dcerpc.stub;

import java.util.Arrays;

/**
 * Where the bytes of a stub stand in their stream, and which of them may be changed there: its
 * fragments have headers and trailers between them. Not thread-safe.
 */
public final class StubPlaces {
  /** How many fragments are remembered; more cannot be changed. */
  private static final int MOST = 4096;

  private int[] from = new int[1];
  private long[] streamOffset = new long[1];
  private boolean[] changeable = new boolean[1];
  private int count;

  /** Makes it empty. */
  public StubPlaces() {}

  /** Forgets all. */
  public void clear() {
    count = 0;
  }

  /**
   * Adds the next fragment.
   *
   * @param stubPosition position of its first byte in the stub
   * @param offset where that byte is in the stream
   * @param mayChange whether its bytes may be changed: they are not signed, and did not pass
   */
  public void add(int stubPosition, long offset, boolean mayChange) {
    if (count == MOST) {
      changeable[count - 1] = false;
      return;
    }
    if (count == from.length) {
      from = Arrays.copyOf(from, 4 * count);
      streamOffset = Arrays.copyOf(streamOffset, 4 * count);
      changeable = Arrays.copyOf(changeable, 4 * count);
    }
    from[count] = stubPosition;
    streamOffset[count] = offset;
    changeable[count] = mayChange;
    count++;
  }

  /**
   * How much memory it takes.
   *
   * @return in bytes
   */
  public int keptBytes() {
    return from.length * (Integer.BYTES + Long.BYTES + 1);
  }

  /**
   * Whether bytes may be changed.
   *
   * @param stubPosition position of the first one in the stub
   * @param lengthBytes how many
   * @return true if all of them may
   */
  public boolean mayChange(int stubPosition, int lengthBytes) {
    for (int at = stubPosition; at < stubPosition + lengthBytes; at++) {
      int fragment = fragmentOf(at);
      if (fragment < 0 || !changeable[fragment]) {
        return false;
      }
    }
    return true;
  }

  /**
   * Where a byte is in the stream.
   *
   * @param stubPosition its position in the stub
   * @return bytes from the first one of the direction
   */
  public long streamOffsetOf(int stubPosition) {
    int fragment = Math.max(0, fragmentOf(stubPosition));
    return streamOffset[fragment] + stubPosition - from[fragment];
  }

  /**
   * How many bytes from one on stand beside each other in the stream.
   *
   * @param stubPosition position of the first one in the stub
   * @param mostBytes at most so many are asked for
   * @return 1..mostBytes
   */
  public int runOf(int stubPosition, int mostBytes) {
    int next = fragmentOf(stubPosition) + 1;
    return next >= count ? mostBytes : Math.min(mostBytes, from[next] - stubPosition);
  }

  // The last one that begins at or before a position; empty ones begin where the next one does.
  private int fragmentOf(int stubPosition) {
    int low = 0;
    int high = count - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      if (from[middle] <= stubPosition) {
        low = middle + 1;
      } else {
        high = middle - 1;
      }
    }
    return high;
  }
}
