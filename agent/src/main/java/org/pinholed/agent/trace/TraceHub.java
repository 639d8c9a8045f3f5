package org.pinholed.agent.trace;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.pinholed.agent.view.AgentControl;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.TraceLine;

/** All running traces. Thread-safe; asking whether there is one costs a volatile read. */
public final class TraceHub {
  private final CopyOnWriteArrayList<Subscription> subscriptions = new CopyOnWriteArrayList<>();

  /**
   * Starts a trace.
   *
   * @param filter which packets
   * @param packets after how many packets it ends, 1 or more
   * @param lines takes the lines; must not block
   * @return the running trace
   */
  public AgentControl.Trace subscribe(
      ListingFilter filter, int packets, Consumer<TraceLine> lines) {
    Subscription subscription = new Subscription(filter, packets, lines);
    subscriptions.add(subscription);
    return subscription;
  }

  /**
   * Whether anybody looks.
   *
   * @return false almost always
   */
  boolean isActive() {
    return !subscriptions.isEmpty();
  }

  List<Subscription> subscriptions() {
    return subscriptions;
  }

  /** One trace; counts its packets itself, so that several workers share one budget. */
  final class Subscription implements AgentControl.Trace {
    private final ListingFilter filter;
    private final int packets;
    private final Consumer<TraceLine> lines;
    private final AtomicInteger seen = new AtomicInteger();
    private volatile boolean done;

    private Subscription(ListingFilter filter, int packets, Consumer<TraceLine> lines) {
      this.filter = filter;
      this.packets = packets;
      this.lines = lines;
    }

    ListingFilter filter() {
      return filter;
    }

    /**
     * Takes one packet from the budget.
     *
     * @return its number, or 0 if the budget is used up
     */
    int next() {
      int number = seen.incrementAndGet();
      return number <= packets ? number : 0;
    }

    void line(TraceLine line) {
      lines.accept(line);
    }

    /**
     * Says that all lines of a packet are out.
     *
     * @param number what {@link #next} gave
     */
    void packetDone(int number) {
      if (number >= packets) {
        done = true;
      }
    }

    @Override
    public boolean isDone() {
      return done;
    }

    @Override
    public void close() {
      subscriptions.remove(this);
    }
  }
}
