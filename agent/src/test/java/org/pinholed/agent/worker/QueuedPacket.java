package org.pinholed.agent.worker;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.pinholed.kernel.nfqueue.QueuedPacketView;

/**
 * One packet as it stands in the receive buffer, outside the heap, with sequence numbers that can
 * be changed. Shown without allocating.
 */
final class QueuedPacket {
  private static final int IPV4_HEADER_BYTES = 20;

  private final ByteBuffer buffer;
  private final QueuedPacketView view = new QueuedPacketView();
  private final int lengthBytes;

  /** A packet with the id 1. */
  QueuedPacket(byte[] packet) {
    this(1, packet);
  }

  /**
   * Makes it, as it comes from postrouting.
   *
   * @param id its id in the queue
   * @param packet from its IPv4 header on
   */
  QueuedPacket(int id, byte[] packet) {
    byte[] datagram = FakeQueueKernel.message(id, packet, FakeQueueKernel.POSTROUTING, 0, 0);
    lengthBytes = datagram.length;
    buffer = ByteBuffer.allocateDirect(lengthBytes).order(ByteOrder.nativeOrder());
    buffer.put(0, datagram);
  }

  /** Shows it with these numbers; it is TCP. */
  QueuedPacketView with(int sequence, int acknowledgement) {
    assertTrue(view.wrap(buffer, 0, lengthBytes));
    int tcp = view.payloadOffset() + IPV4_HEADER_BYTES;
    putBigEndian(tcp + 4, sequence);
    putBigEndian(tcp + 8, acknowledgement);
    return view;
  }

  /** Shows it. */
  QueuedPacketView asItIs() {
    assertTrue(view.wrap(buffer, 0, lengthBytes));
    return view;
  }

  /** Its sequence number; it is TCP. */
  int sequence() {
    assertTrue(view.wrap(buffer, 0, lengthBytes));
    int at = view.payloadOffset() + IPV4_HEADER_BYTES + 4;
    int sequence = 0;
    for (int i = 0; i < 4; i++) {
      sequence = (sequence << 8) | Byte.toUnsignedInt(buffer.get(at + i));
    }
    return sequence;
  }

  private void putBigEndian(int at, int value) {
    buffer.put(at, (byte) (value >>> 24)).put(at + 1, (byte) (value >>> 16));
    buffer.put(at + 2, (byte) (value >>> 8)).put(at + 3, (byte) value);
  }
}
