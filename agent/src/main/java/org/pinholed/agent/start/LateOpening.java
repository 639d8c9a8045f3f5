package org.pinholed.agent.start;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Something that one process alone can have, and that an earlier process may still keep though it
 * has handed over. If it cannot be opened at once a thread opens it as soon as it is free.
 *
 * <p>Thread-safe. Owns what it opens.
 */
public final class LateOpening implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(LateOpening.class);
  private static final Duration PAUSE = Duration.ofSeconds(1);

  private final String name;
  private final Opening opening;
  private final CountDownLatch closing = new CountDownLatch(1);
  private @Nullable AutoCloseable opened;

  /** Opens it. Called by one thread at a time. */
  @FunctionalInterface
  public interface Opening {
    /**
     * Tries once.
     *
     * @return what was opened
     * @throws IOException if somebody else has it
     */
    AutoCloseable open() throws IOException;
  }

  private LateOpening(String name, Opening opening) {
    this.name = name;
    this.opening = opening;
  }

  /**
   * Opens something now or later.
   *
   * @param name what it is, for the log
   * @param opening opens it
   * @return to be closed, whether it was opened or not
   */
  public static LateOpening begin(String name, Opening opening) {
    return begin(name, opening, PAUSE);
  }

  static LateOpening begin(String name, Opening opening, Duration pause) {
    LateOpening late = new LateOpening(name, opening);
    try {
      late.tryOnce();
    } catch (IOException e) {
      LOG.warn("{}: {}; it is tried again until it is free", name, e.getMessage());
      Thread thread = new Thread(() -> late.keepTrying(pause), "pinholed-late");
      thread.setDaemon(true);
      thread.start();
    }
    return late;
  }

  private void keepTrying(Duration pause) {
    try {
      while (!closing.await(pause.toNanos(), TimeUnit.NANOSECONDS)) {
        try {
          tryOnce();
          LOG.info("{}: free at last", name);
          return;
        } catch (IOException e) {
          LOG.debug("{}: {}", name, e.getMessage());
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void tryOnce() throws IOException {
    AutoCloseable got = opening.open();
    synchronized (this) {
      if (closing.getCount() > 0) {
        opened = got;
        return;
      }
    }
    close(got);
  }

  @Override
  public void close() {
    AutoCloseable open;
    synchronized (this) {
      closing.countDown();
      open = opened;
      opened = null;
    }
    if (open != null) {
      close(open);
    }
  }

  private void close(AutoCloseable open) {
    try {
      open.close();
    } catch (Exception e) {
      LOG.warn("{}: close: {}", name, e.toString());
    }
  }
}
