package org.pinholed.agent.metrics;

import java.util.List;

/**
 * What is asked for when somebody scrapes: numbers that the agent or the kernel keeps anyway.
 * Called by threads of the metrics server: thread-safe, and quick.
 */
public interface AgentGauges {
  /**
   * Packets received from the queue.
   *
   * @return since start
   */
  long packets();

  /**
   * Parent flows that are being read.
   *
   * @return now
   */
  int parents();

  /**
   * Parent flows that are known and no longer read.
   *
   * @return now
   */
  int opaqueParents();

  /**
   * Pinholes in the kernel that no expectation waits for.
   *
   * @return as of the last look, which is not long ago
   */
  int orphans();

  /**
   * Expectations in the table.
   *
   * @return how many now, by helper and state; each pair at most once
   */
  List<ExpectationCount> expectations();

  /**
   * Packets that the kernel dropped because the queue was full (queue_dropped of
   * /proc/net/netfilter/nfnetlink_queue).
   *
   * @return since the queue was bound
   */
  long queueDropped();

  /**
   * Packets that the kernel dropped because the socket's receive buffer was full
   * (queue_user_dropped of /proc/net/netfilter/nfnetlink_queue).
   *
   * @return since the queue was bound
   */
  long queueUserDropped();

  /**
   * Events that did not get into the event log.
   *
   * @return since start, 0 without an event log
   */
  long eventsLost();

  /**
   * How many expectations of a helper are in a state.
   *
   * @param helper name of the helper
   * @param state {@code announced}, {@code pending} or {@code matched}
   * @param count how many
   */
  record ExpectationCount(String helper, String state, int count) {}
}
