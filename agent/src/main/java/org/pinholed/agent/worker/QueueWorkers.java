package org.pinholed.agent.worker;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.IntConsumer;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.flow.FlowState;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.kernel.conntrack.ConntrackEntry;

/**
 * All workers of an agent, for those who ask or tell them something and do not care which one it
 * concerns. Immutable and thread-safe.
 */
public final class QueueWorkers {
  private static final int YOUNGEST_OF_EACH = 64;
  private static final int YOUNGEST = 8192;

  private final List<QueueWorker> workers;
  private final ParentOwners owners;
  private final AtomicInteger lostParents = new AtomicInteger();

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
    workers.forEach(worker -> worker.setHelpers(helpers));
  }

  /**
   * Has a parent ended whose conntrack is said to be gone, by its worker, unless the kernel still
   * has it.
   *
   * @param conntrackId its conntrack id; one that nobody knows is ignored
   */
  public void endParentIfGone(int conntrackId) {
    QueueWorker owner = owners.of(conntrackId);
    if (owner != null) {
      owner.post(() -> endParentIfGone(owner, conntrackId));
      return;
    }
    // Perhaps one is just taking it over from an earlier agent: it looks when it has done so.
    for (QueueWorker worker : workers) {
      worker.post(() -> endParentIfGone(worker, conntrackId));
    }
  }

  private boolean endParentIfGone(QueueWorker worker, int conntrackId) {
    boolean read = worker.flows().isRead(conntrackId);
    boolean ended = worker.flows().endIfGone(conntrackId);
    if (read && ended) {
      lostParents.incrementAndGet();
    }
    return ended;
  }

  /**
   * Parents that were being read when the kernel took their conntracks away, with neither FIN nor
   * RST before.
   *
   * @return a count since the start, modulo 2^32
   */
  public int lostParents() {
    return lostParents.get();
  }

  /**
   * Has all parents ended that the kernel does not have any more.
   *
   * @param alive conntrack ids of which it is known that they live
   * @param whenDone told how many were ended, by the last worker that did its part
   */
  public void endParentsGone(Set<Integer> alive, IntConsumer whenDone) {
    AtomicInteger toDo = new AtomicInteger(workers.size());
    AtomicInteger gone = new AtomicInteger();
    for (QueueWorker worker : workers) {
      worker.post(
          () -> {
            gone.addAndGet(endParentsGone(worker, alive));
            if (toDo.decrementAndGet() == 0) {
              whenDone.accept(gone.get());
            }
          });
    }
  }

  private int endParentsGone(QueueWorker worker, Set<Integer> alive) {
    int gone = 0;
    for (ConntrackEntry entry : worker.flows().entries(ListingFilter.ALL)) {
      // Asked one by one: it may have begun after the dump.
      if (!alive.contains(entry.id()) && endParentIfGone(worker, entry.id())) {
        gone++;
      }
    }
    return gone;
  }

  /**
   * Has parents ended, each by its worker.
   *
   * @param entries their conntracks; unknown ones are ignored
   * @param kind why, for log and counters
   * @return done once they are ended and their pinholes are to be shut by the next transaction
   */
  public CompletableFuture<?> endParents(List<ConntrackEntry> entries, AgentEvent.Kind kind) {
    return ask(
        worker -> {
          entries.forEach(entry -> worker.flows().end(entry.id(), kind));
          return entries.size();
        });
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
   * @return their states
   */
  public List<FlowState> halfOpenStates() {
    return owners.halfOpen().youngest(YOUNGEST_OF_EACH, YOUNGEST).stream()
        .map(FlowState::of)
        .toList();
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
