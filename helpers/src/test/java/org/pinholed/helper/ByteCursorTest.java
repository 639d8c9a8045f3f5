package org.pinholed.helper;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

class ByteCursorTest {
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
