package org.pinholed.kernel.netlink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** Sizes and times at their limits, and what an error number is called. */
class NetlinkSocketOptionsTest {
  @Nested
  class Refuses {
    private void refused(String message, int receiveBytes, int sendBytes, Duration timeout) {
      IllegalArgumentException refused =
          assertThrows(
              IllegalArgumentException.class,
              () -> new NetlinkSocketOptions(receiveBytes, sendBytes, timeout, true));
      assertTrue(refused.toString().contains(message), refused::toString);
    }

    @Test
    void negativeSizes() {
      refused("receiveBufferBytes: -1 (expected: 0..)", -1, 0, Duration.ofSeconds(1));
      refused("sendBufferBytes: -1 (expected: 0..)", 0, -1, Duration.ofSeconds(1));
    }

    @Test
    void aTimeoutThatTheKernelWouldTakeForNone() {
      refused("receiveTimeout: PT0S", 0, 0, Duration.ZERO);
      refused("receiveTimeout: PT0.000999999S", 0, 0, Duration.ofNanos(999_999));
      refused("receiveTimeout: PT1H0.001S", 0, 0, Duration.ofMillis(3_600_001));
    }

    @Test
    void aBatchWithoutRoom() {
      assertThrows(IllegalArgumentException.class, () -> new DatagramBatch(0, 64));
      assertThrows(IllegalArgumentException.class, () -> new DatagramBatch(1025, 64));
      assertThrows(IllegalArgumentException.class, () -> new DatagramBatch(1, 63));
      assertThrows(IllegalArgumentException.class, () -> new DatagramBatch(1, (1 << 20) + 1));
    }
  }

  @Test
  void options_atTheirLimits_areTaken() {
    new NetlinkSocketOptions(0, 0, Duration.ofMillis(1), false);
    new NetlinkSocketOptions(Integer.MAX_VALUE, 0, Duration.ofHours(1), false);
  }

  @Test
  void batch_knowsOnlyWhatItReceived() {
    DatagramBatch batch = new DatagramBatch(2, 65);
    assertEquals(2, batch.slots());
    assertThrows(IndexOutOfBoundsException.class, () -> batch.offset(0));
    batch.add(new byte[80]);
    batch.add(new byte[] {1, 2, 3});
    assertEquals(2, batch.count());
    // Slots begin at multiples of eight.
    assertEquals(72, batch.offset(1));
    assertEquals(72, batch.lengthBytes(0));
    assertTrue(batch.isCut(0));
    assertEquals(3, batch.lengthBytes(1));
    assertEquals(2, batch.buffer().get(batch.offset(1) + 1));
    batch.received(0);
    assertThrows(IndexOutOfBoundsException.class, () -> batch.lengthBytes(0));
    assertThrows(IndexOutOfBoundsException.class, () -> batch.isCut(0));
  }

  @Test
  void errno_isCalledAsInErrnoH() {
    assertEquals("ENOENT", Errno.describe(Errno.ENOENT));
    assertEquals("ETIMEDOUT", Errno.describe(Errno.ETIMEDOUT));
    assertEquals("ERESTART", Errno.describe(85));
    assertEquals("4711", Errno.describe(4711));
  }
}
