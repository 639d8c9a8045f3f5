package org.pinholed.agent.replay.capture;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

/** Fragments are put together as the kernel does it. */
class FragmentsTest {
  private static final long NOW_NS = 1_000_000_000L;

  private final Fragments fragments = new Fragments();

  private static ByteBuffer ipv4(int id, int offset, boolean more, int bytes) {
    ByteBuffer packet = ByteBuffer.allocate(20 + bytes);
    packet.put((byte) 0x45).put((byte) 0).putShort((short) (20 + bytes)).putShort((short) id);
    packet.putShort((short) ((more ? 0x2000 : 0) | offset / 8)).put((byte) 64).put((byte) 17);
    packet.position(20);
    for (int i = 0; i < bytes; i++) {
      packet.put((byte) (offset + i));
    }
    return packet;
  }

  private static ByteBuffer ipv6(int id, int offset, boolean more, int bytes) {
    ByteBuffer packet = ByteBuffer.allocate(40 + 8 + 8 + bytes);
    packet.putInt(0x60000000).putShort((short) (16 + bytes)).put((byte) 60).put((byte) 64);
    packet.position(40); // destination options, then the fragment header
    packet.put((byte) 44).put((byte) 0).put(new byte[6]);
    packet.put((byte) 17).put((byte) 0).putShort((short) (offset | (more ? 1 : 0))).putInt(id);
    for (int i = 0; i < bytes; i++) {
      packet.put((byte) (offset + i));
    }
    return packet;
  }

  private boolean add(ByteBuffer packet) {
    assertTrue(fragments.isFragment(packet, 0, packet.capacity()));
    return fragments.add(packet, 0, packet.capacity(), NOW_NS);
  }

  private void assertCounted(int headerBytes) {
    for (int at = headerBytes; at < fragments.wholeBytes(); at++) {
      assertEquals((byte) (at - headerBytes), fragments.whole().get(at));
    }
  }

  @Test
  void ipv4_inAnyOrder_isWhole() {
    assertFalse(add(ipv4(1, 32, false, 5)));
    assertFalse(add(ipv4(1, 16, true, 16)));
    assertTrue(add(ipv4(1, 0, true, 16)));
    assertEquals(20 + 37, fragments.wholeBytes());
    assertEquals(57, fragments.whole().getShort(2));
    assertEquals(0, fragments.whole().getShort(6));
    assertCounted(20);
    assertEquals(0, fragments.keptBytes());
  }

  @Test
  void ipv6_behindOptions_isWhole() {
    assertFalse(add(ipv6(1, 0, true, 16)));
    assertTrue(add(ipv6(1, 16, false, 3)));
    assertEquals(40 + 8 + 19, fragments.wholeBytes());
    assertEquals(27, fragments.whole().getShort(4));
    assertEquals(17, fragments.whole().get(40), "the header behind the options");
    assertCounted(48);
  }

  @Test
  void piecesThatOverlap_spoilTheirPacket() {
    assertFalse(add(ipv4(1, 0, true, 24)));
    assertFalse(add(ipv4(1, 16, true, 16)));
    assertFalse(add(ipv4(1, 32, false, 5)));
    assertFalse(add(ipv4(1, 24, false, 5)));
  }

  @Test
  void pieceSentTwice_isNoOverlap() {
    assertFalse(add(ipv4(1, 0, true, 16)));
    assertFalse(add(ipv4(1, 0, true, 16)));
    assertTrue(add(ipv4(1, 16, false, 5)));
  }

  @Test
  void pieceThatComesTooLate_findsNothing() {
    assertFalse(add(ipv4(1, 0, true, 16)));
    ByteBuffer late = ipv4(1, 16, false, 5);
    assertFalse(fragments.add(late, 0, late.capacity(), NOW_NS + Fragments.PATIENCE_IPV4_NS));
    assertEquals(1, fragments.lost());
  }

  @Test
  void whatIsLongerThanAPacket_isGivenUp() {
    assertFalse(add(ipv4(1, 65_528, false, 100)));
    assertFalse(add(ipv4(1, 0, true, 65_512)));
  }

  @Test
  void floodOfFirstPieces_isBounded() {
    for (int i = 0; i < 60_000; i++) {
      add(ipv4(i, 8 * (i % 8000), true, 1000));
    }
    assertTrue(fragments.keptBytes() <= Fragments.MOST_BYTES, "" + fragments.keptBytes());
    assertTrue(fragments.lost() > 0);
  }

  @Test
  void everyCut_neverThrows() {
    for (ByteBuffer packet : new ByteBuffer[] {ipv4(1, 0, true, 16), ipv6(1, 0, true, 16)}) {
      for (int length = 0; length < packet.capacity(); length++) {
        byte[] bytes = new byte[length];
        packet.get(0, bytes);
        ByteBuffer cut = ByteBuffer.wrap(bytes);
        if (fragments.isFragment(cut, 0, length)) {
          assertFalse(fragments.add(cut, 0, length, NOW_NS));
        }
      }
    }
  }
}
