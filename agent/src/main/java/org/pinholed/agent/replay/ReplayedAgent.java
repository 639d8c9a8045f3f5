package org.pinholed.agent.replay;

import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.config.HelperEntry;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.ExpectationHistory;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.expectation.PastExpectation;
import org.pinholed.agent.flow.HelperTable;
import org.pinholed.agent.flow.ParentOwners;
import org.pinholed.agent.lifecycle.KernelEvents;
import org.pinholed.agent.lifecycle.TcpTimeouts;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.agent.shared.SharedStates;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.trace.TraceHub;
import org.pinholed.agent.view.EndpointRow;
import org.pinholed.agent.worker.QueueWorker;
import org.pinholed.agent.worker.QueueWorkers;
import org.pinholed.agent.worker.WorkerOptions;
import org.pinholed.agent.worker.WorkerShared;
import org.pinholed.agent.worker.WorkerSockets;
import org.pinholed.helper.AddressText;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.Transport;

/**
 * An agent with one configuration that reads packets which were written down: its worker and what
 * the kernel tells it are those of the program, driven by hand on one thread; conntrack, pinholes
 * and time are in memory. What the rules of the table do in the kernel is done here: which packets
 * are diverted ({@code pinhole.nftables.Diversion}), and who gets the mark of a pinhole. Not
 * thread-safe.
 */
final class ReplayedAgent {
  private static final int FIN_SYN_RST_ACK = 0x17;

  /** More rounds at one packet would be a fault of ours; the rest is done at the next one. */
  private static final int MOST_ROUNDS = 10_000;

  private final Clock clock;
  private final MarkBits marks;
  private final HelperTable helpers;
  private final ExpectationHistory history;
  private final MemoryConntrack conntrack;
  private final MemoryPinholes pinholes;
  private final WrittenPacket queue;
  private final QueueWorker worker;
  private final KernelEvents kernelEvents;
  private final UncountedMetrics metrics = new UncountedMetrics();
  private final ReplayTotals totals = new ReplayTotals();
  private final MissingPinholes missing = new MissingPinholes();
  private final Consumer<Decision> decisions;
  private @Nullable ReplayedFlow diverted;
  private long number;

  /**
   * Makes an agent that has read nothing.
   *
   * @param config a checked configuration
   * @param protocols the protocols that can be read
   * @param clock the time of the capture
   * @param decisions told what it decides
   */
  ReplayedAgent(
      AgentConfig config,
      List<HelperProtocol> protocols,
      Clock clock,
      Consumer<Decision> decisions) {
    this.clock = clock;
    this.decisions = decisions;
    this.marks = config.marks();
    this.history = new ExpectationHistory(clock);
    AgentEvents events = new AgentEvents(this::onEvent, metrics, history, clock);
    this.helpers =
        new HelperTable(
            // what would be opened is the question, also of what is only observed
            config.helpers().stream()
                .map(entry -> entry.withMode(HelperEntry.Mode.ENFORCE))
                .toList(),
            protocols,
            config.limits().stream(),
            new SharedStates());
    ExpectationTable table = new ExpectationTable(config.limits());
    table.holders().setLeased(helpers.leased());
    table.setEntryLimits(helpers.entryLimits());
    this.conntrack =
        new MemoryConntrack(
            marks.stateMask(), clock, port -> helpers.find(Transport.TCP, port) != null);
    this.pinholes = new MemoryPinholes(clock);
    pinholes.install(helpers.ports(), helpers.leased());
    ParentOwners owners = new ParentOwners(config.limits());
    owners.setEntryLimits(helpers.entryLimits());
    this.queue = new WrittenPacket(this::confirmDiverted);
    PinholeBackend.Session session = pinholes.openSession();
    NoRoutes router = new NoRoutes();
    this.worker =
        new QueueWorker(
            new WorkerSockets(queue, conntrack, conntrack, router, router, session),
            // a capture does not tell by which device of the router a packet came
            new WorkerOptions(true, true, id -> true, marks, config.queues().lengthPackets()),
            helpers,
            new WorkerShared(table, owners, events, metrics, new TraceHub(), clock));
    this.kernelEvents =
        new KernelEvents(
            conntrack,
            conntrack,
            pinholes,
            pinholes.openSession(),
            table,
            new QueueWorkers(List.of(worker), owners),
            nowNs -> {}, // a capture has no devices
            TcpTimeouts.ofKernelDefaults(),
            helpers.shared(),
            marks,
            events,
            metrics,
            clock);
  }

  /**
   * Reads a packet.
   *
   * @param packet TCP or UDP, whole
   * @param lengthBytes from the IP header on
   * @param newNumber its number in the capture
   */
  void read(PacketView packet, int lengthBytes, long newNumber) {
    number = newNumber;
    ReplayedFlow flow = conntrack.track(packet);
    if (flow == null) {
      settle();
      return;
    }
    boolean begins = !flow.isConfirmed();
    if (begins) {
      count(flow);
    }
    if (flow.isNew()
        && (flow.mark() & marks.child()) == 0
        && !conntrack.isReply()
        && (!packet.isTcp() || (packet.tcpFlags() & FIN_SYN_RST_ACK) == PacketView.SYN)) {
      letIn(packet, flow);
    }
    if (isDiverted(packet, flow)) {
      diverted = flow;
      queue.put(packet.buffer(), packet.offset(), lengthBytes);
      worker.turn();
      diverted = null;
      if (queue.wasDropped()) {
        conntrack.forgetUnconfirmed(flow);
      }
    } else if (begins) {
      conntrack.confirm(flow);
    }
    settle();
  }

  private void confirmDiverted() {
    ReplayedFlow flow = diverted;
    if (flow != null) {
      conntrack.confirm(flow);
    }
  }

  /** The rules of the chains {@code pinholes} and {@code child}. */
  private void letIn(PacketView packet, ReplayedFlow flow) {
    Pinhole pinhole = pinholes.letIn(packet);
    if (pinhole != null) {
      flow.beginAnew(); // without a pinhole it would not have got this far
      conntrack.setMark(flow, pinhole.mark());
    } else if (!flow.isWanted() && !isControlFlow(flow)) {
      MissingPinholes.Why why = missing.of(packet, clock.epochMicros());
      if (why != null) {
        flow.want();
        totals.noteWithoutPinhole();
        decisions.accept(withoutPinhole(packet, why));
      }
    }
  }

  private Decision withoutPinhole(PacketView packet, MissingPinholes.Why why) {
    return new Decision(
        number,
        clock.epochMicros(),
        Decision.NO_PINHOLE,
        why.helper(),
        why.serial(),
        0,
        null,
        null,
        new EndpointRow(AddressText.of(packet.sourceAddress()), packet.sourcePort()),
        new EndpointRow(AddressText.of(packet.destinationAddress()), packet.destinationPort()),
        "",
        why.reason(),
        why.detail());
  }

  private boolean isControlFlow(ReplayedFlow flow) {
    return pinholes.isHelperPort(flow.protocol(), flow.serverPort());
  }

  private void count(ReplayedFlow flow) {
    if (!isControlFlow(flow)) {
      totals.otherFlow();
    } else {
      Transport transport = Transport.of(flow.protocol());
      HelperTable.ActiveHelper helper =
          transport == null ? null : helpers.find(transport, flow.serverPort());
      if (helper != null) {
        totals.controlFlow(helper.entry().name());
      }
    }
  }

  /** The rules of the chains {@code divert} and {@code begin}. */
  private boolean isDiverted(PacketView packet, ReplayedFlow flow) {
    int mark = flow.mark();
    boolean readChild = marks.isRead(mark);
    if (!readChild && ((mark & marks.child()) != 0 || !isControlFlow(flow))) {
      return false;
    }
    boolean hasPayload = packet.payloadLengthBytes() > 0;
    if (packet.has(PacketView.SYN)) {
      return packet.has(PacketView.ACK) ? synAck(flow) : hasPayload && synWithPayload(flow);
    }
    if ((mark & marks.opaque()) != 0) {
      return false;
    }
    return !packet.isTcp()
        || hasPayload
        || packet.has(PacketView.FIN)
        || packet.has(PacketView.RST);
  }

  private boolean synAck(ReplayedFlow flow) {
    int mark = flow.mark();
    if ((mark & (marks.opaque() | marks.proven())) == marks.proven()) {
      conntrack.setMark(flow, mark & ~marks.proven());
    }
    return true;
  }

  private boolean synWithPayload(ReplayedFlow flow) {
    int mark = flow.mark();
    if ((mark & (marks.vetted() | marks.opaque())) == marks.vetted()) {
      return true;
    }
    conntrack.setMark(flow, (mark & ~marks.vetted()) | marks.opaque() | marks.proven());
    return false;
  }

  /** What time brings. */
  void tick() {
    conntrack.expire();
    pinholes.expire();
    worker.turn(); // first: one that did not turn for long would pass for stuck
    kernelEvents.turn();
    settle();
  }

  /** Whether time can change anything. */
  boolean isBusy() {
    return conntrack.hasOurs() || !pinholes.isEmpty();
  }

  private void settle() {
    for (int round = 0; round < MOST_ROUNDS; round++) {
      boolean more = false;
      if (conntrack.hasEvents()) {
        kernelEvents.turn();
        more = true;
      }
      if (queue.takeWoken()) {
        worker.turn();
        more = true;
      }
      if (!more) {
        return;
      }
    }
  }

  private void onEvent(AgentEvent event) {
    if (event.kind().isTraffic()) {
      return; // nothing was decided, and nobody counts here
    }
    totals.add(event);
    missing.add(event);
    if (event.kind() == AgentEvent.Kind.REFUSED) {
      noteRefused(event);
    }
    decisions.accept(Decision.of(number, event));
  }

  private void noteRefused(AgentEvent event) {
    List<PastExpectation> refused = history.refused();
    PastExpectation last = refused.isEmpty() ? null : refused.get(refused.size() - 1);
    if (last != null && last.request() != null && last.reason().equals(event.reason())) {
      missing.refused(last.request().destination(), event);
    }
  }

  /** What became of all, as of now. */
  ReplayTotals totals() {
    totals.end(conntrack.invalid(), conntrack.evicted(), metrics.faults());
    return totals;
  }
}
