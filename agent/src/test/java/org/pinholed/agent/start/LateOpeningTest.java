package org.pinholed.agent.start;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What another process keeps is opened when it lets go, and closed with the rest. */
@Timeout(30)
class LateOpeningTest {
  private static final Duration PAUSE = Duration.ofMillis(1);

  private final AtomicInteger tries = new AtomicInteger();
  private final AtomicBoolean taken = new AtomicBoolean(true);
  private final CountDownLatch opened = new CountDownLatch(1);
  private final CountDownLatch closed = new CountDownLatch(1);

  private AutoCloseable open() throws IOException {
    tries.incrementAndGet();
    if (taken.get()) {
      throw new IOException("taken");
    }
    opened.countDown();
    return closed::countDown;
  }

  @Test
  void free_isOpenedAtOnce_andClosed() {
    taken.set(false);
    LateOpening late = LateOpening.begin("it", this::open, PAUSE);
    assertEquals(0, opened.getCount());
    late.close();
    assertEquals(0, closed.getCount());
    assertEquals(1, tries.get());
  }

  @Test
  void taken_isOpenedWhenItIsFree() throws InterruptedException {
    LateOpening late = LateOpening.begin("it", this::open, PAUSE);
    while (tries.get() < 3) {
      Thread.onSpinWait();
    }
    taken.set(false);
    assertTrue(opened.await(20, TimeUnit.SECONDS));
    late.close();
    assertTrue(closed.await(20, TimeUnit.SECONDS));
  }

  @Test
  void closedBeforeItIsFree_keepsNothing() throws InterruptedException {
    AtomicBoolean kept = new AtomicBoolean();
    CountDownLatch trying = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    LateOpening late =
        LateOpening.begin(
            "it",
            () -> {
              if (tries.incrementAndGet() == 1) {
                throw new IOException("taken");
              }
              trying.countDown();
              awaitUnchecked(go);
              kept.set(true);
              return () -> {
                kept.set(false);
                closed.countDown();
              };
            },
            PAUSE);
    assertTrue(trying.await(20, TimeUnit.SECONDS));
    late.close(); // while it is being opened
    go.countDown();
    assertTrue(closed.await(20, TimeUnit.SECONDS));
    assertFalse(kept.get());
  }

  private static void awaitUnchecked(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
