package org.pinholed.agent.lifecycle;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.sysctl.SysctlFile;

/**
 * How long the kernel keeps a TCP connection on which nothing comes: what stands in {@code
 * net.netfilter.nf_conntrack_tcp_timeout_*}. For one thread.
 */
public final class TcpTimeouts {
  private static final Path SETTINGS = Path.of("/proc/sys/net/netfilter");
  private static final int MOST_SECONDS = Integer.MAX_VALUE / 1000; // the kernel counts to 2^31 ms

  /** A state in which at least one side may still send, and what the kernel gives it by default. */
  private enum State {
    ESTABLISHED(ConntrackEntry.TCP_ESTABLISHED, 5 * 24 * 3600),
    FIN_WAIT(ConntrackEntry.TCP_FIN_WAIT, 120),
    CLOSE_WAIT(ConntrackEntry.TCP_CLOSE_WAIT, 60);

    private final int number;
    private final int defaultSeconds;

    State(int number, int defaultSeconds) {
      this.number = number;
      this.defaultSeconds = defaultSeconds;
    }

    Path file(Path folder) {
      return folder.resolve("nf_conntrack_tcp_timeout_" + name().toLowerCase(Locale.ROOT));
    }
  }

  private final @Nullable Path folder;
  private final Map<State, Integer> seconds = new EnumMap<>(State.class);

  /** Reads the settings from files in a folder; null for what the kernel has by default. */
  TcpTimeouts(@Nullable Path folder) {
    this.folder = folder;
    read();
  }

  /**
   * What stands in this network namespace.
   *
   * @return read now
   */
  public static TcpTimeouts ofThisMachine() {
    return new TcpTimeouts(SETTINGS);
  }

  /**
   * What the kernel gives where nobody has set anything, whatever this machine has.
   *
   * @return they never change
   */
  public static TcpTimeouts ofKernelDefaults() {
    return new TcpTimeouts(null);
  }

  /** Reads them anew: an operator may change them at any time. */
  void read() {
    for (State state : State.values()) {
      seconds.put(
          state,
          folder == null ? state.defaultSeconds : read(state.file(folder), state.defaultSeconds));
    }
  }

  private static int read(Path file, int otherwise) {
    try {
      return Math.max(1, Math.min(SysctlFile.readInt(file), MOST_SECONDS));
    } catch (IOException e) {
      return otherwise; // conntrack is a module that may not be loaded yet
    }
  }

  /**
   * What an idle connection gets in a state.
   *
   * @param tcpState {@link ConntrackEntry#tcpState}
   * @return 1..2147483; 0 for a state in which neither side may send any more, and for one that is
   *     not answered yet
   */
  int ofOpenSeconds(int tcpState) {
    for (Map.Entry<State, Integer> each : seconds.entrySet()) {
      if (each.getKey().number == tcpState) {
        return each.getValue();
      }
    }
    return 0;
  }

  /** The shortest of them, 1..2147483. */
  int shortestSeconds() {
    return Collections.min(seconds.values());
  }
}
