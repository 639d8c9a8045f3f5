package org.pinholed.agent.trace;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.view.ListingFilter;
import org.pinholed.agent.view.TraceLine;
import org.pinholed.helper.Endpoint;

/**
 * The trace of one worker: collects the lines of the packet that is being read for those traces
 * that want it. While {@link #isOn()} is false no text is made. Not thread-safe.
 */
public final class Tracer {
  /** What a flow has that is not known. */
  private static final int NO_POLICY = -1;

  private final TraceHub hub;
  private final List<TraceHub.Subscription> wanting = new ArrayList<>();
  private final List<Integer> numbers = new ArrayList<>();
  private final Clock clock;
  private String serial = "-";
  private String helper = "";

  /**
   * Makes the tracer of one worker.
   *
   * @param hub the running traces
   * @param clock what time it is
   */
  public Tracer(TraceHub hub, Clock clock) {
    this.clock = clock;
    this.hub = hub;
  }

  /**
   * Begins a packet.
   *
   * @param packet the packet
   * @param parent its flow, null if it is not known
   */
  public void begin(PacketView packet, @Nullable Parent parent) {
    end();
    if (!hub.isActive()) {
      return;
    }
    serial = parent == null ? "-" : parent.serial();
    helper = parent == null ? "" : parent.helper();
    for (TraceHub.Subscription subscription : hub.subscriptions()) {
      if (!subscription.isDone() && wants(subscription.filter(), packet, parent)) {
        int number = subscription.next();
        if (number > 0) {
          wanting.add(subscription);
          numbers.add(number);
        }
      }
    }
  }

  /**
   * Whether there is a trace at all, so that it is worth while to begin a packet that was kept.
   *
   * @return false almost always
   */
  public boolean isWanted() {
    return hub.isActive();
  }

  /**
   * Whether anybody wants lines of this packet.
   *
   * @return false almost always; then no text should be made
   */
  public boolean isOn() {
    return !wanting.isEmpty();
  }

  /**
   * Adds a line.
   *
   * @param step what it is about, a word of {@link TraceLine}
   * @param text plain ASCII
   */
  public void line(String step, String text) {
    String time = Instant.EPOCH.plus(clock.epochMicros(), ChronoUnit.MICROS).toString();
    for (int i = 0; i < wanting.size(); i++) {
      wanting.get(i).line(new TraceLine(time, numbers.get(i), serial, helper, step, text));
    }
  }

  /**
   * Adds the line that says what came.
   *
   * @param packet a readable packet
   */
  public void received(PacketView packet) {
    line(
        "received",
        (packet.isTcp() ? "TCP " : "UDP ")
            + new Endpoint(packet.sourceAddress(), packet.sourcePort())
            + " -> "
            + new Endpoint(packet.destinationAddress(), packet.destinationPort())
            + (packet.has(PacketView.SYN) ? " SYN" : "")
            + (packet.has(PacketView.ACK) ? " ACK" : "")
            + (packet.has(PacketView.FIN) ? " FIN" : "")
            + (packet.has(PacketView.RST) ? " RST" : "")
            + (packet.isTcp() ? " seq " + Integer.toUnsignedString(packet.sequence()) : "")
            + ", "
            + packet.payloadLengthBytes()
            + " bytes of payload");
  }

  /** Ends the packet. */
  public void end() {
    if (wanting.isEmpty()) {
      return;
    }
    for (int i = 0; i < wanting.size(); i++) {
      wanting.get(i).packetDone(numbers.get(i));
    }
    wanting.clear();
    numbers.clear();
  }

  private static boolean wants(ListingFilter filter, PacketView packet, @Nullable Parent parent) {
    return filter.matches(
        parent == null ? NO_POLICY : parent.policyId(),
        parent == null ? "" : parent.helper(),
        parent == null ? "" : parent.serial(),
        new Endpoint(packet.sourceAddress(), packet.sourcePort()),
        new Endpoint(packet.destinationAddress(), packet.destinationPort()));
  }
}
