package org.pinholed.agent.event;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.pace.Pace;
import org.pinholed.helper.Endpoint;

/**
 * Keeps what strangers can cause at will from filling the event log (5 bytes of a refused line make
 * an event of 270). Of each flow and reason the first is told at once, then one a minute with the
 * number of the others. Above that there is a budget in all: what exceeds it is told once a minute
 * by reason, without the flows. What happens to expectations passes as it comes.
 *
 * <p>Thread-safe. Only events of the first kind take the lock. What it remembers is bounded:
 * {@value #MOST_FLOWS} pairs of flow and reason, and {@value #MOST_REASONS} reasons.
 */
public final class SampledEvents implements EventListener {
  /** Pairs of flow and reason that are remembered at a time. */
  static final int MOST_FLOWS = 1024;

  /** Reasons that are remembered at a time for the flows beyond. */
  static final int MOST_REASONS = 128;

  /** Events that are told at once after a quiet time. */
  static final int BURST = 256;

  /** And how many a second after that. */
  static final int A_SECOND = 8;

  private static final long REFILL_NS = 1_000_000_000L / A_SECOND;

  private final EventListener log;
  private final LongSupplier nanoTime;

  /** In the order in which they were told last. */
  private final Map<OfFlow, Told> flows = new LinkedHashMap<>();

  private final Map<OfReason, Others> others = new LinkedHashMap<>();
  private final Pace othersPace = new Pace();
  private int budget = BURST;
  private long refilledNs;

  /** What is alike in one flow. A conntrack id alone may be that of two flows. */
  private record OfFlow(
      AgentEvent.Kind kind, String serial, @Nullable Endpoint client, String reason) {}

  /** What is alike in all flows. */
  private record OfReason(AgentEvent.Kind kind, String helper, String reason) {}

  private static final class Told {
    private final Pace pace = new Pace();
    private AgentEvent last;

    private Told(AgentEvent last) {
      this.last = last;
    }
  }

  private static final class Others {
    private long count;
    private long lastMicros;
  }

  /**
   * Makes one in front of a log.
   *
   * @param log takes what is told
   * @param nanoTime what time it is, as {@link org.pinholed.agent.time.Clock#nanoTime}
   */
  public SampledEvents(EventListener log, LongSupplier nanoTime) {
    this.log = log;
    this.nanoTime = nanoTime;
    this.refilledNs = nanoTime.getAsLong();
  }

  @Override
  public void onEvent(AgentEvent event) {
    if (event.kind().isSampled()) {
      sampled(event);
    } else {
      log.onEvent(event);
    }
  }

  @Override
  public boolean isListening() {
    return log.isListening();
  }

  private synchronized void sampled(AgentEvent event) {
    long nowNs = nanoTime.getAsLong();
    OfFlow key = new OfFlow(event.kind(), event.serial(), event.client(), event.reason());
    Told told = flows.get(key);
    if (told == null) {
      first(key, event, nowNs);
      return;
    }
    told.last = event;
    long left = told.pace.next(nowNs);
    if (left != Pace.NOT_NOW) {
      toTheEnd(key, told);
      log.onEvent(event.withMore(left));
    }
  }

  private void first(OfFlow key, AgentEvent event, long nowNs) {
    if (flows.size() >= MOST_FLOWS || !takeFromBudget(nowNs)) {
      countAmongOthers(event);
      return;
    }
    Told told = new Told(event);
    told.pace.next(nowNs);
    flows.put(key, told);
    log.onEvent(event);
  }

  private void toTheEnd(OfFlow key, Told told) {
    flows.remove(key);
    flows.put(key, told);
  }

  private boolean takeFromBudget(long nowNs) {
    long refill = (nowNs - refilledNs) / REFILL_NS;
    if (refill > 0) {
      budget = (int) Math.min(BURST, budget + refill);
      refilledNs += refill * REFILL_NS;
    }
    if (budget == 0) {
      return false;
    }
    budget--;
    return true;
  }

  private void countAmongOthers(AgentEvent event) {
    OfReason key = new OfReason(event.kind(), event.helper(), event.reason());
    if (!others.containsKey(key) && others.size() >= MOST_REASONS) {
      key = new OfReason(event.kind(), "", "other");
    }
    Others count = others.computeIfAbsent(key, each -> new Others());
    count.count++;
    count.lastMicros = event.epochMicros();
  }

  /** Tells what was counted and is due, and forgets what is quiet. */
  @Override
  public synchronized void tick(long nowNs) {
    int known = flows.size();
    for (int i = 0; i < known; i++) {
      Iterator<Map.Entry<OfFlow, Told>> oldest = flows.entrySet().iterator();
      Map.Entry<OfFlow, Told> entry = oldest.next();
      Told told = entry.getValue();
      if (!told.pace.isOver(nowNs)) {
        break; // the ones behind it were told later
      }
      long left = told.pace.takeLeft(nowNs);
      if (left == 0) {
        oldest.remove();
      } else {
        toTheEnd(entry.getKey(), told);
        log.onEvent(told.last.withMore(left - 1));
      }
    }
    if (!others.isEmpty() && othersPace.next(nowNs) != Pace.NOT_NOW) {
      others.forEach(this::tellOthers);
      others.clear();
    }
  }

  private void tellOthers(OfReason key, Others count) {
    log.onEvent(
        new AgentEvent(
            count.lastMicros,
            key.kind(),
            key.helper(),
            0,
            "",
            null,
            0,
            null,
            null,
            null,
            null,
            "",
            key.reason(),
            "of other flows, too many to tell one by one",
            count.count));
  }
}
