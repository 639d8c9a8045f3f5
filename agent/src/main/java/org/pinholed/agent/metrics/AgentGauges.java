package org.pinholed.agent.metrics;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.AgentConfig;

/**
 * What is asked for when somebody scrapes: numbers that the agent or the kernel keeps anyway.
 * Called by threads of the metrics server: thread-safe, and quick.
 */
public interface AgentGauges {
  /**
   * The packet queues.
   *
   * @return one element for each, in the order of their numbers; none before the agent runs
   */
  List<QueueNumbers> queues();

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
   * Flows that have not sent a byte yet, with those that are over and not yet the oldest of their
   * client.
   *
   * @return now
   */
  int halfOpen();

  /**
   * Memory that the streams of all parents take for what they keep.
   *
   * @return bytes, now
   */
  long bufferedBytes();

  /**
   * Pinholes in the kernel that no expectation waits for.
   *
   * @return as of the last look, which is not long ago
   */
  int orphans();

  /**
   * Whether the table in the kernel is watched, so that changes by others are repaired.
   *
   * @return now
   */
  boolean watchesTable();

  /**
   * Whether the firewall accepts what the agent marks, as far as nftables shows it.
   *
   * @return 1 if it does, 0 if it does not, {@link Double#NaN} if that is not known
   */
  double acceptRulePresent();

  /**
   * Expectations in the table.
   *
   * @return how many now, by helper and state; each pair at most once
   */
  List<ExpectationCount> expectations();

  /**
   * The limits that hold for all helpers together.
   *
   * @return those in force; null before the agent runs
   */
  AgentConfig.@Nullable Limits limits();

  /**
   * Events that did not get into the event log.
   *
   * @return since start, 0 without an event log
   */
  long eventsLost();

  /**
   * The numbers of one packet queue; the kernel's are of /proc/net/netfilter/nfnetlink_queue.
   *
   * @param queue its number
   * @param packets packets received from it, since start
   * @param held packets that the kernel holds now
   * @param dropped packets that the kernel dropped because it was full, since it was bound
   * @param userDropped packets that the kernel dropped because the socket's receive buffer was
   *     full, since it was bound
   * @param turnSeconds how long its worker has been on the present turn of the duty cycle
   */
  record QueueNumbers(
      int queue, long packets, long held, long dropped, long userDropped, double turnSeconds) {}

  /**
   * How many expectations of a helper are in a state.
   *
   * @param helper name of the helper
   * @param state {@code announced}, {@code pending} or {@code matched}
   * @param count how many
   */
  record ExpectationCount(String helper, String state, int count) {}
}
