package org.pinholed.agent.view;

import java.util.List;
import java.util.Map;

/**
 * Events that the agent remembers.
 *
 * @param events each by the names of the fields of the event log, the oldest first
 * @param next what to ask for to get those behind them
 * @param lost how many came since what was asked for and are no longer remembered
 */
public record EventPage(List<Map<String, Object>> events, long next, long lost) {}
