package org.pinholed.agent.report;

import java.util.ArrayList;
import java.util.List;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.event.EventListener;

/** Keeps all events. Thread-safe. */
public final class RecordedEvents implements EventListener {
  private final List<AgentEvent> events = new ArrayList<>();

  @Override
  public synchronized void onEvent(AgentEvent event) {
    events.add(event);
  }

  /**
   * All events so far.
   *
   * @return a copy
   */
  public synchronized List<AgentEvent> all() {
    return List.copyOf(events);
  }

  /**
   * Kind and reason of all events so far.
   *
   * @return for example {@code created 227}
   */
  public synchronized List<String> words() {
    return events.stream().map(event -> event.kind().word() + " " + event.reason()).toList();
  }

  /** Forgets what was so far. */
  public synchronized void clear() {
    events.clear();
  }
}
