package org.pinholed.agent.control;

import java.util.LinkedHashMap;
import java.util.Map;
import org.pinholed.agent.view.StatusReport;

/** The answer to {@code stats}: what the agent itself counts, and what the metrics add to it. */
final class StatsSummary {
  private StatsSummary() {}

  /**
   * Puts both together.
   *
   * @param status what the agent itself counts
   * @param metrics numbers by name
   * @return the agent's counters first, then the metrics that add something to them
   */
  static Map<String, Number> of(StatusReport status, Map<String, Number> metrics) {
    Map<String, Number> all = new LinkedHashMap<>();
    all.put("uptimeSeconds", status.uptimeSeconds());
    all.put("packets", status.packets());
    all.put("queueDropped", status.queueDropped());
    all.put("tableRepairs", status.tableRepairs());
    all.put("parents", status.parents());
    all.put("opaqueParents", status.opaqueParents());
    status.expectations().forEach((state, count) -> all.put("expectations." + state, count));
    metrics.forEach(all::putIfAbsent);
    return all;
  }
}
