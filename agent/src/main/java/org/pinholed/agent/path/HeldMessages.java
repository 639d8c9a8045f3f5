package org.pinholed.agent.path;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.announce.Outcomes;
import org.pinholed.agent.announce.PinholeTransaction;
import org.pinholed.agent.expectation.PastExpectation;
import org.pinholed.agent.flow.Flow;
import org.pinholed.agent.flow.WorkerFlows;
import org.pinholed.agent.metrics.AgentMetrics;
import org.pinholed.agent.nat.HeldSegment;
import org.pinholed.agent.nat.HoldExits;
import org.pinholed.agent.nat.MessageHold;
import org.pinholed.agent.nat.PayloadEdit;
import org.pinholed.agent.nat.TranslatedFlow;
import org.pinholed.agent.nat.TranslatedStream;
import org.pinholed.agent.nat.WithheldReason;
import org.pinholed.agent.pace.SampledLog;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.pinhole.RewrittenDirection;
import org.pinholed.agent.report.AgentEvents;
import org.pinholed.agent.trace.Tracer;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Reason;
import org.pinholed.helper.StreamHelper;
import org.pinholed.helper.stream.InOrderStream;
import org.pinholed.helper.stream.StreamReason;
import org.pinholed.kernel.conntrack.SequenceAdjustment;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The packets of one worker that wait in the kernel's queue until a message is complete
 * (docs/adr/0011): when their time is over, and their verdicts. {@link MessageHold} decides what
 * becomes of them, {@link HoldRoom} whether there is room for one more. For the worker's thread
 * only.
 *
 * <p>It is long because each way out of the queue is a method.
 */
public final class HeldMessages implements HoldExits, WorkerFlows.HeldPackets {
  private static final Logger LOG = LoggerFactory.getLogger(HeldMessages.class);

  private final PacketView packet;
  private final Batch batch;
  private final Rewrites rewrites;
  private final Outcomes outcomes;
  private final PinholeTransaction pinholes;
  private final AgentEvents events;
  private final AgentMetrics metrics;
  private final Tracer tracer;
  private final HoldRoom room;
  private final SampledLog log = new SampledLog(LOG, "message not rewritten");

  private final Map<MessageHold, Owner> holding = new LinkedHashMap<>();
  private final PacketView firstHeld = new PacketView();

  /** Whose segments are being decided on. */
  private @Nullable Owner owner;

  private boolean shiftChanged;
  private @Nullable Reason endsReading;
  private String verdict = "";

  /** Whose segments a hold has. */
  private record Owner(Flow flow, TranslatedFlow translation, Direction direction) {}

  /**
   * Makes it.
   *
   * @param packet the packet that is being read
   * @param batch gives verdicts
   * @param rewrites makes packets and tells the kernel how to shift
   * @param outcomes what helpers conclude
   * @param pinholes the transaction of the batch
   * @param events log and counters, shared
   * @param metrics counters, shared
   * @param tracer costs nothing while nobody traces
   * @param mostPackets how many packets of all flows may wait at a time, 1 or more
   */
  public HeldMessages(
      PacketView packet,
      Batch batch,
      Rewrites rewrites,
      Outcomes outcomes,
      PinholeTransaction pinholes,
      AgentEvents events,
      AgentMetrics metrics,
      Tracer tracer,
      int mostPackets) {
    this.packet = packet;
    this.batch = batch;
    this.rewrites = rewrites;
    this.outcomes = outcomes;
    this.pinholes = pinholes;
    this.events = events;
    this.metrics = metrics;
    this.tracer = tracer;
    this.room = new HoldRoom(mostPackets);
  }

  /** Whether the packet that is being read is one whose messages may be held. */
  boolean isFor(Flow flow, Direction towards, TranslatedStream stream) {
    boolean hasLong =
        stream.hold() != null
            || (flow.helper() instanceof StreamHelper helper && helper.hasLongMessages(towards));
    return hasLong && !stream.isInherited(packet.sequence(), packet.payloadLengthBytes());
  }

  /**
   * Whether the packet of the batch, which is not to be read, must not pass either.
   *
   * @param flow its flow
   * @param towards its direction
   * @return false if no message would become a mixture by it
   */
  boolean forbidUnread(Flow flow, Direction towards) {
    MessageHold hold = holdOf(flow, towards);
    return hold != null
        && hold.forbids(packet.sequence(), packet.payloadLengthBytes(), packet.has(PacketView.FIN));
  }

  /** Gives the packet that is being read its verdict, now or later; says in words which. */
  String give(Flow flow, Direction towards, MessageHold hold, boolean inTurnOnly) {
    if (rewrites.wereBytesRead() && !flow.readingEnded()) {
      Integer unfinished = rewrites.unfinished();
      hold.read(unfinished);
      if (unfinished != null) {
        takeBack(flow, towards, unfinished, null); // nothing opens before a message is whole
      }
    }
    if (hold.passAsItCame(
        packet.sequence(), packet.payloadLengthBytes(), packet.has(PacketView.FIN), inTurnOnly)) {
      return TcpPath.AS_IT_CAME;
    }
    if (rewrites.hasNewEdits()) {
      // Also if it keeps its length: its text is kept until the receiver has it, and a side that
      // speaks alone is answered by pure acknowledgements only.
      outcomes.hold();
    }
    verdict = "held until the message is complete";
    int packetId = batch.keep();
    HeldSegment segment = new HeldSegment(packetId, packet, batch.beganNs());
    decide(flow, towards, hold, () -> hold.take(segment, inTurnOnly, this));
    return verdict;
  }

  /**
   * Takes an acknowledgement, which may let pass what waits for it.
   *
   * @param flow a flow
   * @param of the direction whose bytes it acknowledges
   * @param acknowledgement in the numbers of who sent those bytes
   */
  void acknowledged(Flow flow, Direction of, int acknowledgement) {
    MessageHold hold = holdOf(flow, of);
    if (hold != null && hold.isUnfinished()) {
      decide(
          flow,
          of,
          hold,
          () -> {
            hold.acknowledged(acknowledgement, this);
            hold.settle(this);
          });
    }
  }

  private static @Nullable MessageHold holdOf(Flow flow, Direction direction) {
    TranslatedFlow translation = flow.translation();
    TranslatedStream stream = translation == null ? null : translation.stream(direction);
    return stream == null ? null : stream.hold();
  }

  /**
   * Whether something waits.
   *
   * @return false if no packet of this worker is held
   */
  public boolean isHolding() {
    return !holding.isEmpty();
  }

  /**
   * Lets go what was held too long.
   *
   * @param nowNs the time
   */
  public void expire(long nowNs) {
    if (holding.isEmpty()) {
      return;
    }
    for (Map.Entry<MessageHold, Owner> entry : List.copyOf(holding.entrySet())) {
      MessageHold hold = entry.getKey();
      if (hold.remainingNs(nowNs) <= 0) {
        Owner of = entry.getValue();
        beginTrace(of, hold);
        decide(of.flow(), of.direction(), hold, () -> hold.expire(nowNs, this));
        if (tracer.isOn()) {
          tracer.line("verdict", verdict + ", with all that was held behind it");
          tracer.end();
        }
      }
    }
  }

  /** No packet is being read: what was held first is traced once more. */
  private void beginTrace(Owner of, MessageHold hold) {
    HeldSegment first = hold.first();
    if (first == null || !tracer.isWanted()) {
      return;
    }
    first.show(firstHeld);
    tracer.begin(firstHeld, of.flow().parent());
    if (tracer.isOn()) {
      tracer.received(firstHeld);
      tracer.line("session", "held until now, its message is not complete");
    }
  }

  @Override
  public void readingEnds(Flow flow, Reason why) {
    for (Direction direction : Direction.values()) {
      MessageHold hold = holdOf(flow, direction);
      if (hold != null) {
        decide(flow, direction, hold, () -> hold.readingEnds(why, this));
      }
    }
  }

  @Override
  public void flowEnds(Flow flow) {
    for (Direction direction : Direction.values()) {
      MessageHold hold = holdOf(flow, direction);
      if (hold != null) {
        decide(
            flow,
            direction,
            hold,
            () -> {
              hold.release(this);
              hold.close(this);
            });
      }
    }
  }

  /**
   * Lets pass what need not wait any more.
   *
   * @param flow its flow
   * @param direction its direction
   */
  void settle(Flow flow, Direction direction) {
    MessageHold hold = holdOf(flow, direction);
    if (hold != null) {
      decide(flow, direction, hold, () -> hold.settle(this));
    }
  }

  /**
   * Drops all that waits of a connection that is cut.
   *
   * @param flow the flow
   * @param towards a direction
   * @param sequence sequence number of the packet of that direction that is being read
   * @return sequence number of the first byte of that direction that does not pass
   */
  int cut(Flow flow, Direction towards, int sequence) {
    int first = sequence;
    for (Direction direction : Direction.values()) {
      MessageHold hold = holdOf(flow, direction);
      if (hold != null) {
        first = direction == towards ? hold.firstOf(sequence) : first;
        decide(flow, direction, hold, () -> hold.drop(WithheldReason.CUT, this));
      }
    }
    return first;
  }

  /** Lets go all that waits, because nobody will read this queue any more. */
  public void releaseAll() {
    for (Map.Entry<MessageHold, Owner> entry : List.copyOf(holding.entrySet())) {
      Owner of = entry.getValue();
      decide(of.flow(), of.direction(), entry.getKey(), () -> entry.getKey().release(this));
    }
  }

  /** Runs a decision on the segments of a direction. Whatever fails, none stays without verdict. */
  private void decide(Flow flow, Direction direction, MessageHold hold, Runnable decision) {
    TranslatedFlow translation = flow.translation();
    if (translation == null) {
      return;
    }
    Owner outer = owner;
    owner = new Owner(flow, translation, direction);
    shiftChanged = false;
    try {
      decision.run();
    } catch (RuntimeException e) {
      batch.fault(e);
      hold.drop(WithheldReason.FAULT, this);
    }
    if (hold.isHolding()) {
      holding.put(hold, owner);
    } else {
      holding.remove(hold);
    }
    owner = outer;
  }

  private Owner owner() {
    Owner now = owner;
    if (now == null) {
      throw new IllegalStateException("a verdict outside of a decision");
    }
    return now;
  }

  // ---- Exits --------------------------------------------------------------------------------

  @Override
  public @Nullable Reason hold(HeldSegment segment) {
    return room.take(owner().flow(), segment);
  }

  private void answered(HeldSegment segment) {
    room.giveBack(owner().flow(), segment);
  }

  @Override
  public @Nullable Reason remember(int bytes) {
    return owner().flow().reading().buffers().reserve(bytes) ? null : StreamReason.BUFFER_BUDGET;
  }

  @Override
  public void forget(int bytes) {
    owner().flow().reading().buffers().release(bytes);
  }

  @Override
  public @Nullable WithheldReason prepare(@Nullable SequenceAdjustment next, boolean exempt) {
    Owner of = owner();
    if (next != null) {
      pinholes.hold(
          new RewrittenDirection(of.flow().entry().id(), of.direction() == Direction.REPLY));
    }
    batch.bringIntoKernel();
    if (pinholes.translationRefused()) {
      return WithheldReason.BACKEND_REFUSED;
    }
    if (next != null
        && !(batch.sendGiven()
            && rewrites.adjust(of.translation(), of.direction(), next, exempt))) {
      return WithheldReason.REWRITE_FAILED;
    }
    shiftChanged = next != null;
    return null;
  }

  @Override
  public void pass(HeldSegment segment) {
    batch.bringIntoKernel();
    batch.acceptKept(segment.packetId());
    answered(segment);
    verdict = TcpPath.AS_IT_CAME;
  }

  @Override
  public void passChanged(HeldSegment segment, int sequence, byte[] payload, boolean fin) {
    int lengthBytes = rewrites.make(segment, sequence, payload, fin);
    batch.bringIntoKernel();
    // At once: after a kill in between, nobody would change it again.
    batch.acceptKept(segment.packetId(), rewrites.buffer(), lengthBytes, shiftChanged);
    answered(segment);
    verdict = "accept, changed";
  }

  @Override
  public void drop(HeldSegment segment, WithheldReason why) {
    batch.dropKept(segment.packetId());
    answered(segment);
    metrics.withheld(why);
    verdict = "drop: " + why.word();
  }

  @Override
  public void made(List<PayloadEdit> edits) {
    if (tracer.isOn()) {
      for (PayloadEdit edit : edits) {
        tracer.line("rewrite", edit.describe());
      }
    }
  }

  @Override
  public void givenUp(int messageFrom, Reason why) {
    Owner of = owner();
    Flow flow = of.flow();
    takeBack(flow, of.direction(), messageFrom, why);
    if (tracer.isOn()) {
      tracer.line("reason", "refused " + why.word() + ": " + why.explanation());
    }
    if (why.kind() != Reason.Kind.REFUSED) {
      endsReading = why;
      return;
    }
    flow.refused(why);
    InOrderStream stream = flow.reading().stream(of.direction());
    long streamOffset =
        stream == null
            ? 0
            : stream.bytesRead() + (messageFrom - stream.sequenceOf(stream.bytesRead()));
    events.refused(
        flow.parent(), new PastExpectation.Announcement("", of.direction(), streamOffset), why, "");
    log.warn(flow.parent().logName() + ": " + why.word() + ", " + why.explanation());
  }

  private void takeBack(Flow flow, Direction direction, int messageFrom, @Nullable Reason why) {
    InOrderStream stream = flow.reading().stream(direction);
    if (stream != null) {
      outcomes.takeBack(
          flow, direction, offset -> stream.sequenceOf(offset) - messageFrom >= 0, why);
    }
  }

  /** Why the flow of the packet must not be read any more: memory is spent. Null if it may. */
  @Nullable Reason takeEndOfReading() {
    Reason why = endsReading;
    endsReading = null;
    return why;
  }
}
