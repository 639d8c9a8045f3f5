package org.pinholed.agent.lifecycle;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.pinholed.agent.view.ControlException;
import org.pinholed.agent.worker.QueueWorker;
import org.pinholed.agent.worker.QueueWorkers;

/** Waits for what packet workers were asked, for as long as an operator waits. */
final class WorkerAnswers {
  private static final Duration TIMEOUT = Duration.ofSeconds(3);

  private WorkerAnswers() {}

  /**
   * Waits for an answer.
   *
   * @param answer what was asked
   * @param <T> what it is
   * @return the answer
   * @throws ControlException if there is none in time, or a worker failed
   */
  static <T> T await(CompletableFuture<T> answer) throws ControlException {
    try {
      return answer.get(TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ControlException("interrupted");
    } catch (ExecutionException e) {
      throw new ControlException("a packet worker failed: " + e.getCause());
    } catch (TimeoutException e) {
      throw new ControlException(
          "a packet worker did not answer within "
              + TIMEOUT.toSeconds()
              + " s; it is overloaded or stuck");
    }
  }

  /** What the workers were asked to shut before is shut when this returns. */
  static void awaitTransaction(QueueWorkers workers) throws ControlException {
    // each answers questions of its next turn only behind the transaction
    await(workers.ask(QueueWorker::queueNumber));
  }
}
