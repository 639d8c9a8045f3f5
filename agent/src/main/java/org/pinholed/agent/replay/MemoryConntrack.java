package org.pinholed.agent.replay;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.flow.FlowFinder;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.time.Clock;
import org.pinholed.kernel.conntrack.Conntrack;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.ConntrackEntry;
import org.pinholed.kernel.conntrack.ConntrackEventSource;
import org.pinholed.kernel.conntrack.ConntrackEvents;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.conntrack.DumpFilter;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.conntrack.SequenceAdjustment;
import org.pinholed.kernel.nfqueue.QueuedPacketView;

/**
 * The connections of a capture, as the kernel of a router that does not translate addresses would
 * keep them. Not thread-safe.
 *
 * <p>Bounded: when it is full, what is over goes, then what nobody of ours cares for and has been
 * silent longest.
 */
final class MemoryConntrack implements Conntrack, ConntrackEventSource, FlowFinder {
  /** What a router with a gigabyte keeps is twice that; the heap of a command is smaller. */
  static final int MOST_FLOWS = 131_072;

  private final Map<TupleKey, ReplayedFlow> flows = new HashMap<>();
  private final Set<ReplayedFlow> ours = new LinkedHashSet<>();
  private final ArrayDeque<Event> events = new ArrayDeque<>();
  private final TupleKey probe = new TupleKey();
  private final int stateMask;
  private final Clock clock;
  private final IntPredicate isServerPort;
  private int lastId;
  private boolean reply;
  private long invalid;
  private long evicted;

  private record Event(boolean begins, ConntrackEntry entry) {}

  /**
   * Makes an empty one.
   *
   * @param stateMask the bits of the mark that are ours: only of such flows it tells events
   * @param clock what time it is
   * @param isServerPort whether a TCP helper reads a port
   */
  MemoryConntrack(int stateMask, Clock clock, IntPredicate isServerPort) {
    this.isServerPort = isServerPort;
    this.stateMask = stateMask;
    this.clock = clock;
  }

  /**
   * Takes a packet as conntrack does at prerouting.
   *
   * @param packet TCP or UDP
   * @return its connection; null if it is invalid
   */
  @Nullable ReplayedFlow track(PacketView packet) {
    long nowNs = clock.nanoTime();
    boolean fromUpper = probe.set(packet);
    ReplayedFlow flow = flows.get(probe);
    if (flow != null && flow.isOver(nowNs)) {
      destroy(flow);
      flow = null;
    }
    if (flow != null) {
      reply = flow.isReply(fromUpper);
      switch (flow.next(packet, reply, nowNs)) {
        case VALID -> {
          return flow;
        }
        case INVALID -> {
          invalid++;
          return null;
        }
        case ANEW -> destroy(flow);
      }
    }
    boolean isAnswer = isAnswer(packet);
    ReplayedFlow begun = new ReplayedFlow(probe.copy(), fromUpper != isAnswer, ++lastId, nowNs);
    if (!begun.begin(packet, isAnswer, nowNs)) {
      invalid++;
      return null;
    }
    if (flows.size() >= MOST_FLOWS) {
      makeRoom(nowNs);
    }
    reply = isAnswer;
    flows.put(begun.key(), begun);
    return begun;
  }

  /**
   * Whether the first packet of a connection that is seen is one of its server: the capture began
   * behind the SYN, or in the middle. The kernel would take the server for the client then, and say
   * nothing.
   */
  private boolean isAnswer(PacketView packet) {
    if (!packet.isTcp() || packet.has(PacketView.SYN)) {
      return packet.has(PacketView.SYN | PacketView.ACK);
    }
    return isServerPort.test(packet.sourcePort()) && !isServerPort.test(packet.destinationPort());
  }

  /** Whether the packet that was tracked last is of the reply direction. */
  boolean isReply() {
    return reply;
  }

  /** The packet has left: from now on ctnetlink knows its connection. */
  void confirm(ReplayedFlow flow) {
    if (!flow.isConfirmed()) {
      flow.confirm();
      if ((flow.mark() & stateMask) != 0) {
        events.add(new Event(true, flow.entry(clock.nanoTime())));
      }
    }
  }

  /** Its first packet was dropped. */
  void forgetUnconfirmed(ReplayedFlow flow) {
    if (!flow.isConfirmed()) {
      flows.remove(flow.key(), flow);
      ours.remove(flow);
    }
  }

  /** Sets a whole mark, as a rule does. */
  void setMark(ReplayedFlow flow, int mark) {
    flow.setMark(mark);
    if ((mark & stateMask) != 0) {
      ours.add(flow);
    } else {
      ours.remove(flow);
    }
  }

  /** Ends those of ours whose time is over. Others end when somebody looks for them. */
  void expire() {
    long nowNs = clock.nanoTime();
    List<ReplayedFlow> over = null;
    for (ReplayedFlow flow : ours) {
      if (flow.isOver(nowNs)) {
        over = over == null ? new ArrayList<>() : over;
        over.add(flow);
      }
    }
    if (over != null) {
      over.forEach(this::destroy);
    }
  }

  private void destroy(ReplayedFlow flow) {
    flows.remove(flow.key(), flow);
    ours.remove(flow);
    if (flow.isConfirmed() && (flow.mark() & stateMask) != 0) {
      events.add(new Event(false, flow.entry(clock.nanoTime())));
    }
  }

  private void makeRoom(long nowNs) {
    expire();
    flows.values().removeIf(flow -> flow.isOver(nowNs) && !ours.contains(flow));
    for (long idleNs = 64_000_000_000L;
        flows.size() > MOST_FLOWS * 7 / 8 && idleNs > 0;
        idleNs /= 4) {
      long beforeNs = nowNs - idleNs;
      int before = flows.size();
      flows.values().removeIf(flow -> flow.lastNs() - beforeNs < 0 && !ours.contains(flow));
      evicted += before - flows.size();
    }
    Iterator<ReplayedFlow> any = new ArrayList<>(flows.values()).iterator();
    while (flows.size() > MOST_FLOWS * 7 / 8) {
      destroy(any.next());
      evicted++;
    }
  }

  boolean hasEvents() {
    return !events.isEmpty();
  }

  /** Whether anything of ours lives, which time can end. */
  boolean hasOurs() {
    return !ours.isEmpty();
  }

  /** Packets that conntrack takes for invalid: of no connection that it knows, or out of turn. */
  long invalid() {
    return invalid;
  }

  /** Connections that gave way to others because there were too many. */
  long evicted() {
    return evicted;
  }

  private @Nullable ReplayedFlow find(FlowTuple tuple) {
    probe.set(tuple);
    ReplayedFlow flow = flows.get(probe);
    return flow == null || flow.isOver(clock.nanoTime()) ? null : flow;
  }

  private @Nullable ReplayedFlow findConfirmed(FlowTuple tuple) {
    ReplayedFlow flow = find(tuple);
    return flow == null || !flow.isConfirmed() ? null : flow;
  }

  @Override
  public @Nullable Found find(PacketView packet, QueuedPacketView queued) {
    probe.set(packet);
    ReplayedFlow flow = flows.get(probe);
    if (flow == null) {
      return null;
    }
    return new Found(flow.entry(clock.nanoTime()), flow.isConfirmed());
  }

  @Override
  public Optional<ConntrackEntry> get(FlowTuple eitherDirection) {
    ReplayedFlow flow = findConfirmed(eitherDirection);
    return flow == null ? Optional.empty() : Optional.of(flow.entry(clock.nanoTime()));
  }

  @Override
  public List<ConntrackEntry> getEach(List<FlowTuple> eitherDirection) {
    List<ConntrackEntry> found = new ArrayList<>();
    for (FlowTuple tuple : eitherDirection) {
      get(tuple).ifPresent(found::add);
    }
    return found;
  }

  @Override
  public Optional<ConntrackEntry> get(ConntrackIdentity identity) {
    return get(identity.original()).filter(found -> found.identity().equals(identity));
  }

  @Override
  public boolean delete(FlowTuple original, int id) {
    ReplayedFlow flow = findConfirmed(original);
    if (flow == null || flow.id() != id) {
      return false;
    }
    destroy(flow);
    return true;
  }

  @Override
  public boolean delete(ConntrackIdentity identity) {
    return get(identity).isPresent() && delete(identity.original(), identity.id());
  }

  @Override
  public boolean setTimeout(ConntrackIdentity identity, int seconds) {
    ReplayedFlow flow = findConfirmed(identity.original());
    if (flow == null || !flow.identity().equals(identity)) {
      return false;
    }
    flow.keepUntil(clock.nanoTime() + seconds * 1_000_000_000L);
    return true;
  }

  @Override
  public boolean setMark(FlowTuple original, int mark, int mask) {
    ReplayedFlow flow = find(original);
    if (flow == null) {
      return false;
    }
    setMark(flow, (flow.mark() & ~mask) | (mark & mask));
    return true;
  }

  @Override
  public Optional<ConntrackClient.SequenceAdjustments> sequenceAdjustments(
      FlowTuple original, int id) {
    return Optional.empty(); // nothing is translated
  }

  @Override
  public boolean removeHelper(FlowTuple original) {
    return find(original) != null; // none has a helper
  }

  @Override
  public boolean setSequenceAdjustment(
      FlowTuple original, boolean ofReply, SequenceAdjustment adjustment, boolean exempt) {
    return find(original) != null;
  }

  @Override
  public void dump(DumpFilter filter, Consumer<ConntrackEntry> each) {
    long nowNs = clock.nanoTime();
    for (ReplayedFlow flow : List.copyOf(filter.mask() == 0 ? flows.values() : ours)) {
      if (flow.isConfirmed()
          && !flow.isOver(nowNs)
          && ((flow.mark() ^ filter.mark()) & filter.mask()) == 0) {
        each.accept(flow.entry(nowNs));
      }
    }
  }

  @Override
  public int receive(ConntrackEvents.Handler handler) {
    int count = 0;
    for (Event event = events.poll(); event != null; event = events.poll()) {
      count++;
      if (event.begins()) {
        handler.onNew(event.entry());
      } else {
        handler.onDestroy(event.entry());
      }
    }
    return count;
  }

  @Override
  public boolean isDrained() {
    return events.isEmpty();
  }
}
