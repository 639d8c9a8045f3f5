package org.pinholed.helper.dcerpc.words;

import java.util.Arrays;
import java.util.Collection;
import java.util.TreeSet;

/** A set of UUIDs, asked without an object for each. Immutable. */
public final class UuidSet {
  private final long[] halves;

  private UuidSet(long[] halves) {
    this.halves = halves;
  }

  /**
   * A set of these.
   *
   * @param uuids what is in it; one that is there twice counts once
   * @return the set
   */
  public static UuidSet of(Collection<Uuid> uuids) {
    long[] halves = new long[2 * uuids.size()];
    int count = 0;
    for (Uuid uuid : new TreeSet<>(uuids)) {
      halves[count++] = uuid.high();
      halves[count++] = uuid.low();
    }
    return new UuidSet(Arrays.copyOf(halves, count));
  }

  /**
   * Whether a UUID is one of them.
   *
   * @param high the first half, as {@link Uuid#high()}
   * @param low the second half
   * @return true if it is
   */
  public boolean contains(long high, long low) {
    int from = 0;
    int to = halves.length / 2 - 1;
    while (from <= to) {
      int middle = (from + to) >>> 1;
      int order = Uuid.compare(halves[2 * middle], halves[2 * middle + 1], high, low);
      if (order == 0) {
        return true;
      }
      if (order < 0) {
        from = middle + 1;
      } else {
        to = middle - 1;
      }
    }
    return false;
  }
}
