package org.pinholed.agent.replay;

import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.pinholed.agent.event.AgentEvent;

/** What one configuration made of a capture, in numbers. Not thread-safe. */
public final class ReplayTotals {
  private final Map<String, Long> controlFlows = new TreeMap<>();
  private final Map<String, Long> refused = new TreeMap<>();
  private final Map<String, Long> unread = new TreeMap<>();
  private final Set<Long> waiting = new HashSet<>();
  private final Set<Long> used = new HashSet<>();
  private long opened;
  private long matched;
  private long children;
  private long unused;
  private long withoutPinhole;
  private long otherFlows;
  private long invalid;
  private long evicted;
  private long faults;

  ReplayTotals() {}

  void controlFlow(String helper) {
    controlFlows.merge(helper, 1L, Long::sum);
  }

  void otherFlow() {
    otherFlows++;
  }

  void noteWithoutPinhole() {
    withoutPinhole++;
  }

  void end(long newInvalid, long newEvicted, long newFaults) {
    invalid = newInvalid;
    evicted = newEvicted;
    faults = newFaults;
  }

  void add(AgentEvent event) {
    switch (event.kind()) {
      case CREATED -> {
        opened++;
        waiting.add(event.expectationId());
      }
      case MATCHED -> {
        children++;
        if (used.add(event.expectationId())) {
          matched++;
        }
      }
      case EXPIRED, REPLACED, CLOSED, PARENT_CLOSED, CLEARED -> {
        boolean wasUsed = used.remove(event.expectationId());
        if (waiting.remove(event.expectationId()) && !wasUsed) {
          unused++;
        }
      }
      case REFUSED, LIMIT -> refused.merge(event.reason(), 1L, Long::sum);
      case MALFORMED, OPAQUE, PART_OPAQUE -> unread.merge(event.reason(), 1L, Long::sum);
      default -> {}
    }
  }

  /**
   * Control connections and flows of datagrams.
   *
   * @return a count by name of the helper
   */
  public Map<String, Long> controlFlows() {
    return Map.copyOf(controlFlows);
  }

  /**
   * Connections, and flows of datagrams, to other ports than those of the helpers.
   *
   * @return a count; 0 in a capture of control connections alone, which cannot show who came
   */
  public long otherFlows() {
    return otherFlows;
  }

  /**
   * Announcements that opened nothing.
   *
   * @return a count by word of the reason
   */
  public Map<String, Long> refused() {
    return Map.copyOf(refused);
  }

  /**
   * Flows, or parts of them, that could not be read.
   *
   * @return a count by word of the reason
   */
  public Map<String, Long> unread() {
    return Map.copyOf(unread);
  }

  /**
   * Expectations whose pinhole was opened.
   *
   * @return a count
   */
  public long opened() {
    return opened;
  }

  /**
   * Those of them by which somebody came.
   *
   * @return a count
   */
  public long matched() {
    return matched;
  }

  /**
   * Those of them that ended and nobody had come.
   *
   * @return a count
   */
  public long unused() {
    return unused;
  }

  /**
   * Those of them that waited for somebody when the capture ended.
   *
   * @return a count
   */
  public long waiting() {
    return opened - matched - unused;
  }

  /**
   * Connections that came by a pinhole.
   *
   * @return a count
   */
  public long children() {
    return children;
  }

  /**
   * Connections that found none, though something had been announced for them.
   *
   * @return a count
   */
  public long withoutPinhole() {
    return withoutPinhole;
  }

  /**
   * Packets of no connection, or out of turn for theirs.
   *
   * @return a count
   */
  public long invalid() {
    return invalid;
  }

  /**
   * Connections that were forgotten because there were too many at a time.
   *
   * @return a count
   */
  public long evicted() {
    return evicted;
  }

  /**
   * Packets on which the agent failed.
   *
   * @return a count, 0 unless there is a fault in it
   */
  public long faults() {
    return faults;
  }
}
