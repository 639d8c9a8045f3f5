package org.pinholed.kernel.socket;

import java.net.InetAddress;

/**
 * A socket that takes packets from anybody.
 *
 * @param protocol 6 for TCP, 17 for UDP
 * @param address which of this machine's addresses it listens on; the wildcard address for all. The
 *     wildcard of IPv6 mostly takes IPv4 too ({@code IPV6_V6ONLY} of ipv6(7))
 * @param port 1..65535
 */
public record ListeningSocket(int protocol, InetAddress address, int port) {}
