package org.pinholed.agent.operate;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.view.AuditRow;
import org.pinholed.agent.view.ControlException;

/**
 * Runs one audit at a time, however many ask: those that come while one runs share the next one.
 * Each asker gets an audit that began after he asked, and many of them cost two audits in all.
 *
 * <p>Thread-safe.
 */
public final class SharedAudit {
  private final Run run;
  private final Object running = new Object();
  private @Nullable CompletableFuture<List<AuditRow>> next;

  /** One audit. */
  public interface Run {
    /**
     * Makes it.
     *
     * @return what it found
     * @throws IOException if the kernel cannot be read
     * @throws ControlException if a worker does not answer
     */
    public List<AuditRow> run() throws IOException, ControlException;
  }

  /**
   * Makes it; nothing runs until somebody asks.
   *
   * @param run one audit, never two at a time
   */
  public SharedAudit(Run run) {
    this.run = run;
  }

  /**
   * Waits for an audit that begins from now on.
   *
   * @return what it found
   * @throws ControlException if it could not be made; all who share it get this
   */
  public List<AuditRow> ask() throws ControlException {
    CompletableFuture<List<AuditRow>> mine;
    boolean first;
    synchronized (this) {
      first = next == null;
      if (next == null) {
        next = new CompletableFuture<>();
      }
      mine = next;
    }
    if (first) {
      synchronized (running) {
        synchronized (this) {
          next = null; // who comes from here on has to wait for another one
        }
        complete(mine);
      }
    }
    try {
      return mine.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ControlException("interrupted");
    } catch (ExecutionException e) {
      throw e.getCause() instanceof ControlException told
          ? told
          : new ControlException("the audit failed");
    }
  }

  private void complete(CompletableFuture<List<AuditRow>> asked) {
    try {
      asked.complete(run.run());
    } catch (ControlException e) {
      asked.completeExceptionally(e);
    } catch (IOException e) {
      asked.completeExceptionally(
          new ControlException("the kernel did not answer: " + e.getMessage()));
    } finally {
      // after a fault of ours nobody may wait for ever
      asked.completeExceptionally(new ControlException("the audit failed"));
    }
  }
}
