package org.pinholed.agent.nat;

import java.nio.ByteBuffer;
import org.pinholed.agent.packet.PacketView;

/**
 * A copy of one TCP packet whose original waits in the kernel's queue. Immutable; sequence numbers
 * are the sender's.
 */
public final class HeldSegment {
  private static final int IPV4_ALWAYS_BYTES = 576;
  private static final int IPV6_ALWAYS_BYTES = 1280;

  private final int packetId;
  private final byte[] packet;
  private final int payloadOffset;
  private final int sequence;
  private final int roomBytes;
  private final boolean fin;
  private final boolean unalterable;
  private final long receivedNs;

  /**
   * Copies a packet.
   *
   * @param packetId its id in the queue
   * @param view the packet, readable
   * @param nowNs when it came
   */
  public HeldSegment(int packetId, PacketView view, long nowNs) {
    this.packetId = packetId;
    int headerBytes = view.payloadOffset() - view.offset();
    packet = new byte[headerBytes + view.payloadLengthBytes()];
    view.buffer().get(view.offset(), packet);
    payloadOffset = headerBytes;
    sequence = view.sequence();
    roomBytes = roomBytes(view);
    fin = view.has(PacketView.FIN);
    unalterable = view.isUnalterable();
    receivedNs = nowNs;
  }

  /**
   * How long the payload of a packet may become. Nobody tells the sender that its packets outgrow
   * the way, so none leaves longer than it came, but for those that every way carries (RFC 791
   * section 3.2, RFC 8200 section 5).
   *
   * @param view a TCP packet
   * @return bytes of payload, at least as many as it has
   */
  public static int roomBytes(PacketView view) {
    int headerBytes = view.payloadOffset() - view.offset();
    int packetBytes = headerBytes + view.payloadLengthBytes();
    return Math.max(packetBytes, view.isIpv6() ? IPV6_ALWAYS_BYTES : IPV4_ALWAYS_BYTES)
        - headerBytes;
  }

  /**
   * Its id in the queue.
   *
   * @return as the kernel gave it
   */
  public int packetId() {
    return packetId;
  }

  /**
   * Shows the packet, with its headers.
   *
   * @param view shows it
   */
  public void show(PacketView view) {
    if (view.wrap(ByteBuffer.wrap(packet), 0, packet.length) != null) {
      throw new IllegalStateException("a packet that was readable when it came");
    }
  }

  /**
   * What the copy costs.
   *
   * @return bytes
   */
  public int sizeBytes() {
    return packet.length + 64;
  }

  int sequence() {
    return sequence;
  }

  int lengthBytes() {
    return packet.length - payloadOffset;
  }

  /** Sequence number behind its last byte; a FIN does not count. */
  int end() {
    return sequence + lengthBytes();
  }

  int packetBytes() {
    return packet.length;
  }

  /**
   * How long its payload may become if it leaves with others: its sender sent packets as long as
   * the longest of them at the same time, so the way carries one more, or the sender hears of that
   * one that it does not.
   *
   * @param longestPacketBytes how long the longest of those is, headers and all; 0 if it leaves
   *     alone
   */
  int roomBytes(int longestPacketBytes) {
    return Math.max(roomBytes, longestPacketBytes - payloadOffset);
  }

  boolean hasFin() {
    return fin;
  }

  boolean isUnalterable() {
    return unalterable;
  }

  long receivedNs() {
    return receivedNs;
  }

  /** Copies bytes of the payload, named by their sequence numbers. */
  void copy(int from, int lengthBytes, byte[] into, int at) {
    System.arraycopy(packet, payloadOffset + from - sequence, into, at, lengthBytes);
  }

  /** Whether another segment has all that this one has. */
  boolean isCoveredBy(HeldSegment other) {
    return sequence - other.sequence >= 0
        && end() - other.end() <= 0
        && (!fin || (other.fin && end() == other.end()));
  }
}
