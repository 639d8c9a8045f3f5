package org.pinholed.agent.service;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.time.Clock;
import org.pinholed.kernel.unix.DatagramSender;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The service manager that started this process, by the protocol of sd_notify(3): it is told when
 * the agent is ready, reloads and stops, is pinged by its watchdog's clock, and keeps descriptors
 * for the next process.
 *
 * <p>Where there is none nothing is said. One that does not listen is no reason to fail; it is said
 * once in the log. Thread-safe. Closed by whoever made it.
 */
public final class ServiceManager implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ServiceManager.class);
  private static final Duration PATIENCE = Duration.ofSeconds(2);

  /** Nothing is said to this one. */
  public static final ServiceManager NONE = new ServiceManager(null, Duration.ZERO);

  private final @Nullable DatagramSender socket;
  private final Duration watchdog;
  private volatile boolean complained;
  private volatile boolean closed;

  private ServiceManager(@Nullable DatagramSender socket, Duration watchdog) {
    this.socket = socket;
    this.watchdog = watchdog;
  }

  /**
   * Finds the manager by what it put into the environment: {@code NOTIFY_SOCKET}, {@code
   * WATCHDOG_USEC} and {@code WATCHDOG_PID}.
   *
   * @param environment of this process
   * @param processId of this process
   * @return the manager, or one that nothing is said to
   */
  public static ServiceManager of(Map<String, String> environment, long processId) {
    String address = environment.getOrDefault("NOTIFY_SOCKET", "");
    if (address.isEmpty()) {
      return NONE;
    }
    try {
      return new ServiceManager(
          DatagramSender.open(address, PATIENCE), watchdog(environment, processId));
    } catch (IOException e) {
      LOG.warn("service manager: NOTIFY_SOCKET: {}", e.getMessage());
      return NONE;
    }
  }

  private static Duration watchdog(Map<String, String> environment, long processId) {
    String microseconds = environment.getOrDefault("WATCHDOG_USEC", "");
    String process = environment.getOrDefault("WATCHDOG_PID", "");
    if (microseconds.isEmpty()
        || !(process.isEmpty() || process.equals(Long.toString(processId)))) {
      return Duration.ZERO;
    }
    if (!microseconds.matches("[1-9][0-9]{0,14}")) {
      LOG.warn("service manager: WATCHDOG_USEC is no number of microseconds");
      return Duration.ZERO;
    }
    return Duration.ofNanos(Math.multiplyExact(1000L, Long.parseLong(microseconds)));
  }

  /**
   * Whether there is one.
   *
   * @return false if nothing is said to anybody
   */
  public boolean isThere() {
    return socket != null;
  }

  /**
   * How long the manager waits for a ping before it thinks that the agent is stuck.
   *
   * @return zero if it does not
   */
  public Duration watchdog() {
    return watchdog;
  }

  /**
   * Says that control packets are being read.
   *
   * @param status one line for an operator
   */
  public void ready(String status) {
    send("READY=1\nSTATUS=" + status);
  }

  /** Says that the configuration is being read again; {@link #ready} is to follow. */
  public void reloading() {
    // Which of several reloads it is: CLOCK_MONOTONIC, and that is what nanoTime is on Linux.
    send("RELOADING=1\nMONOTONIC_USEC=" + Clock.SYSTEM.nanoTime() / 1000);
  }

  /** Says that the agent stops. */
  public void stopping() {
    send("STOPPING=1");
  }

  /** Says that the agent is not stuck. Never waits. */
  public void ping() {
    DatagramSender sender = socket;
    if (sender != null && !closed && !sender.sendNow("WATCHDOG=1")) {
      complain("it takes no ping");
    }
  }

  /**
   * Gives a descriptor to keep for the next process. The manager does not watch it: an overrun of a
   * netlink socket looks like an error, and it would drop the socket that needs it most.
   *
   * @param name how the next process finds it, without control characters and colons
   * @param descriptor stays open here
   */
  public void store(String name, int descriptor) {
    send("FDSTORE=1\nFDPOLL=0\nFDNAME=" + name, List.of(descriptor));
  }

  /**
   * Lets go of descriptors that are kept.
   *
   * @param name all of that name
   */
  public void discard(String name) {
    send("FDSTOREREMOVE=1\nFDNAME=" + name);
  }

  private void send(String text) {
    send(text, List.of());
  }

  private void send(String text, List<Integer> descriptors) {
    DatagramSender sender = socket;
    if (sender == null || closed) {
      return;
    }
    try {
      sender.send(text, descriptors);
    } catch (IOException e) {
      complain(String.valueOf(e.getMessage()));
    }
  }

  private void complain(String what) {
    if (!complained) {
      complained = true;
      LOG.warn("service manager: {}; not said again", what);
    }
  }

  /** Ends it: nothing is said any more. */
  @Override
  public void close() {
    closed = true;
    if (socket != null) {
      socket.close();
    }
  }
}
