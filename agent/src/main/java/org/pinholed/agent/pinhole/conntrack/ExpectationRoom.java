package org.pinholed.agent.pinhole.conntrack;

import java.util.LinkedHashMap;
import java.util.Map;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.conntrack.HelperClient;
import org.pinholed.kernel.netlink.NetlinkException;

/**
 * Knows which parents have as many expectations as they may. The kernel does not refuse one more:
 * it takes the parent's oldest one away, and a child that was let in would be shut out.
 *
 * <p>Counts what is made, not what ends. The kernel is asked at a parent's first one, and whenever
 * its count comes to the limit. Thread-safe.
 */
final class ExpectationRoom {
  /** One less than the helper's policy: newer kernels take one away at the last place already. */
  static final int MOST = HelperClient.MOST_EXPECTATIONS - 1;

  private static final int REMEMBERED_PARENTS = 4096;

  private final int most;

  /** How many each parent has at most, of those that were used last. */
  private final Map<FlowTuple, Integer> counts =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<FlowTuple, Integer> eldest) {
          return size() > REMEMBERED_PARENTS;
        }
      };

  ExpectationRoom(int most) {
    this.most = most;
  }

  /** Asks the kernel how many expectations a parent has. */
  @FunctionalInterface
  interface Count {
    int of(FlowTuple parent) throws NetlinkException;
  }

  /** Whether one more would cost the parent another one. */
  boolean isFull(FlowTuple parent, Count kernel) {
    synchronized (counts) {
      Integer known = counts.get(parent);
      if (known == null || known < most) {
        return false;
      }
    }
    return ask(parent, kernel) >= most;
  }

  /** Notes that a parent has one more. */
  void made(FlowTuple parent, Count kernel) {
    synchronized (counts) {
      if (counts.computeIfPresent(parent, (same, known) -> known + 1) != null) {
        return;
      }
    }
    ask(parent, kernel); // another thread, or an agent before, may have made some
  }

  private int ask(FlowTuple parent, Count kernel) {
    try {
      int now = kernel.of(parent);
      synchronized (counts) {
        counts.put(parent, now);
      }
      return now;
    } catch (NetlinkException e) {
      synchronized (counts) {
        counts.remove(parent); // it is gone, or nobody knows
      }
      return 0;
    }
  }
}
