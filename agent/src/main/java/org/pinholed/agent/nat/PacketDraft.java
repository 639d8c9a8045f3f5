package org.pinholed.agent.nat;

import java.nio.ByteBuffer;
import org.pinholed.agent.packet.PacketView;

/**
 * A packet that is being made of another one: its headers, then pieces of its payload and other
 * bytes, then lengths and checksums. Not thread-safe; its buffer is used again for the next packet.
 */
final class PacketDraft {
  /** The longest packet that the kernel takes back from a queue: what an attribute can hold. */
  static final int MAX_PACKET_BYTES = 65531;

  private static final int IPV6_HEADER_BYTES = 40;

  private final ByteBuffer out = ByteBuffer.allocateDirect(MAX_PACKET_BYTES);
  private ByteBuffer in = out;
  private boolean ipv6;
  private int protocol;
  private int payloadOffset;
  private int transportAt;
  private int lengthBytes;

  /**
   * Begins with the headers of a packet.
   *
   * @param packet a readable packet
   */
  void begin(PacketView packet) {
    in = packet.buffer();
    ipv6 = packet.isIpv6();
    protocol = packet.protocol();
    payloadOffset = packet.payloadOffset();
    transportAt = packet.transportOffset() - packet.offset();
    lengthBytes = payloadOffset - packet.offset();
    out.clear();
    out.put(0, in, packet.offset(), lengthBytes);
  }

  /**
   * Goes on with bytes of its payload.
   *
   * @param from the first one, counted from the first payload byte
   * @param count how many, 0 or more
   */
  void keep(int from, int count) {
    out.put(lengthBytes, in, payloadOffset + from, count);
    lengthBytes += count;
  }

  /** Goes on with other bytes. */
  void put(byte[] bytes) {
    out.put(lengthBytes, bytes);
    lengthBytes += bytes.length;
  }

  /** Where the TCP or UDP header begins. */
  int transportAt() {
    return transportAt;
  }

  /** The whole length so far. */
  int lengthBytes() {
    return lengthBytes;
  }

  /** The packet, from index 0. */
  ByteBuffer buffer() {
    return out;
  }

  int u8(int at) {
    return Byte.toUnsignedInt(out.get(at));
  }

  int u16(int at) {
    return u8(at) << 8 | u8(at + 1);
  }

  void put8(int at, int value) {
    out.put(at, (byte) value);
  }

  void put16(int at, int value) {
    out.put(at, (byte) (value >> 8));
    out.put(at + 1, (byte) value);
  }

  /** Writes the length, and for IPv4 the header checksum. */
  void finishIp() {
    if (ipv6) {
      put16(4, lengthBytes - IPV6_HEADER_BYTES);
    } else {
      put16(2, lengthBytes);
      put16(10, 0);
      put16(10, ~fold(sum(0, transportAt)));
    }
  }

  /**
   * Writes the checksum over pseudo header, transport header and payload (RFC 9293 section 3.1, RFC
   * 768, RFC 8200 section 8.1). A UDP checksum that comes out as 0 is written as 0xffff, because 0
   * says that there is none.
   *
   * @param checksumAt where it stands in the transport header
   */
  void writeTransportChecksum(int checksumAt) {
    int at = transportAt + checksumAt;
    put16(at, 0);
    int pseudo = lengthBytes - transportAt + protocol + (ipv6 ? sum(8, 32) : sum(12, 8));
    int checksum = ~fold(pseudo + sum(transportAt, lengthBytes - transportAt)) & 0xffff;
    put16(at, checksum == 0 && protocol == PacketView.UDP ? 0xffff : checksum);
  }

  /** Sum of big-endian 16-bit words; an odd last byte is the high half of a word (RFC 1071). */
  private int sum(int offset, int count) {
    int sum = 0;
    int last = offset + count - 1;
    for (int at = offset; at < last; at += 2) {
      sum += u16(at);
      sum = (sum & 0xffff) + (sum >>> 16);
    }
    if ((count & 1) != 0) {
      sum += u8(last) << 8;
    }
    return sum;
  }

  private static int fold(int sum) {
    int folded = (sum & 0xffff) + (sum >>> 16);
    return (folded & 0xffff) + (folded >>> 16);
  }
}
