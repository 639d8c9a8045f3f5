package org.pinholed.agent.flow;

import java.net.InetAddress;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.limit.ClientKey;

/**
 * Flows of datagrams that nobody has answered, the oldest first. Their sources may be forged, so
 * where a limit on parents is reached they give way to whoever comes. Owned by one worker.
 */
final class OneWayFlows {
  private final Set<Flow> all = new LinkedHashSet<>();
  private final Map<Long, Set<Flow>> byClient = new HashMap<>();

  void add(Flow flow) {
    all.add(flow);
    byClient.computeIfAbsent(clientOf(flow), key -> new LinkedHashSet<>(2)).add(flow);
  }

  /** Takes one out that was answered, ended or is not read any more; others are ignored. */
  void remove(Flow flow) {
    if (all.remove(flow)) {
      byClient.computeIfPresent(
          clientOf(flow),
          (key, flows) -> {
            flows.remove(flow);
            return flows.isEmpty() ? null : flows;
          });
    }
  }

  /** The oldest of all. */
  @Nullable Flow oldest() {
    return first(all);
  }

  /** The oldest of one client. */
  @Nullable Flow oldestOf(InetAddress client) {
    Set<Flow> flows = byClient.get(ClientKey.of(client));
    return flows == null ? null : first(flows);
  }

  int size() {
    return all.size();
  }

  private static @Nullable Flow first(Set<Flow> flows) {
    Iterator<Flow> each = flows.iterator();
    return each.hasNext() ? each.next() : null;
  }

  private static Long clientOf(Flow flow) {
    return ClientKey.of(flow.facts().client().address());
  }
}
