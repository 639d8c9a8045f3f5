package org.pinholed.agent.flow;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.pinholed.kernel.conntrack.ConntrackIdentity;

/**
 * What is too much for one turn of a worker: parents to look for in the kernel, and questions about
 * all flows. A bounded piece of it is done each turn, so that packets never wait for more.
 *
 * <p>{@link #checkLater} is for any thread, the rest for the worker's own.
 */
public final class LongWork {
  /**
   * Requests to the kernel in one turn, apart from those for the packets of its batch: about a
   * millisecond. Half of them for looking for parents, half for {@link Step}s.
   */
  public static final int REQUESTS_A_TURN = 64;

  /** Flows that one turn looks at where nothing is asked of the kernel. */
  public static final int FLOWS_A_TURN = 512;

  private final Queue<Check> checks = new ConcurrentLinkedQueue<>();
  private final Deque<Step> steps = new ArrayDeque<>();

  /**
   * A parent whose conntrack is said to be gone.
   *
   * @param identity which conntrack it is
   * @param closed whether its connection had been closed before, by FIN or RST
   */
  public record Check(ConntrackIdentity identity, boolean closed) {}

  /** A long work. */
  public interface Step {
    /**
     * Does a piece of it.
     *
     * @return whether there is more
     */
    boolean run();
  }

  /** Who looks for a parent. */
  public interface Checker {
    /**
     * Ends it if it is gone.
     *
     * @param check which
     */
    void check(Check check);
  }

  /**
   * Has a parent looked for in one of the next turns. From any thread.
   *
   * @param check which
   */
  public void checkLater(Check check) {
    checks.add(check);
  }

  /**
   * Whether parents wait to be looked for. From any thread.
   *
   * @return false if none does
   */
  boolean hasChecks() {
    return !checks.isEmpty();
  }

  /**
   * Adds a work, behind those that were added before.
   *
   * @param step a piece of it is done each turn until it says that there is no more
   */
  public void add(Step step) {
    steps.add(step);
  }

  /**
   * Does what one turn may do.
   *
   * @param checker looks for parents
   * @return whether there is more
   */
  public boolean turn(Checker checker) {
    for (int i = 0; i < REQUESTS_A_TURN / 2; i++) {
      Check next = checks.poll();
      if (next == null) {
        break;
      }
      checker.check(next);
    }
    Step step = steps.peek();
    if (step != null && !step.run()) {
      steps.remove(step);
    }
    return !checks.isEmpty() || !steps.isEmpty();
  }
}
