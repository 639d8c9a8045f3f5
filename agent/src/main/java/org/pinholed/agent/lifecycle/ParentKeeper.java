package org.pinholed.agent.lifecycle;

import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import org.pinholed.agent.expectation.Children;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.kernel.conntrack.Conntrack;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.netlink.NetlinkException;

/**
 * Keeps the conntracks of control connections that are idle while a child of theirs transfers:
 * routers give an idle TCP connection less time than a large transfer takes, and with the control
 * connection its pinholes would go. Owned by the lifecycle thread.
 *
 * <p>The kernel is asked for a child before its parent is kept: it does not tell of the end of a
 * child that came while no agent ran. So a parent is never kept for longer than its children and
 * once the time that the kernel gives an idle connection. (That is the setting of the machine: a
 * timeout policy of the firewall for some connections is not seen here, and a shorter one begins to
 * count when the last child is gone and the next packet comes.) What the kernel does not have is
 * not made again: a connection that an operator deleted stays deleted.
 */
final class ParentKeeper {
  private static final long MOST_BETWEEN_ROUNDS_NS = TimeUnit.SECONDS.toNanos(20);

  private static final long SETTINGS_EVERY_NS = TimeUnit.SECONDS.toNanos(1);

  /** Requests to the kernel in one tick; events wait meanwhile. */
  private static final int REQUESTS_AT_ONCE = 256;

  private final Conntrack conntrack;
  private final Children living;
  private final TcpTimeouts timeouts;
  private final BiConsumer<String, String> failed;
  private final Queue<ConntrackIdentity> children = new ArrayDeque<>();
  private final Queue<Parent> parents = new ArrayDeque<>();
  private final Set<Parent> inRound = new HashSet<>();

  /** Those that share their list of parents, and whether one of these lives. */
  private final IdentityHashMap<List<Parent>, Boolean> looked = new IdentityHashMap<>();

  private long nextRoundNs;
  private long settingsReadNs;

  /**
   * Makes it.
   *
   * @param conntrack the way of the lifecycle thread to conntrack
   * @param living the children that live
   * @param timeouts what the kernel gives idle connections
   * @param failed told what the kernel refused
   * @param nowNs {@link org.pinholed.agent.time.Clock#nanoTime}; the first round begins then, since
   *     nobody kept anything while no agent ran
   */
  ParentKeeper(
      Conntrack conntrack,
      Children living,
      TcpTimeouts timeouts,
      BiConsumer<String, String> failed,
      long nowNs) {
    this.conntrack = conntrack;
    this.living = living;
    this.timeouts = timeouts;
    this.failed = failed;
    this.nextRoundNs = nowNs;
    this.settingsReadNs = nowNs - SETTINGS_EVERY_NS;
  }

  /** Keeps some of them, if it is time. */
  void tick(long nowNs) {
    if (children.isEmpty() && parents.isEmpty()) {
      if (nowNs - settingsReadNs >= SETTINGS_EVERY_NS) {
        timeouts.read();
        settingsReadNs = nowNs;
        // An operator may have made them shorter since the round was planned.
        nextRoundNs = Math.min(nextRoundNs - nowNs, betweenRoundsNs()) + nowNs;
      }
      if (nowNs - nextRoundNs < 0) {
        return;
      }
      nextRoundNs = nowNs + betweenRoundsNs();
      inRound.clear();
      looked.clear();
      children.addAll(living.known());
    }
    for (int requests = 0; requests < REQUESTS_AT_ONCE; ) {
      Parent parent = parents.poll();
      if (parent != null) {
        requests += keep(parent);
        continue;
      }
      ConntrackIdentity child = children.poll();
      if (child == null) {
        return;
      }
      requests += look(child, nowNs);
    }
  }

  /** So that each is looked at three times before its time is over. */
  private long betweenRoundsNs() {
    return Math.min(
        MOST_BETWEEN_ROUNDS_NS, TimeUnit.SECONDS.toNanos(timeouts.shortestSeconds()) / 3);
  }

  /**
   * Has the parents of a child kept if it lives.
   *
   * @return how many requests that took
   */
  private int look(ConntrackIdentity child, long nowNs) {
    List<Parent> perhaps = living.parentsOf(child);
    Boolean oneLives = looked.get(perhaps);
    if (oneLives == null && !perhaps.isEmpty()) {
      oneLives = !perhaps.stream().allMatch(Parent::hasEnded);
      if (oneLives) {
        if (!lives(child)) {
          living.ended(child, nowNs);
          return 1; // another child of the same parents may live
        }
        looked.put(perhaps, true);
        perhaps.stream().filter(inRound::add).forEach(parents::add);
        return 1;
      }
      looked.put(perhaps, false);
    }
    if (oneLives != null && !oneLives) {
      living.forget(child);
    }
    return 0;
  }

  private boolean lives(ConntrackIdentity child) {
    try {
      return conntrack.get(child).isPresent();
    } catch (NetlinkException e) {
      failed.accept("conntrack", String.valueOf(e.getMessage()));
      return true; // it is not known
    }
  }

  /**
   * The state it is really in: the kernel takes a FIN that was sent twice for those of both sides.
   */
  private static int stateOf(Parent parent, ConntrackEntry entry) {
    return entry.hasTwoFins() && parent.isHalfClosed()
        ? ConntrackEntry.TCP_CLOSE_WAIT
        : entry.tcpState();
  }

  private int keep(Parent parent) {
    if (parent.hasEnded()) {
      return 0;
    }
    try {
      Optional<ConntrackEntry> entry = conntrack.get(parent.identity());
      int seconds = entry.isEmpty() ? 0 : timeouts.ofOpenSeconds(stateOf(parent, entry.get()));
      if (seconds == 0 || entry.get().timeoutSeconds() * 3 > seconds * 2L) {
        return 1;
      }
      conntrack.setTimeout(parent.identity(), seconds);
      return 3;
    } catch (NetlinkException e) {
      failed.accept("conntrackTimeout", String.valueOf(e.getMessage()));
      return 1;
    }
  }
}
