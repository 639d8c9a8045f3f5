package org.pinholed.agent.worker;

import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.flow.ParentOwners;
import org.pinholed.agent.metrics.AgentMetrics;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.trace.TraceHub;

/**
 * What all workers of an agent share. Thread-safe.
 *
 * @param table the expectation table
 * @param owners who reads which parent
 * @param events log and counters
 * @param metrics counters
 * @param traces running traces
 * @param clock what time it is
 */
public record WorkerShared(
    ExpectationTable table,
    ParentOwners owners,
    AgentEvents events,
    AgentMetrics metrics,
    TraceHub traces,
    Clock clock) {}
