package org.pinholed.agent.control;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.GroupPrincipal;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipalNotFoundException;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import jnr.enxio.channels.NativeSelectorProvider;
import jnr.unixsocket.Credentials;
import jnr.unixsocket.UnixServerSocketChannel;
import jnr.unixsocket.UnixSocketAddress;
import jnr.unixsocket.UnixSocketChannel;
import jnr.unixsocket.UnixSocketOptions;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.view.AgentControl;
import org.pinholed.agent.view.ControlException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The agent's end of the control socket: one JSON request a connection, answered in JSON lines.
 *
 * <p>One thread accepts; each connection has a thread of a small pool while it lasts. Every
 * connection is bounded in bytes and time, so a client can keep nothing but its own place. Opened
 * and closed by the agent; {@link #close} removes the socket file.
 */
public final class ControlServer implements AutoCloseable {
  /** Longest path of a unix socket: {@code sun_path} less its end ({@code linux/un.h}). */
  private static final int PATH_BYTES_MAX = 107;

  private static final int BACKLOG = 64;

  /** The group that stands for nobody besides root. */
  private static final String ROOT = "root";

  private static final Logger LOG = LoggerFactory.getLogger(ControlServer.class);

  private final Path socket;
  private final @Nullable Object socketFileKey;
  private final UnixServerSocketChannel listener;
  private final Selector selector;
  private final PeerPolicy peers;
  private final ControlLimits limits;
  private final ControlRequests requests;
  private final RefusedPeers refused = new RefusedPeers();
  private final Set<UnixSocketChannel> connections = ConcurrentHashMap.newKeySet();
  private final AtomicInteger traces = new AtomicInteger();
  private final ExecutorService pool;
  private final Thread acceptor;
  private volatile boolean closing;
  private volatile @Nullable Successor successor;

  /** Lets another process take the place of this one. */
  public interface Successor {
    /**
     * Hands over.
     *
     * @param connection file descriptor of the connection that asked; a blocking unix socket
     * @throws ControlException if this process stops already
     * @throws IOException if the other process is gone
     */
    void handOver(int connection) throws ControlException, IOException;
  }

  private ControlServer(
      Path socket,
      UnixServerSocketChannel listener,
      PeerPolicy peers,
      ControlLimits limits,
      ControlRequests requests)
      throws IOException {
    this.socket = socket;
    this.socketFileKey = fileKey(socket);
    this.listener = listener;
    this.peers = peers;
    this.limits = limits;
    this.requests = requests;
    listener.configureBlocking(false);
    this.selector = NativeSelectorProvider.getInstance().openSelector();
    listener.register(selector, SelectionKey.OP_ACCEPT);
    AtomicInteger number = new AtomicInteger();
    this.pool =
        new ThreadPoolExecutor(
            0,
            limits.connections(),
            10,
            TimeUnit.SECONDS,
            new SynchronousQueue<>(),
            task -> daemon(task, "control-" + number.incrementAndGet()));
    this.acceptor = daemon(this::acceptAll, "control-accept");
  }

  /**
   * Opens the control socket and starts to answer.
   *
   * <p>The directory is made (0755) if it is not there. The file of an agent that died is replaced;
   * that of a living one is not. The file gets its owner and mode before it gets its name, so there
   * is no moment in which a stranger could connect.
   *
   * @param socket path of the socket, at most 107 bytes, not a symbolic link
   * @param group the group that may use it besides root, mode 0660; {@code root} for nobody else,
   *     mode 0600
   * @param control what is asked
   * @return the running server
   * @throws IOException if another agent answers on the path, the path is too long or something
   *     else than a socket, or the group does not exist; the message says which
   */
  public static ControlServer open(Path socket, String group, AgentControl control)
      throws IOException {
    return open(socket, group, control, Map::of);
  }

  /**
   * Opens the control socket, as {@link #open(Path, String, AgentControl)}, with counters to show.
   *
   * @param socket path of the socket
   * @param group the group that may use it besides root; {@code root} for nobody else
   * @param control what is asked
   * @param metrics what the metrics add to {@code stats}, by name
   * @return the running server
   * @throws IOException as above
   */
  public static ControlServer open(
      Path socket, String group, AgentControl control, Supplier<Map<String, Number>> metrics)
      throws IOException {
    return open(
        socket, group, control, metrics, ControlLimits.DEFAULT, PeerPolicy.systemAccounts());
  }

  static ControlServer open(
      Path socket,
      String group,
      AgentControl control,
      Supplier<Map<String, Number>> metrics,
      ControlLimits limits,
      PeerPolicy.Accounts accounts)
      throws IOException {
    Path path = socket.toAbsolutePath();
    Path directory = path.getParent();
    Path newborn =
        path.resolveSibling("." + path.getFileName() + "." + ProcessHandle.current().pid());
    if (directory == null
        || newborn.toString().getBytes(StandardCharsets.UTF_8).length > PATH_BYTES_MAX) {
      throw new IOException(
          "control socket " + path + ": the path is too long (expected: at most 90 bytes)");
    }
    requireFree(path);
    if (!Files.isDirectory(directory)) {
      Files.createDirectories(directory);
      Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
    Files.deleteIfExists(newborn);
    UnixServerSocketChannel listener = UnixServerSocketChannel.open();
    try {
      listener.socket().bind(new UnixSocketAddress(newborn.toString()), BACKLOG);
      // Root needs no group, and the agent need not be in root's group to say so.
      boolean rootAlone = group.equals(ROOT);
      if (!rootAlone) {
        setGroup(newborn, group);
      }
      Files.setPosixFilePermissions(
          newborn, PosixFilePermissions.fromString(rootAlone ? "rw-------" : "rw-rw----"));
      int ownUid = unixNumber(newborn, "uid"); // of /proc/self it would be root's: that is a link
      int gid = rootAlone ? 0 : unixNumber(newborn, "gid");
      Files.move(newborn, path, StandardCopyOption.ATOMIC_MOVE);
      PeerPolicy peers = new PeerPolicy(ownUid, group, gid, accounts);
      ControlServer server =
          new ControlServer(path, listener, peers, limits, new ControlRequests(control, metrics));
      server.acceptor.start();
      return server;
    } catch (IOException | RuntimeException e) {
      listener.close();
      Files.deleteIfExists(newborn);
      throw e;
    }
  }

  /**
   * Allows root and the agent's own user, not the group, to ask for a hand-over.
   *
   * @param newSuccessor does it
   */
  public void setSuccessor(Successor newSuccessor) {
    successor = newSuccessor;
  }

  /**
   * Peers that were turned away because they may not use the socket or too many were there.
   *
   * @return how many since the start
   */
  public long refusedPeers() {
    return refused.count();
  }

  /**
   * The socket's path.
   *
   * @return an absolute path
   */
  public Path socket() {
    return socket;
  }

  int connections() {
    return connections.size();
  }

  @Override
  public void close() throws IOException {
    closing = true;
    selector.wakeup();
    pool.shutdownNow();
    for (UnixSocketChannel connection : connections) {
      shutdown(connection); // wakes its thread, which closes it
    }
    try {
      acceptor.join(Duration.ofSeconds(2).toMillis());
      pool.awaitTermination(2, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    selector.close();
    listener.close();
    Object key = fileKey(socket);
    if (key != null && key.equals(socketFileKey)) { // a newer agent's file stays
      Files.deleteIfExists(socket);
    }
  }

  private void acceptAll() {
    while (!closing) {
      try {
        selector.select();
        selector.selectedKeys().clear();
        UnixSocketChannel connection = listener.accept();
        while (connection != null && !closing) {
          take(connection);
          connection = listener.accept();
        }
      } catch (ClosedSelectorException e) {
        return;
      } catch (IOException | RuntimeException e) {
        if (closing) {
          return;
        }
        // out of file descriptors, most likely: the connection waits, and so do we
        LOG.warn("control socket: cannot accept: {}", e.toString());
        pause();
      }
    }
  }

  private void take(UnixSocketChannel connection) throws IOException {
    try {
      connection.configureBlocking(true);
      connections.add(connection);
      pool.execute(() -> serve(connection));
    } catch (RejectedExecutionException e) {
      refused.add("a client", "more than " + limits.connections() + " connections");
      refuse(connection, "more than " + limits.connections() + " connections, try again");
      connections.remove(connection);
      connection.close();
    }
  }

  private void serve(UnixSocketChannel connection) {
    try {
      connection.setOption(UnixSocketOptions.SO_RCVTIMEO, millis(limits.requestTime()));
      connection.setOption(UnixSocketOptions.SO_SNDTIMEO, millis(limits.stallTime()));
      Credentials peer = connection.getOption(UnixSocketOptions.SO_PEERCRED);
      if (!peers.allows(peer.getUid(), peer.getGid())) {
        refused.add("uid " + peer.getUid() + " pid " + peer.getPid(), "not in the group");
        refuse(connection, "permission denied: only root and the configured group may ask");
        return;
      }
      AnswerWriter out = new AnswerWriter(connection, limits);
      try {
        answer(connection, out, peer.getUid());
      } catch (ControlError e) {
        out.error(e);
      }
    } catch (IOException e) {
      LOG.debug("control socket: {}", e.toString()); // the client went away or was cut off
    } catch (RuntimeException e) {
      LOG.error("control socket: a request failed", e);
    } finally {
      connections.remove(connection);
      closeQuietly(connection);
    }
  }

  private void answer(UnixSocketChannel connection, AnswerWriter out, int uid)
      throws IOException, ControlError {
    JsonFields request = RequestReader.read(connection, limits);
    if (request.text("command").equals("handOver")) {
      handOver(connection, uid);
      return;
    }
    boolean trace = ControlRequests.isTrace(request);
    if (trace && traces.incrementAndGet() > limits.traces()) {
      traces.decrementAndGet();
      throw new ControlError(ControlError.REFUSED, limits.traces() + " traces run already");
    }
    try {
      if (trace) {
        connection.setOption(UnixSocketOptions.SO_RCVTIMEO, 1); // only ever asked for its end
      }
      requests.answer(request, out, () -> closing || isGone(connection));
    } catch (RuntimeException e) {
      LOG.error("control socket: request {} failed", request.text("command"), e);
      throw new ControlError(ControlError.REFUSED, "internal error, see the log of the agent");
    } finally {
      if (trace) {
        traces.decrementAndGet();
      }
    }
  }

  private void handOver(UnixSocketChannel connection, int uid) throws IOException, ControlError {
    Successor next = successor;
    if (next == null || !peers.isOwn(uid)) {
      throw new ControlError(ControlError.REFUSED, "only root may take the place of this agent");
    }
    try {
      next.handOver(connection.getFD());
    } catch (ControlException e) {
      throw new ControlError(ControlError.REFUSED, String.valueOf(e.getMessage()));
    }
  }

  // Whether the client closed its end; what it sends besides its request is thrown away.
  private static boolean isGone(UnixSocketChannel connection) {
    try {
      return connection.read(ByteBuffer.allocate(512)) < 0;
    } catch (IOException e) {
      return true;
    }
  }

  // One line at most as long as the socket's buffer: never waits.
  private void refuse(UnixSocketChannel connection, String message) {
    try {
      new AnswerWriter(connection, limits).error(new ControlError(ControlError.REFUSED, message));
    } catch (IOException e) {
      LOG.debug("control socket: {}", e.toString());
    }
  }

  private static void requireFree(Path path) throws IOException {
    if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    if ((unixNumber(path, "mode") & 0170000) != 0140000) {
      throw new IOException("control socket " + path + ": is there and no socket");
    }
    boolean answers;
    try (UnixSocketChannel probe = UnixSocketChannel.open(new UnixSocketAddress(path.toString()))) {
      answers = probe.isConnected();
    } catch (IOException e) {
      answers = false; // ECONNREFUSED: its agent is dead
    }
    if (answers) {
      throw new IOException("control socket: another agent answers on " + path);
    }
  }

  private static void setGroup(Path path, String group) throws IOException {
    PosixFileAttributeView view =
        Files.getFileAttributeView(path, PosixFileAttributeView.class, LinkOption.NOFOLLOW_LINKS);
    GroupPrincipal principal;
    try {
      principal =
          path.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByGroupName(group);
    } catch (UserPrincipalNotFoundException e) {
      throw new IOException("control socket: there is no group " + group, e);
    }
    if (view.readAttributes().group().equals(principal)) {
      return;
    }
    try {
      view.setGroup(principal);
    } catch (IOException e) {
      throw new IOException(
          "control socket: cannot give "
              + path
              + " to group "
              + group
              + ": the agent has to be root or a member of it (under systemd:"
              + " SupplementaryGroups="
              + group
              + "): "
              + e.getMessage(),
          e);
    }
  }

  private static int unixNumber(Path path, String attribute) throws IOException {
    return (Integer) Files.getAttribute(path, "unix:" + attribute, LinkOption.NOFOLLOW_LINKS);
  }

  private static @Nullable Object fileKey(Path path) {
    try {
      return Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
          .fileKey();
    } catch (IOException e) {
      return null;
    }
  }

  private static int millis(Duration duration) {
    return Math.toIntExact(duration.toMillis());
  }

  private static Thread daemon(Runnable task, String name) {
    Thread thread = new Thread(task, name);
    thread.setDaemon(true);
    return thread;
  }

  private static void shutdown(UnixSocketChannel connection) {
    try {
      connection.shutdownInput();
      connection.shutdownOutput();
    } catch (IOException e) {
      LOG.debug("control socket: {}", e.toString());
    }
  }

  private static void closeQuietly(UnixSocketChannel connection) {
    try {
      connection.close();
    } catch (IOException e) {
      LOG.debug("control socket: {}", e.toString());
    }
  }

  private static void pause() {
    try {
      TimeUnit.MILLISECONDS.sleep(100);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
