package org.pinholed.agent.path;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.announce.MessageEdits;
import org.pinholed.agent.flow.AgentReason;
import org.pinholed.agent.flow.Flow;
import org.pinholed.agent.nat.HeldSegment;
import org.pinholed.agent.nat.MessageHold;
import org.pinholed.agent.nat.PacketRewriter;
import org.pinholed.agent.nat.Passage;
import org.pinholed.agent.nat.PayloadEdit;
import org.pinholed.agent.nat.TranslatedFlow;
import org.pinholed.agent.nat.TranslatedStream;
import org.pinholed.agent.nat.WithheldReason;
import org.pinholed.agent.pace.SampledLog;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.Direction;
import org.pinholed.helper.stream.InOrderStream;
import org.pinholed.kernel.conntrack.Conntrack;
import org.pinholed.kernel.conntrack.ConntrackEntry;
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
public final class Rewrites implements MessageEdits {
  private static final Logger LOG = LoggerFactory.getLogger(Rewrites.class);

  private final Conntrack conntrack;
  private final PacketView packet;
  private final PacketView heldPacket = new PacketView();
  private final PacketRewriter rewriter = new PacketRewriter();
  private final SampledLog errors = new SampledLog(LOG, "packet not rewritten");
  private final List<PayloadEdit> edits = new ArrayList<>(2);
  private @Nullable Integer incomplete;
  private @Nullable ByteCursor shown;
  private boolean bytesRead;
  private @Nullable Integer message;

  /**
   * Makes it.
   *
   * @param conntrack the worker's own way to conntrack
   * @param packet the packet that is being read
   */
  public Rewrites(Conntrack conntrack, PacketView packet) {
    this.conntrack = conntrack;
    this.packet = packet;
  }

  @Override
  public void begin() {
    edits.clear();
    incomplete = null;
    shown = null;
    bytesRead = false;
    message = null;
  }

  /**
   * Begins to read bytes of the packet, perhaps some that were shown before.
   *
   * @param bytes what the helper is shown; used until {@link #begin}
   */
  public void beginBytes(ByteCursor bytes) {
    incomplete = null;
    shown = bytes;
    bytesRead = true;
    message = null;
  }

  /**
   * Whether the helper was shown bytes of the packet, so that {@link #unfinished} says something.
   *
   * @return false if nothing came in its turn
   */
  boolean wereBytesRead() {
    return bytesRead;
  }

  /**
   * Where a message began that is not whole yet.
   *
   * @return its sequence number; null if there is none
   */
  @Nullable Integer unfinished() {
    return incomplete;
  }

  @Override
  public void begins(Flow flow, Direction direction, long streamOffset) {
    InOrderStream stream = flow.reading().stream(direction);
    if (stream != null) {
      message = stream.sequenceOf(streamOffset);
    }
  }

  @Override
  public boolean isGivenUp(Flow flow, Direction direction) {
    TranslatedStream translated = streamOf(flow, direction);
    MessageHold hold = translated == null ? null : translated.hold();
    Integer passing = hold == null ? null : hold.passing();
    return passing != null && (message == null || message.equals(passing));
  }

  @Override
  public void incomplete(Flow flow, Direction direction, long streamOffset) {
    InOrderStream stream = flow.reading().stream(direction);
    if (stream != null) {
      incomplete = stream.sequenceOf(streamOffset);
    }
  }

  @Override
  public @Nullable AgentReason refusal(Flow flow, Direction direction, long streamOffset) {
    TranslatedFlow translation = flow.translation();
    InOrderStream stream = flow.reading().stream(direction);
    TranslatedStream translated = translation == null ? null : translation.stream(direction);
    if (translation == null || translated == null || stream == null) {
      return AgentReason.REWRITE_NOT_ALLOWED;
    }
    if (!translated.canChange(stream.sequenceOf(streamOffset))) {
      return AgentReason.SPLIT_ANNOUNCEMENT;
    }
    if (packet.isUnalterable()) {
      return AgentReason.UNALTERABLE_PACKET;
    }
    try {
      Optional<ConntrackEntry> now = translation.unchanged(conntrack);
      if (now.isEmpty()) {
        return AgentReason.TRANSLATION_CHANGED;
      }
      if (now.get().hasForeignHelper()) {
        return AgentReason.KERNEL_HELPER; // the numbers would be shifted twice
      }
      return translation.isAdjustable(conntrack) ? null : AgentReason.NO_SEQUENCE_ADJUSTMENT;
    } catch (NetlinkException e) {
      errors.warn(String.valueOf(e.getMessage()));
      return AgentReason.NO_SEQUENCE_ADJUSTMENT;
    }
  }

  /**
   * Takes the acknowledgement of the packet that is being read.
   *
   * <p>The kernel shifts it behind us, not before. Where it does so for somebody else ({@code
   * synproxy} does) the number means nothing until we know by how much: that is asked once, when an
   * acknowledgement is of bytes that were never sent.
   *
   * @param flow its flow
   * @param of the direction whose bytes it acknowledges
   * @return in the numbers of who sent those bytes
   */
  public int acknowledged(Flow flow, Direction of) {
    int acknowledgement = packet.acknowledgement();
    InOrderStream stream = flow.reading().stream(of);
    int inSenders = flow.reading().adjustment(of).toSender(acknowledgement);
    if (stream != null && !stream.hasSent(inSenders) && flow.reading().asksForAdjustments()) {
      askForAdjustments(flow);
      inSenders = flow.reading().adjustment(of).toSender(acknowledgement);
    }
    TranslatedStream translated = streamOf(flow, of);
    if (translated != null) {
      translated.acknowledged(inSenders);
    }
    return inSenders;
  }

  private void askForAdjustments(Flow flow) {
    try {
      conntrack
          .sequenceAdjustments(flow.entry().original(), flow.entry().id())
          .ifPresent(flow.reading()::standing);
    } catch (NetlinkException e) {
      errors.warn(String.valueOf(e.getMessage()));
    }
  }

  private static @Nullable TranslatedStream streamOf(Flow flow, Direction direction) {
    TranslatedFlow translation = flow.translation();
    return translation == null ? null : translation.stream(direction);
  }

  @Override
  public boolean plan(
      Flow flow, Direction direction, long streamOffset, int lengthBytes, byte[] replacement) {
    TranslatedFlow translation = flow.translation();
    TranslatedStream translated = translation == null ? null : translation.stream(direction);
    InOrderStream stream = flow.reading().stream(direction);
    if (translated == null || stream == null) {
      return false;
    }
    if (isGivenUp(flow, direction)) {
      return true; // told already
    }
    int from = stream.sequenceOf(streamOffset);
    PayloadEdit edit =
        new PayloadEdit(
            messageOf(stream, from),
            from,
            lengthBytes,
            replacement,
            old(streamOffset, lengthBytes));
    if (!translated.plan(edit)) {
      return false;
    }
    edits.add(edit);
    return true;
  }

  /** The message that an edit is of, as far as the helper said; else all that it was shown. */
  private int messageOf(InOrderStream stream, int from) {
    Integer said = message;
    if (said != null) {
      return said;
    }
    ByteCursor bytes = shown;
    return bytes == null ? from : stream.sequenceOf(bytes.streamOffsetOf(bytes.position()));
  }

  /** What an edit replaces, as far as it is among the bytes that the helper was shown. */
  private byte[] old(long streamOffset, int lengthBytes) {
    ByteCursor bytes = shown;
    if (bytes == null) {
      return new byte[0];
    }
    long at = bytes.position() + streamOffset - bytes.streamOffsetOf(bytes.position());
    if (at < 0 || lengthBytes < 0 || at + lengthBytes > bytes.buffer().capacity()) {
      return new byte[0];
    }
    byte[] old = new byte[lengthBytes];
    bytes.buffer().get((int) at, old);
    return old;
  }

  /**
   * Whether the packet that is being read made new edits.
   *
   * @return true if there are any
   */
  public boolean hasNewEdits() {
    return !edits.isEmpty();
  }

  /**
   * Whether the new edits make it longer or shorter.
   *
   * @return false if what they take and give is equal
   */
  public boolean changesLength() {
    int growth = 0;
    for (PayloadEdit edit : edits) {
      growth += edit.growth();
    }
    return growth != 0;
  }

  /**
   * Lets the packet pass as it came if nothing is to be done about it.
   *
   * @param stream its direction
   * @param inTurnOnly whether it must wait if it came before its turn
   * @return whether it passed
   */
  public boolean passAsItCame(TranslatedStream stream, boolean inTurnOnly) {
    return incomplete == null
        && edits.isEmpty()
        && stream.passAsItCame(packet.sequence(), packet.payloadLengthBytes(), inTurnOnly);
  }

  /**
   * Decides what is to become of the packet.
   *
   * @param stream its direction
   * @param inTurnOnly whether it must wait if it came before its turn
   * @return as it came, changed or dropped
   */
  public Passage decide(TranslatedStream stream, boolean inTurnOnly) {
    boolean fixed = packet.isUnalterable();
    Passage passage =
        stream.decide(
            packet.sequence(),
            packet.payloadLengthBytes(),
            HeldSegment.roomBytes(packet),
            fixed ? null : incomplete,
            inTurnOnly);
    return fixed && (passage.kind() == Passage.Kind.CHANGED || passage.kind() == Passage.Kind.ASKED)
        ? Passage.dropped(WithheldReason.UNALTERABLE)
        : passage;
  }

  /**
   * Makes the changed packet and tells the kernel how to shift what follows.
   *
   * @param translation of its flow
   * @param direction its direction
   * @param passage what is to become of it
   * @return its length, to be found at the beginning of {@link #buffer}; 0 if that failed
   */
  public int make(TranslatedFlow translation, Direction direction, Passage passage) {
    int lengthBytes = rewriter.rewrite(packet, passage.end(), passage.edits());
    SequenceAdjustment adjustment = passage.adjustment();
    return adjustment == null || adjust(translation, direction, adjustment, false)
        ? lengthBytes
        : 0;
  }

  /**
   * Makes a packet that is none of the sender's data, and that the receiver answers with an
   * acknowledgement: it is empty, and stands before what the receiver expects next.
   *
   * @param sequence where the packet that is being read begins
   * @return its length, to be found at the beginning of {@link #buffer}
   */
  int makeQuestion(int sequence) {
    return rewriter.replace(packet, sequence - 1, new byte[0], false);
  }

  /**
   * Makes a changed packet of one that was held.
   *
   * @param held the packet
   * @param sequence its new sequence number
   * @param payload its new payload
   * @param keepsFin whether its FIN, if it has one, stays
   * @return its length, to be found at the beginning of {@link #buffer}
   */
  int make(HeldSegment held, int sequence, byte[] payload, boolean keepsFin) {
    held.show(heldPacket);
    return rewriter.replace(heldPacket, sequence, payload, keepsFin);
  }

  /**
   * Makes a reset of the packet that is being read, for its receiver.
   *
   * @param sequence the number that the receiver expects next
   * @return its length, to be found at the beginning of {@link #buffer}; 0 if nothing in the packet
   *     may be changed
   */
  int makeReset(int sequence) {
    return packet.isUnalterable() ? 0 : rewriter.reset(packet, sequence);
  }

  /**
   * Tells the kernel how to shift what follows.
   *
   * @param translation of a flow
   * @param direction the direction that is shifted
   * @param adjustment how
   * @param exempt as for {@link TranslatedFlow#adjust}
   * @return false if that failed
   */
  boolean adjust(
      TranslatedFlow translation,
      Direction direction,
      SequenceAdjustment adjustment,
      boolean exempt) {
    try {
      return translation.adjust(conntrack, direction, adjustment, exempt);
    } catch (NetlinkException e) {
      errors.warn(String.valueOf(e.getMessage()));
      return false;
    }
  }

  /**
   * Where the changed packet is.
   *
   * @return the same at every call; overwritten by the next {@link #make}
   */
  public ByteBuffer buffer() {
    return rewriter.buffer();
  }
}
