package org.pinholed.agent.lifecycle;

import java.io.IOException;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.expectation.Children;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.DumpFilter;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The children that live when an agent starts. What let one in is known only if its pinhole lets in
 * many; of the others the kernel says no more than between which hosts they lead. Any parent
 * between the same two hosts may have announced them, so all of these are kept while one of them
 * lives.
 *
 * <p>A host is what the kernel has at the end of either tuple: the client and the server as they
 * know themselves, whatever is translated in between. A child that leads to a third host (an
 * announcement of another address than the peer's, where a policy allows that) is tied to nobody.
 */
final class LeftChildren {
  private static final Logger LOG = LoggerFactory.getLogger(LeftChildren.class);

  private static final Comparator<InetAddress> BY_BYTES =
      (one, other) -> Arrays.compareUnsigned(one.getAddress(), other.getAddress());

  private final List<ConntrackEntry> children = new ArrayList<>();

  // Sorted and not hashed: strangers choose addresses, and with them how many would meet in one
  // place of a hash table.
  private final Set<Hosts> hosts = new TreeSet<>();
  private final Map<Hosts, List<Parent>> parents = new TreeMap<>();

  private int left;

  /** The two ends of a flow, in the order of their bytes: a child may begin at either. */
  private record Hosts(InetAddress one, InetAddress other) implements Comparable<Hosts> {
    static Hosts of(ConntrackEntry entry) {
      InetAddress first = entry.original().source();
      InetAddress second = entry.reply().source();
      return BY_BYTES.compare(first, second) <= 0
          ? new Hosts(first, second)
          : new Hosts(second, first);
    }

    @Override
    public int compareTo(Hosts that) {
      int byOne = BY_BYTES.compare(one, that.one);
      return byOne != 0 ? byOne : BY_BYTES.compare(other, that.other);
    }
  }

  /**
   * Reads them. Only after the pinholes were listed: a child that comes later is told by its event,
   * and finds its pinhole in the table.
   *
   * @param conntrack read only
   * @param marks the bits of the conntrack mark
   * @throws IOException if the kernel cannot be read
   */
  void read(ConntrackClient conntrack, MarkBits marks) throws IOException {
    conntrack.dump(
        new DumpFilter(0, marks.child(), marks.child()),
        child -> {
          if (children.size() < Children.MOST) {
            children.add(child);
            hosts.add(Hosts.of(child));
          } else {
            left++;
          }
        });
  }

  /** Whether one of them leads between the two hosts of a connection. */
  boolean leadBetweenHostsOf(ConntrackEntry entry) {
    return hosts.contains(Hosts.of(entry));
  }

  /** A parent that is gone on with may have announced some of them. */
  void mayBelongTo(ConntrackEntry entry, Parent parent) {
    parents.computeIfAbsent(Hosts.of(entry), hosts -> new ArrayList<>(1)).add(parent);
  }

  /**
   * Makes them known to the table, once it has the pinholes that were taken over.
   *
   * @param table gets them
   */
  void makeKnown(ExpectationTable table) {
    for (ConntrackEntry child : children) {
      List<Parent> perhaps = parents.get(Hosts.of(child));
      if (!table.matcher().inherit(child.identity())
          && perhaps != null
          && !table.living().inherit(child.identity(), perhaps)) {
        left++;
      }
    }
    if (left > 0) {
      LOG.warn(
          "{} data connections of an earlier agent are too many to be known:"
              + " their idle control connections are not kept",
          left);
    }
  }
}
