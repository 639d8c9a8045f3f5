package org.pinholed.agent.pinhole;

/**
 * A direction of a TCP connection in which a message was made longer or shorter, or of which the
 * acknowledgements matter for another reason.
 *
 * @param conntrackId the connection's conntrack id; another one may have the same, which is then
 *     treated so too
 * @param reply false for what the client sends, true for what the server sends
 */
public record RewrittenDirection(int conntrackId, boolean reply) {}
