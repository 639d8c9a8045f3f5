package org.pinholed.agent.view;

import java.util.List;
import java.util.Map;

/**
 * The state of the agent in one page.
 *
 * @param version version of the program
 * @param pid process id
 * @param uptimeSeconds since it was ready
 * @param backend what opens pinholes
 * @param helpers enabled helpers as {@code name/transport/port}
 * @param parents parent flows being read
 * @param opaqueParents parent flows known but no longer read
 * @param expectations waiting expectations by state
 * @param packets control packets since start
 * @param misroutedPackets control packets that were not read because they came in by a device that
 *     does not lead back to their sender
 * @param queueDropped control packets that the kernel lost for us since start, all queues
 * @param queues the packet queues, one for each worker
 * @param tableWatchProblem what keeps our table from being watched at present, so that a change by
 *     others may stay unseen; empty if it is watched
 * @param tableRepairs how often somebody else changed our table and it was repaired
 * @param acceptRule whether the firewall accepts what the agent marks, as far as nftables shows it:
 *     {@code present}, {@code absent} or {@code unknown}
 * @param acceptRuleDetail where it does or does not, or why that is not known
 * @param lastError last backend error, empty if there was none
 * @param metricsAddress address and port of the metrics server, empty if off
 * @param features what this kernel can do, {@code yes} or what is lost
 * @param policies the fail policies in force
 */
public record StatusReport(
    String version,
    long pid,
    long uptimeSeconds,
    String backend,
    List<String> helpers,
    int parents,
    int opaqueParents,
    Map<String, Integer> expectations,
    long packets,
    long misroutedPackets,
    long queueDropped,
    List<QueueReport> queues,
    String tableWatchProblem,
    long tableRepairs,
    String acceptRule,
    String acceptRuleDetail,
    String lastError,
    String metricsAddress,
    Map<String, String> features,
    Map<String, String> policies) {}
