package org.pinholed.agent.worker;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.flow.AgentReason;
import org.pinholed.agent.flow.ParentFlow;
import org.pinholed.agent.nat.PacketRewriter;
import org.pinholed.agent.nat.Passage;
import org.pinholed.agent.nat.PayloadEdit;
import org.pinholed.agent.nat.TranslatedFlow;
import org.pinholed.agent.nat.TranslatedStream;
import org.pinholed.agent.pace.SampledLog;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.agent.pinhole.BackendException;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.stream.InOrderStream;
import org.pinholed.kernel.conntrack.ConntrackClient;
import org.pinholed.kernel.conntrack.FlowTuple;
import org.pinholed.kernel.conntrack.SequenceAdjustment;
import org.pinholed.kernel.netlink.NetlinkException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The rewriting of one worker's packets: whether a message may be changed, what of it is, and what
 * the kernel must know before. Owned by one worker.
 *
 * <p>Whatever fails after a helper began to change a message, the packet is dropped and its sender
 * sends it again; nothing passes by halves.
 */
final class Rewrites {
  /** More than any announcement grows. */
  private static final int MAX_GROWTH_BYTES = 64;

  private static final Logger LOG = LoggerFactory.getLogger(Rewrites.class);

  private final ConntrackClient conntrack;
  private final PinholeBackend.Session backend;
  private final PacketView packet;
  private final PacketRewriter rewriter = new PacketRewriter();
  private final SampledLog errors = new SampledLog(LOG, "packet not rewritten");
  private final List<PayloadEdit> edits = new ArrayList<>(2);
  private @Nullable Integer incomplete;

  Rewrites(ConntrackClient conntrack, PinholeBackend.Session backend, PacketView packet) {
    this.conntrack = conntrack;
    this.backend = backend;
    this.packet = packet;
  }

  /** Begins a packet. */
  void begin() {
    edits.clear();
    incomplete = null;
  }

  /** Begins to read bytes of the packet, perhaps some that were shown before. */
  void beginBytes() {
    incomplete = null;
  }

  /** Notes that the last message of the packet goes on in the next one and may be changed. */
  void incomplete(ParentFlow flow, Direction direction, long streamOffset) {
    InOrderStream stream = flow.stream(direction);
    if (stream != null) {
      incomplete = stream.sequenceOf(streamOffset);
    }
  }

  /** Why a message must not be changed; null if it may. */
  @Nullable AgentReason refusal(ParentFlow flow, Direction direction, long streamOffset) {
    TranslatedFlow translation = flow.translation();
    InOrderStream stream = flow.stream(direction);
    TranslatedStream translated = translation == null ? null : translation.stream(direction);
    if (translation == null || translated == null || stream == null) {
      return AgentReason.REWRITE_NOT_ALLOWED;
    }
    if (!translated.canChange(stream.sequenceOf(streamOffset))) {
      return AgentReason.SPLIT_ANNOUNCEMENT;
    }
    int packetBytes = packet.payloadOffset() + packet.payloadLengthBytes() - packet.offset();
    if (packetBytes + MAX_GROWTH_BYTES > PacketRewriter.MAX_PACKET_BYTES) {
      return AgentReason.PAYLOAD_TOO_LONG;
    }
    try {
      if (!translation.isUnchanged(conntrack)) {
        return AgentReason.TRANSLATION_CHANGED;
      }
      return translation.isAdjustable(conntrack) ? null : AgentReason.NO_SEQUENCE_ADJUSTMENT;
    } catch (NetlinkException e) {
      errors.warn(String.valueOf(e.getMessage()));
      return AgentReason.NO_SEQUENCE_ADJUSTMENT;
    }
  }

  /** Plans an edit of the message that is being read; false if the flow is not translated. */
  boolean plan(
      ParentFlow flow,
      Direction direction,
      long streamOffset,
      int lengthBytes,
      byte[] replacement) {
    TranslatedFlow translation = flow.translation();
    TranslatedStream translated = translation == null ? null : translation.stream(direction);
    InOrderStream stream = flow.stream(direction);
    if (translated == null || stream == null) {
      return false;
    }
    PayloadEdit edit = new PayloadEdit(stream.sequenceOf(streamOffset), lengthBytes, replacement);
    translated.plan(edit);
    edits.add(edit);
    return true;
  }

  /** Whether the packet that is being read made new edits. */
  boolean hasNewEdits() {
    return !edits.isEmpty();
  }

  /** What is to become of the packet. */
  Passage decide(TranslatedStream stream, boolean inTurnOnly) {
    return stream.decide(packet.sequence(), packet.payloadLengthBytes(), incomplete, inTurnOnly);
  }

  /**
   * Makes the changed packet and tells the kernel how to shift what follows.
   *
   * @return its length, to be found at the beginning of {@link #buffer}; 0 if that failed
   */
  int make(TranslatedFlow translation, Direction direction, Passage passage) {
    int lengthBytes = rewriter.rewrite(packet, passage.end(), passage.edits());
    SequenceAdjustment adjustment = passage.adjustment();
    if (lengthBytes == 0 || adjustment == null) {
      return lengthBytes;
    }
    holdWithoutReader(translation.tuple(direction));
    try {
      return translation.adjust(conntrack, direction, adjustment) ? lengthBytes : 0;
    } catch (NetlinkException e) {
      errors.warn(String.valueOf(e.getMessage()));
      return 0;
    }
  }

  /** From here on to its acknowledgement the message must not pass as it was. */
  private void holdWithoutReader(FlowTuple packets) {
    try {
      backend.holdWithoutReader(
          new Endpoint(packets.source(), packets.sourcePort()),
          new Endpoint(packets.destination(), packets.destinationPort()));
    } catch (BackendException e) {
      errors.warn(String.valueOf(e.getMessage())); // it matters only if the agent is killed now
    }
  }

  ByteBuffer buffer() {
    return rewriter.buffer();
  }
}
