package org.pinholed.agent.view;

import org.jspecify.annotations.Nullable;

/**
 * Which packets a trace shows; null leaves a field open.
 *
 * @param port source or destination port of the packet
 * @param address numeric source or destination address of the packet
 * @param helper name of the helper
 * @param policyId firewall policy of the parent
 */
public record TraceFilter(
    @Nullable Integer port,
    @Nullable String address,
    @Nullable String helper,
    @Nullable Integer policyId) {}
