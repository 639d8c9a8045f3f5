package org.pinholed.agent.view;

/**
 * A difference between what the agent knows and what stands in the kernel.
 *
 * @param difference {@code orphan}, {@code missing}, {@code changed}, {@code parentGone} or {@code
 *     parentUnknown}
 * @param parentSerial serial of the parent, 8 hex digits; empty if nothing tells it
 * @param what the pinhole or the connection
 * @param explanation one sentence
 */
public record AuditRow(String difference, String parentSerial, String what, String explanation) {}
