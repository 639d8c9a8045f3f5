package org.pinholed.agent.cli;

import java.util.concurrent.atomic.AtomicBoolean;

/** Ctrl-C is how a watch or a trace is meant to end, so it ends with exit code 0. */
final class Interruption {
  private static final AtomicBoolean ARMED = new AtomicBoolean();
  private static final AtomicBoolean FINISHED = new AtomicBoolean();

  private Interruption() {}

  static void endsWithSuccess() {
    FINISHED.set(false);
    if (ARMED.compareAndSet(false, true)) {
      Runtime.getRuntime()
          .addShutdownHook(
              new Thread(
                  () -> {
                    if (!FINISHED.get()) {
                      Runtime.getRuntime().halt(0);
                    }
                  },
                  "interruption"));
    }
  }

  // The command ended by itself: its own exit code counts.
  static void over() {
    FINISHED.set(true);
  }
}
