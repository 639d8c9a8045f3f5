package org.pinholed.agent.pinhole.nftables;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import jnr.ffi.LibraryLoader;

/**
 * A network namespace of its own and one thread that lives in it.
 *
 * <p>{@code setns(2)} moves the calling thread only, and a netlink socket belongs to the namespace
 * of the thread that opened it: so whatever {@link #call} opens may be used from any thread
 * afterwards. {@link #close} ends the thread and deletes the namespace.
 */
public final class NamespaceThread implements AutoCloseable {
  private static final int CLONE_NEWNET = 0x40000000;
  private static final int O_RDONLY = 0;

  private final String name;
  private final ExecutorService thread;

  /** The two calls that only a test needs. */
  public interface NamespaceCalls {
    /**
     * {@code open(2)}.
     *
     * @param path the file
     * @param flags {@code O_*}
     * @return a descriptor or -1
     */
    int open(String path, int flags);

    /**
     * {@code setns(2)}.
     *
     * @param fd of a namespace
     * @param type {@code CLONE_NEW*}
     * @return 0 or -1
     */
    int setns(int fd, int type);

    /**
     * {@code close(2)}.
     *
     * @param fd the descriptor
     * @return 0 or -1
     */
    int close(int fd);
  }

  private NamespaceThread(String name, ExecutorService thread) {
    this.name = name;
    this.thread = thread;
  }

  /**
   * Makes a namespace with loopback up, and a thread in it.
   *
   * @param name of the namespace; one that is left over from an aborted run is replaced
   * @return an open namespace
   * @throws IOException if this process may not do it
   */
  public static NamespaceThread open(String name) throws IOException {
    if (Files.exists(Path.of("/run/netns", name))) {
      run("ip", "netns", "del", name);
    }
    run("ip", "netns", "add", name);
    NamespaceThread namespace =
        new NamespaceThread(
            name,
            Executors.newSingleThreadExecutor(
                work -> {
                  Thread made = new Thread(work, name);
                  made.setDaemon(true);
                  return made;
                }));
    namespace.call(
        () -> {
          NamespaceCalls calls = LibraryLoader.create(NamespaceCalls.class).load("c");
          int fd = calls.open("/run/netns/" + name, O_RDONLY);
          if (fd < 0 || calls.setns(fd, CLONE_NEWNET) != 0) {
            throw new IOException("setns into " + name + " was refused: run as root");
          }
          calls.close(fd);
          return fd;
        });
    namespace.exec("ip", "link", "set", "lo", "up");
    return namespace;
  }

  /**
   * Runs something on the thread in the namespace.
   *
   * @param work what to run
   * @param <T> its result
   * @return its result
   * @throws IOException if it failed with one; anything else comes as {@link AssertionError}
   */
  public <T> T call(Callable<T> work) throws IOException {
    try {
      return thread.submit(work).get(60, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof IOException io) {
        throw io;
      }
      throw new AssertionError("in namespace " + name, e.getCause());
    } catch (InterruptedException | java.util.concurrent.TimeoutException e) {
      throw new AssertionError("in namespace " + name, e);
    }
  }

  /**
   * Starts something on the thread in the namespace, without waiting for it.
   *
   * @param work what to run
   * @param <T> its result
   * @return its result, later
   */
  public <T> Future<T> submit(Callable<T> work) {
    return thread.submit(work);
  }

  /**
   * Runs a program in the namespace.
   *
   * @param command program and arguments
   * @return what it printed
   * @throws IOException if it fails; with what it printed
   */
  public String exec(String... command) throws IOException {
    List<String> all = new ArrayList<>(List.of("ip", "netns", "exec", name));
    all.addAll(List.of(command));
    return run(all.toArray(String[]::new));
  }

  @Override
  public void close() throws IOException {
    thread.shutdownNow();
    run("ip", "netns", "del", name);
  }

  private static String run(String... command) throws IOException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      int code = process.waitFor();
      if (code != 0) {
        throw new IOException(String.join(" ", command) + ": exit " + code + ": " + printed);
      }
    } catch (InterruptedException e) {
      process.destroy();
      throw new IOException(e);
    }
    return printed;
  }
}
