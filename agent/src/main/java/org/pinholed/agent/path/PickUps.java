package org.pinholed.agent.path;

import org.jspecify.annotations.Nullable;
import org.pinholed.agent.announce.Outcomes;
import org.pinholed.agent.flow.Flow;
import org.pinholed.agent.flow.Reading;
import org.pinholed.agent.metrics.AgentMetrics;
import org.pinholed.agent.nat.TranslatedFlow;
import org.pinholed.agent.nat.TranslatedStream;
import org.pinholed.agent.nat.WithheldReason;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.Direction;
import org.pinholed.helper.StreamHelper;

/**
 * Where the reading of flows begins that an agent before this one read, which was killed
 * (docs/adr/0011). If messages may be longer than a segment that is a segment before which all is
 * acknowledged. Where that is not known its receiver is asked, by an empty segment that it has long
 * had, in the place of the one that may be the first to be read; that one comes again. For the
 * worker's thread only.
 */
final class PickUps {
  private final PacketView packet;
  private final Batch batch;
  private final Outcomes outcomes;
  private final Rewrites rewrites;
  private final HeldMessages held;
  private final AgentMetrics metrics;
  private final ByteCursor segment = new ByteCursor();

  PickUps(
      PacketView packet,
      Batch batch,
      Outcomes outcomes,
      Rewrites rewrites,
      HeldMessages held,
      AgentMetrics metrics) {
    this.packet = packet;
    this.batch = batch;
    this.outcomes = outcomes;
    this.rewrites = rewrites;
    this.held = held;
    this.metrics = metrics;
  }

  /**
   * Begins the stream of a direction that is resumed, if it may begin with the packet that is being
   * read. In the middle of a message that is longer than a segment a helper could not tell what it
   * reads.
   *
   * @param flow its flow
   * @param towards its direction
   * @return whether its receiver is to be asked first ({@link #ask})
   */
  boolean begin(Flow flow, Direction towards) {
    Reading reading = flow.reading();
    int sequence = packet.sequence();
    if (reading.stream(towards) != null) {
      if (reading.isAsking(towards)) {
        comesAgain(flow, towards);
      }
      return false;
    }
    if (!(flow.helper() instanceof StreamHelper helper) || !helper.hasLongMessages(towards)) {
      reading.resume(towards, sequence);
      return false;
    }
    boolean acknowledged = reading.isAcknowledgedUpTo(towards, sequence);
    if (packet.payloadLengthBytes() == 0
        || (!acknowledged && !mayAsk(flow, towards))
        || !helper.mayBeginWith(
            towards,
            segment.wrap(
                packet.buffer(), packet.payloadOffset(), packet.payloadLengthBytes(), 0))) {
      return false;
    }
    if (acknowledged) {
      reading.resume(towards, sequence);
      goOnAt(flow, towards, sequence);
    }
    return !acknowledged;
  }

  /** Its first byte is there once more: it is read if it may be, and passes unread if not. */
  private void comesAgain(Flow flow, Direction towards) {
    Reading reading = flow.reading();
    int first = reading.askedAt(towards);
    int end = packet.sequence() + packet.payloadLengthBytes();
    if (packet.sequence() - first > 0 || end - first <= 0) {
      return;
    }
    if (reading.isAcknowledgedUpTo(towards, first)) {
      reading.endAsking(towards);
    } else {
      giveUp(flow, towards, first);
    }
  }

  private boolean mayAsk(Flow flow, Direction towards) {
    int sequence = packet.sequence();
    TranslatedStream translated = translated(flow, towards);
    return flow.reading().mayAsk(towards, sequence)
        && !packet.has(PacketView.RST)
        && !packet.isUnalterable()
        && (translated == null
            || (translated.canChange(sequence)
                && !translated.isInherited(sequence, packet.payloadLengthBytes())));
  }

  private static @Nullable TranslatedStream translated(Flow flow, Direction towards) {
    TranslatedFlow translation = flow.translation();
    return translation == null ? null : translation.stream(towards);
  }

  /**
   * Asks the receiver of the packet that is being read how far it has come, in the packet's place.
   *
   * @param flow its flow
   * @param towards its direction
   * @return the verdict in words, for the trace
   */
  String ask(Flow flow, Direction towards) {
    int sequence = packet.sequence();
    flow.reading().ask(towards, sequence);
    goOnAt(flow, towards, sequence);
    outcomes.hold(); // so that the answer is seen
    batch.bringIntoKernel();
    int lengthBytes = rewrites.makeQuestion(sequence);
    batch.acceptChanged(rewrites.buffer(), lengthBytes, false);
    metrics.withheld(WithheldReason.ASKED_IF_FIRST);
    return "accept, without payload, to ask its receiver how far it has come: "
        + WithheldReason.ASKED_IF_FIRST.word();
  }

  /**
   * Takes an acknowledgement.
   *
   * @param flow its flow
   * @param of the direction whose bytes it acknowledges
   * @param acknowledgement in the numbers of who sent those bytes
   * @return true if nothing of that direction is read yet, so that it says only where that may
   *     begin
   */
  boolean acknowledged(Flow flow, Direction of, int acknowledgement) {
    Reading reading = flow.reading();
    if (reading.stream(of) != null && !reading.isAsking(of)) {
      return false;
    }
    if (reading.noteAcknowledged(of, acknowledgement)) {
      giveUp(flow, of, acknowledgement);
    }
    return true;
  }

  private void giveUp(Flow flow, Direction direction, int end) {
    flow.reading().giveUpAsking(direction);
    goOnAt(flow, direction, end);
    held.settle(flow, direction);
  }

  /** What stands before a byte is over: what stands behind it waits for that byte only. */
  private static void goOnAt(Flow flow, Direction direction, int sequence) {
    TranslatedStream translated = translated(flow, direction);
    if (translated != null) {
      translated.goOnAt(sequence);
    }
  }
}
