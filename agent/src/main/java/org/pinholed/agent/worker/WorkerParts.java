package org.pinholed.agent.worker;

import org.pinholed.agent.announce.LivingChildren;
import org.pinholed.agent.announce.LocalPorts;
import org.pinholed.agent.announce.MessageEdits;
import org.pinholed.agent.announce.OutcomeTrace;
import org.pinholed.agent.announce.Outcomes;
import org.pinholed.agent.announce.PinholeTransaction;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.agent.expectation.ExpectationTable;
import org.pinholed.agent.flow.DatagramBeginnings;
import org.pinholed.agent.flow.FlowBeginnings;
import org.pinholed.agent.flow.FlowFinder;
import org.pinholed.agent.flow.FlowMaker;
import org.pinholed.agent.flow.FlowMarks;
import org.pinholed.agent.flow.FlowOwner;
import org.pinholed.agent.flow.FlowTakeover;
import org.pinholed.agent.flow.HelperTable;
import org.pinholed.agent.flow.LongWork;
import org.pinholed.agent.flow.NetworkDevices;
import org.pinholed.agent.flow.ParentChecks;
import org.pinholed.agent.flow.ParentLookup;
import org.pinholed.agent.flow.ParentOwners;
import org.pinholed.agent.flow.WorkerFlows;
import org.pinholed.agent.metrics.AgentMetrics;
import org.pinholed.agent.pace.SampledLog;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.packet.UnreadableReason;
import org.pinholed.agent.path.DatagramRewrites;
import org.pinholed.agent.path.EditsByTransport;
import org.pinholed.agent.path.HeldMessages;
import org.pinholed.agent.path.PacketPath;
import org.pinholed.agent.path.ReversePath;
import org.pinholed.agent.path.Rewrites;
import org.pinholed.agent.path.TcpPath;
import org.pinholed.agent.path.UdpPath;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.agent.time.Clock;
import org.pinholed.agent.trace.Tracer;
import org.pinholed.kernel.conntrack.Conntrack;
import org.pinholed.kernel.nfqueue.QueuedPacketView;
import org.pinholed.kernel.route.Routes;

/**
 * Everything that a packet meets on its way through one worker, put together once for each queue.
 * What happens there is in the classes that are put together here. For the worker's thread only,
 * where nothing else is said.
 */
final class WorkerParts {
  private final PacketView packet = new PacketView();
  private final AgentMetrics metrics;
  private final Tracer tracer;
  private final LivingChildren children;
  private final Outcomes outcomes;
  private final WorkerFlows flows;
  private final FlowMaker maker;
  private final FlowTakeover takeover;
  private final ParentChecks checks;
  private final BatchVerdicts verdicts;
  private final ReversePath reversePath;
  private final HeldMessages heldMessages;
  private final DatagramBeginnings datagrams;
  private final PacketPath tcp;
  private final PacketPath udp;

  /**
   * Puts it together.
   *
   * @param owner whose flows it has
   * @param sockets its own ways to the kernel
   * @param options how it reads
   * @param helpers the helpers in force
   * @param shared what all workers share
   * @param longWork gets what is too much for one turn
   * @param faults says what went wrong with us
   */
  WorkerParts(
      FlowOwner owner,
      WorkerSockets sockets,
      WorkerOptions options,
      HelperTable helpers,
      WorkerShared shared,
      LongWork longWork,
      SampledLog faults) {
    Conntrack conntrack = sockets.conntrack();
    FlowFinder finder = sockets.finder();
    Routes routes = sockets.routes();
    ExpectationTable table = shared.table();
    ParentOwners owners = shared.owners();
    MarkBits marks = options.marks();
    AgentEvents events = shared.events();
    Clock clock = shared.clock();
    this.metrics = shared.metrics();
    this.tracer = new Tracer(shared.traces(), clock);
    this.children = new LivingChildren(conntrack);
    NetworkDevices devices = new NetworkDevices(routes::device, clock);
    this.reversePath =
        new ReversePath(options.asymmetricRouting(), routes::leadsTo, devices, events, metrics);
    Rewrites rewrites = new Rewrites(conntrack, packet);
    FlowMarks flowMarks = new FlowMarks(conntrack, marks, events);
    ParentLookup lookup = new ParentLookup(conntrack, flowMarks);
    DatagramRewrites datagramRewrites = new DatagramRewrites(lookup, packet, devices);
    MessageEdits edits = new EditsByTransport(rewrites, datagramRewrites);
    OutcomeTrace outcomeTrace = new OutcomeTrace(tracer);
    PinholeTransaction pinholes =
        new PinholeTransaction(
            table, sockets.pinholes(), events, metrics, outcomeTrace, children, clock);
    this.outcomes =
        new Outcomes(
            table,
            pinholes,
            events,
            marks,
            flowMarks,
            outcomeTrace,
            edits,
            children,
            new LocalPorts(sockets.ports(), clock),
            clock);
    this.verdicts = new BatchVerdicts(sockets.queue(), pinholes, metrics, faults, clock);
    this.flows = new WorkerFlows(owner, outcomes, owners, flowMarks, events, clock);
    this.maker =
        new FlowMaker(
            owner,
            flows,
            helpers,
            owners,
            marks,
            devices,
            table.matcher()::announcing,
            options.readsTranslated());
    outcomes.refuseHelperPorts((transport, port) -> maker.helpers().find(transport, port) != null);
    this.takeover =
        new FlowTakeover(maker, flows, conntrack, owners, flowMarks, longWork, metrics, clock);
    FlowBeginnings beginnings =
        new FlowBeginnings(
            owner, maker, takeover, flows, finder, conntrack, owners, flowMarks, events, metrics);
    this.checks = new ParentChecks(flows, conntrack, flowMarks, longWork, events, clock);
    this.heldMessages =
        new HeldMessages(
            packet,
            verdicts,
            rewrites,
            outcomes,
            pinholes,
            events,
            metrics,
            tracer,
            options.mostHeldPackets());
    flows.setHeldPackets(heldMessages);
    this.tcp =
        new TcpPath(
            packet,
            verdicts,
            flows,
            beginnings,
            reversePath,
            outcomes,
            rewrites,
            heldMessages,
            pinholes,
            events,
            metrics,
            tracer);
    this.datagrams =
        new DatagramBeginnings(
            owner,
            maker,
            flows,
            finder,
            conntrack,
            lookup,
            options.mine(),
            flowMarks,
            events,
            metrics);
    this.udp =
        new UdpPath(
            packet,
            verdicts,
            flows,
            datagrams,
            lookup,
            reversePath,
            outcomes,
            datagramRewrites,
            pinholes,
            events,
            metrics,
            tracer);
  }

  /**
   * Takes the packet that {@link #verdicts} holds to the path of its transport.
   *
   * @param queued the packet
   */
  void read(QueuedPacketView queued) {
    try {
      UnreadableReason unreadable =
          packet.wrap(queued.buffer(), queued.payloadOffset(), queued.payloadLengthBytes());
      if (unreadable != null) {
        metrics.unreadablePacket(queued.isTruncated() ? UnreadableReason.TOO_LONG : unreadable);
      } else {
        (packet.isTcp() ? tcp : udp).read(queued);
      }
    } catch (RuntimeException e) {
      // Whatever is wrong with us, the packet gets its verdict.
      metrics.unreadablePacket(UnreadableReason.FAULT);
      verdicts.fault(e);
      tracer.end();
    }
  }

  /** A turn begins, which may ask again which children live. */
  void beginTurn() {
    children.beginTurn();
  }

  BatchVerdicts verdicts() {
    return verdicts;
  }

  WorkerFlows flows() {
    return flows;
  }

  /** Says which helpers are in force; from any thread. */
  FlowMaker maker() {
    return maker;
  }

  FlowTakeover takeover() {
    return takeover;
  }

  ParentChecks checks() {
    return checks;
  }

  DatagramBeginnings datagrams() {
    return datagrams;
  }

  HeldMessages heldMessages() {
    return heldMessages;
  }

  Outcomes outcomes() {
    return outcomes;
  }

  /** Its count is for any thread. */
  ReversePath reversePath() {
    return reversePath;
  }
}
