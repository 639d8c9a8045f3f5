package org.pinholed.agent.lifecycle;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.netlink.NetlinkException;

/**
 * Keeps the conntracks of control connections that are idle while a child of theirs transfers:
 * routers give an idle TCP connection less time than a large transfer takes, and with the control
 * connection its pinholes would go. Owned by the lifecycle thread.
 */
final class ParentKeeper {
  private static final long EVERY_NS = 20_000_000_000L;

  /** Asked for at a time; each may cost two requests to the kernel. */
  private static final int MOST_AT_ONCE = 128;

  /** What the kernel uses where nobody has set another time ({@code nf_conntrack_proto_tcp.c}). */
  private static final int ESTABLISHED_SECONDS = 5 * 24 * 3600;

  private static final Path ESTABLISHED =
      Path.of("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established");

  private final ConntrackClient conntrack;
  private final BiConsumer<String, String> failed;
  private final Set<Parent> round = new LinkedHashSet<>();
  private long roundBeganNs;

  ParentKeeper(ConntrackClient conntrack, BiConsumer<String, String> failed, long nowNs) {
    this.conntrack = conntrack;
    this.failed = failed;
    this.roundBeganNs = nowNs;
  }

  /** Who knows the parents whose children live. */
  interface Parents {
    Collection<Parent> withChildren();
  }

  /** Keeps some of them, if it is time. */
  void tick(long nowNs, Parents parents) {
    if (round.isEmpty()) {
      if (nowNs - roundBeganNs < EVERY_NS) {
        return;
      }
      roundBeganNs = nowNs;
      round.addAll(parents.withChildren());
      if (round.isEmpty()) {
        return;
      }
    }
    int full = establishedSeconds();
    int asked = 0;
    for (var next = round.iterator(); next.hasNext() && asked < MOST_AT_ONCE; asked++) {
      Parent parent = next.next();
      next.remove();
      if (!parent.hasEnded()) {
        keep(parent, full);
      }
    }
  }

  private void keep(Parent parent, int fullSeconds) {
    try {
      Optional<ConntrackEntry> entry = conntrack.get(parent.identity());
      // Only one that is open on both sides: what the kernel keeps for a moment after a FIN or RST
      // is to go.
      if (entry.isPresent()
          && entry.get().tcpState() == ConntrackEntry.TCP_ESTABLISHED
          && entry.get().timeoutSeconds() >= 0
          && entry.get().timeoutSeconds() < fullSeconds / 2) {
        conntrack.setTimeout(parent.identity(), fullSeconds);
      }
    } catch (NetlinkException e) {
      failed.accept("conntrackTimeout", String.valueOf(e.getMessage()));
    }
  }

  /** What the router gives a TCP connection that is idle. */
  private static int establishedSeconds() {
    try {
      int seconds = Integer.parseInt(Files.readString(ESTABLISHED).trim());
      return Math.max(1, Math.min(seconds, 2_147_483));
    } catch (IOException | NumberFormatException e) {
      return ESTABLISHED_SECONDS;
    }
  }
}
