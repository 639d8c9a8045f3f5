package org.pinholed.kernel.nfqueue;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.pinholed.kernel.netlink.NetlinkWriter;

/** Messages as the kernel makes them, whole and damaged. */
class QueuedPacketViewTest {
  private final QueuedPacketView view = new QueuedPacketView();

  private boolean wrap(byte[] message) {
    ByteBuffer buffer =
        ByteBuffer.allocate(message.length + 8).order(ByteOrder.nativeOrder()).put(8, message);
    return view.wrap(buffer, 8, message.length);
  }

  private static NetlinkWriter packet() {
    return new NetlinkWriter(4096)
        .beginNfnetlink(3, 0, 0, 0, 2, 7)
        .attrBytes(1, HexFormat.of().parseHex("0a0b0c0d" + "0800" + "04"));
  }

  @Test
  void message_withAllAttributes_isRead() {
    NetlinkWriter writer = packet().attr32be(3, 0x20000019).attr32be(5, 3).attr32be(6, 4);
    writer.beginNested(11).attr32be(12, 99).endNested().attr32be(12, 5).attr32be(13, 1500);
    writer.attr32be(14, 1).attrBytes(10, new byte[] {0x45, 1, 2, 3, 4}).endMessage();
    // The kernel does not pad behind the payload.
    writer.buffer().putInt(0, writer.lengthBytes() - 3);
    byte[] bytes = writer.toBytes();
    byte[] unpadded = Arrays.copyOf(bytes, bytes.length - 3);
    assertTrue(wrap(unpadded));
    assertEquals(0x0a0b0c0d, view.packetId());
    assertEquals(0x0800, view.hwProtocol());
    assertEquals(4, view.hook());
    assertEquals(7, view.queueNumber());
    assertEquals(0x20000019, view.mark());
    assertEquals(3, view.inInterfaceIndex());
    assertEquals(4, view.outInterfaceIndex());
    assertEquals(8, view.conntrackLengthBytes());
    assertEquals(99, view.buffer().get(view.conntrackOffset() + 7));
    assertEquals(5, view.conntrackInfo());
    assertEquals(1, view.skbInfo());
    assertEquals(5, view.payloadLengthBytes());
    assertEquals(0x45, view.buffer().get(view.payloadOffset()));
    assertEquals(1500, view.packetLengthBytes());
    assertTrue(view.isTruncated());
  }

  @Test
  void message_withTheLeastThatTheKernelSends_readsAsZeroElsewhere() {
    assertTrue(wrap(packet().attr32be(3, 1).attr32be(13, 9).endMessage().toBytes()));
    assertTrue(wrap(packet().attrBytes(10, new byte[40]).endMessage().toBytes()));
    assertEquals(0, view.mark());
    assertEquals(0, view.conntrackLengthBytes());
    assertEquals(40, view.packetLengthBytes());
    assertFalse(view.isTruncated());
  }

  @Test
  void message_ofAnotherKind_isNoPacket() {
    assertFalse(
        wrap(new NetlinkWriter(64).beginNfnetlink(3, 1, 0, 0, 0, 0).endMessage().toBytes()));
    assertFalse(wrap(new byte[0]));
    assertFalse(wrap(new byte[15]));
  }

  @Test
  void message_withoutAnId_isNoPacket() {
    assertFalse(
        wrap(
            new NetlinkWriter(64)
                .beginNfnetlink(3, 0, 0, 0, 0, 0)
                .attrBytes(1, new byte[6])
                .endMessage()
                .toBytes()));
    assertFalse(
        wrap(new NetlinkWriter(64).beginNfnetlink(3, 0, 0, 0, 0, 0).endMessage().toBytes()));
  }

  @Test
  void message_whosePayloadLengthLies_keepsItsIdAndHasNoPayload() {
    NetlinkWriter writer = packet().attrBytes(10, new byte[40]).endMessage();
    int payloadHeaderAt = 20 + 12;
    assertEquals(44, writer.buffer().getShort(payloadHeaderAt));
    writer.buffer().putShort(payloadHeaderAt, (short) 45);
    assertTrue(wrap(writer.toBytes()));
    assertEquals(0x0a0b0c0d, view.packetId());
    assertEquals(0, view.payloadLengthBytes());
  }

  @Test
  void message_cutAnywhere_neverThrowsAndReadsInsideItsBounds() {
    NetlinkWriter writer = packet().attr32be(3, 1);
    writer.beginNested(11).attr32be(12, 99).endNested().attr32be(12, 5);
    byte[] whole = writer.attrBytes(10, new byte[20]).endMessage().toBytes();
    for (int length = 0; length < whole.length; length++) {
      byte[] cut = Arrays.copyOf(whole, length);
      if (length >= 16) {
        ByteBuffer.wrap(cut).order(ByteOrder.nativeOrder()).putInt(0, length);
      }
      wrap(cut);
      assertTrue(view.payloadOffset() + view.payloadLengthBytes() <= length + 8);
      assertTrue(view.conntrackOffset() + view.conntrackLengthBytes() <= length + 8);
    }
  }
}
