package org.pinholed.agent.nat;

import java.nio.ByteBuffer;
import java.util.List;
import org.pinholed.agent.packet.PacketView;

/**
 * Builds a TCP packet with other payload: lengths and checksums are made anew, everything else,
 * with IP options, extension headers and TCP options, stays as it is. Not thread-safe; its buffer
 * is used again for the next packet.
 */
public final class PacketRewriter {
  /** The longest packet that the kernel takes back from a queue. */
  public static final int MAX_PACKET_BYTES = PacketDraft.MAX_PACKET_BYTES;

  private static final int TCP_FLAGS = 13;
  private static final int TCP_CHECKSUM = 16;

  private final PacketDraft draft = new PacketDraft();

  /** Makes a rewriter. */
  public PacketRewriter() {}

  /**
   * Builds the packet.
   *
   * @param packet a readable TCP packet
   * @param end sequence number behind the last byte that stays; FIN goes if that is not the last
   * @param edits what is replaced, ascending, inside of the packet and before {@code end}
   * @return its whole length, to be found at index 0 of {@link #buffer}
   * @throws IllegalArgumentException if it would be longer than {@link #MAX_PACKET_BYTES}
   */
  public int rewrite(PacketView packet, int end, List<PayloadEdit> edits) {
    int headerBytes = packet.payloadOffset() - packet.offset();
    int keptBytes = end - packet.sequence();
    int growth = 0;
    for (PayloadEdit edit : edits) {
      growth += edit.growth();
    }
    if (headerBytes + keptBytes + growth > MAX_PACKET_BYTES) {
      throw new IllegalArgumentException(
          "packet: " + (headerBytes + keptBytes + growth) + " bytes (expected: ..65531)");
    }
    draft.begin(packet);
    int from = 0;
    for (PayloadEdit edit : edits) {
      draft.keep(from, edit.from() - packet.sequence() - from);
      draft.put(edit.replacement());
      from = edit.to() - packet.sequence();
    }
    draft.keep(from, keptBytes - from);
    if (keptBytes < packet.payloadLengthBytes()) {
      int flagsAt = draft.transportAt() + TCP_FLAGS;
      draft.put8(flagsAt, draft.u8(flagsAt) & ~PacketView.FIN);
    }
    draft.finishIp();
    draft.writeTransportChecksum(TCP_CHECKSUM);
    return draft.lengthBytes();
  }

  /**
   * Where the packet is.
   *
   * @return valid until the next {@link #rewrite}
   */
  public ByteBuffer buffer() {
    return draft.buffer();
  }
}
