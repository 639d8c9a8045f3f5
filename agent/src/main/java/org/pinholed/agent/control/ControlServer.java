package org.pinholed.agent.control;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.file.Path;
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
import org.pinholed.kernel.unix.DescriptorSocket;
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
  private static final int BACKLOG = 64;

  private static final Logger LOG = LoggerFactory.getLogger(ControlServer.class);

  private final SocketFile file;
  private final UnixServerSocketChannel listener;
  private final Selector selector;
  private final PeerPolicy peers;
  private final ControlLimits limits;
  private final ControlRequests requests;
  private final RefusedPeers refused = new RefusedPeers();
  private final Set<UnixSocketChannel> connections = ConcurrentHashMap.newKeySet();
  private final UserPlaces places;
  private final UserPlaces traces;
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
      SocketFile file,
      UnixServerSocketChannel listener,
      PeerPolicy peers,
      ControlLimits limits,
      ControlRequests requests)
      throws IOException {
    this.file = file;
    this.listener = listener;
    this.peers = peers;
    this.limits = limits;
    this.requests = requests;
    this.places = new UserPlaces(limits.connections());
    this.traces = new UserPlaces(limits.traces());
    listener.configureBlocking(false);
    this.selector = NativeSelectorProvider.getInstance().openSelector();
    listener.register(selector, SelectionKey.OP_ACCEPT);
    AtomicInteger number = new AtomicInteger();
    this.pool =
        new ThreadPoolExecutor(
            0,
            limits.connections().all(),
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
    return open(socket, group, control, Map::of, false);
  }

  /**
   * Opens the control socket, as {@link #open(Path, String, AgentControl)}, with counters to show,
   * perhaps in the place of another agent.
   *
   * @param socket path of the socket
   * @param group the group that may use it besides root; {@code root} for nobody else
   * @param control what is asked
   * @param metrics what the metrics add to {@code stats}, by name
   * @param handedOver whether an agent that still answers on the path has handed over to this one
   * @return the running server
   * @throws IOException as above
   */
  public static ControlServer open(
      Path socket,
      String group,
      AgentControl control,
      Supplier<Map<String, Number>> metrics,
      boolean handedOver)
      throws IOException {
    return open(
        SocketFile.prepare(socket, handedOver), group, control, metrics, ControlLimits.DEFAULT);
  }

  static ControlServer open(
      SocketFile file,
      String group,
      AgentControl control,
      Supplier<Map<String, Number>> metrics,
      ControlLimits limits)
      throws IOException {
    UnixServerSocketChannel listener = UnixServerSocketChannel.open();
    try {
      listener.socket().bind(new UnixSocketAddress(file.bindPath().toString()), BACKLOG);
      SocketFile.Owner owner = file.publish(group);
      PeerPolicy peers = new PeerPolicy(owner.uid(), owner.gid());
      ControlServer server =
          new ControlServer(file, listener, peers, limits, new ControlRequests(control, metrics));
      server.acceptor.start();
      return server;
    } catch (IOException | RuntimeException e) {
      listener.close();
      file.discard();
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
    return file.path();
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
    file.remove();
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
    connection.configureBlocking(true);
    Credentials peer = connection.getOption(UnixSocketOptions.SO_PEERCRED);
    boolean isOwn = peers.isOwn(peer.getUid());
    String why = places.take(peer.getUid(), isOwn, "connections");
    if (why == null) {
      try {
        connections.add(connection);
        pool.execute(() -> serve(connection, peer));
        return;
      } catch (RejectedExecutionException e) {
        places.giveBack(peer.getUid(), isOwn);
        why = "no thread is free";
      }
    }
    refused.add("uid " + peer.getUid() + " pid " + peer.getPid(), why);
    refuse(connection, why + ", try again");
    connections.remove(connection);
    connection.close();
  }

  private void serve(UnixSocketChannel connection, Credentials peer) {
    try {
      connection.setOption(UnixSocketOptions.SO_RCVTIMEO, millis(limits.requestTime()));
      connection.setOption(UnixSocketOptions.SO_SNDTIMEO, millis(limits.stallTime()));
      int[] groups = DescriptorSocket.of(connection.getFD()).peerGroups();
      if (!peers.allows(peer.getUid(), peer.getGid(), groups)) {
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
      places.giveBack(peer.getUid(), peers.isOwn(peer.getUid()));
    }
  }

  private void answer(UnixSocketChannel connection, AnswerWriter out, int uid)
      throws IOException, ControlError {
    JsonFields request = RequestReader.read(connection, limits);
    if (request.text("command").equals("handOver")) {
      handOver(connection, uid);
      return;
    }
    boolean trace = ControlRequests.lasts(request);
    String full = trace ? traces.take(uid, peers.isOwn(uid), "traces and followed logs") : null;
    if (full != null) {
      throw new ControlError(ControlError.REFUSED, full + ": one must end first");
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
        traces.giveBack(uid, peers.isOwn(uid));
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
