package org.pinholed.agent.report;

import java.util.ArrayList;
import java.util.List;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.event.EventListener;

/** Keeps all events, and the records of the forwarded traffic for themselves. Thread-safe. */
public final class RecordedEvents implements EventListener {
  private final List<AgentEvent> events = new ArrayList<>();
  private final List<AgentEvent> traffic = new ArrayList<>();

  private Runnable whenTold = () -> {};

  @Override
  public synchronized void onEvent(AgentEvent event) {
    (event.kind().isTraffic() ? traffic : events).add(event);
    whenTold.run();
  }

  /**
   * Has something done at each event, in the moment at which it is told.
   *
   * @param what to do
   */
  public synchronized void whenTold(Runnable what) {
    whenTold = what;
  }

  /**
   * The records of children so far.
   *
   * @return a copy
   */
  public synchronized List<AgentEvent> traffic() {
    return List.copyOf(traffic);
  }

  /**
   * All events so far that are no records of children.
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
    traffic.clear();
  }
}
