package org.pinholed.agent.lifecycle;

import java.net.InetAddress;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.event.ChildTraffic;
import org.pinholed.agent.expectation.Children;
import org.pinholed.agent.expectation.Expectation;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.agent.report.ChildOrigin;
import org.pinholed.agent.time.Clock;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.Transport;
import org.pinholed.helper.Words;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.conntrack.FlowTuple;

/**
 * The records of the forwarded traffic: one when a child begins and one when it ends, with what the
 * kernel counted. They go to whoever takes events, in the order of the decisions that let the
 * children in.
 *
 * <p>Bounded: of {@value Children#MOST} children at a time it keeps what announced them and when
 * they began. The end of one beyond, or of one that an earlier agent let in, is told too; its
 * parent is named then if only one can have announced it. Nothing is kept if nobody takes events.
 * Owned by the lifecycle thread.
 */
final class ChildRecords {
  private final Map<ConntrackIdentity, Began> living = new HashMap<>();
  private final AgentEvents events;
  private final Clock clock;

  /**
   * What is known of a child since it began.
   *
   * @param pinhole what may be cut with its children; null where an expectation is over once its
   *     child came
   */
  private record Began(ChildOrigin of, @Nullable Expectation pinhole, long micros, long ns) {
    boolean isCut() {
      return pinhole != null && pinhole.isCut();
    }
  }

  ChildRecords(AgentEvents events, Clock clock) {
    this.events = events;
    this.clock = clock;
  }

  /**
   * A child came.
   *
   * @param child as it began
   * @param identity which conntrack it is
   * @param expectation what let it in; null if nobody waits for it (any more)
   */
  void began(ConntrackEntry child, ConntrackIdentity identity, @Nullable Expectation expectation) {
    if (!events.isListening() || living.containsKey(identity)) {
      return;
    }
    ChildOrigin of = expectation == null ? ChildOrigin.UNKNOWN : ChildOrigin.of(expectation);
    if (living.size() < Children.MOST) {
      Expectation pinhole = expectation;
      if (expectation != null && expectation.isOverWithItsChild()) {
        pinhole = null; // thousands of them may wait for the end of their conntrack
      }
      living.put(identity, new Began(of, pinhole, clock.epochMicros(), clock.nanoTime()));
    }
    events.traffic(
        AgentEvent.Kind.CHILD_BEGAN,
        of,
        identity,
        expectation == null ? "" : expectation.request().cause().word(),
        "",
        traffic(identity, 0, -1, null, null));
  }

  /**
   * A child ended.
   *
   * @param last as it was last
   * @param identity which conntrack it was
   * @param perhaps the parents that may have announced it, for one that is not known
   */
  void ended(ConntrackEntry last, ConntrackIdentity identity, List<Parent> perhaps) {
    if (!events.isListening()) {
      return;
    }
    Began began = living.remove(identity);
    ChildEnd why = ChildEnd.of(last, began != null && began.isCut());
    boolean counted = last.originalBytes() >= 0 && last.replyBytes() >= 0;
    end(
        identity,
        began,
        perhaps,
        why,
        counted ? new ChildTraffic.Count(last.originalPackets(), last.originalBytes()) : null,
        counted ? new ChildTraffic.Count(last.replyPackets(), last.replyBytes()) : null);
  }

  /**
   * Some may have ended without a word.
   *
   * @param alive those that the kernel has
   */
  void keepOnly(Set<ConntrackIdentity> alive) {
    Iterator<Map.Entry<ConntrackIdentity, Began>> all = living.entrySet().iterator();
    while (all.hasNext()) {
      Map.Entry<ConntrackIdentity, Began> each = all.next();
      if (!alive.contains(each.getKey())) {
        all.remove();
        end(each.getKey(), each.getValue(), List.of(), ChildEnd.UNTOLD, null, null);
      }
    }
  }

  private void end(
      ConntrackIdentity child,
      @Nullable Began began,
      List<Parent> perhaps,
      ChildEnd why,
      ChildTraffic.@Nullable Count sent,
      ChildTraffic.@Nullable Count received) {
    ChildOrigin of = ChildOrigin.UNKNOWN;
    long beganMicros = 0;
    long lastedMillis = -1;
    if (began != null) {
      of = began.of();
      beganMicros = began.micros();
      lastedMillis = Math.max(0, (clock.nanoTime() - began.ns()) / 1_000_000L);
    } else if (perhaps.size() == 1) {
      of = new ChildOrigin(perhaps.get(0), 0, "");
    }
    events.traffic(
        AgentEvent.Kind.CHILD_ENDED,
        of,
        child,
        why.word(),
        why.explanation(),
        traffic(child, beganMicros, lastedMillis, sent, received));
  }

  private static ChildTraffic traffic(
      ConntrackIdentity child,
      long beganMicros,
      long lastedMillis,
      ChildTraffic.@Nullable Count sent,
      ChildTraffic.@Nullable Count received) {
    FlowTuple first = child.original();
    FlowTuple left = child.reply().inverse();
    Transport transport = Transport.of(first.protocol());
    return new ChildTraffic(
        transport == null ? "" : Words.lowerCamel(transport.name()),
        changed(first.source(), first.sourcePort(), left.source(), left.sourcePort()),
        changed(
            first.destination(),
            first.destinationPort(),
            left.destination(),
            left.destinationPort()),
        beganMicros,
        lastedMillis,
        sent,
        received);
  }

  private static @Nullable Endpoint changed(
      InetAddress before, int portBefore, InetAddress after, int portAfter) {
    return before.equals(after) && portBefore == portAfter ? null : new Endpoint(after, portAfter);
  }
}
