package org.pinholed.agent.operate;

import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.expectation.Owner;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.agent.view.ClearReport;
import org.pinholed.agent.view.ControlException;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.worker.QueueWorkers;
import org.pinholed.agent.worker.WorkerAnswers;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.netlink.NetlinkException;

/** Ends parents for an operator, with their pinholes and conntracks. Thread-safe. */
public final class SessionClear {
  private final QueueWorkers workers;
  private final WorkerAnswers answers;
  private final ExpectationTable table;

  /**
   * Makes it.
   *
   * @param workers they have the parents
   * @param answers waits for them
   * @param table counts what goes with the parents
   */
  public SessionClear(QueueWorkers workers, WorkerAnswers answers, ExpectationTable table) {
    this.workers = workers;
    this.answers = answers;
    this.table = table;
  }

  /**
   * Ends some.
   *
   * @param filter which
   * @return how many parents and expectations
   * @throws ControlException if a worker does not answer or the kernel refuses
   */
  public ClearReport clear(ListingFilter filter) throws ControlException {
    List<ConntrackEntry> entries = answers.await(workers.beginClear(filter));
    Predicate<Expectation> isMeant =
        expectation -> {
          Parent parent = expectation.parent();
          return filter.matches(
              parent.policyId(),
              parent.helper(),
              parent.serial(),
              parent.client(),
              parent.server());
        };
    int expectations = table.count(isMeant);
    // The conntrack first: afterwards nothing of the flow proves anything any more.
    NetlinkException refusal = deleteConntracks(entries);
    answers.awaitWork(workers.endParents(entries, AgentEvent.Kind.CLEARED));
    answers.awaitWork(workers.endOwned(isMeant, AgentEvent.Kind.CLEARED));
    answers.awaitTransaction(workers);
    if (refusal != null) {
      throw new ControlException(
          "the pinholes are shut, but the kernel did not delete the conntrack: "
              + refusal.getMessage());
    }
    return new ClearReport(entries.size(), expectations);
  }

  /**
   * Ends an owner that outlives flows, with its pinholes and the conntracks of its children.
   *
   * @param owner which
   * @return how many expectations
   * @throws ControlException if a worker does not answer
   */
  public ClearReport clear(Owner owner) throws ControlException {
    int expectations = owner.all().size();
    answers.awaitWork(workers.endOwner(owner, AgentEvent.Kind.CLEARED));
    answers.awaitTransaction(workers);
    return new ClearReport(0, expectations);
  }

  /**
   * Ends one expectation.
   *
   * @param expectation which
   * @return that it was one; nothing if it ended by itself in between
   * @throws ControlException if a worker does not answer
   */
  public ClearReport clear(Expectation expectation) throws ControlException {
    boolean waited = !expectation.isOver();
    answers.awaitWork(workers.end(expectation, AgentEvent.Kind.CLEARED));
    answers.awaitTransaction(workers);
    return new ClearReport(0, waited ? 1 : 0);
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
