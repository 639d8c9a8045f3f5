package org.pinholed.agent.view;

/**
 * The state of one packet queue and of the worker that reads it.
 *
 * @param queue its number
 * @param packets control packets since start
 * @param parents parent flows that its worker reads
 * @param opaqueParents parent flows that its worker knows and no longer reads
 * @param held packets that the kernel holds for the worker now
 * @param dropped control packets that found it full, since start
 * @param userDropped control packets that found the receive buffer full, since start
 * @param turnMs how long the worker's duty cycle has been on its present turn, milliseconds; a
 *     worker that has nothing to do takes 250
 */
public record QueueReport(
    int queue,
    long packets,
    int parents,
    int opaqueParents,
    long held,
    long dropped,
    long userDropped,
    long turnMs) {}
