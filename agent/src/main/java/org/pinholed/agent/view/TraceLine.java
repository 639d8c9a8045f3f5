package org.pinholed.agent.view;

/**
 * One line of a flow trace.
 *
 * @param time ISO-8601 instant with microseconds
 * @param packet number of the packet since the trace began, from 1
 * @param serial serial of the parent, or {@code -} if the flow is not known
 * @param helper name of its helper, empty if the flow is not known
 * @param step what the line is about: {@code received}, {@code session}, {@code helper}, {@code
 *     message}, {@code understood}, {@code expectation}, {@code reason}, {@code rewrite}, {@code
 *     verdict}
 * @param text the line, plain ASCII; bytes from the wire are escaped and cut
 */
public record TraceLine(
    String time, long packet, String serial, String helper, String step, String text) {}
