package org.pinholed.agent.worker;

import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * What others want of a worker's thread, done between two batches. {@link #run} is for that thread,
 * the rest for any.
 */
final class Inbox {
  private final Queue<Runnable> posted = new ConcurrentLinkedQueue<>();
  private final List<Runnable> tasks = new ArrayList<>();
  private final AtomicBoolean woken = new AtomicBoolean();
  private final Runnable wake;

  /**
   * Makes an empty one.
   *
   * @param wake ends the worker's wait for packets, from any thread
   */
  Inbox(Runnable wake) {
    this.wake = wake;
  }

  /** Has the worker turn soon, however few packets come. */
  void wake() {
    if (woken.compareAndSet(false, true)) {
      wake.run();
    }
  }

  void post(Runnable task) {
    posted.add(task);
    wake();
  }

  <T> CompletableFuture<T> ask(Supplier<T> question) {
    CompletableFuture<T> answer = new CompletableFuture<>();
    post(
        () -> {
          try {
            answer.complete(question.get());
          } catch (RuntimeException e) {
            answer.completeExceptionally(e);
          }
        });
    return answer;
  }

  /**
   * Does what was posted so far.
   *
   * @param onFault told what a task throws; the others are done all the same
   */
  void run(Consumer<RuntimeException> onFault) {
    woken.set(false);
    // Taken out first: what is asked after an answer has its turn behind the transaction, so that
    // its answer says that what was done before it is in the kernel.
    for (Runnable task = posted.poll(); task != null; task = posted.poll()) {
      tasks.add(task);
    }
    for (Runnable task : tasks) {
      try {
        task.run();
      } catch (RuntimeException e) {
        onFault.accept(e);
      }
    }
    tasks.clear();
  }
}
