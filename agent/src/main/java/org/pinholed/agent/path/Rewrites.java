package org.pinholed.agent.path;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.announce.MessageEdits;
import org.pinholed.agent.flow.AgentReason;
import org.pinholed.agent.flow.Flow;
import org.pinholed.agent.nat.PacketRewriter;
import org.pinholed.agent.nat.Passage;
import org.pinholed.agent.nat.PayloadEdit;
import org.pinholed.agent.nat.TranslatedFlow;
import org.pinholed.agent.nat.TranslatedStream;
import org.pinholed.agent.nat.WithheldReason;
import org.pinholed.agent.pace.SampledLog;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.helper.Direction;
import org.pinholed.helper.stream.InOrderStream;
import org.pinholed.kernel.conntrack.ConntrackClient;
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
  private static final int IPV4_ALWAYS_BYTES = 576;
  private static final int IPV6_ALWAYS_BYTES = 1280;

  private static final Logger LOG = LoggerFactory.getLogger(Rewrites.class);

  private final ConntrackClient conntrack;
  private final PacketView packet;
  private final PacketRewriter rewriter = new PacketRewriter();
  private final SampledLog errors = new SampledLog(LOG, "packet not rewritten");
  private final List<PayloadEdit> edits = new ArrayList<>(2);
  private @Nullable Integer incomplete;

  /**
   * Makes it.
   *
   * @param conntrack the worker's own way to conntrack
   * @param packet the packet that is being read
   */
  public Rewrites(ConntrackClient conntrack, PacketView packet) {
    this.conntrack = conntrack;
    this.packet = packet;
  }

  @Override
  public void begin() {
    edits.clear();
    incomplete = null;
  }

  /** Begins to read bytes of the packet, perhaps some that were shown before. */
  public void beginBytes() {
    incomplete = null;
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
      if (now.get().hasHelper()) {
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
    PayloadEdit edit = new PayloadEdit(stream.sequenceOf(streamOffset), lengthBytes, replacement);
    translated.plan(edit);
    edits.add(edit);
    return true;
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
            roomBytes(),
            fixed ? null : incomplete,
            inTurnOnly);
    return fixed && passage.kind() == Passage.Kind.CHANGED
        ? Passage.dropped(WithheldReason.UNALTERABLE)
        : passage;
  }

  /**
   * How long the payload may become. Nobody tells the sender that its packets outgrow the way, so
   * none leaves longer than it came, but for those that every way carries (RFC 791 section 3.2, RFC
   * 8200 section 5).
   */
  private int roomBytes() {
    int headerBytes = packet.payloadOffset() - packet.offset();
    int packetBytes = headerBytes + packet.payloadLengthBytes();
    return Math.max(packetBytes, packet.isIpv6() ? IPV6_ALWAYS_BYTES : IPV4_ALWAYS_BYTES)
        - headerBytes;
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
    if (adjustment == null) {
      return lengthBytes;
    }
    try {
      return translation.adjust(conntrack, direction, adjustment) ? lengthBytes : 0;
    } catch (NetlinkException e) {
      errors.warn(String.valueOf(e.getMessage()));
      return 0;
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
