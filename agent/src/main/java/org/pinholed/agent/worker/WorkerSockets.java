package org.pinholed.agent.worker;

import org.pinholed.agent.announce.LocalPorts;
import org.pinholed.agent.flow.FlowFinder;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.kernel.conntrack.Conntrack;
import org.pinholed.kernel.nfqueue.PacketSource;
import org.pinholed.kernel.route.Routes;

/**
 * The ways to the kernel that one worker has for itself. For its thread only; closed by who opened
 * them.
 *
 * @param queue where its packets come from
 * @param conntrack its way to conntrack
 * @param finder finds the conntrack of a packet
 * @param routes its way to the routing tables
 * @param ports its way to the sockets of this machine
 * @param pinholes its way to the pinholes
 */
public record WorkerSockets(
    PacketSource queue,
    Conntrack conntrack,
    FlowFinder finder,
    Routes routes,
    LocalPorts.Kernel ports,
    PinholeBackend.Session pinholes) {}
