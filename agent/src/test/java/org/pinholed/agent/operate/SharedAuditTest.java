package org.pinholed.agent.operate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pinholed.agent.view.AuditRow;
import org.pinholed.agent.view.ControlException;

/** Many who ask at the same time cost few audits. */
@Timeout(30)
class SharedAuditTest {
  private final ExecutorService askers = Executors.newCachedThreadPool();

  @AfterEach
  void close() {
    askers.shutdownNow();
  }

  private static AuditRow row(int number) {
    return new AuditRow("orphan", "", "audit " + number, "");
  }

  @Test
  void ask_whileOneRuns_sharesTheNextOne() throws Exception {
    AtomicInteger runs = new AtomicInteger();
    CountDownLatch began = new CountDownLatch(1);
    CountDownLatch mayEnd = new CountDownLatch(1);
    SharedAudit audit =
        new SharedAudit(
            () -> {
              int number = runs.incrementAndGet();
              began.countDown();
              await(mayEnd);
              return List.of(row(number));
            });
    Future<List<AuditRow>> first = askers.submit(audit::ask);
    began.await();
    List<Future<List<AuditRow>>> others = new ArrayList<>();
    List<Thread> waiting = new ArrayList<>();
    for (int i = 0; i < 31; i++) {
      others.add(
          askers.submit(
              () -> {
                synchronized (waiting) {
                  waiting.add(Thread.currentThread());
                }
                return audit.ask();
              }));
    }
    awaitAllWaiting(waiting, 31);
    mayEnd.countDown();
    assertEquals(List.of(row(1)), first.get());
    for (Future<List<AuditRow>> other : others) {
      assertEquals(List.of(row(2)), other.get());
    }
    assertEquals(2, runs.get());
    assertEquals(List.of(row(3)), audit.ask(), "one that ended is not used again");
  }

  private static void awaitAllWaiting(List<Thread> threads, int count) {
    while (true) {
      synchronized (threads) {
        if (threads.size() == count
            && threads.stream()
                .allMatch(
                    thread ->
                        thread.getState() == Thread.State.WAITING
                            || thread.getState() == Thread.State.BLOCKED)) {
          return;
        }
      }
      Thread.onSpinWait();
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void ask_auditFails_isSaid_andTheNextOneIsAnotherTry() throws Exception {
    AtomicInteger runs = new AtomicInteger();
    SharedAudit audit =
        new SharedAudit(
            () -> {
              switch (runs.incrementAndGet()) {
                case 1 -> throw new IOException("no memory");
                case 2 -> throw new ControlException("a worker is stuck");
                case 3 -> throw new IllegalStateException("a bug");
                default -> {
                  return List.of();
                }
              }
            });
    assertEquals(
        "the kernel did not answer: no memory",
        assertThrows(ControlException.class, audit::ask).getMessage());
    assertEquals(
        "a worker is stuck", assertThrows(ControlException.class, audit::ask).getMessage());
    assertThrows(IllegalStateException.class, audit::ask);
    assertEquals(List.of(), audit.ask());
  }
}
