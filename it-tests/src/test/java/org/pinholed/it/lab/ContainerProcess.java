package org.pinholed.it.lab;

import com.github.dockerjava.api.async.ResultCallback;
import com.github.dockerjava.api.model.WaitResponse;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.testcontainers.containers.GenericContainer;

/** The first process of a running container, as a process of this machine; has no streams. */
final class ContainerProcess extends Process {
  private final ProcessHandle handle;
  private final CompletableFuture<Integer> exit = new CompletableFuture<>();

  private ContainerProcess(ProcessHandle handle) {
    this.handle = handle;
  }

  /**
   * The process of a container that runs.
   *
   * @throws AssertionError if it does not run any more
   */
  static ContainerProcess of(GenericContainer<?> container) {
    Long pid = container.getCurrentContainerInfo().getState().getPidLong();
    ProcessHandle handle =
        ProcessHandle.of(pid == null ? 0 : pid)
            .filter(h -> h.pid() > 0)
            .orElseThrow(() -> new AssertionError("it ended: " + container.getLogs()));
    ContainerProcess process = new ContainerProcess(handle);
    container
        .getDockerClient()
        .waitContainerCmd(container.getContainerId())
        .exec(
            new ResultCallback.Adapter<WaitResponse>() {
              @Override
              public void onNext(WaitResponse response) {
                process.exit.complete(response.getStatusCode());
              }

              @Override
              public void onError(Throwable problem) {
                process.exit.completeExceptionally(problem);
              }
            });
    return process;
  }

  @Override
  public OutputStream getOutputStream() {
    return OutputStream.nullOutputStream();
  }

  @Override
  public InputStream getInputStream() {
    return InputStream.nullInputStream();
  }

  @Override
  public InputStream getErrorStream() {
    return InputStream.nullInputStream();
  }

  @Override
  public int waitFor() throws InterruptedException {
    try {
      return exit.get();
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause());
    }
  }

  @Override
  public boolean waitFor(long timeout, TimeUnit unit) throws InterruptedException {
    try {
      exit.get(timeout, unit);
      return true;
    } catch (TimeoutException e) {
      return false;
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause());
    }
  }

  @Override
  public int exitValue() {
    if (!exit.isDone()) {
      throw new IllegalThreadStateException("process " + pid() + " runs");
    }
    return exit.join();
  }

  @Override
  public boolean isAlive() {
    return !exit.isDone() && handle.isAlive();
  }

  @Override
  public void destroy() {
    handle.destroy();
  }

  @Override
  public Process destroyForcibly() {
    handle.destroyForcibly();
    return this;
  }

  @Override
  public ProcessHandle toHandle() {
    return handle;
  }
}
