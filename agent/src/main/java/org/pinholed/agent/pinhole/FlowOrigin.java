package org.pinholed.agent.pinhole;

import org.pinholed.helper.Endpoint;

/**
 * What the first datagram of a flow was before it was translated.
 *
 * @param source where it came from
 * @param destination where it was sent to
 * @param conntrackId the id of its conntrack, as ctnetlink tells it
 * @param mark its conntrack mark at that time
 */
public record FlowOrigin(Endpoint source, Endpoint destination, int conntrackId, int mark) {}
