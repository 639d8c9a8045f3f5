package org.pinholed.agent.flow;

import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.agent.limit.ClientKey;
import org.pinholed.agent.limit.Limit;

/**
 * Flows of datagrams that nobody has answered, the oldest first. Their sources may be forged, so
 * where a limit on parents is reached they give way to whoever comes. Owned by one worker.
 */
final class OneWayFlows {
  /** The number that no entry has. */
  private static final int ANY_ENTRY = 0;

  private final Set<Flow> all = new LinkedHashSet<>();
  private final Map<Integer, Set<Flow>> byEntry = new HashMap<>();
  private final Map<Share, Set<Flow>> byClient = new HashMap<>();

  /** What one client has of an entry, or of all. */
  private record Share(long client, int entry) {
    static Share of(Parent parent, int entry) {
      return new Share(ClientKey.of(parent.client().address()), entry);
    }
  }

  void add(Flow flow) {
    Parent parent = flow.parent();
    all.add(flow);
    add(byEntry, parent.helperId(), flow);
    add(byClient, Share.of(parent, ANY_ENTRY), flow);
    add(byClient, Share.of(parent, parent.helperId()), flow);
  }

  private static <K> void add(Map<K, Set<Flow>> groups, K key, Flow flow) {
    groups.computeIfAbsent(key, same -> new LinkedHashSet<>(2)).add(flow);
  }

  /** Takes one out that was answered, ended or is not read any more; others are ignored. */
  void remove(Flow flow) {
    if (all.remove(flow)) {
      Parent parent = flow.parent();
      remove(byEntry, parent.helperId(), flow);
      remove(byClient, Share.of(parent, ANY_ENTRY), flow);
      remove(byClient, Share.of(parent, parent.helperId()), flow);
    }
  }

  private static <K> void remove(Map<K, Set<Flow>> groups, K key, Flow flow) {
    groups.computeIfPresent(
        key,
        (same, flows) -> {
          flows.remove(flow);
          return flows.isEmpty() ? null : flows;
        });
  }

  /**
   * The oldest of those whose end makes room.
   *
   * @param reached a limit on parents
   * @param wanted the parent that there is no place for
   * @return null if there is none
   */
  @Nullable Flow oldest(Limit reached, Parent wanted) {
    Set<Flow> flows =
        switch (reached) {
          case PARENTS -> all;
          case PARENTS_PER_SOURCE -> byClient.get(Share.of(wanted, ANY_ENTRY));
          case HELPER_PARENTS -> byEntry.get(wanted.helperId());
          case HELPER_PARENTS_PER_SOURCE -> byClient.get(Share.of(wanted, wanted.helperId()));
          default -> throw new IllegalArgumentException("no limit on parents: " + reached);
        };
    return flows == null || flows.isEmpty() ? null : flows.iterator().next();
  }

  int size() {
    return all.size();
  }
}
