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

  private static final int TCP_SEQUENCE = 4;
  private static final int TCP_FLAGS = 13;
  private static final int TCP_CHECKSUM = 16;
  private static final int TCP_URGENT = 18;

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
    requireLength(headerBytes + keptBytes + growth);
    draft.begin(packet);
    int from = 0;
    for (PayloadEdit edit : edits) {
      draft.keep(from, edit.from() - packet.sequence() - from);
      draft.put(edit.replacement());
      from = edit.to() - packet.sequence();
    }
    draft.keep(from, keptBytes - from);
    if (keptBytes < packet.payloadLengthBytes()) {
      clearFin();
    }
    draft.finishIp();
    draft.writeTransportChecksum(TCP_CHECKSUM);
    return draft.lengthBytes();
  }

  /**
   * Builds the packet with another payload.
   *
   * @param packet a readable TCP packet
   * @param sequence its sequence number from now on
   * @param payload its payload from now on
   * @param keepsFin whether its FIN, if it has one, stays
   * @return its whole length, to be found at index 0 of {@link #buffer}
   * @throws IllegalArgumentException if it would be longer than {@link #MAX_PACKET_BYTES}
   */
  public int replace(PacketView packet, int sequence, byte[] payload, boolean keepsFin) {
    requireLength(packet.payloadOffset() - packet.offset() + payload.length);
    draft.begin(packet);
    draft.put(payload);
    putSequence(sequence);
    if (!keepsFin) {
      clearFin();
    }
    draft.finishIp();
    draft.writeTransportChecksum(TCP_CHECKSUM);
    return draft.lengthBytes();
  }

  /**
   * Builds a reset of its connection: the headers, without payload.
   *
   * @param packet a readable TCP packet
   * @param sequence the number that its receiver expects next; others are not believed (RFC 5961
   *     section 3.2)
   * @return its whole length, to be found at index 0 of {@link #buffer}
   */
  public int reset(PacketView packet, int sequence) {
    draft.begin(packet);
    putSequence(sequence);
    int flagsAt = draft.transportAt() + TCP_FLAGS;
    draft.put8(flagsAt, (draft.u8(flagsAt) & PacketView.ACK) | PacketView.RST);
    draft.put16(draft.transportAt() + TCP_URGENT, 0);
    draft.finishIp();
    draft.writeTransportChecksum(TCP_CHECKSUM);
    return draft.lengthBytes();
  }

  private void putSequence(int sequence) {
    int sequenceAt = draft.transportAt() + TCP_SEQUENCE;
    draft.put16(sequenceAt, sequence >>> 16);
    draft.put16(sequenceAt + 2, sequence);
  }

  private static void requireLength(int length) {
    if (length > MAX_PACKET_BYTES) {
      throw new IllegalArgumentException("packet: " + length + " bytes (expected: ..65531)");
    }
  }

  private void clearFin() {
    int flagsAt = draft.transportAt() + TCP_FLAGS;
    draft.put8(flagsAt, draft.u8(flagsAt) & ~PacketView.FIN);
  }

  /**
   * Where the packet is.
   *
   * @return valid until the next packet is made
   */
  public ByteBuffer buffer() {
    return draft.buffer();
  }
}
