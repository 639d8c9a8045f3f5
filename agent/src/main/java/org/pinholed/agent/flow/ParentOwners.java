package org.pinholed.agent.flow;

import java.net.InetAddress;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.agent.limit.BufferedBytes;
import org.pinholed.agent.limit.EntryPlaces;
import org.pinholed.agent.limit.Limit;
import org.pinholed.agent.limit.Places;
import org.pinholed.helper.EntryLimits;
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
  private final AtomicInteger unread = new AtomicInteger();
  private final Places read = new Places();
  private final EntryPlaces readByEntry =
      new EntryPlaces(Limit.HELPER_PARENTS, Limit.HELPER_PARENTS_PER_SOURCE);
  private final HalfOpenFlows halfOpen;
  private final BufferedBytes buffered;
  private volatile AgentConfig.Limits limits;
  private volatile Map<Integer, EntryLimits> entryLimits = Map.of();

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
   * Puts other limits of single entries in force; what is known stays.
   *
   * @param newLimits the new ones, by the numbers of the entries
   */
  public void setEntryLimits(Map<Integer, EntryLimits> newLimits) {
    entryLimits = newLimits;
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
   * @param parent whose client and entry it counts for
   * @return null if there was one, else the limit that is reached
   */
  @Nullable Limit takePlace(Parent parent) {
    InetAddress client = parent.client().address();
    AgentConfig.Limits now = limits;
    Places.Full full = read.take(client, now.parents(), now.parentsPerSource());
    if (full != null) {
      return full == Places.Full.IN_ALL ? Limit.PARENTS : Limit.PARENTS_PER_SOURCE;
    }
    int entry = parent.helperId();
    Limit reached =
        readByEntry.take(entry, entryLimits.getOrDefault(entry, EntryLimits.NONE), client);
    if (reached != null) {
      read.giveBack(client);
    }
    return reached;
  }

  /**
   * Gives the place back of a parent that is not read any more.
   *
   * @param parent who took it
   */
  void givePlaceBack(Parent parent) {
    InetAddress client = parent.client().address();
    readByEntry.giveBack(parent.helperId(), client);
    read.giveBack(client);
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
