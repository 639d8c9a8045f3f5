package org.pinholed.agent.event;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.MemoryNeed;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.view.EventFilter;
import org.pinholed.agent.view.EventPage;

/**
 * Remembers the last events for whoever asks afterwards, and passes each one on.
 *
 * <p>Bounded: {@value MemoryNeed#REMEMBERED_EVENTS} of at most {@value
 * MemoryNeed#REMEMBERED_EVENT_BYTES} bytes. What strangers can cause comes through {@link
 * SampledEvents}, so it cannot push out the rest at will. An event is kept as it came, and turned
 * into text only when somebody asks.
 *
 * <p>Thread-safe, by a lock that is held for one insertion or for the copy of what is kept.
 */
public final class EventRing implements EventListener {
  private final EventListener next;
  private final @Nullable AgentEvent[] events;
  private long added;
  private long lastDroppedMicros = Long.MIN_VALUE;

  /**
   * Makes an empty one.
   *
   * @param next takes each event, too
   */
  public EventRing(EventListener next) {
    this(next, MemoryNeed.REMEMBERED_EVENTS);
  }

  EventRing(EventListener next, int most) {
    this.next = next;
    this.events = new AgentEvent[most];
  }

  @Override
  public void onEvent(AgentEvent event) {
    synchronized (this) {
      int place = (int) (added++ % events.length);
      AgentEvent dropped = events[place];
      if (dropped != null) {
        lastDroppedMicros = Math.max(lastDroppedMicros, dropped.epochMicros());
      }
      events[place] = event;
      notifyAll();
    }
    if (next.isListening()) {
      next.onEvent(event);
    }
  }

  @Override
  public void tick(long nowNs) {
    next.tick(nowNs);
  }

  /**
   * What is remembered.
   *
   * @return a copy, the oldest first
   */
  public List<AgentEvent> all() {
    List<AgentEvent> all = new ArrayList<>();
    copy(0, all::add);
    return all;
  }

  /**
   * A part of it.
   *
   * @param filter what is wanted
   * @param after {@link EventPage#next} of the page before; 0 for all
   * @param waitMs how long to wait if nothing came behind that, in milliseconds
   * @return the events behind that
   * @throws InterruptedException if the thread is interrupted while it waits
   */
  public EventPage page(EventFilter filter, long after, long waitMs) throws InterruptedException {
    List<AgentEvent> behind = new ArrayList<>();
    long upTo;
    long lost;
    synchronized (this) {
      long endNs = Clock.SYSTEM.nanoTime() + TimeUnit.MILLISECONDS.toNanos(waitMs);
      long leftMs = waitMs;
      while (added <= after && leftMs > 0) {
        wait(leftMs);
        leftMs = TimeUnit.NANOSECONDS.toMillis(endNs - Clock.SYSTEM.nanoTime());
      }
      upTo = added;
      long oldest = Math.max(0, added - events.length);
      // What was dropped before the time that is asked for is not missed.
      boolean missed = after > 0 || filter.sinceMicros() <= lastDroppedMicros;
      lost = missed ? Math.max(0, oldest - after) : 0;
      copy(after, behind::add);
    }
    List<Map<String, Object>> wanted = new ArrayList<>();
    for (AgentEvent event : behind) {
      if (event.epochMicros() >= filter.sinceMicros()
          && (filter.kinds().isEmpty() || filter.kinds().contains(event.kind().word()))
          && filter
              .rows()
              .matches(
                  event.policyId(),
                  event.helper(),
                  event.serial(),
                  event.client(),
                  event.server(),
                  event.source(),
                  event.destination())) {
        wanted.add(EventFields.of(event));
      }
    }
    return new EventPage(wanted, upTo, lost);
  }

  private synchronized void copy(long after, Consumer<AgentEvent> into) {
    for (long at = Math.max(after, added - events.length); at < added; at++) {
      AgentEvent event = at < 0 ? null : events[(int) (at % events.length)];
      if (event != null) {
        into.accept(event);
      }
    }
  }
}
