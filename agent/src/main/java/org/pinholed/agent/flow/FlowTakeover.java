package org.pinholed.agent.flow;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.limit.Limit;
import org.pinholed.agent.metrics.AgentMetrics;
import org.pinholed.agent.nat.TranslatedFlow;
import org.pinholed.agent.time.Clock;
import org.pinholed.helper.Direction;
import org.pinholed.kernel.conntrack.Conntrack;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.netlink.NetlinkException;

/**
 * Takes over the flows of an agent before this one, at the start. For the worker's thread, or
 * before that runs.
 */
public final class FlowTakeover {
  private final FlowMaker maker;
  private final WorkerFlows flows;
  private final Conntrack conntrack;
  private final ParentOwners owners;
  private final FlowMarks marks;
  private final LongWork longWork;
  private final AgentMetrics metrics;
  private final Clock clock;

  /** Flows that are not to be read; the kernel is told later. */
  private final Map<ConntrackIdentity, ConntrackEntry> toDistrust = new LinkedHashMap<>();

  /**
   * Makes it.
   *
   * @param maker makes the flows
   * @param flows gets them
   * @param conntrack the worker's own way to conntrack
   * @param owners has the half-open ones, shared
   * @param marks writes what is known of a flow into its conntrack mark
   * @param longWork does what is too much for one turn
   * @param metrics counters, shared
   * @param clock what time it is
   */
  public FlowTakeover(
      FlowMaker maker,
      WorkerFlows flows,
      Conntrack conntrack,
      ParentOwners owners,
      FlowMarks marks,
      LongWork longWork,
      AgentMetrics metrics,
      Clock clock) {
    this.clock = clock;
    this.maker = maker;
    this.flows = flows;
    this.conntrack = conntrack;
    this.owners = owners;
    this.marks = marks;
    this.longWork = longWork;
    this.metrics = metrics;
  }

  /**
   * Takes over a parent that an agent before this one vetted. If that one handed its state over,
   * reading goes on at the very next byte; else at the next line, but only if the flow is proven.
   * What can neither be restored nor resumed is untrusted until it begins anew. On the worker's
   * thread, or before that runs.
   *
   * <p>Asks nothing of the kernel: there may be very many, and packets wait.
   *
   * @param left what was found of it
   * @return the flow; null if it is ending or untrusted, has not sent a byte yet, no helper of
   *     today reads it, or there are too many
   */
  public @Nullable Flow takeOver(LeftFlow left) {
    ConntrackEntry entry = left.entry();
    FlowMaker.Reader reader = maker.readerOf(entry);
    long nowNs = clock.nanoTime();
    if (reader != null && entry.isAlive() && marks.isOpaque(entry)) {
      return takeOverUnread(entry, reader, nowNs);
    }
    if (reader == null || !left.mayGoOn() || entry.hasForeignHelper()) {
      distrustLater(entry);
      return null;
    }
    HalfOpenFlows.Beginning beginning = left.beginning();
    if (beginning != null) {
      for (int lost = owners.halfOpen().restore(entry, beginning); lost > 0; lost--) {
        metrics.limit(Limit.HALF_OPEN);
      }
      return null;
    }
    FlowState state = left.state();
    if (state != null) {
      PacketWay way =
          new PacketWay(Direction.ORIGINAL, state.towardsClient(), state.towardsServer());
      Flow flow = maker.read(entry, reader, state.origin(), way, nowNs);
      noteAnswered(flow);
      inheritTranslation(flow, left);
      if (flow.restore(state)) {
        if (marks.isResumable(entry)) {
          flow.prove();
        }
        return addOrDistrustLater(flow);
      }
      flow.close();
    }
    if (marks.isResumable(entry)) {
      Flow flow = maker.resumed(entry, reader, PacketWay.UNKNOWN, nowNs);
      noteAnswered(flow);
      inheritTranslation(flow, left);
      return addOrDistrustLater(flow);
    }
    distrustLater(entry);
    return null;
  }

  private static void noteAnswered(Flow flow) {
    if ((flow.entry().status() & ConntrackEntry.IPS_SEEN_REPLY) != 0) {
      flow.parent().answered();
    }
  }

  private static void inheritTranslation(Flow flow, LeftFlow left) {
    TranslatedFlow translation = flow.translation();
    ConntrackClient.SequenceAdjustments adjustments = left.adjustments();
    if (translation != null && adjustments != null) {
      translation.inherit(adjustments);
    }
  }

  private @Nullable Flow addOrDistrustLater(Flow flow) {
    if (flows.add(flow)) {
      return flow;
    }
    distrustLater(flow.entry());
    return null;
  }

  /** There may be very many at the start, and packets wait. */
  private void distrustLater(ConntrackEntry entry) {
    if (toDistrust.isEmpty()) {
      longWork.add(this::distrustSome);
    }
    toDistrust.put(entry.identity(), entry);
  }

  private boolean distrustSome() {
    Iterator<ConntrackEntry> next = toDistrust.values().iterator();
    for (int requests = 0; requests < LongWork.REQUESTS_A_TURN / 2 && next.hasNext(); ) {
      ConntrackEntry entry = next.next();
      next.remove();
      requests += 2;
      try {
        // Asked first: the tuple may be another connection's by now, or begin one with data.
        Optional<ConntrackEntry> now = conntrack.get(entry.identity());
        if (now.isPresent() && !marks.isBegunUnseen(now.get())) {
          leave(now.get());
        }
      } catch (NetlinkException e) {
        marks.failed(e);
      }
    }
    return !toDistrust.isEmpty();
  }

  /**
   * What could not be read before, or is a kernel helper's, is not to be read by a later one
   * either; nor a child, of which nobody knows any more what announced it.
   */
  private void leave(ConntrackEntry entry) {
    if (marks.isOpaque(entry) || marks.isChild(entry) || entry.hasForeignHelper()) {
      marks.distrust(entry);
    } else {
      marks.leaveUnread(entry);
    }
  }

  /**
   * Takes a conntrack out of those that are not to be believed and of which the kernel was not told
   * yet: the caller tells it, or another connection begins.
   *
   * @param entry a conntrack
   * @return whether it was one of them
   */
  boolean takeDistrusted(ConntrackEntry entry) {
    return !toDistrust.isEmpty() && toDistrust.remove(entry.identity()) != null;
  }

  private @Nullable Flow takeOverUnread(ConntrackEntry entry, FlowMaker.Reader reader, long nowNs) {
    Flow flow = maker.unread(entry, reader, nowNs);
    if (!flows.add(flow)) {
      return null;
    }
    flows.keepUnread(flow, AgentReason.OPAQUE_BEFORE);
    return flow;
  }
}
