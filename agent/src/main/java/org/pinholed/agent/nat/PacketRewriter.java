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
  public static final int MAX_PACKET_BYTES = 65531;

  private static final int TCP_SEQUENCE = 4;
  private static final int TCP_FLAGS = 13;
  private static final int TCP_CHECKSUM = 16;

  private final ByteBuffer out = ByteBuffer.allocateDirect(MAX_PACKET_BYTES);

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
    ByteBuffer in = packet.buffer();
    int headerBytes = packet.payloadOffset() - packet.offset();
    int keptBytes = end - packet.sequence();
    int growth = 0;
    for (PayloadEdit edit : edits) {
      growth += edit.growth();
    }
    requireLength(headerBytes + keptBytes + growth);
    out.clear();
    out.put(0, in, packet.offset(), headerBytes);
    int at = headerBytes;
    int from = 0;
    for (PayloadEdit edit : edits) {
      int editAt = edit.from() - packet.sequence();
      out.put(at, in, packet.payloadOffset() + from, editAt - from);
      at += editAt - from;
      out.put(at, edit.replacement());
      at += edit.replacement().length;
      from = edit.to() - packet.sequence();
    }
    out.put(at, in, packet.payloadOffset() + from, keptBytes - from);
    at += keptBytes - from;
    int transportAt = packet.transportOffset() - packet.offset();
    if (keptBytes < packet.payloadLengthBytes()) {
      clearFin(transportAt);
    }
    finish(packet.isIpv6(), transportAt, at);
    return at;
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
    int headerBytes = packet.payloadOffset() - packet.offset();
    int length = headerBytes + payload.length;
    requireLength(length);
    out.clear();
    out.put(0, packet.buffer(), packet.offset(), headerBytes);
    out.put(headerBytes, payload);
    int transportAt = packet.transportOffset() - packet.offset();
    put16(transportAt + TCP_SEQUENCE, sequence >>> 16);
    put16(transportAt + TCP_SEQUENCE + 2, sequence);
    if (!keepsFin) {
      clearFin(transportAt);
    }
    finish(packet.isIpv6(), transportAt, length);
    return length;
  }

  private static void requireLength(int length) {
    if (length > MAX_PACKET_BYTES) {
      throw new IllegalArgumentException("packet: " + length + " bytes (expected: ..65531)");
    }
  }

  private void clearFin(int transportAt) {
    int flags = out.get(transportAt + TCP_FLAGS) & ~PacketView.FIN;
    out.put(transportAt + TCP_FLAGS, (byte) flags);
  }

  /**
   * Where the packet is.
   *
   * @return valid until the next {@link #rewrite} or {@link #replace}
   */
  public ByteBuffer buffer() {
    return out;
  }

  private void finish(boolean ipv6, int transportAt, int length) {
    int pseudo = length - transportAt + PacketView.TCP;
    if (ipv6) {
      put16(4, length - 40);
      pseudo += sum(8, 32);
    } else {
      put16(2, length);
      put16(10, 0);
      put16(10, ~fold(sum(0, transportAt)));
      pseudo += sum(12, 8);
    }
    put16(transportAt + TCP_CHECKSUM, 0);
    put16(transportAt + TCP_CHECKSUM, ~fold(pseudo + sum(transportAt, length - transportAt)));
  }

  /** Sum of big-endian 16-bit words; an odd last byte is the high half of a word (RFC 1071). */
  private int sum(int offset, int lengthBytes) {
    int sum = 0;
    int last = offset + lengthBytes - 1;
    for (int at = offset; at < last; at += 2) {
      sum += Byte.toUnsignedInt(out.get(at)) << 8 | Byte.toUnsignedInt(out.get(at + 1));
      sum = (sum & 0xffff) + (sum >>> 16);
    }
    if ((lengthBytes & 1) != 0) {
      sum += Byte.toUnsignedInt(out.get(last)) << 8;
    }
    return sum;
  }

  private static int fold(int sum) {
    int folded = (sum & 0xffff) + (sum >>> 16);
    return (folded & 0xffff) + (folded >>> 16);
  }

  private void put16(int at, int value) {
    out.put(at, (byte) (value >> 8));
    out.put(at + 1, (byte) value);
  }
}
