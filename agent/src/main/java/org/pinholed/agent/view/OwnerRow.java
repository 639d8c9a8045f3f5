package org.pinholed.agent.view;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One call, registration or the like in a listing: what outlives the flow that announced it.
 *
 * @param id 16 characters; what {@code clear --call} takes
 * @param kind {@code call}, {@code registration} ...
 * @param helper name of the helper
 * @param state where it stands, the helper's word
 * @param label which one, as people know it; parts that name people as the helper shows them
 * @param policyId firewall policy of the flow by which it began
 * @param ageSeconds since this agent knows it
 * @param expireSeconds what is left until it ends by itself; null if it has no end of its own
 * @param open where others may connect to, each once: {@code udp 203.0.113.1:4000}
 * @param announced how many of its expectations are announced and not open yet
 * @param children how many connections of it live
 * @param uses how many connections came through
 */
public record OwnerRow(
    String id,
    String kind,
    String helper,
    String state,
    String label,
    int policyId,
    long ageSeconds,
    @Nullable Long expireSeconds,
    List<String> open,
    int announced,
    int children,
    long uses) {}
