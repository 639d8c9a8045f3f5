package org.pinholed.helper;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

class ByteCursorTest {
  private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;

  private final ByteBuffer buffer =
      ByteBuffer.wrap(new byte[] {9, 1, 2, 3, (byte) 0xff, (byte) 0xfe, 0, 1, 9})
          .order(ByteOrder.LITTLE_ENDIAN);
  private final ByteCursor cursor = new ByteCursor();

  @Test
  void reads_inNetworkOrder_whateverTheBufferHas() {
    cursor.wrap(buffer, 1, 7, 100);
    assertSame(buffer, cursor.buffer());
    assertEquals(1, cursor.u8());
    assertEquals(0x0203, cursor.u16());
    assertEquals(0xfffe0001L, cursor.u32());
    assertEquals(0, cursor.remaining());
    assertEquals(8, cursor.position());
    assertEquals(8, cursor.limit());
    assertTrue(cursor.ok());
  }

  @Test
  void u64_inNetworkOrder_isAllItsBits() {
    ByteBuffer eight = ByteBuffer.wrap(new byte[] {(byte) 0x81, 2, 3, 4, 5, 6, 7, (byte) 0xf8});
    assertEquals(0x81020304050607f8L, cursor.wrap(eight, 0, 8, 0).u64());
    assertTrue(cursor.ok());
    assertEquals(0xf807060504030281L, cursor.wrap(eight, 0, 8, 0).order(LITTLE).u64());
    assertTrue(cursor.ok());
  }

  @Test
  void order_isThatOfTheNumbersReadFromThenOn() {
    cursor.wrap(buffer, 1, 8, 0).order(LITTLE);
    assertEquals(1, cursor.u8());
    assertEquals(0x0302, cursor.u16());
    assertEquals(0x0100feffL, cursor.u32());
    assertEquals(9, cursor.order(ByteOrder.BIG_ENDIAN).u8());
    cursor.wrap(buffer, 4, 4, 0).order(LITTLE).order(ByteOrder.BIG_ENDIAN);
    assertEquals(0xfffe0001L, cursor.u32());
  }

  @Test
  void wrap_goesBackToNetworkOrder() {
    cursor.wrap(buffer, 1, 7, 0).order(LITTLE);
    assertEquals(0x0102, cursor.wrap(buffer, 1, 7, 0).u16());
  }

  @Test
  void pastTheLimit_isTheSameInBothOrders() {
    for (ByteOrder order : new ByteOrder[] {ByteOrder.BIG_ENDIAN, LITTLE}) {
      for (int length = 0; length < 8; length++) {
        assertEquals(0, cursor.wrap(buffer, 1, length, 0).order(order).u64());
        assertFalse(cursor.ok());
        assertEquals(1 + length, cursor.position());
        boolean four = length >= 4;
        assertEquals(four, cursor.wrap(buffer, 1, length, 0).order(order).u32() != 0);
        assertEquals(four, cursor.ok());
        boolean two = length >= 2;
        assertEquals(two, cursor.wrap(buffer, 1, length, 0).order(order).u16() != 0);
        assertEquals(two, cursor.ok());
      }
    }
  }

  @Test
  void copyTo_takesAllOrNothing() {
    byte[] target = new byte[4];
    cursor.wrap(buffer, 1, 3, 0).copyTo(target, 1, 2);
    assertArrayEquals(new byte[] {0, 1, 2, 0}, target);
    assertEquals(3, cursor.position());
    cursor.copyTo(target, 0, 2);
    assertFalse(cursor.ok());
    assertArrayEquals(new byte[] {0, 1, 2, 0}, target);
    assertThrows(IndexOutOfBoundsException.class, () -> cursor.copyTo(target, 3, 2));
  }

  @Test
  void u8At_doesNotMove() {
    cursor.wrap(buffer, 1, 7, 0);
    assertEquals(0xff, cursor.u8At(4));
    assertEquals(1, cursor.position());
    assertEquals(0, cursor.another().remaining());
  }

  @Test
  void streamOffsetOf_countsFromTheStartOfTheStream() {
    cursor.wrap(buffer, 1, 7, 100);
    assertEquals(100, cursor.streamOffsetOf(1));
    assertEquals(106, cursor.streamOffsetOf(7));
  }

  @Test
  void pastTheLimit_isZeroAndSticky() {
    assertEquals(0, cursor.wrap(buffer, 0, 0, 0).u8());
    assertFalse(cursor.ok());
    assertEquals(0, cursor.wrap(buffer, 0, 1, 0).u16());
    assertEquals(0, cursor.wrap(buffer, 0, 3, 0).u32());
    assertEquals(0, cursor.u8());
    assertFalse(cursor.ok());
    assertTrue(cursor.wrap(buffer, 0, 3, 0).ok());
  }

  @Test
  void skip_staysInside() {
    cursor.wrap(buffer, 0, 3, 0).skip(3);
    assertTrue(cursor.ok());
    cursor.skip(1);
    assertFalse(cursor.ok());
    cursor.wrap(buffer, 0, 3, 0).skip(-1);
    assertFalse(cursor.ok());
    assertEquals(0, cursor.remaining());
    cursor.wrap(buffer, 0, 3, 0).skip(Integer.MAX_VALUE);
    assertFalse(cursor.ok());
  }

  @Test
  void wrap_outsideTheBuffer_isOurBug() {
    assertThrows(IndexOutOfBoundsException.class, () -> cursor.wrap(buffer, 5, 5, 0));
  }
}
