package org.pinholed.agent.path;

import org.pinholed.agent.announce.Outcomes;
import org.pinholed.agent.announce.PinholeTransaction;
import org.pinholed.agent.flow.AgentReason;
import org.pinholed.agent.flow.DatagramBeginnings;
import org.pinholed.agent.flow.Flow;
import org.pinholed.agent.flow.FlowTable;
import org.pinholed.agent.flow.ParentLookup;
import org.pinholed.agent.flow.WorkerFlows;
import org.pinholed.agent.metrics.AgentMetrics;
import org.pinholed.agent.nat.DatagramEdit;
import org.pinholed.agent.nat.WithheldReason;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.agent.trace.Tracer;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.DatagramHelper;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Reason;
import org.pinholed.helper.stream.StreamReason;
import org.pinholed.kernel.nfqueue.QueuedPacketView;

/**
 * A datagram from view to verdict: its flow is found or begins, it is read by the helper as one
 * message, and where that changed something, it leaves with other bytes once its pinholes are in
 * the kernel. For the worker's thread only.
 */
public final class UdpPath implements PacketPath {
  private final PacketView packet;
  private final Batch batch;
  private final WorkerFlows flows;
  private final DatagramBeginnings beginnings;
  private final ParentLookup lookup;
  private final ReversePath reversePath;
  private final Outcomes outcomes;
  private final DatagramRewrites rewrites;
  private final PinholeTransaction pinholes;
  private final HelperFaults faults;
  private final AgentEvents events;
  private final AgentMetrics metrics;
  private final Tracer tracer;
  private final ByteCursor cursor = new ByteCursor();

  private String verdict = TcpPath.AS_IT_CAME;

  /**
   * Makes the path of one worker.
   *
   * @param packet the packet that is being read
   * @param batch the batch it came in
   * @param flows the flows of the worker
   * @param beginnings finds flows that are not known yet
   * @param lookup tells what became of the flow of the datagram that is being read
   * @param reversePath judges by which device a packet came in
   * @param outcomes what helpers conclude
   * @param rewrites changes datagrams
   * @param pinholes the transaction of the batch
   * @param events log and counters, shared
   * @param metrics counters, shared
   * @param tracer costs nothing while nobody traces
   */
  public UdpPath(
      PacketView packet,
      Batch batch,
      WorkerFlows flows,
      DatagramBeginnings beginnings,
      ParentLookup lookup,
      ReversePath reversePath,
      Outcomes outcomes,
      DatagramRewrites rewrites,
      PinholeTransaction pinholes,
      AgentEvents events,
      AgentMetrics metrics,
      Tracer tracer) {
    this.packet = packet;
    this.batch = batch;
    this.flows = flows;
    this.beginnings = beginnings;
    this.lookup = lookup;
    this.reversePath = reversePath;
    this.outcomes = outcomes;
    this.rewrites = rewrites;
    this.pinholes = pinholes;
    this.faults = new HelperFaults(batch, flows, outcomes, events, metrics);
    this.events = events;
    this.metrics = metrics;
    this.tracer = tracer;
  }

  @Override
  public void read(QueuedPacketView queued) {
    lookup.begin();
    FlowTable.End end = flows.find(packet);
    boolean begins = end == null || !beginnings.isStill(end.flow(), batch.beganNs());
    if (begins) {
      end = beginnings.begin(packet, queued, batch.beganNs());
    }
    if (end != null) {
      readKnown(end.flow(), end.direction(), queued, begins);
    }
  }

  private void readKnown(Flow flow, Direction towards, QueuedPacketView queued, boolean begins) {
    flow.packetSeen(batch.beganNs());
    verdict = TcpPath.AS_IT_CAME;
    tracer.begin(packet, flow.parent());
    if (tracer.isOn()) {
      tracer.received(packet);
      tracer.line("session", reversePath.session(flow, towards, begins));
    }
    try {
      if (flow.readingEnded()) {
        verdict = "accept, not read";
      } else if (!isHonest(flow, towards, queued)) {
        verdict = "accept, not read";
      } else {
        if (towards == Direction.REPLY) {
          flows.answered(flow);
        }
        readDatagram(flow, towards, queued);
      }
    } catch (RuntimeException e) {
      faults.giveUp(flow, e);
    }
    if (tracer.isOn()) {
      // Committed at once, so that the trace tells what really became of it.
      pinholes.commit();
      tracer.line("verdict", verdict);
      tracer.end();
    }
  }

  private boolean isHonest(Flow flow, Direction towards, QueuedPacketView queued) {
    ReversePath.Finding finding = reversePath.judge(flow, towards, queued, batch.beganNs());
    if (finding == ReversePath.Finding.HONEST) {
      return true;
    }
    if (tracer.isOn()) {
      tracer.line("session", "not read: " + reversePath.notReadBecause(finding, queued));
    }
    return false;
  }

  private void readDatagram(Flow flow, Direction towards, QueuedPacketView queued) {
    int lengthBytes = packet.payloadLengthBytes();
    if (lengthBytes == 0 || !(flow.helper() instanceof DatagramHelper helper)) {
      return; // an empty one keeps a translation alive and says nothing
    }
    if (tracer.isOn()) {
      tracer.line("helper", "reads " + lengthBytes + " bytes, state " + helper.stateWord());
    }
    outcomes.begin(flow, towards, batch.beganNs());
    cursor.wrap(packet.buffer(), packet.payloadOffset(), lengthBytes, 0);
    helper.onDatagram(towards, cursor, batch.beganNs(), outcomes);
    flow.reading().count(towards, lengthBytes);
    if (!flow.reading().account(helper.keptBytes())) {
      outcomes.report(StreamReason.BUFFER_BUDGET, 0);
    }
    if (outcomes.isCut()) {
      flows.cut(flow);
      metrics.withheld(WithheldReason.CUT);
      batch.drop();
      verdict = TcpPath.CUT;
      return;
    }
    Reason ended = outcomes.ended();
    if (ended != null && ended.kind() == Reason.Kind.MALFORMED) {
      // It says nothing of the datagrams before and behind it.
      rewrites.cancel();
      flow.refused(ended);
      events.reason(flow.parent(), ended, outcomes.endedDetail());
    } else if (ended != null) {
      flows.endReading(flow, ended, outcomes.endedDetail());
    }
    if (!rewrites.edits().isEmpty() && rewrites.isTooLong()) {
      rewrites.cancel();
      outcomes.takeBackMessage(AgentReason.DATAGRAM_TOO_LONG);
    }
    if (!rewrites.edits().isEmpty()) {
      giveVerdict(queued);
    }
  }

  /** The datagram passes with other bytes; one that cannot would announce a wrong address. */
  private void giveVerdict(QueuedPacketView queued) {
    WithheldReason withheld;
    try {
      batch.bringIntoKernel();
      withheld =
          pinholes.translationRefused()
              ? WithheldReason.BACKEND_REFUSED
              : rewrites.make(queued.outInterfaceIndex());
    } catch (RuntimeException e) {
      batch.fault(e);
      withheld = WithheldReason.FAULT;
    }
    if (withheld == null) {
      traceEdits();
      batch.acceptChanged(rewrites.buffer(), rewrites.lengthBytes(), false);
      verdict = "accept, changed in " + rewrites.edits().size() + " places";
    } else {
      metrics.withheld(withheld);
      batch.drop();
      verdict = "drop: " + withheld.word();
    }
  }

  private void traceEdits() {
    if (tracer.isOn()) {
      for (DatagramEdit edit : rewrites.edits()) {
        tracer.line("rewrite", edit.describe(packet.buffer(), packet.payloadOffset()));
      }
    }
  }
}
