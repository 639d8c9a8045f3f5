package org.pinholed.agent.lifecycle;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.view.ClearReport;
import org.pinholed.agent.view.ControlException;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.worker.QueueWorkers;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.netlink.NetlinkException;

/** Ends parents for an operator, with their pinholes and conntracks. Thread-safe. */
final class SessionClear {
  private final QueueWorkers workers;
  private final ExpectationTable table;

  SessionClear(QueueWorkers workers, ExpectationTable table) {
    this.workers = workers;
    this.table = table;
  }

  /**
   * Ends some.
   *
   * @param filter which
   * @return how many parents and expectations
   * @throws ControlException if a worker does not answer or the kernel refuses
   */
  ClearReport clear(ListingFilter filter) throws ControlException {
    List<ConntrackEntry> entries = WorkerAnswers.await(workers.beginClear(filter));
    int expectations = table.list(filter, System.nanoTime()).size();
    // The conntrack first: afterwards nothing of the flow proves anything any more.
    NetlinkException refusal = deleteConntracks(entries);
    WorkerAnswers.await(workers.endParents(entries, AgentEvent.Kind.CLEARED));
    WorkerAnswers.awaitTransaction(workers);
    if (refusal != null) {
      throw new ControlException(
          "the pinholes are shut, but the kernel did not delete the conntrack: "
              + refusal.getMessage());
    }
    return new ClearReport(entries.size(), expectations);
  }

  /** What the kernel refuses is no reason to leave the others; the first refusal is told. */
  private static @Nullable NetlinkException deleteConntracks(List<ConntrackEntry> entries) {
    NetlinkException refusal = null;
    try (ConntrackClient client = ConntrackClient.open()) {
      for (ConntrackEntry entry : entries) {
        try {
          client.delete(entry.original(), entry.id());
        } catch (NetlinkException e) {
          refusal = refusal == null ? e : refusal;
        }
      }
    } catch (NetlinkException e) {
      return e;
    }
    return refusal;
  }
}
