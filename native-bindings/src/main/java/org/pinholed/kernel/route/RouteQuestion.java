package org.pinholed.kernel.route;

import java.net.InetAddress;

/**
 * A packet whose way is asked for.
 *
 * @param destination where it goes
 * @param source where it comes from, of the same family
 * @param inInterfaceIndex the device that it comes in by; 0 if this machine sends it itself
 * @param mark its mark, for rules that go by it
 */
public record RouteQuestion(
    InetAddress destination, InetAddress source, int inInterfaceIndex, int mark) {}
