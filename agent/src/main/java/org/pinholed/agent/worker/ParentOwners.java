package org.pinholed.agent.worker;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.limit.BufferedBytes;

/**
 * Which worker reads which parent, and what all parents may take together. Shared by the workers,
 * which come here when a flow begins and when it ends, never for a packet. Thread-safe.
 */
public final class ParentOwners {
  private final Map<Integer, QueueWorker> owners = new ConcurrentHashMap<>();
  private final AtomicInteger parents = new AtomicInteger();
  private final BufferedBytes buffered;
  private volatile int most;

  /**
   * Makes it empty.
   *
   * @param limits how many parents are known at the same time, those no longer read included, and
   *     how much their streams keep
   */
  public ParentOwners(AgentConfig.Limits limits) {
    most = limits.parents();
    buffered = new BufferedBytes(limits.bufferedBytes());
  }

  /**
   * Puts other limits in force; what is known stays.
   *
   * @param limits the new ones
   */
  void setLimits(AgentConfig.Limits limits) {
    most = limits.parents();
    buffered.setLimit(limits.bufferedBytes());
  }

  /**
   * The memory for what the streams of all parents keep.
   *
   * @return the same at every call
   */
  BufferedBytes buffered() {
    return buffered;
  }

  /**
   * Adds a parent.
   *
   * @param conntrackId its conntrack id
   * @param worker the worker that reads it
   * @return false if there are as many as there may be
   */
  boolean add(int conntrackId, QueueWorker worker) {
    if (parents.incrementAndGet() > most) {
      parents.decrementAndGet();
      return false;
    }
    if (owners.put(conntrackId, worker) != null) {
      parents.decrementAndGet();
    }
    return true;
  }

  /**
   * Removes a parent, if it is this worker's.
   *
   * @param conntrackId its conntrack id
   * @param worker the worker that read it
   */
  void remove(int conntrackId, QueueWorker worker) {
    if (owners.remove(conntrackId, worker)) {
      parents.decrementAndGet();
    }
  }

  /**
   * Finds the worker of a parent.
   *
   * @param conntrackId its conntrack id
   * @return null if no worker knows it, or none yet
   */
  @Nullable QueueWorker of(int conntrackId) {
    return owners.get(conntrackId);
  }

  /**
   * How many parents there are.
   *
   * @return 0 or more
   */
  int size() {
    return parents.get();
  }
}
