package org.pinholed.kernel.netlink;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** What was written is read, and nothing else is. */
class NetlinkReaderTest {
  private final NetlinkReader reader = new NetlinkReader();

  private static ByteBuffer buffer(byte[] bytes) {
    return ByteBuffer.allocate(bytes.length).order(ByteOrder.nativeOrder()).put(0, bytes);
  }

  private NetlinkReader wrap(NetlinkWriter writer) {
    return reader.wrap(buffer(writer.toBytes()), 0, writer.lengthBytes());
  }

  private static NetlinkWriter writer() {
    return new NetlinkWriter(4096);
  }

  @Test
  void message_written_isReadBack() {
    NetlinkWriter writer = writer();
    writer.beginNfnetlink(3, 1, 5, -7, 2, 0xfedc);
    writer.attr8(1, 200).attr16be(2, 50000).attr32be(3, -2).attr32host(4, -3);
    writer.attr64be(5, -4).attrString(6, "pinhole").attrBytes(7, new byte[] {1, 2, 3}).endMessage();
    wrap(writer);
    assertTrue(reader.nextMessage());
    assertEquals(0x301, reader.type());
    assertEquals(5, reader.flags());
    assertEquals(-7, reader.sequence());
    assertEquals(0, reader.portId());
    assertEquals(0xfedc, reader.resourceId());
    assertEquals(2, reader.enterNfnetlink());
    assertTrue(reader.nextAttribute());
    assertEquals(200, reader.u8());
    assertTrue(reader.nextAttribute());
    assertEquals(50000, reader.u16be());
    assertTrue(reader.nextAttribute());
    assertEquals(-2, reader.s32be());
    assertEquals(0xfffffffeL, reader.u32be());
    assertTrue(reader.nextAttribute());
    assertEquals(-3, reader.s32host());
    assertTrue(reader.nextAttribute());
    assertEquals(-4, reader.s64be());
    assertTrue(reader.nextAttribute());
    assertEquals("pinhole", reader.string());
    assertTrue(reader.nextAttribute());
    assertArrayEquals(new byte[] {1, 2, 3}, reader.bytes());
    assertEquals(7, reader.attributeType());
    assertEquals(3, reader.attributeLengthBytes());
    assertFalse(reader.nextAttribute());
    assertFalse(reader.nextMessage());
    assertTrue(reader.ok());
  }

  @Test
  void nested_left_goesOnBehindIt() {
    NetlinkWriter writer = writer();
    writer.beginMessage(100, 0, 1).beginNested(1).attr8(2, 2).attr8(3, 3).endNested().attr8(4, 4);
    wrap(writer.endMessage());
    reader.nextMessage();
    assertTrue(reader.nextAttribute());
    assertEquals(1, reader.attributeType());
    reader.enterNested();
    assertTrue(reader.nextAttribute());
    assertEquals(2, reader.u8());
    reader.leaveNested();
    assertTrue(reader.nextAttribute());
    assertEquals(4, reader.u8());
    assertFalse(reader.nextAttribute());
    assertTrue(reader.ok());
  }

  @Test
  void lastMessage_withALengthThatIsNoMultipleOfFour_isRead() {
    // NFQUEUE splices the payload in without padding: 16 + 4 + 5 bytes.
    NetlinkWriter writer = writer();
    writer.beginMessage(100, 0, 1).rawBytes(new byte[] {9, 0, 1, 0, 1, 2, 3, 4, 5});
    byte[] bytes = writer.endMessage().toBytes();
    reader.wrap(buffer(bytes), 0, 25);
    assertTrue(reader.nextMessage());
    assertEquals(9, reader.payloadLengthBytes());
    assertTrue(reader.nextAttribute());
    assertEquals(5, reader.attributeLengthBytes());
    assertFalse(reader.nextAttribute());
    assertFalse(reader.nextMessage());
    assertTrue(reader.ok());
  }

  @Test
  void slice_inTheMiddleOfABuffer_isReadOnlyWithinItsBounds() {
    ByteBuffer all = buffer(new byte[100]);
    NetlinkWriter writer = writer();
    writer.beginMessage(100, 0, 1).attr8(1, 7).endMessage();
    all.put(40, writer.toBytes());
    reader.wrap(all, 40, writer.lengthBytes());
    assertTrue(reader.nextMessage());
    assertTrue(reader.nextAttribute());
    assertEquals(64 - 3, reader.attributeOffset() + 1);
    reader.wrap(all, 40, writer.lengthBytes() - 1);
    assertFalse(reader.nextMessage());
    assertFalse(reader.ok());
    reader.wrapAttributes(all, 56, 8);
    assertTrue(reader.nextAttribute());
    assertEquals(7, reader.u8());
    assertFalse(reader.nextAttribute());
    assertFalse(reader.nextMessage());
  }

  @Nested
  class Refuses {
    private boolean okAfter(byte[] bytes) {
      reader.wrap(buffer(bytes), 0, bytes.length);
      while (reader.nextMessage()) {
        reader.enterAttributes(0);
        while (reader.nextAttribute()) {
          assertTrue(reader.attributeOffset() + reader.attributeLengthBytes() <= bytes.length);
        }
      }
      return reader.ok();
    }

    private byte[] message(int lengthField, int attributeLengthField) {
      NetlinkWriter writer = writer();
      writer.beginMessage(100, 0, 1).attr32be(1, 5).endMessage();
      writer.buffer().putInt(0, lengthField);
      writer.buffer().putShort(16, (short) attributeLengthField);
      return writer.toBytes();
    }

    @Test
    void aMessageLengthBelowItsHeader() {
      assertTrue(okAfter(message(24, 8)));
      assertFalse(okAfter(message(15, 8)));
      assertFalse(okAfter(message(0, 8)));
      assertFalse(okAfter(message(-1, 8)));
      assertFalse(okAfter(message(Integer.MIN_VALUE, 8)));
    }

    @Test
    void aMessageLengthBehindTheEnd() {
      assertFalse(okAfter(message(25, 8)));
      assertFalse(okAfter(message(Integer.MAX_VALUE, 8)));
    }

    @Test
    void anAttributeLengthOutsideItsScope() {
      assertFalse(okAfter(message(24, 3)));
      assertFalse(okAfter(message(24, 0)));
      assertFalse(okAfter(message(24, 9)));
      assertFalse(okAfter(message(24, 0xffff)));
    }

    @Test
    void aNestedAttributeBehindItsParent() {
      NetlinkWriter writer = writer();
      writer.beginMessage(100, 0, 1).beginNested(1).attr8(1, 1).endNested().attr8(2, 2);
      writer.endMessage();
      writer.buffer().putShort(20, (short) 12); // the inner one reaches over its parent's end
      wrap(writer);
      reader.nextMessage();
      reader.nextAttribute();
      reader.enterNested();
      assertFalse(reader.nextAttribute());
      assertFalse(reader.ok());
      reader.leaveNested();
      assertFalse(reader.nextAttribute());
    }

    @Test
    void aValueShorterThanItsType() {
      NetlinkWriter writer = writer();
      writer.beginMessage(100, 0, 1).attr8(1, 0xff).endMessage();
      wrap(writer).nextMessage();
      reader.nextAttribute();
      assertEquals(0xff, reader.u8());
      assertTrue(reader.ok());
      assertEquals(0, reader.u16be());
      assertFalse(reader.ok());
      assertEquals(0, reader.s32be());
      assertEquals(0, reader.s64be());
      assertEquals(0, reader.s32host());
    }

    @Test
    void aMessageShorterThanItsFamilyHeader() {
      NetlinkWriter writer = writer();
      wrap(writer.beginMessage(100, 0, 1).raw16host(0).endMessage());
      reader.wrap(buffer(writer.toBytes()), 0, 18);
      assertTrue(reader.nextMessage());
      assertEquals(0, reader.resourceId());
      assertEquals(0, reader.enterNfnetlink());
      assertFalse(reader.ok());
      reader.wrap(buffer(writer.toBytes()), 0, 18);
      reader.nextMessage();
      reader.enterAttributes(3);
      assertFalse(reader.ok());
    }

    @Test
    void nestingDeeperThanTwelve_withoutThrowing() {
      NetlinkWriter writer = writer();
      writer.beginMessage(100, 0, 1);
      byte[] attributes = new byte[80];
      for (int level = 0; level < 20; level++) {
        attributes[level * 4] = (byte) (80 - level * 4);
        attributes[level * 4 + 2] = 1;
      }
      wrap(writer.rawBytes(attributes).endMessage()).nextMessage();
      for (int level = 0; level < 20; level++) {
        reader.nextAttribute();
        reader.enterNested();
      }
      assertFalse(reader.ok());
      for (int level = 0; level < 20; level++) {
        reader.leaveNested();
      }
      assertFalse(reader.nextAttribute());
    }

    @Test
    void aBufferInTheOtherByteOrder() {
      ByteOrder other =
          ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN
              ? ByteOrder.LITTLE_ENDIAN
              : ByteOrder.BIG_ENDIAN;
      ByteBuffer wrong = ByteBuffer.allocate(16).order(other);
      assertThrows(IllegalArgumentException.class, () -> reader.wrap(wrong, 0, 16));
    }
  }

  @Test
  void leave_withNoPresentAttribute_readsNothing() {
    NetlinkWriter writer = writer();
    writer.beginMessage(100, 0, 1).beginNested(1).attr32be(2, 5).endNested().endMessage();
    wrap(writer).nextMessage();
    reader.nextAttribute();
    reader.enterNested();
    reader.nextAttribute();
    reader.leaveNested();
    assertEquals(0, reader.bytes().length);
    assertFalse(reader.ok());
  }

  @Property(tries = 2000, seed = "20261123")
  void anyBytes_areReadToTheirEnd_withoutThrowing(@ForAll("datagrams") byte[] bytes) {
    NetlinkReader any = new NetlinkReader();
    any.wrap(buffer(bytes), 0, bytes.length);
    assertTrue(walk(any) <= bytes.length / 4 + 1);
  }

  @Property(tries = 500, seed = "20261123")
  void attributes_written_areReadBack(@ForAll List<byte[]> values) {
    NetlinkWriter writer = new NetlinkWriter(1 << 20);
    writer.beginMessage(100, 0, 1);
    values.forEach(value -> writer.attrBytes(value.length & 0x3fff, value));
    writer.endMessage();
    NetlinkReader any = new NetlinkReader();
    any.wrap(buffer(writer.toBytes()), 0, writer.lengthBytes());
    any.nextMessage();
    List<byte[]> read = new ArrayList<>();
    while (any.nextAttribute()) {
      read.add(any.bytes());
    }
    assertTrue(any.ok());
    assertArrayEquals(values.toArray(), read.toArray());
  }

  /** Messages of random attributes in which a few bytes were changed, so that lengths lie. */
  @Provide
  Arbitrary<byte[]> datagrams() {
    return Arbitraries.longs().map(NetlinkReaderTest::damaged);
  }

  private static byte[] damaged(long seed) {
    Random random = new Random(seed);
    NetlinkWriter writer = new NetlinkWriter(4096);
    for (int messages = random.nextInt(4); messages >= 0; messages--) {
      writer.beginNfnetlink(random.nextInt(256), 0, 0, 0, 0, 0);
      int depth = 0;
      for (int attributes = random.nextInt(12); attributes > 0; attributes--) {
        switch (random.nextInt(4)) {
          case 0 -> {
            if (depth < 5) {
              writer.beginNested(random.nextInt(30));
              depth++;
            }
          }
          case 1 -> {
            if (depth > 0) {
              writer.endNested();
              depth--;
            }
          }
          default -> writer.attrBytes(random.nextInt(30), new byte[random.nextInt(20)]);
        }
      }
      for (; depth > 0; depth--) {
        writer.endNested();
      }
      writer.endMessage();
    }
    byte[] bytes = writer.toBytes();
    for (int changes = random.nextInt(6); changes > 0; changes--) {
      bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
    }
    return bytes;
  }

  /** Reads everything in every way; the number of attributes that were seen. */
  private static int walk(NetlinkReader reader) {
    int attributes = 0;
    while (reader.nextMessage()) {
      reader.type();
      reader.sequence();
      reader.resourceId();
      reader.enterAttributes(reader.type() >= 256 ? 4 : 0);
      attributes += walkAttributes(reader, 0);
    }
    return attributes;
  }

  private static int walkAttributes(NetlinkReader reader, int depth) {
    int attributes = 0;
    while (reader.nextAttribute()) {
      attributes++;
      reader.bytes();
      reader.string();
      if (reader.attributeLengthBytes() >= 4 && depth < 14) {
        reader.enterNested();
        walkAttributes(reader, depth + 1);
        reader.leaveNested();
      }
    }
    return attributes;
  }
}
