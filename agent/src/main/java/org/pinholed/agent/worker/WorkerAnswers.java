package org.pinholed.agent.worker;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongSupplier;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.view.ControlException;

/**
 * Waits for what packet workers are asked, as long as they turn: work that concerns all parents is
 * done in pieces, so with very many parents it takes seconds. Thread-safe.
 */
public final class WorkerAnswers {
  /** A turn that takes longer is no work, but a worker that is stuck. */
  static final Duration LONGEST_TURN = Duration.ofSeconds(3);

  /** {@code pinholectl} gives up after 30 s in which it hears nothing. */
  static final Duration MOST = Duration.ofSeconds(25);

  private static final long LOOK_MS = 100;

  private final LongSupplier longestTurnMs;
  private final Duration most;
  private final Clock clock;

  /**
   * Waits for answers of all workers of an agent.
   *
   * @param workers the workers
   * @param clock what time it is
   */
  public WorkerAnswers(QueueWorkers workers, Clock clock) {
    this(() -> workers.longestTurnMs(clock.nanoTime()), MOST, clock);
  }

  /**
   * Makes it.
   *
   * @param longestTurnMs how long the present turns of the workers have taken at most
   * @param most how long it waits at most
   * @param clock what time it is
   */
  WorkerAnswers(LongSupplier longestTurnMs, Duration most, Clock clock) {
    this.clock = clock;
    this.longestTurnMs = longestTurnMs;
    this.most = most;
  }

  /**
   * Waits for an answer.
   *
   * @param answer what was asked for
   * @param <T> what it is
   * @return the answer
   * @throws ControlException if a worker is stuck or failed, or it takes too long
   */
  public <T> T await(CompletableFuture<T> answer) throws ControlException {
    return await(answer, "no answer");
  }

  /**
   * Waits until something is done.
   *
   * @param work what the workers were told to do; they do it, whether somebody waits or not
   * @throws ControlException as above; if it takes too long the message says that it goes on
   */
  public void awaitWork(CompletableFuture<?> work) throws ControlException {
    await(work, "it has begun and goes on by itself, but is not done");
  }

  /**
   * What the workers were asked to shut before is shut when this returns.
   *
   * @param workers the workers
   * @throws ControlException as above
   */
  public void awaitTransaction(QueueWorkers workers) throws ControlException {
    // each answers questions of its next turn only behind the transaction
    await(workers.ask(QueueWorker::queueNumber));
  }

  private <T> T await(CompletableFuture<T> answer, String late) throws ControlException {
    long beganNs = clock.nanoTime();
    while (true) {
      try {
        return answer.get(LOOK_MS, TimeUnit.MILLISECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new ControlException("interrupted");
      } catch (ExecutionException e) {
        throw new ControlException("a packet worker failed: " + e.getCause());
      } catch (TimeoutException e) {
        requireTurning();
        if (clock.nanoTime() - beganNs >= most.toNanos()) {
          throw new ControlException(
              late + " within " + most.toSeconds() + " s, because packets come first");
        }
      }
    }
  }

  private void requireTurning() throws ControlException {
    if (longestTurnMs.getAsLong() >= LONGEST_TURN.toMillis()) {
      throw new ControlException(
          "a packet worker did not answer within "
              + LONGEST_TURN.toSeconds()
              + " s; it is overloaded or stuck");
    }
  }
}
