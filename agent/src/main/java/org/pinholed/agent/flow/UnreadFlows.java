package org.pinholed.agent.flow;

import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The flows of one worker that are known and no longer read, the oldest first. They are kept for
 * the listing, and how many all workers keep is limited. Owned by one worker.
 */
final class UnreadFlows {
  /** How many rows are looked at for one that may go: those with a pinhole stay. */
  private static final int ROWS_TRIED = 16;

  private final ParentOwners owners;
  private final Set<Flow> flows = new LinkedHashSet<>();

  /**
   * Makes it empty.
   *
   * @param owners counts those of all workers, shared
   */
  UnreadFlows(ParentOwners owners) {
    this.owners = owners;
  }

  /** How many there are. */
  int size() {
    return flows.size();
  }

  /**
   * Adds a flow. If there are too many, an older one goes.
   *
   * @param flow is not read any more
   * @return the one that was removed, to be forgotten by the caller; null if none was
   */
  @Nullable Flow add(Flow flow) {
    flows.add(flow);
    if (!owners.changeUnread(1)) {
      return null;
    }
    Iterator<Flow> oldest = flows.iterator();
    for (int tries = 0; tries < ROWS_TRIED && oldest.hasNext(); tries++) {
      Flow row = oldest.next();
      if (row.parent().waiting() == 0 && !row.mayHaveToRepeat()) {
        oldest.remove();
        owners.changeUnread(-1);
        return row;
      }
    }
    return null;
  }

  /** Removes a flow, if it is there. */
  void remove(Flow flow) {
    if (flows.remove(flow)) {
      owners.changeUnread(-1);
    }
  }
}
