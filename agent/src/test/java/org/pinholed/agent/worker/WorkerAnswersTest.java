package org.pinholed.agent.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.view.ControlException;

class WorkerAnswersTest {
  private static final Duration LONG = Duration.ofMinutes(5);

  private final CompletableFuture<String> answer = new CompletableFuture<>();

  private static String refusal(WorkerAnswers answers, CompletableFuture<?> answer) {
    return String.valueOf(
        assertThrows(ControlException.class, () -> answers.await(answer)).getMessage());
  }

  @Test
  void whileTheWorkersTurn_itWaits() throws Exception {
    AtomicInteger looks = new AtomicInteger();
    WorkerAnswers answers =
        new WorkerAnswers(
            () -> {
              if (looks.incrementAndGet() == 3) {
                answer.complete("done");
              }
              return WorkerAnswers.LONGEST_TURN.toMillis() - 1;
            },
            LONG,
            Clock.SYSTEM);
    assertEquals("done", answers.await(answer));
    assertEquals(3, looks.get());
  }

  @Test
  void aWorkerThatIsStuck_isSaid_atOnce() {
    WorkerAnswers answers =
        new WorkerAnswers(WorkerAnswers.LONGEST_TURN::toMillis, LONG, Clock.SYSTEM);
    String said = refusal(answers, answer);
    assertTrue(said.contains("overloaded or stuck"), said);
  }

  @Test
  void whatTakesTooLong_isSaidToGoOn() {
    WorkerAnswers answers = new WorkerAnswers(() -> 0, Duration.ZERO, Clock.SYSTEM);
    String said =
        String.valueOf(
            assertThrows(ControlException.class, () -> answers.awaitWork(answer)).getMessage());
    assertTrue(said.contains("goes on by itself"), said);
    assertEquals("no answer within 0 s, because packets come first", refusal(answers, answer));
  }

  @Test
  void aFault_isTold() {
    answer.completeExceptionally(new IllegalStateException("a fault"));
    String said = refusal(new WorkerAnswers(() -> 0, LONG, Clock.SYSTEM), answer);
    assertTrue(said.contains("a fault"), said);
  }

  @Test
  void itGivesUpBeforePinholectlDoes() {
    assertTrue(WorkerAnswers.MOST.compareTo(Duration.ofSeconds(30)) < 0);
  }
}
