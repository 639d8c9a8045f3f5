package org.pinholed.kernel.conntrack;

/**
 * An expectation that stands in the kernel.
 *
 * @param parent original tuple of the connection that it belongs to
 * @param child what is expected; a source port of 0 is any
 * @param mask which bits of {@code child} count. The kernel always asks for the whole destination
 * @param timeoutSeconds how long it still stands, 0 or more; 0 for one that is over and not
 *     collected yet
 * @param permanent whether more than one connection may come
 * @param helperName the helper that it belongs to, or an empty string
 */
public record ExpectationEntry(
    FlowTuple parent,
    FlowTuple child,
    FlowTuple mask,
    long timeoutSeconds,
    boolean permanent,
    String helperName) {}
