package org.pinholed.agent.worker;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiConsumer;
import org.pinholed.agent.flow.Flow;
import org.pinholed.agent.flow.LongWork;

/**
 * A question about each flow of a worker, of which some flows are looked at in one turn. For the
 * worker's thread only; whoever asks waits for the answer.
 *
 * @param <T> what the answer is made of
 */
final class FlowQuestion<T> implements LongWork.Step {
  private final List<Flow> left;
  private final int flowsATurn;
  private final BiConsumer<List<Flow>, List<T>> question;
  private final CompletableFuture<List<T>> answer;
  private final List<T> found = new ArrayList<>();

  /**
   * Asks it.
   *
   * @param flows all flows; emptied
   * @param flowsATurn how many are looked at in one turn
   * @param question gets some flows that are still known, and adds what it finds out
   * @param answer completed once all were looked at
   */
  FlowQuestion(
      List<Flow> flows,
      int flowsATurn,
      BiConsumer<List<Flow>, List<T>> question,
      CompletableFuture<List<T>> answer) {
    this.left = flows;
    this.flowsATurn = flowsATurn;
    this.question = question;
    this.answer = answer;
  }

  @Override
  public boolean run() {
    try {
      List<Flow> some = left.subList(Math.max(0, left.size() - flowsATurn), left.size());
      some.removeIf(flow -> flow.parent().hasEnded());
      question.accept(some, found);
      some.clear();
    } catch (RuntimeException e) {
      answer.completeExceptionally(e);
      return false;
    }
    if (left.isEmpty()) {
      answer.complete(found);
    }
    return !left.isEmpty();
  }
}
