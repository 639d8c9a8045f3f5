package org.pinholed.agent.path;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.announce.MessageEdits;
import org.pinholed.agent.flow.AgentReason;
import org.pinholed.agent.flow.Flow;
import org.pinholed.agent.flow.NetworkDevices;
import org.pinholed.agent.flow.ParentLookup;
import org.pinholed.agent.nat.DatagramEdit;
import org.pinholed.agent.nat.DatagramRewriter;
import org.pinholed.agent.nat.WithheldReason;
import org.pinholed.agent.packet.PacketView;
import org.pinholed.helper.Direction;

/**
 * The rewriting of one worker's datagrams: whether a datagram may be changed, and what of it is.
 * Nothing is remembered from one to the next: a helper that sees a datagram again says the same of
 * it again. Owned by one worker.
 */
public final class DatagramRewrites implements MessageEdits {
  private final ParentLookup lookup;
  private final PacketView packet;
  private final NetworkDevices devices;
  private final DatagramRewriter rewriter = new DatagramRewriter();
  private final List<DatagramEdit> edits = new ArrayList<>();

  /**
   * Makes it.
   *
   * @param lookup tells what became of the flow of the datagram that is being read
   * @param packet the packet that is being read
   * @param devices knows how long packets may be
   */
  public DatagramRewrites(ParentLookup lookup, PacketView packet, NetworkDevices devices) {
    this.lookup = lookup;
    this.packet = packet;
    this.devices = devices;
  }

  @Override
  public void begin() {
    edits.clear();
  }

  /** A datagram is whole: there is nothing to wait for. */
  @Override
  public void begins(Flow flow, Direction direction, long streamOffset) {
    // a datagram is one message
  }

  @Override
  public boolean isGivenUp(Flow flow, Direction direction) {
    return false; // nothing of it is held
  }

  @Override
  public void incomplete(Flow flow, Direction direction, long streamOffset) {}

  @Override
  public @Nullable AgentReason refusal(Flow flow, Direction direction, long streamOffset) {
    if (!flow.isTranslated()) {
      return AgentReason.REWRITE_NOT_ALLOWED;
    }
    if (packet.isUnalterable()) {
      return AgentReason.UNALTERABLE_PACKET;
    }
    if (!flow.isConfirmed()) {
      return null; // it has only just begun, with what its first datagram says
    }
    return switch (lookup.of(flow)) {
      case STANDS -> null;
      case HELPED -> AgentReason.KERNEL_HELPER;
      case GONE, UNKNOWN -> AgentReason.TRANSLATION_CHANGED;
    };
  }

  /**
   * Plans an edit. Of a flow that is translated each side's messages may have to be changed: the
   * translated side's for what it says of itself, the other's for what it says of that one.
   *
   * @throws IllegalArgumentException for an edit outside of the datagram, or before one that was
   *     planned already: a fault of the helper
   */
  @Override
  public boolean plan(
      Flow flow, Direction direction, long streamOffset, int lengthBytes, byte[] replacement) {
    if (!flow.isTranslated() || packet.isUnalterable()) {
      return false;
    }
    int behind = edits.isEmpty() ? 0 : edits.get(edits.size() - 1).to();
    int payloadBytes = packet.payloadLengthBytes();
    if (streamOffset < behind
        || streamOffset > payloadBytes
        || lengthBytes < 0
        || lengthBytes > payloadBytes - streamOffset) {
      throw new IllegalArgumentException(
          "edit: "
              + lengthBytes
              + " bytes at "
              + streamOffset
              + " (expected: at "
              + behind
              + " or behind, within "
              + payloadBytes
              + " bytes)");
    }
    edits.add(new DatagramEdit((int) streamOffset, lengthBytes, replacement));
    return true;
  }

  /** What is to be replaced in the datagram that is being read. */
  List<DatagramEdit> edits() {
    return edits;
  }

  /** Whether the changed packet would be longer than the kernel takes. */
  boolean isTooLong() {
    return DatagramRewriter.isTooLong(packet, edits);
  }

  /** Forgets what is to be replaced. */
  void cancel() {
    edits.clear();
  }

  /**
   * Makes the changed packet.
   *
   * @param outInterfaceIndex the device by which it leaves; 0 if it ends on this machine
   * @return why it cannot be made; null if it is, to be found at the beginning of {@link #buffer}
   */
  @Nullable WithheldReason make(int outInterfaceIndex) {
    int mtuBytes = devices.mtuBytes(outInterfaceIndex);
    return rewriter.rewrite(packet, edits, mtuBytes > 0 ? mtuBytes : DatagramRewriter.NO_MTU);
  }

  /** The length of the changed packet. */
  int lengthBytes() {
    return rewriter.lengthBytes();
  }

  /** Where the changed packet is; overwritten by the next {@link #make}. */
  ByteBuffer buffer() {
    return rewriter.buffer();
  }
}
