package org.pinholed.agent.worker;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Which worker reads which parent, and how many parents there are in all. Shared by the workers,
 * which come here when a flow begins and when it ends, never for a packet. Thread-safe.
 */
public final class ParentOwners {
  private final Map<Integer, QueueWorker> owners = new ConcurrentHashMap<>();
  private final AtomicInteger parents = new AtomicInteger();
  private volatile int most;

  /**
   * Makes it empty.
   *
   * @param most how many parents are known at the same time, those no longer read included
   */
  public ParentOwners(int most) {
    this.most = most;
  }

  /**
   * Puts another limit in force; what is known stays.
   *
   * @param newMost how many parents are known at the same time
   */
  void setMost(int newMost) {
    most = newMost;
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
