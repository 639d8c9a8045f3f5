package org.pinholed.agent.flow;

import java.net.InetAddress;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.limit.BufferedBytes;
import org.pinholed.agent.limit.ClientCounts;
import org.pinholed.agent.limit.Limit;
import org.pinholed.kernel.conntrack.ConntrackIdentity;

/**
 * Which worker knows which parent, and what all parents may take together. Shared by the workers,
 * which come here when a flow begins, stops being read and ends, never for a packet. Thread-safe.
 */
public final class ParentOwners {
  /**
   * Flows that are not read any more keep a row for the listing, so many of them in all. They have
   * no part in the other limits.
   */
  public static final int MOST_UNREAD = 4096;

  private final Map<ConntrackIdentity, FlowOwner> owners = new ConcurrentHashMap<>();
  private final AtomicInteger read = new AtomicInteger();
  private final AtomicInteger unread = new AtomicInteger();
  private final ClientCounts readBySource = new ClientCounts();
  private final HalfOpenFlows halfOpen;
  private final BufferedBytes buffered;
  private volatile AgentConfig.Limits limits;

  /**
   * Makes it empty.
   *
   * @param limits how many parents there may be, and how much their streams keep
   */
  public ParentOwners(AgentConfig.Limits limits) {
    this.limits = limits;
    halfOpen = new HalfOpenFlows(limits.halfOpen());
    buffered = new BufferedBytes(limits.bufferedBytes());
  }

  /**
   * Puts other limits in force; what is known stays.
   *
   * @param newLimits the new ones
   */
  public void setLimits(AgentConfig.Limits newLimits) {
    limits = newLimits;
    halfOpen.setMost(newLimits.halfOpen());
    buffered.setLimit(newLimits.bufferedBytes());
  }

  /**
   * The memory for what the streams of all parents keep.
   *
   * @return the same at every call
   */
  public BufferedBytes buffered() {
    return buffered;
  }

  /**
   * Flows that have not sent a byte yet.
   *
   * @return the same at every call
   */
  public HalfOpenFlows halfOpen() {
    return halfOpen;
  }

  /**
   * Takes a place for a parent that is going to be read.
   *
   * @param client the client's own address
   * @return null if there was one, else the limit that is reached
   */
  @Nullable Limit takePlace(InetAddress client) {
    AgentConfig.Limits now = limits;
    if (read.incrementAndGet() > now.parents()) {
      read.decrementAndGet();
      return Limit.PARENTS;
    }
    if (readBySource.change(client, 1) > now.parentsPerSource()) {
      readBySource.change(client, -1);
      read.decrementAndGet();
      return Limit.PARENTS_PER_SOURCE;
    }
    return null;
  }

  /**
   * Gives the place back of a parent that is not read any more.
   *
   * @param client the client's own address
   */
  void givePlaceBack(InetAddress client) {
    readBySource.change(client, -1);
    read.decrementAndGet();
  }

  /**
   * Counts the rows of flows that are not read.
   *
   * @param change 1 or -1
   * @return true if there are more than there may be
   */
  boolean changeUnread(int change) {
    return unread.addAndGet(change) > MOST_UNREAD;
  }

  /**
   * Notes who knows a parent.
   *
   * @param identity which conntrack it is
   * @param owner the worker that has it in its table
   */
  void put(ConntrackIdentity identity, FlowOwner owner) {
    owners.put(identity, owner);
  }

  /**
   * Forgets a parent, if it is this worker's.
   *
   * @param identity which conntrack it is
   * @param owner the worker that had it in its table
   */
  void remove(ConntrackIdentity identity, FlowOwner owner) {
    owners.remove(identity, owner);
  }

  /**
   * Finds the worker of a parent.
   *
   * @param identity which conntrack it is
   * @return null if no worker knows it, or none yet
   */
  public @Nullable FlowOwner of(ConntrackIdentity identity) {
    return owners.get(identity);
  }
}
