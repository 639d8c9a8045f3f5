package org.pinholed.agent.worker;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.function.Predicate;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.Owner;
import org.pinholed.agent.flow.Flow;
import org.pinholed.agent.flow.FlowListing;
import org.pinholed.agent.flow.FlowOwner;
import org.pinholed.agent.flow.HalfOpenState;
import org.pinholed.agent.flow.HelperTable;
import org.pinholed.agent.flow.LongWork;
import org.pinholed.agent.flow.ParentOwners;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.SessionRow;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.ConntrackIdentity;

/**
 * All workers of an agent, for those who ask or tell them something and do not care which one it
 * concerns. Immutable and thread-safe.
 */
public final class QueueWorkers {
  private static final int YOUNGEST_OF_EACH = 64;
  private static final int YOUNGEST = 8192;

  private final List<QueueWorker> workers;
  private final ParentOwners owners;

  /**
   * Takes the workers together.
   *
   * @param workers one or more
   * @param owners the one that they share
   */
  public QueueWorkers(List<QueueWorker> workers, ParentOwners owners) {
    this.workers = List.copyOf(workers);
    this.owners = owners;
  }

  /**
   * The workers.
   *
   * @return in the order of their queues
   */
  public List<QueueWorker> all() {
    return workers;
  }

  /**
   * Asks each worker's thread something.
   *
   * @param question what to find out, called once by each; must not block
   * @param <T> what an answer is
   * @return the answers in the order of the workers, once all have answered
   */
  public <T> CompletableFuture<List<T>> ask(Function<QueueWorker, T> question) {
    List<CompletableFuture<T>> answers = new ArrayList<>(workers.size());
    for (QueueWorker worker : workers) {
      answers.add(worker.ask(() -> question.apply(worker)));
    }
    return CompletableFuture.allOf(answers.toArray(CompletableFuture<?>[]::new))
        .thenApply(nothing -> answers.stream().map(CompletableFuture::join).toList());
  }

  /**
   * Puts other helpers in force for new flows.
   *
   * @param helpers the helpers
   * @param limits what all workers may keep together
   */
  public void setHelpers(HelperTable helpers, AgentConfig.Limits limits) {
    owners.setLimits(limits);
    owners.setEntryLimits(helpers.entryLimits());
    workers.forEach(worker -> worker.setHelpers(helpers));
  }

  /**
   * Has a parent ended whose conntrack is said to be gone, by its worker, unless the kernel still
   * has it.
   *
   * @param identity which conntrack it is; one that nobody knows is ignored
   * @param closed whether its connection had been closed before, by FIN or RST
   */
  public void endParentIfGone(ConntrackIdentity identity, boolean closed) {
    FlowOwner owner = owners.of(identity);
    // Most of those that nobody knows ended by their FIN two minutes ago. One that is just being
    // taken over is looked for once more when it is known.
    if (owner != null) {
      owner.endIfGone(identity, closed);
    }
  }

  /**
   * Ends expectations of owners that outlive flows. They belong to no worker, so any may do it.
   *
   * @param which those that are to end
   * @param kind why, for log and counters
   * @return done once it is in the transaction of a worker
   */
  public CompletableFuture<?> endOwned(Predicate<Expectation> which, AgentEvent.Kind kind) {
    return workers.get(0).endOwned(which, kind);
  }

  /**
   * Ends an owner that outlives flows, with its children.
   *
   * @param owner which
   * @param kind why, for log and counters
   * @return done once it is in the transaction of a worker
   */
  public CompletableFuture<?> endOwner(Owner owner, AgentEvent.Kind kind) {
    return workers.get(0).endOwner(owner, kind);
  }

  /**
   * Ends one expectation, whoever announced it.
   *
   * @param expectation which
   * @param kind why, for log and counters
   * @return done once it is in the transaction of a worker
   */
  public CompletableFuture<?> end(Expectation expectation, AgentEvent.Kind kind) {
    return workers.get(0).end(expectation, kind);
  }

  /**
   * Has our bits put back into the mark of a parent, by its worker: another rule took them out.
   *
   * @param identity which conntrack it is; one that nobody knows is ignored
   */
  public void putMarkBack(ConntrackIdentity identity) {
    FlowOwner owner = owners.of(identity);
    if (owner != null) {
      owner.putMarkBack(identity);
    }
  }

  /**
   * Parents that were being read when the kernel took their conntracks away, with neither FIN nor
   * RST before.
   *
   * @return a count since the start, modulo 2^32; {@link #parents} that is read later does not have
   *     them any more
   */
  public int lostParents() {
    return workers.stream().mapToInt(QueueWorker::lostParents).sum();
  }

  /**
   * Has all parents ended that the kernel does not have any more.
   *
   * @param alive conntracks of which it is known that they live
   * @return how many were ended, once all workers did their part
   */
  public CompletableFuture<Integer> endParentsGone(Set<ConntrackIdentity> alive) {
    return this.<Boolean>aboutFlows(
            LongWork.REQUESTS_A_TURN / 2,
            (worker, some, gone) -> {
              for (Flow flow : some) {
                // Asked one by one: it may have begun after the dump.
                if (!alive.contains(flow.parent().identity())
                    && worker.checks().checkGone(flow, false)) {
                  gone.add(true);
                }
              }
            })
        .thenApply(List::size);
  }

  /**
   * Has parents ended, each by its worker.
   *
   * @param entries their conntracks; unknown ones are ignored
   * @param kind why, for log and counters
   * @return done once they are ended and their pinholes are to be shut by the next transaction
   */
  public CompletableFuture<?> endParents(List<ConntrackEntry> entries, AgentEvent.Kind kind) {
    Set<ConntrackEntry> ending = Collections.newSetFromMap(new IdentityHashMap<>());
    ending.addAll(entries);
    return aboutFlows(
        LongWork.REQUESTS_A_TURN / 2,
        (QueueWorker worker, List<Flow> some, List<Boolean> ended) -> {
          for (Flow flow : some) {
            if (ending.contains(flow.entry())) {
              worker.flows().endAndDistrust(flow, kind); // its conntrack may be there still
            }
          }
        });
  }

  /**
   * Has the parents ended of helpers that are no longer in force.
   *
   * @return done once they are ended and their pinholes are to be shut by the next transaction
   */
  public CompletableFuture<?> endWithoutHelper() {
    return aboutFlows(
        LongWork.REQUESTS_A_TURN / 2,
        (QueueWorker worker, List<Flow> some, List<Boolean> ended) ->
            worker.flows().endWithoutHelper(some, worker.helpers()));
  }

  /**
   * The listing of parents.
   *
   * @param filter which ones
   * @return rows in no order
   */
  public CompletableFuture<List<SessionRow>> sessions(ListingFilter filter) {
    return aboutFlows(
        LongWork.FLOWS_A_TURN,
        (worker, some, rows) -> worker.flows().listing().sessions(some, filter, rows));
  }

  /**
   * All conntracks of parents.
   *
   * @param filter which ones
   * @return a copy
   */
  public CompletableFuture<List<ConntrackEntry>> entries(ListingFilter filter) {
    return aboutFlows(
        LongWork.FLOWS_A_TURN, (worker, some, into) -> FlowListing.entries(some, filter, into));
  }

  /**
   * Begins to clear parents, see {@link FlowListing#beginClear}.
   *
   * @param filter which ones
   * @return their conntracks, to be deleted
   */
  public CompletableFuture<List<ConntrackEntry>> beginClear(ListingFilter filter) {
    return aboutFlows(
        LongWork.FLOWS_A_TURN, (worker, some, into) -> FlowListing.beginClear(some, filter, into));
  }

  /** A question about some flows of a worker, on its thread. */
  private interface AboutFlows<T> {
    void ask(QueueWorker worker, List<Flow> some, List<T> into);
  }

  private <T> CompletableFuture<List<T>> aboutFlows(int flowsATurn, AboutFlows<T> question) {
    List<CompletableFuture<List<T>>> answers = new ArrayList<>(workers.size());
    for (QueueWorker worker : workers) {
      answers.add(
          worker.askAboutFlows(flowsATurn, (some, into) -> question.ask(worker, some, into)));
    }
    return CompletableFuture.allOf(answers.toArray(CompletableFuture<?>[]::new))
        .thenApply(
            nothing -> {
              List<T> all = new ArrayList<>();
              answers.forEach(answer -> all.addAll(answer.join()));
              return all;
            });
  }

  /**
   * How long the present turns of the workers have taken, see {@link QueueWorker#turnMs}.
   *
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}
   * @return milliseconds, of the one that has taken longest
   */
  public long longestTurnMs(long nowNs) {
    return workers.stream().mapToLong(worker -> worker.turnMs(nowNs)).max().orElse(0);
  }

  /**
   * Parent flows that are read.
   *
   * @return as of the last batches
   */
  public int parents() {
    return workers.stream().mapToInt(QueueWorker::parents).sum();
  }

  /**
   * What another process needs to read flows from their first byte that have not sent one yet: the
   * youngest ones, since others are over or a flood.
   *
   * @return how they began
   */
  public HalfOpenState halfOpenState() {
    return owners.halfOpen().youngest(YOUNGEST_OF_EACH, YOUNGEST);
  }

  /**
   * Flows that have not sent a byte yet, with those that are over and not yet the oldest of their
   * client.
   *
   * @return a number, now
   */
  public int halfOpen() {
    return owners.halfOpen().size();
  }

  /**
   * What the streams of all parents keep.
   *
   * @return bytes, now
   */
  public long bufferedBytes() {
    return owners.buffered().usedBytes();
  }

  /**
   * Parent flows that are known and no longer read.
   *
   * @return as of the last batches
   */
  public int opaqueParents() {
    return workers.stream().mapToInt(QueueWorker::opaqueParents).sum();
  }

  /**
   * Packets that were not read because of the device that they came in by.
   *
   * @return a count since the start
   */
  public long misrouted() {
    return workers.stream().mapToLong(QueueWorker::misrouted).sum();
  }

  /**
   * Packets that got their verdicts.
   *
   * @return a count since the start
   */
  public long packets() {
    return workers.stream().mapToLong(QueueWorker::packets).sum();
  }
}
