package org.pinholed.agent.expectation;

import java.net.InetAddress;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.limit.EntryPlaces;
import org.pinholed.agent.limit.Limit;
import org.pinholed.agent.limit.Places;
import org.pinholed.helper.EntryLimit;
import org.pinholed.helper.EntryLimits;

/**
 * How many expectations may wait, announced or open: in all, of each client, of each entry of
 * {@code helpers}, of each client of an entry, and of each parent. What belongs to owners beyond
 * flows counts for its entry only, and for its parent if the entry or its protocol limits that: the
 * owners themselves are limited ({@link Owners}), and so is what each of them has ({@link Owner}).
 * Thread-safe.
 */
final class WaitingPlaces {
  private final Places all = new Places();
  private final EntryPlaces byEntry =
      new EntryPlaces(Limit.HELPER_EXPECTATIONS, Limit.HELPER_EXPECTATIONS_PER_SOURCE);
  private volatile AgentConfig.Limits limits;
  private volatile Map<Integer, EntryLimits> entryLimits = Map.of();

  WaitingPlaces(AgentConfig.Limits limits) {
    this.limits = limits;
  }

  /** Puts other limits in force; who has a place keeps it. */
  void setLimits(AgentConfig.Limits newLimits) {
    limits = newLimits;
  }

  /** Puts other limits of single entries in force, by their numbers; who has a place keeps it. */
  void setEntryLimits(Map<Integer, EntryLimits> newLimits) {
    entryLimits = newLimits;
  }

  /** The limits of the entry that an expectation was announced by. */
  EntryLimits ofEntry(Expectation expectation) {
    return entryLimits.getOrDefault(expectation.parent().helperId(), EntryLimits.NONE);
  }

  /**
   * Takes a place.
   *
   * @param expectation a new row
   * @param ofEntry {@link #ofEntry} as it was read last
   * @return null if there was one, else what is reached; then nothing is taken
   */
  @Nullable Limit take(Expectation expectation, EntryLimits ofEntry) {
    AgentConfig.Limits now = limits;
    InetAddress client = expectation.parent().client().address();
    if (isBeyondFlows(expectation)) {
      return takeBeyondFlows(expectation, ofEntry, client);
    }
    Places.Full full = all.take(client, now.expectations(), now.expectationsPerSource());
    if (full != null) {
      return full == Places.Full.IN_ALL ? Limit.EXPECTATIONS : Limit.EXPECTATIONS_PER_SOURCE;
    }
    Limit reached = byEntry.take(expectation.parent().helperId(), ofEntry, client);
    if (reached != null) {
      all.giveBack(client);
      return reached;
    }
    boolean said = ofEntry.isSet(EntryLimit.EXPECTATIONS_PER_PARENT);
    int mostOfParent =
        said ? ofEntry.most(EntryLimit.EXPECTATIONS_PER_PARENT) : now.expectationsPerParent();
    if (expectation.parent().addWaiting(1) > mostOfParent) {
      giveBack(expectation);
      return said ? Limit.HELPER_EXPECTATIONS_PER_PARENT : Limit.EXPECTATIONS_PER_PARENT;
    }
    return null;
  }

  private @Nullable Limit takeBeyondFlows(
      Expectation expectation, EntryLimits ofEntry, InetAddress client) {
    Limit reached = byEntry.take(expectation.parent().helperId(), ofEntry, client);
    if (reached != null) {
      return reached;
    }
    boolean isFull =
        expectation.parent().addWaitingBeyond(1) > ofEntry.most(EntryLimit.EXPECTATIONS_PER_PARENT);
    // What the kernel has since another process had it is kept, by whichever parent it came last.
    if (isFull && ofEntry.isSet(EntryLimit.EXPECTATIONS_PER_PARENT) && !expectation.wasWritten()) {
      giveBack(expectation);
      return Limit.HELPER_EXPECTATIONS_PER_PARENT;
    }
    return null;
  }

  /** It counts no more among those that wait. */
  void giveBack(Expectation expectation) {
    InetAddress client = expectation.parent().client().address();
    byEntry.giveBack(expectation.parent().helperId(), client);
    if (isBeyondFlows(expectation)) {
      expectation.parent().addWaitingBeyond(-1);
    } else {
      expectation.parent().addWaiting(-1);
      all.giveBack(client);
    }
  }

  private static boolean isBeyondFlows(Expectation expectation) {
    return expectation.owner().id() != null;
  }
}
