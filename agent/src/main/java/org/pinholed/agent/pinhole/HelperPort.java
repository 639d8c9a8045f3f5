package org.pinholed.agent.pinhole;

import org.pinholed.helper.Transport;

/**
 * A server port whose flows are diverted to the agent.
 *
 * @param transport TCP or UDP
 * @param port 1..65535
 */
public record HelperPort(Transport transport, int port) {}
