package org.pinholed.helper.stream;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.stream.InOrderStream.Push;

/**
 * What a stream reserves is what the virtual machine takes for it: allocated, measured, compared.
 */
class StreamMemoryTest {
  private static final int STREAMS = 1000;
  private static final HelperLimits LIMITS = new HelperLimits(8192, 16384, 32, 0);

  private final ThreadMXBean thread = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private final InOrderStream[] streams = new InOrderStream[STREAMS];
  private long reserved;

  private final BufferBudget budget =
      new BufferBudget() {
        @Override
        public boolean reserve(int bytes) {
          reserved += bytes;
          return true;
        }

        @Override
        public void release(int bytes) {
          reserved -= bytes;
        }
      };

  private interface Step {
    void on(InOrderStream stream);
  }

  // Allocated in all streams, once everything has been loaded and run before.
  private long allocatedBy(Step step) {
    long allocated = 0;
    for (int round = 0; round < 2; round++) {
      reserved = 0;
      for (int i = 0; i < STREAMS; i++) {
        streams[i] = new InOrderStream(LIMITS, budget);
        streams[i].start(0);
      }
      long before = thread.getThreadAllocatedBytes(Thread.currentThread().getId());
      for (InOrderStream stream : streams) {
        step.on(stream);
      }
      allocated = thread.getThreadAllocatedBytes(Thread.currentThread().getId()) - before;
    }
    return allocated;
  }

  private void assertNear(long allocated) {
    String text = "allocated " + allocated / STREAMS + ", reserved " + reserved / STREAMS;
    assertTrue(allocated <= reserved, text);
    assertTrue(allocated >= reserved * 0.6, text);
  }

  private static ByteBuffer bytes(int length) {
    return ByteBuffer.wrap("x".repeat(length).getBytes(ISO_8859_1));
  }

  @Test
  void anUnfinishedLine() {
    for (int length : new int[] {1, 64, 100, 1000, 8000}) {
      ByteBuffer line = bytes(length);
      assertNear(
          allocatedBy(
              stream -> assertSame(Push.NEED_MORE, stream.push(1, line, 0, length, all -> 0))));
    }
  }

  @Test
  void earlySegments_ofOneByteEach() {
    ByteBuffer one = bytes(1);
    assertNear(
        allocatedBy(
            stream -> {
              for (int at = 0; at < 32; at++) {
                assertSame(Push.EARLY, stream.push(10 + 2 * at, one, 0, 1, all -> 0));
              }
            }));
  }

  @Test
  void earlySegments_ofManyBytes() {
    ByteBuffer many = bytes(1000);
    assertNear(
        allocatedBy(
            stream -> {
              for (int at = 0; at < 8; at++) {
                assertSame(Push.EARLY, stream.push(10 + 1001 * at, many, 0, 1000, all -> 0));
              }
            }));
  }
}
