package org.pinholed.agent.handover;

import java.io.IOException;
import java.net.ConnectException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.pinholed.agent.time.Clock;
import org.pinholed.kernel.unix.DescriptorSocket;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Both ends of a hand-over on the control socket. Keeps no state. */
public final class HandOverSocket {
  private static final Logger LOG = LoggerFactory.getLogger(HandOverSocket.class);
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  /** A process that has handed over has nothing left to do but to close. */
  private static final Duration END_PATIENCE = Duration.ofSeconds(5);

  private static final int LINE_BYTES_MAX = 256 << 20;
  private static final int LOOK_AGAIN_MS = 10;

  /** Where {@code /proc/N/stat} has the number of threads, counted from the state. */
  private static final int THREADS_FIELD = 17;

  private HandOverSocket() {}

  /**
   * Sends what this process leaves.
   *
   * @param connection file descriptor of the connection that asked for it
   * @param handOver what it leaves
   * @throws IOException if the other process is gone
   */
  public static void send(int connection, HandOver handOver) throws IOException {
    List<Integer> descriptors = handOver.queues().stream().map(HandOver.Queue::descriptor).toList();
    DescriptorSocket.of(connection).send(HandOverText.write(handOver), descriptors);
  }

  /**
   * Asks the agent on a control socket to hand over to this process. Only root or the user of this
   * process may be the one that answers: what comes is believed, and anybody else could have put a
   * socket there.
   *
   * @param control path of the control socket
   * @return what it leaves, with its process id as it is known here, 0 if it cannot be seen; {@link
   *     HandOver#NOTHING} if there is no socket, or the one that a killed agent left
   * @throws IOException if it refuses, is of a version that cannot, or is not the agent's user
   */
  public static HandOver ask(Path control) throws IOException {
    if (!Files.exists(control, LinkOption.NOFOLLOW_LINKS)) {
      LOG.info("no agent to replace: there is no control socket {}", control);
      return HandOver.NOTHING;
    }
    try (DescriptorSocket socket =
        DescriptorSocket.connect(control.toAbsolutePath().toString(), PATIENCE)) {
      DescriptorSocket.Peer peer = socket.peer();
      if (!peer.isOwn()) {
        throw new IOException(
            "process "
                + peer.pid()
                + " of user "
                + peer.uid()
                + " listens there (expected: root or the user of this process)");
      }
      socket.send("{\"command\":\"handOver\"}", List.of());
      DescriptorSocket.Received received = socket.receiveLine(LINE_BYTES_MAX);
      HandOver left = HandOverText.read(received.line(), received.descriptors());
      return new HandOver(peer.pid(), left.queues(), left.flows(), left.halfOpen(), left.beyond());
    } catch (ConnectException e) {
      LOG.info("no agent to replace: nobody listens on {}", control);
      return HandOver.NOTHING;
    } catch (IOException e) {
      throw new IOException("the agent on " + control + " did not hand over: " + e.getMessage(), e);
    }
  }

  /**
   * Waits for a few seconds until the process that handed over has ended, and so let go of its
   * control socket and its ports. Whether its parent has taken notice of that does not matter: some
   * never do.
   *
   * @param handOver what it left
   * @return false if it does not end; then it still keeps what only one process can have, and reads
   *     no packets all the same
   * @throws IOException if this thread is interrupted
   */
  public static boolean awaitEnd(HandOver handOver) throws IOException {
    return awaitEnd(handOver, END_PATIENCE);
  }

  static boolean awaitEnd(HandOver handOver, Duration patience) throws IOException {
    ProcessHandle before =
        handOver.processId() == 0 ? null : ProcessHandle.of(handOver.processId()).orElse(null);
    long untilNs = Clock.SYSTEM.nanoTime() + patience.toNanos();
    while (before != null && before.isAlive() && !isZombie(before.pid())) {
      if (Clock.SYSTEM.nanoTime() - untilNs >= 0) {
        LOG.warn(
            "process {} handed over and does not end: this one goes on without it; it may be killed",
            before.pid());
        return false;
      }
      try {
        Thread.sleep(LOOK_AGAIN_MS); // no event tells of the end of a process that is no child
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted", e);
      }
    }
    return true;
  }

  /** proc(5): all of its threads have ended, and its parent has not waited for it. */
  private static boolean isZombie(long pid) {
    String stat;
    try {
      stat = Files.readString(Path.of("/proc", pid + "", "stat"), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return false; // gone altogether, or not to be seen
    }
    // The name in brackets may have anything in it. While other threads live only the first is Z.
    String[] fields = stat.substring(stat.lastIndexOf(')') + 1).trim().split(" ", -1);
    return fields.length > THREADS_FIELD
        && fields[0].equals("Z")
        && Integer.parseInt(fields[THREADS_FIELD]) <= 1;
  }
}
