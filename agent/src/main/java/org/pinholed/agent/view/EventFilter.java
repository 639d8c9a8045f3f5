package org.pinholed.agent.view;

import java.util.Set;

/**
 * Which events are shown.
 *
 * @param rows by policy, helper, parent and ends
 * @param kinds words of the event log, for example {@code refused}; empty for all
 * @param sinceMicros the first moment, microseconds since 1970; 0 for all
 */
public record EventFilter(ListingFilter rows, Set<String> kinds, long sinceMicros) {
  /** Lets everything through. */
  public static final EventFilter ALL = new EventFilter(ListingFilter.ALL, Set.of(), 0);
}
