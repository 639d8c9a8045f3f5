package org.pinholed.agent.operate;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.expectation.Owner;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.view.ControlException;
import org.pinholed.agent.view.ExpectationRow;
import org.pinholed.agent.view.OwnerRow;
import org.pinholed.helper.OwnerId;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.conntrack.DumpFilter;

/**
 * Lists owners that outlive flows by the word that their helper has for them. Thread-safe; changes
 * nothing.
 */
public final class OwnerListing {
  /** More children than these are found by reading the connection tracking once. */
  private static final int MOST_ASKED = 256;

  private final ExpectationTable table;
  private final MarkBits marks;
  private final Clock clock;

  /** What the kernel has counted; -1 where it counts nothing. */
  private record Count(long packets, long bytes) {
    static Count of(ConntrackEntry entry) {
      return entry.originalPackets() < 0
          ? new Count(-1, -1)
          : new Count(
              entry.originalPackets() + Math.max(0, entry.replyPackets()),
              entry.originalBytes() + Math.max(0, entry.replyBytes()));
    }
  }

  /**
   * Makes it.
   *
   * @param table the expectation table
   * @param marks the bits of the conntrack mark
   * @param clock what time it is
   */
  public OwnerListing(ExpectationTable table, MarkBits marks, Clock clock) {
    this.table = table;
    this.marks = marks;
    this.clock = clock;
  }

  /**
   * The owners of a kind.
   *
   * @param kind the helper's word, for example {@code call}
   * @return the oldest first
   * @throws ControlException if the kernel refuses
   */
  public List<OwnerRow> list(String kind) throws ControlException {
    List<Owner> owners = new ArrayList<>();
    Set<ConntrackIdentity> children = new LinkedHashSet<>();
    for (Owner owner : table.owners().all()) {
      if (isOfKind(owner, kind)) {
        owners.add(owner);
        children.addAll(childrenOf(owner));
      }
    }
    Map<ConntrackIdentity, Count> counts;
    try (ConntrackClient conntrack = ConntrackClient.open()) {
      counts = count(conntrack, children);
    } catch (IOException e) {
      throw new ControlException(String.valueOf(e.getMessage()));
    }
    long nowNs = clock.nanoTime();
    List<OwnerRow> rows = new ArrayList<>(owners.size());
    for (Owner owner : owners) {
      OwnerRow row = row(owner, kind, counts, nowNs);
      if (row != null) {
        rows.add(row);
      }
    }
    rows.sort(
        Comparator.comparingLong(OwnerRow::ageSeconds).reversed().thenComparing(OwnerRow::id));
    return rows;
  }

  /**
   * The one owner whose name begins with a text.
   *
   * @param kind its kind
   * @param prefix 1..16 characters
   * @return null if there is none
   * @throws ControlException if there are several
   */
  public @Nullable Owner find(String kind, String prefix) throws ControlException {
    Owner found = null;
    for (Owner owner : table.owners().all()) {
      OwnerId id = owner.id();
      if (id != null && id.text().startsWith(prefix) && isOfKind(owner, kind)) {
        if (found != null) {
          throw new ControlException(
              "several begin with " + prefix + ": " + found.id() + " and " + id + " among them");
        }
        found = owner;
      }
    }
    return found;
  }

  /**
   * One that an agent before this one left has no name yet. What a deadline was granted for is then
   * taken for a registration, the rest for calls.
   */
  private static boolean isOfKind(Owner owner, String kind) {
    Owner.Name name = owner.name();
    if (name != null) {
      return name.kind().equals(kind);
    }
    boolean granted = owner.all().stream().noneMatch(expectation -> expectation.stay().isLease());
    return kind.equals(granted ? "registration" : "call");
  }

  private static Set<ConntrackIdentity> childrenOf(Owner owner) {
    Set<ConntrackIdentity> children = new LinkedHashSet<>();
    owner.all().forEach(expectation -> children.addAll(expectation.knownChildren()));
    owner.left().forEach(expectation -> children.addAll(expectation.knownChildren()));
    return children;
  }

  private Map<ConntrackIdentity, Count> count(
      ConntrackClient conntrack, Set<ConntrackIdentity> children) throws IOException {
    Map<ConntrackIdentity, Count> counts = new HashMap<>();
    if (children.size() > MOST_ASKED) {
      conntrack.dump(
          new DumpFilter(0, marks.child(), marks.child()),
          entry -> {
            if (children.contains(entry.identity())) {
              counts.put(entry.identity(), Count.of(entry));
            }
          });
      return counts;
    }
    for (ConntrackIdentity child : children) {
      conntrack.get(child).ifPresent(entry -> counts.put(child, Count.of(entry)));
    }
    return counts;
  }

  private static @Nullable OwnerRow row(
      Owner owner, String kind, Map<ConntrackIdentity, Count> counts, long nowNs) {
    OwnerId id = owner.id();
    List<ExpectationRow> all =
        owner.all().stream()
            .filter(expectation -> !expectation.isOver())
            .map(expectation -> expectation.row(nowNs))
            .toList();
    if (id == null || all.isEmpty()) {
      return null; // it ended meanwhile
    }
    Owner.Name name = owner.name();
    long packets = 0;
    long bytes = 0;
    boolean counted = true;
    for (ConntrackIdentity child : childrenOf(owner)) {
      Count count = counts.get(child);
      if (count != null) {
        counted &= count.packets() >= 0;
        packets += count.packets();
        bytes += count.bytes();
      }
    }
    Long expireMs = owner.endsInMs(nowNs);
    return new OwnerRow(
        id.text(),
        name == null ? kind : name.kind(),
        name == null ? "" : name.label(),
        name == null ? "unknown" : name.state(),
        owner.helper(),
        all.stream().mapToLong(ExpectationRow::durationSeconds).max().orElse(0),
        expireMs == null ? null : Math.max(0, expireMs) / 1000,
        all.stream().map(OwnerListing::media).toList(),
        counted ? packets : null,
        counted ? bytes : null,
        owner.lastRefusal());
  }

  private static OwnerRow.Media media(ExpectationRow row) {
    return new OwnerRow.Media(
        row.group(),
        row.item(),
        row.state(),
        row.protocol(),
        row.source(),
        row.destination(),
        row.translatedDestination() == null ? row.destination() : row.translatedDestination(),
        row.children());
  }
}
