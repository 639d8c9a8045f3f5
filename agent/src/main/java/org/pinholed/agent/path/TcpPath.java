package org.pinholed.agent.path;

import org.jspecify.annotations.Nullable;
import org.pinholed.agent.announce.Outcomes;
import org.pinholed.agent.announce.PinholeTransaction;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.expectation.Parent;
import org.pinholed.agent.flow.AgentReason;
import org.pinholed.agent.flow.Flow;
import org.pinholed.agent.flow.FlowBeginnings;
import org.pinholed.agent.flow.FlowTable;
import org.pinholed.agent.flow.WorkerFlows;
import org.pinholed.agent.metrics.AgentMetrics;
import org.pinholed.agent.nat.TranslatedFlow;
import org.pinholed.agent.nat.WithheldReason;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.agent.trace.Tracer;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Reason;
import org.pinholed.helper.StreamHelper;
import org.pinholed.helper.stream.InOrderStream;
import org.pinholed.helper.stream.StreamReason;
import org.pinholed.kernel.nfqueue.QueuedPacketView;

/**
 * A TCP packet from view to verdict: its flow is found or begins, its bytes are put in order and
 * read by the helper, and where that changed something, the packet is changed or kept back. For the
 * worker's thread only.
 */
public final class TcpPath implements PacketPath, InOrderStream.Reader {
  static final String AS_IT_CAME = "accept, as it came";

  /** The verdict on a child that is not what was announced. */
  static final String CUT = "drop: cut, its connection is ended";

  private final PacketView packet;
  private final Batch batch;
  private final WorkerFlows flows;
  private final FlowBeginnings beginnings;
  private final ReversePath reversePath;
  private final Outcomes outcomes;
  private final Rewrites rewrites;
  private final HeldMessages held;
  private final RewrittenVerdict rewritten;
  private final PinholeTransaction pinholes;
  private final PickUps pickUps;
  private final HelperFaults faults;
  private final AgentMetrics metrics;
  private final Tracer tracer;

  private String verdict = AS_IT_CAME;

  // The message that is being read, for the callback from the stream.
  private @Nullable StreamHelper reader;
  private Direction direction = Direction.ORIGINAL;

  /**
   * Makes the path of one worker.
   *
   * @param packet the packet that is being read
   * @param batch the batch it came in
   * @param flows the flows of the worker
   * @param beginnings finds flows that are not known yet
   * @param reversePath judges by which device a packet came in
   * @param outcomes what helpers conclude
   * @param rewrites changes packets
   * @param held holds messages over several segments
   * @param pinholes the transaction of the batch
   * @param events log and counters, shared
   * @param metrics counters, shared
   * @param tracer costs nothing while nobody traces
   */
  public TcpPath(
      PacketView packet,
      Batch batch,
      WorkerFlows flows,
      FlowBeginnings beginnings,
      ReversePath reversePath,
      Outcomes outcomes,
      Rewrites rewrites,
      HeldMessages held,
      PinholeTransaction pinholes,
      AgentEvents events,
      AgentMetrics metrics,
      Tracer tracer) {
    this.packet = packet;
    this.batch = batch;
    this.flows = flows;
    this.beginnings = beginnings;
    this.reversePath = reversePath;
    this.outcomes = outcomes;
    this.rewrites = rewrites;
    this.held = held;
    this.rewritten = new RewrittenVerdict(batch, rewrites, held, outcomes, pinholes, metrics);
    this.pinholes = pinholes;
    this.pickUps = new PickUps(packet, batch, outcomes, rewrites, held, metrics);
    this.faults = new HelperFaults(batch, flows, outcomes, events, metrics);
    this.metrics = metrics;
    this.tracer = tracer;
  }

  @Override
  public void read(QueuedPacketView queued) {
    FlowTable.End end = flows.find(packet);
    if (packet.has(PacketView.SYN)) {
      if (packet.has(PacketView.ACK)) {
        begin(queued, end);
      } else if (packet.payloadLengthBytes() > 0) {
        beginnings.noteSynWithData(packet, queued, end);
      }
      return;
    }
    if (end == null) {
      // A bare FIN or RST of a flow that is over.
      if (packet.payloadLengthBytes() > 0) {
        end = beginnings.adopt(packet, queued, batch.beganNs());
      }
      if (end == null) {
        return;
      }
    }
    readKnown(end.flow(), end.direction(), queued);
  }

  private void readKnown(Flow flow, Direction towards, QueuedPacketView queued) {
    flow.packetSeen(batch.beganNs());
    verdict = AS_IT_CAME;
    tracer.begin(packet, flow.parent());
    if (tracer.isOn()) {
      tracer.received(packet);
      tracer.line("session", reversePath.session(flow, towards, false));
    }
    try {
      boolean used = !flow.readingEnded() || flow.translation() != null;
      if (used && !isHonest(flow, towards, queued)) {
        verdict = passUnread(flow, towards);
      } else if (!flow.readingEnded()) {
        readSegment(flow, towards);
      } else if (flow.translation() != null) {
        repeatRewrites(flow, flow.translation(), towards);
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

  /**
   * Whether a packet may be read: by the device that it came in by. If the server's first words,
   * which were read, turn out to have come from elsewhere, the flow is given up.
   */
  private boolean isHonest(Flow flow, Direction towards, QueuedPacketView queued) {
    ReversePath.Finding finding = reversePath.judge(flow, towards, queued, batch.beganNs());
    if (finding == ReversePath.Finding.HONEST) {
      return true;
    }
    if (finding == ReversePath.Finding.BEGAN_ELSEWHERE && !flow.readingEnded()) {
      flows.endReading(flow, AgentReason.BEGAN_ELSEWHERE);
    }
    if (tracer.isOn()) {
      tracer.line("session", "not read: " + reversePath.notReadBecause(finding, queued));
    }
    return false;
  }

  /** Lets a packet pass that is not read, but not into a message that is held or was changed. */
  private String passUnread(Flow flow, Direction towards) {
    if (held.forbidUnread(flow, towards)) {
      metrics.withheld(WithheldReason.MISROUTED);
      batch.drop();
      return "drop: " + WithheldReason.MISROUTED.word();
    }
    flow.devices().passUnread(towards, endOfPayload());
    return "accept, not read";
  }

  private void readSegment(Flow flow, Direction towards) {
    outcomes.begin(flow, towards, batch.beganNs());
    TranslatedFlow translation = flow.translation();
    boolean asks = pickUps.begin(flow, towards);
    InOrderStream stream = flow.reading().stream(towards);
    InOrderStream back = flow.reading().stream(towards.opposite());
    Reason reason = null;
    boolean kept = true;
    if (packet.has(PacketView.ACK)) {
      int acknowledgement = rewrites.acknowledged(flow, towards.opposite());
      held.acknowledged(flow, towards.opposite(), acknowledgement);
      if (!pickUps.acknowledged(flow, towards.opposite(), acknowledgement)
          && back != null
          && !flow.devices()
              .passedUnread(
                  towards.opposite(), back.sequenceOf(back.bytesRead()), acknowledgement)) {
        reason = back.acknowledged(acknowledgement).reason();
      }
    }
    if (asks) {
      verdict = pickUps.ask(flow, towards);
      return;
    }
    if (stream != null && flow.reading().isClosed(towards) && packet.payloadLengthBytes() > 0) {
      int behindFin = endOfPayload() - stream.sequenceOf(stream.bytesRead());
      reason = behindFin > 0 ? AgentReason.DATA_BEHIND_FIN : reason;
    }
    if (reason == null
        && stream != null
        && packet.payloadLengthBytes() > 0
        && flow.helper() instanceof StreamHelper streamHelper) {
      reader = streamHelper;
      direction = towards;
      InOrderStream.Push push =
          stream.push(
              packet.sequence(),
              packet.buffer(),
              packet.payloadOffset(),
              packet.payloadLengthBytes(),
              this);
      reason = push.reason();
      if (reason == null && !flow.reading().account(streamHelper.keptBytes())) {
        reason = StreamReason.BUFFER_BUDGET;
      }
      kept = push != InOrderStream.Push.EARLY_NOT_KEPT;
    }
    if (reason != null) {
      outcomes.report(reason, stream == null ? 0 : stream.bytesRead());
    }
    if (outcomes.isCut()) {
      cut(flow, towards);
      return;
    }
    Reason ended = outcomes.ended();
    if (ended != null) {
      flows.endReading(flow, ended, outcomes.endedDetail());
    }
    if (translation != null && !packet.has(PacketView.RST)) {
      boolean inTurnOnly =
          stream != null
              && flow.helper() instanceof StreamHelper helper
              && (!kept || helper.mayAnnounce(towards));
      verdict = rewritten.give(flow, translation, towards, inTurnOnly);
      Reason spent = held.takeEndOfReading();
      if (spent != null && !flow.readingEnded()) {
        flows.endReading(flow, spent);
      }
    }
    if (packet.has(PacketView.RST) || packet.has(PacketView.FIN)) {
      finOrReset(flow, towards, stream);
    }
  }

  /**
   * Ends a child that is not what was announced. The receiver is told by a reset in the place of
   * the packet, else it would keep the connection for as long as it waits for more. The sender is
   * not: what it sends again is of no connection that the firewall knows.
   */
  private void cut(Flow flow, Direction towards) {
    int next = held.cut(flow, towards, packet.sequence());
    flows.cut(flow);
    metrics.withheld(WithheldReason.CUT);
    int lengthBytes = rewrites.makeReset(next);
    if (lengthBytes > 0) {
      batch.acceptChanged(rewrites.buffer(), lengthBytes, false);
    } else {
      batch.drop();
    }
    verdict = CUT;
  }

  /** Nothing is read any more, but what was changed is changed again until it is acknowledged. */
  private void repeatRewrites(Flow flow, TranslatedFlow translation, Direction towards) {
    outcomes.begin(flow, towards, batch.beganNs());
    if (packet.has(PacketView.ACK)) {
      held.acknowledged(flow, towards.opposite(), rewrites.acknowledged(flow, towards.opposite()));
    }
    if (!translation.isUnfinished()) {
      flows.queueNoMore(flow);
    }
    if (!packet.has(PacketView.RST)) {
      verdict = rewritten.give(flow, translation, towards, false);
    }
  }

  @Override
  public int onBytes(ByteCursor bytes) {
    StreamHelper helper = reader;
    if (helper == null || outcomes.ended() != null) {
      return bytes.remaining();
    }
    if (tracer.isOn()) {
      tracer.line(
          "helper",
          "reads "
              + bytes.remaining()
              + " bytes of direction "
              + word(direction)
              + ", state "
              + helper.stateWord());
    }
    rewrites.beginBytes(bytes);
    int consumed = helper.onBytes(direction, bytes, batch.beganNs(), outcomes);
    return outcomes.ended() != null ? bytes.remaining() : consumed;
  }

  private void begin(QueuedPacketView queued, FlowTable.@Nullable End known) {
    Parent parent = beginnings.begin(packet, queued, known, batch.beganNs());
    if (parent == null) {
      return;
    }
    tracer.begin(packet, parent);
    if (tracer.isOn()) {
      tracer.received(packet);
      tracer.line(
          "session", "new session of helper " + parent.helper() + ", direction reply, vetted");
      tracer.line("verdict", "accept, as it came");
      tracer.end();
    }
  }

  /**
   * The parent ends when both sides have closed, each with a FIN in turn, or with the first RST in
   * turn. What is out of turn may be forged and is left to conntrack, whose DESTROY event ends the
   * parent too.
   */
  private void finOrReset(Flow flow, Direction towards, @Nullable InOrderStream stream) {
    boolean reset = packet.has(PacketView.RST);
    if (stream != null) {
      int ahead = endOfPayload() - stream.sequenceOf(stream.bytesRead());
      boolean behindFin =
          reset && flow.reading().isClosed(towards) && ahead == 1; // a FIN takes a number
      if (ahead != 0 && !behindFin) {
        return;
      }
    }
    if (!reset) {
      flow.reading().noteClosed(towards);
    }
    boolean ends =
        reset || flow.reading().isClosed(towards.opposite()) || flow.hadClosed(towards.opposite());
    if (tracer.isOn()) {
      tracer.line("session", (ends ? "ends by " : "half closed by ") + (reset ? "RST" : "FIN"));
    }
    if (!ends) {
      flow.parent().halfClose();
      return;
    }
    if (!reset && flow.mayHaveToRepeat()) {
      // The flow stays for that, until the end of its conntrack.
      outcomes.endAll(flow, AgentEvent.Kind.PARENT_CLOSED);
      return;
    }
    flows.endAndDistrust(flow, AgentEvent.Kind.PARENT_CLOSED);
  }

  private int endOfPayload() {
    return packet.sequence() + packet.payloadLengthBytes();
  }

  private static String word(Direction direction) {
    return direction == Direction.ORIGINAL ? "original" : "reply";
  }
}
