package org.pinholed.agent.operate.doctor;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.operate.doctor.FirewallRule.Action;
import org.pinholed.agent.operate.doctor.ForwardedPath.Stop;

/**
 * The ports of data connections that one chain drops for sure, while it lets others pass.
 *
 * @param ranges first and last port of each range, in order
 * @param by what drops the widest
 */
record DroppedPorts(List<Range> ranges, String by) {
  /** A range of so many ports is one that servers may be configured for. */
  private static final int WIDE_PORTS = 512;

  private static final int RANGES_TOLD = 5;

  /** Rulesets that name more ports than this are not searched. */
  private static final int EDGES_MAX = 2000;

  /**
   * Ports that follow each other.
   *
   * @param first 1024..65535
   * @param last the last one, not below the first
   */
  record Range(int first, int last) {
    int count() {
      return last - first + 1;
    }

    String text() {
      return first == last ? Integer.toString(first) : first + "-" + last;
    }
  }

  /** Copies the ranges. */
  DroppedPorts {
    ranges = List.copyOf(ranges);
  }

  /** The answer of a chain changes only at ports that its rules name. Null if it drops none. */
  static @Nullable DroppedPorts of(Stop stop) {
    TreeSet<Integer> starts = new TreeSet<>();
    starts.add(ImaginedPacket.CHILD_PORT_MIN);
    for (int port : stop.ruleset().ports()) {
      starts.add(port);
      starts.add(port + 1);
    }
    List<Integer> from =
        List.copyOf(starts.subSet(ImaginedPacket.CHILD_PORT_MIN, ImaginedPacket.PORT_MAX + 1));
    if (from.size() > EDGES_MAX) {
      return null;
    }
    List<Range> ranges = new ArrayList<>();
    String by = "";
    int widest = 0;
    for (int i = 0; i < from.size(); i++) {
      int first = from.get(i);
      int last = i + 1 < from.size() ? from.get(i + 1) - 1 : ImaginedPacket.PORT_MAX;
      FirewallWalk.Result result =
          FirewallWalk.of(stop.ruleset(), stop.entry(), stop.packet().withPorts(first, last));
      if (!result.complete()
          || result.end() != Action.DROP
          || !result.possibleAccepts().isEmpty()) {
        continue;
      }
      int before = ranges.size() - 1;
      if (before >= 0 && ranges.get(before).last() == first - 1) {
        first = ranges.remove(before).first();
      }
      ranges.add(new Range(first, last));
      if (last - first >= widest) {
        widest = last - first + 1;
        by = result.by();
      }
    }
    return ranges.isEmpty() ? null : new DroppedPorts(ranges, by);
  }

  boolean isWide() {
    return ranges.stream().anyMatch(range -> range.count() >= WIDE_PORTS);
  }

  String text() {
    List<String> words = ranges.stream().limit(RANGES_TOLD).map(Range::text).toList();
    boolean one = ranges.size() == 1 && ranges.get(0).count() == 1;
    return (one ? "port " : "ports ")
        + String.join(", ", words)
        + (ranges.size() > RANGES_TOLD ? " and others" : "");
  }
}
