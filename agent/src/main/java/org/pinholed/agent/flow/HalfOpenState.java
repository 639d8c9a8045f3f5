package org.pinholed.agent.flow;

import java.util.List;
import org.pinholed.kernel.conntrack.ConntrackEntry;

/**
 * Flows that have not sent a byte yet, as one process leaves them to the next one.
 *
 * <p>What is kept of such a flow has no room for its tuples, and its conntrack id alone may be that
 * of another one. So it goes by the id and a hash of the tuples; the next process gets the secret
 * to make the same hash of the conntracks that it finds.
 *
 * @param secret key of the hash
 * @param flows the youngest ones, since others are over or a flood
 */
public record HalfOpenState(long secret, List<Held> flows) {
  /** No such flows. */
  public static final HalfOpenState NONE = new HalfOpenState(0, List.of());

  /**
   * One of them.
   *
   * @param tuplesHash hash of its tuples and zone
   * @param beginning its conntrack id and how it began
   */
  public record Held(int tuplesHash, HalfOpenFlows.Beginning beginning) {
    /**
     * What tells it from the others.
     *
     * @return the same as {@link HalfOpenState#keyOf} of its conntrack
     */
    public long key() {
      return HalfOpenState.key(beginning.conntrackId(), tuplesHash);
    }
  }

  /**
   * What tells the flow of a conntrack from the others.
   *
   * @param entry a conntrack
   * @return {@link Held#key} of its flow, should that be among {@link #flows}
   */
  public long keyOf(ConntrackEntry entry) {
    return key(entry.id(), HalfOpenFlows.hash(secret, entry));
  }

  private static long key(int conntrackId, int tuplesHash) {
    return (long) conntrackId << 32 | Integer.toUnsignedLong(tuplesHash);
  }
}
