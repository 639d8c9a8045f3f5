package org.pinholed.agent.flow;

import java.util.ArrayList;
import java.util.List;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.SessionRow;
import org.pinholed.kernel.conntrack.ConntrackEntry;

/**
 * What an operator asks about the parents of one worker: their rows, their conntracks, and which of
 * them are to be cleared. For the worker's thread only, or while that does not run.
 *
 * <p>Each question is asked of all parents, or of some of them, so that a long one can be asked in
 * several turns ({@link LongWork}).
 */
public final class FlowListing {
  private final WorkerFlows flows;
  private final Clock clock;

  /**
   * Makes it.
   *
   * @param flows the parents
   * @param clock what time it is
   */
  FlowListing(WorkerFlows flows, Clock clock) {
    this.flows = flows;
    this.clock = clock;
  }

  /**
   * All conntracks of parents.
   *
   * @param filter which ones
   * @return a copy
   */
  public List<ConntrackEntry> entries(ListingFilter filter) {
    List<ConntrackEntry> entries = new ArrayList<>();
    entries(flows.all(), filter, entries);
    return entries;
  }

  /**
   * Adds the conntracks of some parents.
   *
   * @param some the parents
   * @param filter which of them
   * @param into gets the conntracks
   */
  public static void entries(List<Flow> some, ListingFilter filter, List<ConntrackEntry> into) {
    for (Flow flow : some) {
      if (matches(filter, flow)) {
        into.add(flow.entry());
      }
    }
  }

  /**
   * Begins to clear parents. They end by {@code QueueWorkers.endParents} or when the kernel tells
   * of their end, which it does as soon as their conntracks are deleted; either way they end as
   * cleared.
   *
   * @param filter which ones
   * @return their conntracks, to be deleted
   */
  public List<ConntrackEntry> beginClear(ListingFilter filter) {
    List<ConntrackEntry> entries = new ArrayList<>();
    beginClear(flows.all(), filter, entries);
    return entries;
  }

  /**
   * Begins to clear some parents, as {@link #beginClear(ListingFilter)} does.
   *
   * @param some the parents
   * @param filter which of them
   * @param into gets their conntracks
   */
  public static void beginClear(List<Flow> some, ListingFilter filter, List<ConntrackEntry> into) {
    for (Flow flow : some) {
      if (matches(filter, flow)) {
        flow.clear();
        into.add(flow.entry());
      }
    }
  }

  /**
   * The rows of parents.
   *
   * @param filter which ones
   * @return rows in no order
   */
  public List<SessionRow> sessions(ListingFilter filter) {
    List<SessionRow> rows = new ArrayList<>();
    sessions(flows.all(), filter, rows);
    return rows;
  }

  /**
   * Adds the rows of some parents.
   *
   * @param some the parents
   * @param filter which of them
   * @param into gets the rows
   */
  public void sessions(List<Flow> some, ListingFilter filter, List<SessionRow> into) {
    long nowNs = clock.nanoTime();
    for (Flow flow : some) {
      if (matches(filter, flow)) {
        into.add(flow.row(nowNs));
      }
    }
  }

  private static boolean matches(ListingFilter filter, Flow flow) {
    Parent parent = flow.parent();
    return filter.matches(
        parent.policyId(), parent.helper(), parent.serial(), parent.client(), parent.server());
  }
}
