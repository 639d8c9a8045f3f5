package org.pinholed.agent.handover;

import java.io.IOException;
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
   * @return what it leaves; {@link HandOver#NOTHING} if there is no socket
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
      return HandOverText.read(received.line(), received.descriptors());
    } catch (IOException e) {
      throw new IOException("the agent on " + control + " did not hand over: " + e.getMessage(), e);
    }
  }

  /**
   * Waits until the process that handed over has ended, and so let go of its control socket and its
   * ports. Whether its parent has taken notice of that does not matter: some never do.
   *
   * @param handOver what it left
   * @throws IOException if it does not end
   */
  public static void awaitEnd(HandOver handOver) throws IOException {
    awaitEnd(handOver, PATIENCE);
  }

  static void awaitEnd(HandOver handOver, Duration patience) throws IOException {
    ProcessHandle before =
        handOver.processId() == 0 ? null : ProcessHandle.of(handOver.processId()).orElse(null);
    long untilNs = Clock.SYSTEM.nanoTime() + patience.toNanos();
    while (before != null && before.isAlive() && !isZombie(before.pid())) {
      if (Clock.SYSTEM.nanoTime() - untilNs >= 0) {
        throw new IOException("process " + handOver.processId() + " handed over and does not end");
      }
      try {
        Thread.sleep(LOOK_AGAIN_MS); // no event tells of the end of a process that is no child
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted", e);
      }
    }
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
